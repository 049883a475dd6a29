use std::fmt;

use serde::Serialize;

use crate::ledger::Faults;
use crate::numbers::{float, rate};
use crate::report::Findings;
use crate::sender::Answers;

/// What the rounds of a run came to.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) rounds: u64,
    pub(crate) recipients: u64,
    pub(crate) jobs: u64,
    pub(crate) deliveries: u64,
    /// From each request to its 202.
    pub(crate) answer: Vec<u64>,
    /// From each round's first request to its last frame.
    pub(crate) last_frame: Vec<u64>,
    /// From each round's first request until its jobs were known to be done; a service is asked now and then.
    pub(crate) done: Vec<u64>,
    pub(crate) answers: Answers,
    /// By how many recipients the counts of jobs were wrong.
    pub(crate) miscounted: u64,
    /// Recipients that were valid and refused, and those that were given up.
    pub(crate) refused_recipients: u64,
    pub(crate) failed_recipients: u64,
    /// Jobs that were not done in time.
    pub(crate) unended_jobs: u64,
}

/// The same, for a report.
#[derive(Debug, Serialize)]
pub(crate) struct FanOuts {
    rounds: u64,
    /// Of each round.
    recipients: u64,
    jobs: u64,
    /// To terminals that were there.
    deliveries: u64,
    /// While deliveries went on: from each round's request to its last frame.
    deliveries_per_second: f64,
}

impl Record {
    /// Takes all of it up; what is at fault is returned.
    pub(crate) fn into(self, findings: &mut Findings) -> Faults {
        let seconds = float(self.last_frame.iter().sum()) / 1e6;
        findings.fan_outs = Some(FanOuts {
            rounds: self.rounds,
            recipients: self.recipients,
            jobs: self.jobs,
            deliveries: self.deliveries,
            deliveries_per_second: rate(self.deliveries, seconds),
        });
        findings.latency("fan-out to answer", self.answer);
        findings.latency("fan-out to last frame", self.last_frame);
        findings.latency("fan-out to done", self.done);
        crate::sender::merge(&mut findings.answers, self.answers);
        Faults::from([
            ("miscounted", self.miscounted),
            ("refused_recipients", self.refused_recipients),
            ("failed_recipients", self.failed_recipients),
            ("unended_jobs", self.unended_jobs),
        ])
    }
}

impl fmt::Display for FanOuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, recipients, jobs, deliveries, deliveries_per_second } = self;
        write!(
            f,
            "fan-outs: {rounds} to {recipients} recipients, {jobs} jobs; {deliveries} deliveries, \
             {deliveries_per_second}/s"
        )
    }
}
