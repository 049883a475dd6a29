//! What is done to a service. Each scenario ends: after so many messages or so much time, and a while for what is owed.

mod absent;
mod exchange;
mod fan_out;
mod first;
mod idle;
mod latency;
mod listeners;
mod push;
mod soak;
mod storm;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::body::BodyTemplate;
use crate::pace::{Bounds, Pace, Rate};
use crate::roster::{Roster, Session};
use crate::service::Service;

pub(crate) use absent::Absent;
pub(crate) use fan_out::{FanOut, FanOuts, Naming};
pub(crate) use first::First;
pub(crate) use idle::Idle;
pub(crate) use latency::OneByOne;
pub(crate) use push::Push;
pub(crate) use soak::Soak;
pub(crate) use storm::Storm;

/// What keeps a scenario from being carried through; not what it finds.
pub(crate) type Failure = Box<dyn Error>;

/// What all scenarios work with.
pub(crate) struct Run {
    pub(crate) service: Arc<Service>,
    /// The process to measure.
    pub(crate) server: Option<u32>,
    /// The bytes of a body.
    pub(crate) size: usize,
    /// How long messages are posted, or connections made, at most.
    pub(crate) at_most: Duration,
    /// How long is waited for what is owed.
    pub(crate) patience: Duration,
}

impl Run {
    fn roster(&self, sessions: Vec<Session>) -> Result<Arc<Roster>, Failure> {
        let began = std::time::Instant::now();
        Ok(Arc::new(Roster::new(began, BodyTemplate::new(self.size)?, sessions)))
    }

    fn pace(&self, count: u64, rate: Option<Rate>) -> Result<Arc<Pace>, Failure> {
        Ok(Arc::new(Pace::start(Bounds { count, at_most: self.at_most, rate })?))
    }
}
