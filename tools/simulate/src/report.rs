use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bill::{Line, bill};
use crate::ledger::Outcome;
use crate::meter::Counts;
use crate::population::{Kind, Population};
use crate::setting::Setting;

/// What the function `fanout` tells of the job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Job {
    /// `done` or `running`.
    pub state: String,
    /// How many recipients.
    pub total: u64,
    /// Handed to a connection.
    pub posted: u64,
    /// Stored for later.
    pub stored: u64,
    /// Dropped, with TTL 0.
    pub missed: u64,
    /// Refused.
    pub refused: u64,
    /// In pages that have failed.
    pub failed: u64,
    /// Not dealt with.
    pub pending: u64,
}

/// When what was done, in seconds from the sender's request on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// The sender has its 202.
    pub accepted: f64,
    /// Half of the pages are done.
    pub half: f64,
    /// All but one in a hundred are.
    pub nearly_all: f64,
    /// The last one is.
    pub pages: f64,
    /// The last acknowledgement is taken.
    pub acknowledged: f64,
    /// What API Gateway's quota allows for so many posts and acknowledgements.
    pub by_quota: f64,
    /// What the workers' rate allows for so many posts.
    pub by_workers: f64,
}

impl Times {
    pub(crate) fn of(setting: &Setting, all: &Population, accepted: Duration, counts: &Counts) -> Self {
        let of =
            |kind| f64::from(u32::try_from(all.kinds().iter().filter(|k| **k == kind).count()).unwrap_or(0));
        let (there, gone) = (of(Kind::Connected), of(Kind::Gone));
        let page = |share: f64| {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let place = (counts.pages.len() as f64 * share) as usize;
            let page = counts.pages.get(place).or(counts.pages.last());
            page.copied().unwrap_or_default().as_secs_f64()
        };
        Self {
            accepted: accepted.as_secs_f64(),
            half: page(0.5),
            nearly_all: page(0.99),
            pages: counts.pages_done.as_secs_f64(),
            acknowledged: counts.acknowledged.as_secs_f64(),
            by_quota: (2.0 * there + gone) / f64::from(setting.quota.0),
            by_workers: (there + gone) / f64::from(setting.workers) / f64::from(setting.rate.get()),
        }
    }

    /// What holds it up more: the quota, or the workers' rate.
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.by_quota.max(self.by_workers)
    }

    /// When all was done.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.pages.max(self.acknowledged)
    }
}

/// What came of a simulation.
#[derive(Debug)]
pub struct Report {
    /// What was simulated.
    pub setting: Setting,
    /// When what was done.
    pub times: Times,
    /// As the sender is told.
    pub job: Job,
    /// As the terminals see it.
    pub outcome: Outcome,
    /// Pages that are done.
    pub pages: u32,
    /// Members that have dropped out, as their sessions have ended.
    pub dropped: usize,
    /// Messages that the queues have put aside.
    pub dead: u64,
    /// What was counted.
    pub counts: Counts,
    /// What it costs.
    pub bill: Vec<Line>,
}

impl Report {
    pub(crate) fn new(
        setting: Setting,
        times: Times,
        job: Job,
        outcome: Outcome,
        (pages, dropped, dead): (u32, usize, u64),
        counts: Counts,
    ) -> Self {
        let bill = bill(&setting, &counts);
        Self { setting, times, job, outcome, pages, dropped, dead, counts, bill }
    }

