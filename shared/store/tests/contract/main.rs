//! What each access of the store promises, on the embedded engine: its outcomes, its condition, what it leaves behind when
//! its event runs twice (I10), and what it costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod applications;
mod audiences;
mod authorizations;
mod batches;
mod connections;
mod enrolments;
mod fixture;
mod jobs;
mod keep_alive;
mod many;
mod messages;
mod sessions;
mod tables;
mod terminals;
