use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use signalbox_domain::Timestamp;

use crate::{Count, Refused};

/// Where what is counted goes.
pub trait Record: Debug + Send + Sync {
    /// So many more of them.
    fn count(&self, what: Count, many: u64);

    /// One more refusal.
    fn refused(&self, refused: Refused);

    /// A notification has reached its connection so long after it was accepted.
    fn posted_after(&self, latency: Duration);

    /// An invocation has ended. What cannot outlive it is written now.
    fn flush(&self, _now: Timestamp) {}
}

/// Takes what is counted; cheap to clone, and to call where it goes nowhere.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Option<Arc<dyn Record>>);

impl Metrics {
    /// To this record.
    #[must_use]
    pub fn new(record: Arc<dyn Record>) -> Self {
        Self(Some(record))
    }

    /// To nowhere.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// One more of them.
    pub fn one(&self, what: Count) {
        self.many(what, 1);
    }

    /// So many more of them.
    pub fn many(&self, what: Count, many: usize) {
        if let Some(record) = &self.0
            && many > 0
        {
            record.count(what, u64::try_from(many).unwrap_or(u64::MAX));
        }
    }

    /// One more refusal.
    pub fn refused(&self, refused: Refused) {
        if let Some(record) = &self.0 {
            record.refused(refused);
        }
    }

    /// A notification that was accepted then has now reached its connection. (The two clocks may be different ones: what
    /// comes out as negative is 0.)
    pub fn posted(&self, accepted: Timestamp, now: Timestamp) {
        if let Some(record) = &self.0 {
            record.posted_after(Duration::from_millis(now.as_millis().saturating_sub(accepted.as_millis())));
        }
    }

    /// An invocation has ended.
    pub fn flush(&self, now: Timestamp) {
        if let Some(record) = &self.0 {
            record.flush(now);
        }
    }
}
