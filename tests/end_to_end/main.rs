//! The push service from outside, as terminals and application servers see it. By default against `signalbox serve`, and
//! against a deployed stack where `SIGNALBOX_E2E_WEBSOCKET_URL` and `SIGNALBOX_E2E_PUBLIC_URL` name one.
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
    reason = "nobody uses a test crate; its helpers serve two"
)]

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod fanout;
mod flow;
mod notifications;
mod refusals;
mod sessions;
mod waiting;
