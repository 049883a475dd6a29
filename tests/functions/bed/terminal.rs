//! What terminals do.

use serde_json::{Value, json};

use super::{Bed, CHANNEL, PUBLIC_URL};
use crate::events::{Link, socket};

impl Bed {
    /// A message of a connection, in an event of its own.
    pub async fn message(&self, name: &str, link: Link, body: Value) -> Option<Value> {
        let event = socket(self.source, name, link, &self.event_id(), Some(body));
        self.run(name, &event).await.0
    }

    pub async fn hello(&self, link: Link, uaid: Option<&str>) -> Vec<Value> {
        let body = match uaid {
            Some(uaid) => json!({"messageType": "hello", "use_webpush": true, "uaid": uaid}),
            None => json!({"messageType": "hello", "use_webpush": true}),
        };
        assert_eq!(self.message("hello", link, body).await, None, "hello is answered by a post");
        self.peers.take(link.id)
    }

    /// `hello` that wants nothing less urgent.
    pub async fn hello_wanting(&self, link: Link, uaid: &str, urgency: &str) -> Vec<Value> {
        let body = json!({"messageType": "hello", "use_webpush": true, "uaid": uaid, "urgency": urgency});
        self.message("hello", link, body).await;
        self.peers.take(link.id)
    }

    /// A new terminal on an open connection: its uaid.
    pub async fn terminal(&self, link: Link) -> String {
        self.peers.open(link.id);
        let posted = self.hello(link, None).await;
        assert_eq!((posted.len(), &posted[0]["status"]), (1, &json!(200)), "{posted:?}");
        posted[0]["uaid"].as_str().unwrap().to_owned()
    }

    pub async fn register(&self, link: Link, channel: &str, extra: Value) -> Value {
        let mut body = json!({"messageType": "register", "channelID": channel});
        for (member, value) in extra.as_object().unwrap() {
            body[member] = value.clone();
        }
        self.message("register", link, body).await.expect("register is answered by the route's response")
    }

    /// The token of a new session.
    pub async fn token(&self, link: Link, channel: &str, extra: Value) -> String {
        let answer = self.register(link, channel, extra).await;
        assert_eq!(answer["status"], 200, "{answer}");
        let endpoint = answer["pushEndpoint"].as_str().unwrap();
        endpoint.strip_prefix(&format!("{PUBLIC_URL}/push/")).unwrap().to_owned()
    }

    pub async fn unregister(&self, link: Link, channel: &str) -> Option<Value> {
        self.message("unregister", link, json!({"messageType": "unregister", "channelID": channel})).await
    }

    pub async fn disconnect(&self, link: Link) {
        let event = socket(self.source, "disconnect", link, &self.event_id(), None);
        assert_eq!(self.run("disconnect", &event).await.0, None);
    }

    pub async fn acknowledge(&self, link: Link, versions: &[&str]) {
        let updates: Vec<_> = versions
            .iter()
            .map(|version| json!({"channelID": CHANNEL, "version": version, "code": 100}))
            .collect();
        assert_eq!(self.message("ack", link, json!({"messageType": "ack", "updates": updates})).await, None);
    }
}
