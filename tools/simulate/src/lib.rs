//! A fan-out at the size and by the limits of AWS, in minutes and without an account: the functions `fanout`, `fanout-page` and
//! `drain` themselves, through the clients of the AWS SDK, on simulated services and a virtual clock. See docs/PERFORMANCE.md
//! for what is simulated and what is not.

mod bill;
mod capacity;
mod dice;
mod dynamo;
mod functions;
mod gateway;
mod ledger;
mod meter;
mod picture;
mod population;
mod queue;
mod report;
mod run;
mod sender;
mod setting;
mod source;
mod world;

pub use ledger::Outcome;
pub use meter::{Counts, Runs, Second, Units};
pub use picture::draw;
pub use report::{Job, Report, Times};
pub use run::run;
pub use setting::Setting;

/// The simulation cannot go on: it names what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulation is broken: {0}")]
pub struct Broken(&'static str);
