use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinHandle;

use crate::numbers::round;
use crate::process::{Process, Usage};

/// What the processes had used at a moment of a run, and since the moment before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// Since the first one.
    pub(crate) second: f64,
    /// How many messages had arrived.
    pub(crate) arrived: u64,
    pub(crate) own: Load,
    /// With `--pid`.
    pub(crate) server: Option<Load>,
}

/// A process at a moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Load {
    pub(crate) rss_kib: u64,
    /// Of one core, since the sample before; 1 is all of it.
    pub(crate) cores: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { second, arrived, own, server } = self;
        write!(f, "after {second} s {arrived} messages; {} KiB, {} cores here", own.rss_kib, own.cores)?;
        match server {
            Some(server) => write!(f, "; {} KiB, {} cores the server's", server.rss_kib, server.cores),
            None => Ok(()),
        }
    }
}

/// Takes samples until it is asked for them.
pub(crate) struct Sampler(JoinHandle<()>, Arc<Mutex<Vec<Sample>>>);

impl Sampler {
    /// One every so often.
    pub(crate) fn start(
        every: Duration,
        server: Option<u32>,
        arrived: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        let samples = Arc::<Mutex<Vec<Sample>>>::default();
        let kept = Arc::clone(&samples);
        let task = tokio::spawn(async move {
            let (began, mut before) = (Instant::now(), Moment::now(server));
            loop {
                tokio::time::sleep(every).await;
                let now = Moment::now(server);
                let sample = now.since(&before, began, arrived());
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
                before = now;
            }
        });
        Self(task, samples)
    }

    pub(crate) fn stop(self) -> Vec<Sample> {
        self.0.abort();
        std::mem::take(&mut *self.1.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A process that has ended has no usage any more.
struct Moment {
    at: Instant,
    own: Option<Usage>,
    server: Option<Usage>,
}

impl Moment {
    fn now(server: Option<u32>) -> Self {
        let server = server.and_then(|pid| Process::Other(pid).usage().ok());
        Self { at: Instant::now(), own: Process::Own.usage().ok(), server }
    }

    fn since(&self, before: &Self, began: Instant, arrived: u64) -> Sample {
        let seconds = (self.at - before.at).as_secs_f64();
        let load = |now: &Option<Usage>, before: &Option<Usage>| {
            let (now, before) = (now.as_ref()?, before.as_ref()?);
            let cores = round((now.cpu_seconds - before.cpu_seconds) / seconds.max(0.001));
            Some(Load { rss_kib: now.rss_kib, cores })
        };
        Sample {
            second: round((self.at - began).as_secs_f64()),
            arrived,
            own: load(&self.own, &before.own).unwrap_or(Load { rss_kib: 0, cores: 0.0 }),
            server: load(&self.server, &before.server),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_of_the_time_since_the_one_before() {
        let began = Instant::now();
        let moment = |second: u64, cpu_seconds, rss_kib| Moment {
            at: began + Duration::from_secs(second),
            own: Some(Usage { cpu_seconds, rss_kib, peak_rss_kib: 900 }),
            server: None,
        };
        let sample = moment(14, 6.0, 300).since(&moment(10, 5.0, 200), began, 7);
        let own = Load { rss_kib: 300, cores: 0.25 };
        assert_eq!(sample, Sample { second: 14.0, arrived: 7, own, server: None });
    }
}
