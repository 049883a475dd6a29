//! Random histories of terminals and application servers, on a virtual clock, over wires that misbehave, judged by what must
//! hold of every one. See README.md beside this file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests"
)]
#![allow(missing_docs, unreachable_pub, reason = "nobody uses a test crate")]

mod dice;
mod facts;
mod functions;
mod gateway;
mod histories;
mod mood;
mod peers;
mod play;
mod program;
mod queue;
mod requests;
mod rules;
mod tap;
mod terminal;
mod trace;
mod world;
