use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives each event its identity. They increase, also over restarts: within one millisecond they decide the order of
/// messages.
#[derive(Debug)]
pub(super) struct RequestIds(AtomicU64);

impl Default for RequestIds {
    /// Begins at the microseconds since 1970, and so ahead of whatever was given before.
    fn default() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(AtomicU64::new(u64::try_from(since_epoch.as_micros()).unwrap_or_default()))
    }
}

impl RequestIds {
    pub(super) fn next(&self) -> String {
        format!("{:016x}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}
