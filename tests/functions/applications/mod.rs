//! The registry of applications, and what it means for sessions and audiences.

mod audiences;
mod costs;
mod registry;
mod sessions;

use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::VapidKey;

use crate::bed::{A, Bed, CHANNEL, PUBLIC_URL, problem};

fn keys<const N: usize>() -> [VapidKey; N] {
    std::array::from_fn(|_| VapidKey::generate().unwrap())
}

fn registration(servers: &[&VapidKey]) -> Value {
    let keys: Vec<_> = servers.iter().map(|server| server.public_key()).collect();
    json!({"serverKeys": keys})
}

async fn validate(bed: &Bed, token: &str, server: &VapidKey) -> Response<Body> {
    bed.run_validate(&bed.validate_event(token, server)).await
}

async fn push(bed: &Bed, token: &str, server: &VapidKey) -> Response<Body> {
    let mut event = bed.push_event(token, 60);
    event["headers"]["authorization"] = json!(server.authorization(PUBLIC_URL).unwrap());
    bed.run_push(&event).await
}

/// A session of the application `mail`.
async fn mail(bed: &Bed) -> String {
    bed.terminal(A).await;
    bed.token(A, CHANNEL, json!({"app": "mail", "encodings": ["identity"]})).await
}

const OTHER: &str = "other-server";

/// 200 or 201, or the kind of problem.
fn outcome(answer: &Response<Body>) -> Result<u16, String> {
    match answer.status().as_u16() {
        status @ (200 | 201) => Ok(status),
        _ => Err(problem(answer).1),
    }
}

fn refused(kind: &str) -> Result<u16, String> {
    Err(kind.to_owned())
}
