//! What the functions log. A program of its own, as the log of a process is one for all its tests.
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

#[path = "../functions/bed/mod.rs"]
mod bed;
#[path = "../functions/events.rs"]
mod events;
mod known;
mod leaks;
mod logs;
#[path = "../functions/peers.rs"]
mod peers;
