//! The functions on API Gateway's events, over local wires that count and fail: what each call costs, what happens when an
//! event runs twice, when two cross, and when AWS does not do as asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]
#![allow(missing_docs, unreachable_pub, reason = "nobody uses a test crate")]

mod applications;
mod bed;
mod bill;
mod costs;
mod crossings;
mod drains;
mod enrolment;
mod events;
mod fanout;
mod faults;
mod gateway_events;
mod keep_alive;
mod metrics;
mod peers;
mod refusals;
mod rotation;
mod threats;
mod traces;
mod twice;
mod web_push;
#[path = "../support/written.rs"]
mod written;
