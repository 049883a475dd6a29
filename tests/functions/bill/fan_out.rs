use serde_json::{Value, json};
use signalbox_wire::base64url;

use crate::bed::many::Ask;
use crate::bed::{A, B, CHANNEL, versions};
use crate::bill::meter::{Meter, Work};
use crate::bill::operations::Operation;
use crate::events::Link;

/// How many a list or an audience of the page has: a page of an audience.
pub(crate) const CROWD: usize = 200;
const NEWS: Option<(&str, &str)> = Some(("name", "news"));

/// Terminals with a session each.
struct Crowd {
    meter: Meter,
    links: Vec<Link>,
    tokens: Vec<String>,
}

/// What a notification with a body of that many bytes comes to where it is one of many, each row from the request to the
/// acknowledgement; and what a member comes to.
pub(crate) async fn fan_outs(bytes: usize) -> (Vec<Operation>, Operation) {
    let mut crowd = Crowd::gather().await;
    crowd.make_audience().await;
    let joining = Operation { name: "a member of an audience, 200 in a request", work: crowd.each() };
    let mut rows = Vec::new();
    for (name, ask) in [
        ("a list, connected, acknowledged", crowd.list(bytes)),
        ("an audience, connected, acknowledged", audience(bytes)),
    ] {
        crowd.meter.fan_out(ask).await;
        crowd.acknowledge().await;
        rows.push(Operation { name, work: crowd.each() });
    }
    crowd.leave().await;
    let drained = drained(bytes).await;
    for (name, ask) in [
        ("a list, absent: drained by one `hello` with ten, acknowledged by one `ack`", crowd.list(bytes)),
        ("an audience, absent: likewise", audience(bytes)),
    ] {
        crowd.meter.fan_out(ask).await;
        rows.push(Operation { name, work: crowd.each() + drained.clone() });
    }
    (rows, joining)
}

impl Crowd {
    async fn gather() -> Self {
        let meter = Meter::new().await;
        let (mut links, mut tokens) = (Vec::new(), Vec::new());
        for number in 0..CROWD {
            let link = Link { id: Box::leak(format!("link-{number}=").into_boxed_str()), connected: 1_000 };
            meter.bed.terminal(link).await;
            tokens.push(plain(&meter, link).await);
            links.push(link);
        }
        let mut crowd = Self { meter, links, tokens };
        let _ = crowd.meter.take();
        crowd
    }

    async fn make_audience(&mut self) {
        let add = Some(json!({"add": self.tokens}));
        self.meter.change_audience(Ask { parameter: NEWS, body: add, ..Ask::new("PATCH", AUDIENCE) }).await;
    }

    fn list(&self, bytes: usize) -> Ask<'static> {
        Ask { body: Some(to_all(&self.tokens, bytes)), ..Ask::new("POST", LIST) }
    }

    /// Each terminal by itself.
    async fn acknowledge(&mut self) {
        for link in self.links.clone() {
            let versions = versions(&self.meter.bed.peers.take(link.id));
            assert_eq!(versions.len(), 1);
            self.meter.acknowledge(link, &versions).await;
        }
    }

    /// They disconnect, which is not of the fan-out.
    async fn leave(&mut self) {
        for link in &self.links {
            self.meter.bed.disconnect(*link).await;
        }
        let _ = self.meter.take();
    }

    /// One's share of what has been done since the last time.
    fn each(&mut self) -> Work {
        self.meter.take().times(1.0 / f64::from(u32::try_from(CROWD).unwrap()))
    }
}

const LIST: &str = "/v1/notifications";
const AUDIENCE: &str = "/v1/audiences/{name}";
const TO_AUDIENCE: &str = "/v1/audiences/{name}/notifications";

/// A session that takes what is not encrypted.
async fn plain(meter: &Meter, link: Link) -> String {
    meter.bed.token(link, CHANNEL, json!({"encodings": ["identity"]})).await
}

fn body(bytes: usize) -> Value {
    json!({"ttl": 60, "contentEncoding": "identity", "body": base64url::encode(vec![b'n'; bytes])})
}

fn to_all(tokens: &[String], bytes: usize) -> Value {
    let mut list = body(bytes);
    list["recipients"] = tokens.iter().map(|token| json!({"token": token})).collect();
    list
}

fn audience(bytes: usize) -> Ask<'static> {
    Ask { parameter: NEWS, body: Some(body(bytes)), ..Ask::new("POST", TO_AUDIENCE) }
}

/// A terminal comes and finds messages of ten jobs: one of them.
async fn drained(bytes: usize) -> Work {
    const JOBS: usize = 10;
    let mut meter = Meter::new().await;
    let uaid = meter.bed.terminal(A).await;
    let tokens = [plain(&meter, A).await];
    meter.bed.disconnect(A).await;
    for _ in 0..JOBS {
        meter.fan_out(Ask { body: Some(to_all(&tokens, bytes)), ..Ask::new("POST", LIST) }).await;
    }
    let _ = meter.take();
    meter.link("connect", B).await;
    let posted = versions(&meter.hello(B, Some(&uaid)).await);
    assert_eq!(posted.len(), JOBS);
    meter.acknowledge(B, &posted).await;
    meter.link("disconnect", B).await;
    meter.take().times(0.1)
}
