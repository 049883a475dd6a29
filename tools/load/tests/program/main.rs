//! The program as it is run, against the real host and against a service with faults.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod faults;
mod faulty;
mod open_loop;
mod outcome;
mod scenarios;
