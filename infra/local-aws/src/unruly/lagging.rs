use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::dynamo::Asked;
use crate::InlineDynamo;
use crate::dynamo::dispatch::Answer;

/// A copy of the store that runs behind it: the same writes in the same order, later. None of them is made before somebody asks,
/// so that it costs nothing where every read is consistent.
pub(super) struct Lagging {
    replica: InlineDynamo,
    log: Mutex<VecDeque<(Instant, Asked)>>,
}

impl Lagging {
    pub(super) fn new(replica: InlineDynamo) -> Self {
        Self { replica, log: Mutex::default() }
    }

    /// Takes note of a call that succeeded.
    pub(super) fn record(&self, asked: Asked) {
        if asked.writes() {
            self.log.lock().unwrap_or_else(PoisonError::into_inner).push_back((Instant::now(), asked));
        }
    }

    /// The answer of a copy that is so far behind, at most: it never goes back.
    pub(super) fn answer(&self, asked: &Asked, lag: Duration) -> Answer {
        let now = Instant::now();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, write)) = log.pop_front_if(|(at, _)| *at + lag <= now) {
            let _ = self.replica.run(&write.operation, write.body().as_bytes());
        }
        self.replica.run(&asked.operation, asked.body().as_bytes())
    }
}
