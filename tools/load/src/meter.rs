use std::io;
use std::time::Instant;

use serde::Serialize;

use crate::numbers::{rate, round};
use crate::process::{Process, Usage};

/// Runs while a part of a scenario does.
pub(crate) struct Meter {
    began: Instant,
    own: Usage,
    server: Option<(Process, Usage)>,
}

/// What a part of a scenario took.
#[derive(Debug, Serialize)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    pub(crate) own: Spent,
    /// With `--pid`.
    pub(crate) server: Option<Spent>,
}

/// What a process has used in that time.
#[derive(Debug, Serialize)]
pub(crate) struct Spent {
    pub(crate) cpu_seconds: f64,
    pub(crate) rss_kib_before: u64,
    pub(crate) rss_kib: u64,
    pub(crate) peak_rss_kib: u64,
}

impl Meter {
    pub(crate) fn start(server: Option<u32>) -> io::Result<Self> {
        let server = match server.map(Process::Other) {
            Some(process) => Some((process, process.usage()?)),
            None => None,
        };
        Ok(Self { began: Instant::now(), own: Process::Own.usage()?, server })
    }

    /// Ends; so many things were done meanwhile.
    pub(crate) fn stop(self, name: &'static str, count: u64) -> io::Result<Phase> {
        let seconds = round(self.began.elapsed().as_secs_f64());
        let own = Spent::between(&self.own, &Process::Own.usage()?);
        let server = match self.server {
            Some((process, before)) => Some(Spent::between(&before, &process.usage()?)),
            None => None,
        };
        Ok(Phase { name, count, seconds, per_second: rate(count, seconds), own, server })
    }
}

impl Spent {
    fn between(before: &Usage, after: &Usage) -> Self {
        Self {
            cpu_seconds: round(after.cpu_seconds - before.cpu_seconds),
            rss_kib_before: before.rss_kib,
            rss_kib: after.rss_kib,
            peak_rss_kib: after.peak_rss_kib,
        }
    }
}
