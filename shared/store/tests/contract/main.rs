//! What each access of the store promises, on the embedded engine: its outcomes, its condition, what it leaves behind when
//! its event runs twice (I10), and what it costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod batches;
mod connections;
mod fixture;
mod keep_alive;
mod messages;
mod sessions;
mod tables;
mod terminals;
