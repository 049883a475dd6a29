//! Stock clients of the push service, senders and terminals, in either home. They are programs of their own, which a plain
//! `cargo test` does not ask for: `cargo test --features real-clients --test real_clients`, with `SIGNALBOX_PYTHON` naming a
//! Python that has `pywebpush`, and Firefox ESR installed or `SIGNALBOX_FIREFOX` naming a Firefox.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "nobody uses a test crate; its helpers serve several"
)]

#[path = "../support/mod.rs"]
mod support;

mod firefox;
mod web_push_npm;

use std::process::{Command, Output};

use signalbox::client::Subscription;
use support::{App, Server, Service, assert_nothing_came, next};

fn pywebpush(to: &Subscription, server: &Server, coding: &str, text: &str) -> Output {
    let python = std::env::var("SIGNALBOX_PYTHON").expect("SIGNALBOX_PYTHON names a Python with pywebpush");
    Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/real_clients/send.py"))
        .arg(serde_json::to_string(to).unwrap())
        .args([server.key.private_key(), coding, text])
        .output()
        .expect("Python runs")
}

/// pywebpush, as its own page shows it: encrypted, signed, accepted, delivered; refused when the session has ended.
#[tokio::test]
async fn pywebpush_just_works() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, Some(server.key.public_key())).await;

    let sent = pywebpush(&app.subscription, &server, "aes128gcm", "sent by pywebpush");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(String::from_utf8_lossy(&sent.stdout).trim(), "201");
    assert_eq!(app.read(&next(&mut terminal).await), "sent by pywebpush");

    let foreign = pywebpush(&app.subscription, &Server::new(), "aes128gcm", "by another server");
    assert_eq!(String::from_utf8_lossy(&foreign.stdout).trim(), "403");
    let unregister = signalbox_wire::Unregister { channel: app.channel, code: None };
    terminal.unregister(unregister).await.unwrap();
    let late = pywebpush(&app.subscription, &server, "aes128gcm", "too late");
    assert_eq!(String::from_utf8_lossy(&late.stdout).trim(), "410");
    assert_nothing_came(&mut terminal).await;
}
