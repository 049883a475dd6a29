//! One request for many terminals (R40 to R42).

mod audiences;
mod costs;
mod leaks;
mod lists;
mod progress;
mod twice;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::encrypt;
use signalbox_wire::base64url;

use crate::bed::many::Ask;
use crate::bed::{Bed, CHANNEL, body};
use crate::events::Link;

const LIST: &str = "/v1/notifications";
const AUDIENCE: &str = "/v1/audiences/{name}";
const TO_AUDIENCE: &str = "/v1/audiences/{name}/notifications";

/// Connections of different terminals.
const LINKS: [Link; 6] = [
    Link { id: "connection-0=", connected: 1_000 },
    Link { id: "connection-1=", connected: 1_001 },
    Link { id: "connection-2=", connected: 1_002 },
    Link { id: "connection-3=", connected: 1_003 },
    Link { id: "connection-4=", connected: 1_004 },
    Link { id: "connection-5=", connected: 1_005 },
];

/// A terminal with one session that reads what is not encrypted: its uaid and its token.
async fn subscriber(bed: &Bed, link: Link) -> (String, String) {
    let uaid = bed.terminal(link).await;
    (uaid, bed.token(link, CHANNEL, json!({"encodings": ["identity"]})).await)
}

/// As many as there are links.
async fn subscribers(bed: &Bed) -> Vec<String> {
    let mut tokens = Vec::new();
    for link in LINKS {
        tokens.push(subscriber(bed, link).await.1);
    }
    tokens
}

/// A list with the same body for all, not encrypted.
fn to_all(tokens: &[String], ttl: u32) -> Value {
    let recipients: Vec<_> = tokens.iter().map(|token| json!({"token": token})).collect();
    let body = base64url::encode(b"to all");
    json!({"ttl": ttl, "contentEncoding": "identity", "body": body, "recipients": recipients})
}

/// A body that only the bed's subscription can read, in base64url.
fn sealed(bed: &Bed, text: &[u8]) -> String {
    base64url::encode(encrypt(text, &bed.keys.p256dh().unwrap(), bed.keys.auth()).unwrap())
}

async fn send(bed: &Bed, list: Value) -> Response<Body> {
    bed.fan_out(Ask { body: Some(list), ..Ask::new("POST", LIST) }).await
}

/// The job that a list has become.
async fn accepted(bed: &Bed, list: Value) -> Value {
    let answer = send(bed, list).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{:?}", answer.body());
    let answer = body(&answer);
    assert_eq!(answer["job"].as_str().unwrap().len(), 22);
    answer
}

fn job(accepted: &Value) -> &str {
    accepted["job"].as_str().unwrap()
}

/// What was posted to each of the links, the notifications alone.
fn notifications(bed: &Bed) -> Vec<Vec<Value>> {
    let of = |link: Link| {
        let posted = bed.peers.take(link.id);
        posted.into_iter().filter(|message| message["messageType"] == "notification").collect()
    };
    LINKS.map(of).to_vec()
}

fn counts(progress: &Value) -> [u64; 6] {
    ["posted", "stored", "missed", "refused", "failed", "pending"]
        .map(|name| progress[name].as_u64().unwrap())
}
