use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What happened in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Second {
    /// Posts that reached a connection.
    pub posts: u32,
    /// Acknowledgements that were taken.
    pub acks: u32,
    /// Posts that API Gateway refused.
    pub refused_posts: u32,
    /// Acknowledgements that it refused.
    pub refused_acks: u32,
    /// Reads and writes that DynamoDB refused: calls, or items of batches.
    pub throttles: u32,
    /// Runs of the worker at its busiest.
    pub workers: u32,
}

/// Units of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Read.
    pub reads: f64,
    /// Written.
    pub writes: f64,
}

/// Runs of a function.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Runs {
    /// How many.
    pub count: u64,
    /// How long altogether, with the starts.
    pub time: Duration,
    /// How many began with a start.
    pub starts: u64,
    /// How many were killed.
    pub killed: u64,
    /// How many gave their message back.
    pub failed: u64,
}

/// All that is counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Calls by service and operation, those that were refused too.
    pub calls: BTreeMap<String, u64>,
    /// Units by table.
    pub units: BTreeMap<&'static str, Units>,
    /// Runs by function.
    pub runs: BTreeMap<&'static str, Runs>,
    /// Messages of connections, either way.
    pub socket_messages: u64,
    /// Bytes of the frames that were posted.
    pub frame_bytes: u64,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// When the last page was done.
    pub pages_done: Duration,
    /// When the last acknowledgement was taken.
    pub acknowledged: Duration,
    /// When each page was done for the first time, in that order.
    pub pages: Vec<Duration>,
    /// Runs of the worker that are under way.
    pub running: u32,
}

/// Counts, from the start of the simulation on.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    start: Instant,
    counts: Arc<Mutex<Counts>>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), counts: Arc::default() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something of this second.
    pub(crate) fn second(&self, note: impl FnOnce(&mut Second)) {
        let at = usize::try_from(self.elapsed().as_secs()).unwrap_or_default();
        note(self.counts().second(at));
    }

    pub(crate) fn call(&self, service: &str, operation: &str) {
        *self.counts().calls.entry(format!("{service} {operation}")).or_default() += 1;
    }

    pub(crate) fn reads(&self, table: &'static str, units: f64) {
        self.counts().units.entry(table).or_default().reads += units;
    }

    pub(crate) fn writes(&self, table: &'static str, units: f64) {
        self.counts().units.entry(table).or_default().writes += units;
    }

    /// A run of the worker begins, or ends.
    pub(crate) fn running(&self, begins: bool) {
        let at = usize::try_from(self.elapsed().as_secs()).unwrap_or_default();
        let mut counts = self.counts();
        counts.running = if begins { counts.running + 1 } else { counts.running.saturating_sub(1) };
        let running = counts.running;
        let second = counts.second(at);
        second.workers = second.workers.max(running);
    }

    /// A frame was posted.
    pub(crate) fn sent(&self, bytes: usize) {
        let mut counts = self.counts();
        counts.socket_messages += 1;
        counts.frame_bytes += bytes as u64;
    }

    /// A page is done for the first time.
    pub(crate) fn page_done(&self) {
        let elapsed = self.elapsed();
        let mut counts = self.counts();
        counts.pages_done = elapsed;
        counts.pages.push(elapsed);
    }

    pub(crate) fn run(&self, function: &'static str, note: impl FnOnce(&mut Runs)) {
        note(self.counts().runs.entry(function).or_default());
    }
}

impl Counts {
    fn second(&mut self, at: usize) -> &mut Second {
        if self.seconds.len() <= at {
            let running = self.running;
            self.seconds.resize_with(at + 1, || Second { workers: running, ..Second::default() });
        }
        &mut self.seconds[at]
    }

    /// How many calls a service has had.
    #[must_use]
    pub fn of_service(&self, service: &str) -> u64 {
        let calls = self.calls.iter().filter(|(call, _)| call.split(' ').next() == Some(service));
        calls.map(|(_, count)| count).sum()
    }
}
