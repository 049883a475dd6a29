use std::fs;
use std::io;

use serde::Serialize;

use crate::numbers::{float, round};

/// A process as `/proc` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Usage {
    /// User and system time since its start.
    pub(crate) cpu_seconds: f64,
    /// Memory that it holds now.
    pub(crate) rss_kib: u64,
    /// The most that it ever held.
    pub(crate) peak_rss_kib: u64,
}

/// Which process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Process {
    Own,
    Other(u32),
}

impl Process {
    pub(crate) fn usage(self) -> io::Result<Usage> {
        let folder = match self {
            Self::Own => "/proc/self".to_owned(),
            Self::Other(pid) => format!("/proc/{pid}"),
        };
        let read = |file: &str| {
            fs::read_to_string(format!("{folder}/{file}"))
                .map_err(|error| io::Error::new(error.kind(), format!("{folder}/{file}: {error}")))
        };
        let stat = read("stat")?;
        let status = read("status")?;
        parse(&stat, &status, rustix::param::clock_ticks_per_second())
            .ok_or_else(|| io::Error::other(format!("{folder} is not what was expected")))
    }
}

fn parse(stat: &str, status: &str, ticks_per_second: u64) -> Option<Usage> {
    // The name, in parentheses, may hold spaces and parentheses; behind it utime and stime are the 12th and 13th.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let cpu = ticks()? + ticks()?;
    let kib = |label: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(label))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Usage {
        cpu_seconds: round(float(cpu) / float(ticks_per_second)),
        rss_kib: kib("VmRSS:")?,
        peak_rss_kib: kib("VmHWM:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc() {
        let stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 2401 0 1 0 250 150 0 0 20 0 4 0 100 1000 500";
        let status = "Name:\tx\nVmHWM:\t    5120 kB\nVmRSS:\t    4096 kB\n";
        let usage = parse(stat, status, 100).unwrap();
        assert_eq!(usage, Usage { cpu_seconds: 4.0, rss_kib: 4096, peak_rss_kib: 5120 });
        assert!(parse("17 (x) S 1", status, 100).is_none());
    }

    #[test]
    fn knows_itself_and_misses_who_is_not_there() {
        assert!(Process::Own.usage().unwrap().rss_kib > 0);
        assert!(Process::Other(u32::MAX).usage().unwrap_err().to_string().contains("/proc/4294967295"));
    }
}
