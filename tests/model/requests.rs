//! The events of API Gateway, as recorded, with what this history says.

use std::sync::LazyLock;

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use signalbox_wire::base64url;

use crate::facts::{Event, Facts, Millis, Push, What};
use crate::functions::{DEADLINE, PUBLIC_URL, Task};

macro_rules! recorded {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Value> = LazyLock::new(|| {
            serde_json::from_str(include_str!(concat!("../events/aws/", $file, ".json"))).expect("JSON")
        });
    };
}

recorded!(MESSAGE, "hello");
recorded!(DISCONNECT, "disconnect");
recorded!(PUSH, "push");
recorded!(VALIDATE, "validate");
recorded!(DRAIN, "drain");

pub const URGENCIES: [&str; 4] = ["very-low", "low", "normal", "high"];
const TOPICS: [&str; 2] = ["scores", "weather"];
const APPLICATION: &str = "mail";

pub fn channel(index: usize) -> String {
    format!("{index:08x}-2e3f-4a5b-8c6d-7e8f9a0b1c2d")
}

/// What every run of an event is given; `now` is by the clock of the machine that runs it.
pub fn task(facts: &Facts, event: usize, now: Millis, sign: impl Fn(usize) -> (String, String)) -> Task {
    let event = &facts.events[event];
    match &event.what {
        What::Hello { link, uaid, minimum } => {
            let mut body = json!({"messageType": "hello", "use_webpush": true});
            if let Some(uaid) = uaid {
                body["uaid"] = json!(uaid);
            }
            if *minimum > 0 {
                body["urgency"] = json!(URGENCIES[usize::from(*minimum)]);
            }
            message(facts, event, *link, "hello", &body, now)
        }
        What::Register { link, channel: of, words } => {
            let mut body = json!({"messageType": "register", "channelID": channel(*of)});
            if matches!(words, 1 | 2) {
                body["app"] = json!(APPLICATION);
            }
            if matches!(words, 2 | 3) {
                body["key"] = json!(sign(0).1);
            }
            message(facts, event, *link, "register", &body, now)
        }
        What::Unregister { link, channel: of } => {
            let body = json!({"messageType": "unregister", "channelID": channel(*of)});
            message(facts, event, *link, "unregister", &body, now)
        }
        What::Ack { link, versions, code } => {
            let updates: Vec<_> = versions
                .iter()
                .map(|version| json!({"channelID": channel(0), "version": version, "code": code}))
                .collect();
            message(facts, event, *link, "ack", &json!({"messageType": "ack", "updates": updates}), now)
        }
        What::Nack { link, version } => {
            let body = json!({"messageType": "nack", "version": version, "code": 301});
            message(facts, event, *link, "nack", &body, now)
        }
        What::Ping { link } => message(facts, event, *link, "$default", &json!({}), now),
        What::Disconnect { link } => socket(facts, event, *link, DISCONNECT.clone(), now),
        What::Push(push) => pushed(event, push, sign),
        What::Withdraw { url, .. } => afterwards(event, "DELETE", url),
        What::Receipt { url, .. } => afterwards(event, "GET", url),
        What::Validate { token, server } => tokens(event, "validate", &token.text, &sign(*server).0),
        What::Revoke { token, server } => tokens(event, "revoke", &token.text, &sign(*server).0),
        What::Drain { body } => owed(body, now),
    }
}

fn message(facts: &Facts, event: &Event, link: usize, route: &str, body: &Value, now: Millis) -> Task {
    let mut of = MESSAGE.clone();
    of["requestContext"]["routeKey"] = json!(route);
    of["requestContext"]["messageId"] = json!(event.id);
    of["body"] = json!(body.to_string());
    socket(facts, event, link, of, now)
}

fn socket(facts: &Facts, event: &Event, link: usize, mut of: Value, now: Millis) -> Task {
    let link = &facts.links[link];
    let context = &mut of["requestContext"];
    context["connectionId"] = json!(link.id);
    context["connectedAt"] = json!(link.connected);
    context["requestTimeEpoch"] = json!(event.at);
    context["requestId"] = json!(event.id);
    Task::Socket(Box::new(LambdaEvent::new(serde_json::from_value(of).expect("an event"), lambda(now))))
}

fn lambda(now: Millis) -> Context {
    let mut lambda = Context::default();
    lambda.deadline = now + u64::try_from(DEADLINE.as_millis()).expect("seconds");
    lambda
}

fn owed(body: &str, now: Millis) -> Task {
    let mut of = DRAIN.clone();
    of["Records"][0]["body"] = json!(body);
    Task::Queue(Box::new(LambdaEvent::new(serde_json::from_value(of).expect("an event"), lambda(now))))
}

fn http(event: &Event, mut of: Value) -> Task {
    of["requestContext"]["requestId"] = json!(event.id);
    of["requestContext"]["timeEpoch"] = json!(event.at);
    Task::Http(Box::new(lambda_http::request::from_str(&of.to_string()).expect("an event")))
}

fn pushed(event: &Event, push: &Push, sign: impl Fn(usize) -> (String, String)) -> Task {
    let mut of = PUSH.clone();
    of["rawPath"] = json!(format!("/push/{}", push.token.text));
    of["pathParameters"] = json!({"token": push.token.text});
    let headers = of["headers"].as_object_mut().expect("headers");
    headers.remove("authorization");
    headers.insert("ttl".into(), json!(push.asked.ttl.to_string()));
    headers.insert("urgency".into(), json!(URGENCIES[usize::from(push.asked.urgency)]));
    if let Some(server) = push.asked.server {
        headers.insert("authorization".into(), json!(sign(server).0));
    }
    if let Some(topic) = push.asked.topic {
        headers.insert("topic".into(), json!(TOPICS[usize::from(topic)]));
    }
    if push.asked.receipt {
        headers.insert("prefer".into(), json!("respond-async"));
    }
    let payload = base64url::decode(&push.data).expect("base64url");
    of["body"] = json!(base64url::encode_standard(payload));
    http(event, of)
}

fn afterwards(event: &Event, method: &str, url: &str) -> Task {
    let (path, id) = url.strip_prefix(PUBLIC_URL).expect("ours").rsplit_once('/').expect("an id");
    let mut of = PUSH.clone();
    let route = format!("{method} {path}/{{id}}");
    of["routeKey"] = json!(route);
    of["requestContext"]["routeKey"] = json!(route);
    of["requestContext"]["http"]["method"] = json!(method);
    of["rawPath"] = json!(format!("{path}/{id}"));
    of["pathParameters"] = json!({"id": id});
    of["body"] = json!(null);
    of["isBase64Encoded"] = json!(false);
    http(event, of)
}

fn tokens(event: &Event, what: &str, token: &str, authorization: &str) -> Task {
    let mut of = VALIDATE.clone();
    let route = format!("POST /v1/tokens/{what}");
    of["routeKey"] = json!(route);
    of["requestContext"]["routeKey"] = json!(route);
    of["rawPath"] = json!(format!("/v1/tokens/{what}"));
    of["headers"]["authorization"] = json!(authorization);
    of["body"] = json!(json!({"token": token}).to_string());
    http(event, of)
}
