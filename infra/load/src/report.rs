use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::Ordering;

use serde::Serialize;
use serde_json::Value;

use crate::latency::Latency;
use crate::ledger::{Expectation, Verdict};
use crate::machine::Machine;
use crate::meter::Phase;
use crate::roster::Roster;
use crate::sender::Answers;

/// What a scenario has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) phases: Vec<Phase>,
    /// Microseconds, by what took them.
    pub(crate) latencies: BTreeMap<&'static str, Latency>,
    pub(crate) answers: Answers,
    pub(crate) memory: Option<Memory>,
    pub(crate) verdict: Verdict,
    pub(crate) surroundings: Surroundings,
}

/// The server's memory, without connections and with them.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) rss_kib_before: u64,
    pub(crate) rss_kib_held: u64,
    pub(crate) kib_per_connection: f64,
}

/// What happened beside the messages.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Surroundings {
    /// Connections of terminals that ended while they were needed.
    pub(crate) connections_ended: u64,
    /// Notifications of other runs, or of somebody else.
    pub(crate) foreign: u64,
    /// What the service said, by reason, and failures of connecting again.
    pub(crate) said: BTreeMap<String, u64>,
}

/// A scenario's findings, with all that is needed to compare them.
#[derive(Serialize)]
pub(crate) struct Report {
    scenario: &'static str,
    passed: bool,
    parameters: Value,
    machine: Machine,
    phases: Vec<Phase>,
    latencies_us: BTreeMap<&'static str, Latency>,
    answers: Answers,
    memory: Option<Memory>,
    verdict: Verdict,
    surroundings: Surroundings,
}

impl Findings {
    /// Takes a latency up, where it was met at all.
    pub(crate) fn latency(&mut self, of: &'static str, times: impl IntoIterator<Item = u64>) {
        if let Some(latency) = Latency::of(times) {
            self.latencies.insert(of, latency);
        }
    }

    /// Takes up how long a roster's messages took.
    pub(crate) fn times(&mut self, roster: &Roster) {
        self.times_of_all(&[roster]);
    }

    /// The same, of several rosters together.
    pub(crate) fn times_of_all(&mut self, rosters: &[&Roster]) {
        let (mut answers, mut arrivals) = (Vec::new(), Vec::new());
        for session in rosters.iter().flat_map(|roster| &roster.sessions) {
            let ledger = session.ledger();
            answers.extend(ledger.answer_times());
            arrivals.extend(ledger.arrival_times());
        }
        self.latency("post to answer", answers);
        self.latency("post to frame", arrivals);
    }

    /// Takes up what became of a roster's messages.
    pub(crate) fn judge(&mut self, roster: &Roster, expectation: Expectation) {
        self.verdict.merge(&roster.verdict(expectation));
        self.surroundings.add(roster);
    }
}

impl Surroundings {
    fn add(&mut self, roster: &Roster) {
        self.connections_ended += roster.strays.ended.load(Ordering::Relaxed);
        self.foreign += roster.strays.foreign.load(Ordering::Relaxed);
        for (reason, count) in roster.strays.reasons() {
            *self.said.entry(reason).or_default() += count;
        }
    }
}

impl Report {
    /// What counts as passed beside the verdict is the scenario's to say.
    pub(crate) fn new(scenario: &'static str, parameters: Value, passed: bool, findings: Findings) -> Self {
        Self {
            scenario,
            passed: passed && findings.verdict.passed(),
            parameters,
            machine: Machine::here(),
            phases: findings.phases,
            latencies_us: findings.latencies,
            answers: findings.answers,
            memory: findings.memory,
            verdict: findings.verdict,
            surroundings: findings.surroundings,
        }
    }

    pub(crate) fn passed(&self) -> bool {
        self.passed
    }

    /// For people.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}: {}", self.scenario, if self.passed { "passed" } else { "FAILED" })?;
        writeln!(out, "  with {}", self.parameters)?;
        let machine = &self.machine;
        writeln!(
            out,
            "  on {} x {}, kernel {}, load {}",
            machine.cores, machine.cpu, machine.kernel, machine.load_average
        )?;
        for phase in &self.phases {
            write_phase(out, phase)?;
        }
        for (of, times) in &self.latencies_us {
            writeln!(
                out,
                "  {of}: p50 {} us, p90 {}, p99 {}, p99.9 {}, max {}, mean {}, of {}",
                times.p50, times.p90, times.p99, times.p999, times.max, times.mean, times.count
            )?;
        }
        if let Some(memory) = &self.memory {
            writeln!(
                out,
                "  memory of the server: {} KiB, then {} KiB: {} KiB a connection",
                memory.rss_kib_before, memory.rss_kib_held, memory.kib_per_connection
            )?;
        }
        writeln!(out, "  answers {}", in_json(&self.answers))?;
        writeln!(out, "  verdict {}", in_json(&self.verdict))?;
        writeln!(out, "  beside {}", in_json(&self.surroundings))
    }
}

fn write_phase(out: &mut impl Write, phase: &Phase) -> io::Result<()> {
    let Phase { name, count, seconds, per_second, own, server } = phase;
    write!(out, "  {name}: {count} in {seconds} s, {per_second}/s; CPU {} s here", own.cpu_seconds)?;
    match server {
        Some(server) => writeln!(
            out,
            ", {} s the server's; RSS {} -> {} KiB",
            server.cpu_seconds, server.rss_kib_before, server.rss_kib
        ),
        None => writeln!(out),
    }
}

fn in_json(of: &impl Serialize) -> String {
    // Maps of text and structs of numbers always serialize.
    serde_json::to_string(of).unwrap_or_default()
}
