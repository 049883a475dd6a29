//! The deployed stack itself, as AWS's own API shows and changes it: what its functions may do, and what becomes of it when it
//! is updated, when an update fails, when its key is replaced and when it is deleted; and whom its routes for operators let
//! through. `infra/emulator/test` runs it.
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
#[path = "../support/written.rs"]
mod written;

mod applications;
mod aws;
mod deployment;
mod life;
mod operator;
mod permissions;
mod stack;
