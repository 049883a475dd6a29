//! A stock Firefox as a terminal: its own push client on the service's WebSocket, its own decryption, a page's service
//! worker at the end. `SIGNALBOX_FIREFOX` names the program, `firefox-esr` otherwise; a Firefox that is missing is a failure.

mod browser;
mod delivery;
mod enrolment;
mod fan_out;
mod legacy;
mod marionette;
mod page;
mod profile;

use reqwest::{RequestBuilder, Response};
use signalbox::client::{Subscription, encrypt};

use crate::support::{Server, http};

/// A push that the page's server would send, unsigned.
fn push(to: &Subscription, text: &str) -> RequestBuilder {
    let body = encrypt(text.as_bytes(), &to.keys.p256dh, &to.keys.auth).expect("it encrypts");
    http()
        .post(&to.endpoint)
        .header("TTL", "60")
        .header("Content-Encoding", "aes128gcm")
        .header("Content-Type", "application/octet-stream")
        .body(body)
}

/// The same, signed and sent.
async fn send(server: &Server, to: &Subscription, text: &str) -> Response {
    server.sign(push(to, text), &to.endpoint).send().await.expect("the service answers")
}

/// The same, and accepted.
async fn deliver(server: &Server, to: &Subscription, text: &str) {
    let answer = send(server, to, text).await;
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap_or_default());
}