    /// Dollars, all of it.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        self.bill.iter().map(|line| line.dollars).sum()
    }

    /// For machines.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { setting, outcome, counts, .. } = self;
        let runs = counts.runs.iter().map(|(name, runs)| {
            let seconds = runs.time.as_secs_f64();
            let runs = json!({
                "runs": runs.count, "starts": runs.starts, "killed": runs.killed, "failed": runs.failed,
                "seconds": seconds,
            });
            ((*name).to_owned(), runs)
        });
        let units = counts.units.iter().map(|(table, units)| {
            ((*table).to_owned(), json!({"read": units.reads, "written": units.writes}))
        });
        let seconds = counts.seconds.iter().map(|second| {
            json!([
                second.posts,
                second.acks,
                second.refused_posts,
                second.refused_acks,
                second.throttles,
                second.workers
            ])
        });
        json!({
            "setting": {
                "seed": setting.seed, "members": setting.members, "workers": setting.workers,
                "rate": setting.rate, "ttl": setting.ttl, "body": setting.body,
                "warmReads": setting.warm_reads, "warmWrites": setting.warm_writes,
                "quota": setting.quota.0, "burst": setting.quota.1, "absent": setting.absent,
                "gone": setting.gone, "ended": setting.ended, "twice": setting.twice,
                "killed": setting.killed, "visibility": setting.visibility.as_secs(), "memory": setting.memory,
            },
            "times": self.times,
            "job": self.job,
            "outcome": {
                "delivered": outcome.delivered, "lost": outcome.lost, "doubled": outcome.doubled,
                "repeated": outcome.repeated, "afterAcknowledgement": outcome.after_acknowledgement,
                "waiting": outcome.waiting, "leftOver": outcome.left_over, "missed": outcome.missed,
                "wronged": outcome.wronged,
            },
            "pages": self.pages, "dropped": self.dropped, "dead": self.dead,
            "calls": counts.calls,
            "units": units.collect::<serde_json::Map<_, _>>(),
            "runs": runs.collect::<serde_json::Map<_, _>>(),
            "bill": self.bill, "dollars": self.dollars(),
            "seconds": {
                "of": ["posts", "acks", "refusedPosts", "refusedAcks", "throttles", "workers"],
                "each": seconds.collect::<Vec<_>>(),
            },
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, times, job, outcome, counts, .. } = self;
        let (workers, rate) = (setting.workers, setting.rate);
        writeln!(
            f,
            "{} members, TTL {} s, {workers} workers x {rate} posts/s",
            setting.members, setting.ttl
        )?;
        let (reads, writes) = (setting.warm_reads, setting.warm_writes);
        writeln!(f, "  tables of {reads} reads/s and {writes} writes/s, seed {}", setting.seed)?;
        writeln!(f, "times, in seconds from the request on")?;
        writeln!(
            f,
            "  202 {:.3}, half of the pages {:.1}, 99 of 100 {:.1}, all {:.1}, last acknowledgement {:.1}",
            times.accepted, times.half, times.nearly_all, times.pages, times.acknowledged
        )?;
        writeln!(
            f,
            "  bounds: the quota {:.1}, the workers' rate {:.1}; {:+.1} % of the larger, {:+.1} % of the quota's",
            times.by_quota,
            times.by_workers,
            100.0 * (times.end() / times.bound() - 1.0),
            100.0 * (times.end() / times.by_quota - 1.0)
        )?;
        writeln!(f, "the job: {job:?}")?;
        writeln!(f, "the terminals: {outcome:?}")?;
        writeln!(f, "  {} pages, {} members dropped, {} dead letters", self.pages, self.dropped, self.dead)?;
        let sum = |of: fn(&crate::meter::Second) -> u32| -> u64 {
            counts.seconds.iter().map(|second| u64::from(of(second))).sum()
        };
        writeln!(
            f,
            "refused: {} posts, {} acknowledgements; {} throttled reads and writes",
            sum(|s| s.refused_posts),
            sum(|s| s.refused_acks),
            sum(|s| s.throttles)
        )?;
        for (name, runs) in &counts.runs {
            writeln!(f, "  {name}: {runs:?}")?;
        }
        writeln!(f, "calls: {:?}", counts.calls)?;
        writeln!(f, "units: {:?}", counts.units)?;
        for line in &self.bill {
            writeln!(f, "  {:>10.4} $ {:>14.1}  {}", line.dollars, line.count, line.what)?;
        }
        write!(f, "  {:>10.4} $ altogether", self.dollars())
    }
}
