use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::Ordering;

use serde::Serialize;
use serde_json::Value;

use crate::latency::Latency;
use crate::ledger::{Expectation, Faults, Ledger, Tolerance, Verdict};
use crate::machine::Machine;
use crate::meter::Phase;
use crate::pace::{Kept, Pace, Rate};
use crate::roster::{Roster, Session};
use crate::samples::Sample;
use crate::scenario::FanOuts;
use crate::sender::{Answers, merge};

/// What a scenario has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) phases: Vec<Phase>,
    /// Of an open loop.
    kept: Option<Kept>,
    /// Microseconds, by what took them.
    latencies: BTreeMap<&'static str, Latency>,
    pub(crate) answers: Answers,
    pub(crate) memory: Option<Memory>,
    pub(crate) fan_outs: Option<FanOuts>,
    /// Over the time of a long run.
    pub(crate) samples: Vec<Sample>,
    /// At one rate after the other.
    steps: Vec<Step>,
    pub(crate) verdict: Verdict,
    pub(crate) surroundings: Surroundings,
}

/// What was found at one of several rates.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) rate: Rate,
    pub(crate) open_loop: Option<Kept>,
    pub(crate) latencies_us: BTreeMap<&'static str, Latency>,
}

/// From when on the times of messages count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// From their posts: a closed loop.
    Post,
    /// From the moments at which they were due: an open loop.
    Due,
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
    /// What the service said, by reason, and failures of connecting again.
    pub(crate) said: BTreeMap<String, u64>,
}

/// A scenario's findings, with all that is needed to compare them.
#[derive(Serialize)]
pub(crate) struct Report {
    scenario: &'static str,
    passed: bool,
    /// Why it has not passed.
    faults: Faults,
    parameters: Value,
    machine: Machine,
    phases: Vec<Phase>,
    /// With `--rate`.
    open_loop: Option<Kept>,
    latencies_us: BTreeMap<&'static str, Latency>,
    answers: Answers,
    memory: Option<Memory>,
    /// Of `fanout` and `soak`.
    fan_outs: Option<FanOuts>,
    /// Of `soak`.
    samples: Vec<Sample>,
    /// With `--rates`.
    steps: Vec<Step>,
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

    /// Takes up how the moments of an open loop were kept to, where so many could be under way.
    pub(crate) fn kept(&mut self, pace: &Pace, bound: usize) {
        self.latency("due to begin", pace.waits());
        self.kept = pace.kept(bound);
    }

    /// Takes up how long the messages of all rosters took until they were answered.
    pub(crate) fn answer_times(&mut self, rosters: &[&Roster], since: Since) {
        self.times(since.until("post to answer", "due to answer"), sessions(rosters), Ledger::answer_times);
    }

    /// Takes up how long they took until they were there.
    pub(crate) fn arrival_times(&mut self, rosters: &[&Roster], since: Since) {
        self.times(since.until("post to frame", "due to frame"), sessions(rosters), Ledger::arrival_times);
    }

    /// Takes up times of these sessions' messages.
    pub(crate) fn times<'a>(
        &mut self,
        of: &'static str,
        sessions: impl IntoIterator<Item = &'a Session>,
        times: impl Fn(&Ledger) -> Vec<u64>,
    ) {
        let times: Vec<_> = sessions.into_iter().flat_map(|session| times(&session.ledger())).collect();
        self.latency(of, times);
    }

    /// Takes up what was found at one of several rates, as a step of its own.
    pub(crate) fn step(&mut self, rate: Rate, found: Self) {
        let Self { phases, kept, latencies, answers, verdict, surroundings, .. } = found;
        self.steps.push(Step { rate, open_loop: kept, latencies_us: latencies });
        self.phases.extend(phases);
        merge(&mut self.answers, answers);
        self.verdict.merge(&verdict);
        self.surroundings.connections_ended += surroundings.connections_ended;
        merge(&mut self.surroundings.said, surroundings.said);
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Takes up what became of a roster's messages.
    pub(crate) fn judge(&mut self, roster: &Roster, expectation: Expectation) {
        self.verdict.merge(&roster.verdict(expectation));
        self.surroundings.add(roster);
    }
}

fn sessions<'a>(rosters: &'a [&Roster]) -> impl Iterator<Item = &'a Session> {
    rosters.iter().flat_map(|roster| &roster.sessions)
}

impl Since {
    pub(crate) fn of(rate: Option<Rate>) -> Self {
        if rate.is_some() { Self::Due } else { Self::Post }
    }

    /// What the time since then is called.
    pub(crate) fn until(self, post: &'static str, due: &'static str) -> &'static str {
        match self {
            Self::Post => post,
            Self::Due => due,
        }
    }
}

impl Surroundings {
    fn add(&mut self, roster: &Roster) {
        self.connections_ended += roster.strays.ended.load(Ordering::Relaxed);
        for (reason, count) in roster.strays.reasons() {
            *self.said.entry(reason).or_default() += count;
        }
    }
}

impl Report {
    /// Of what was found; `others` are faults that the verdict does not know.
    pub(crate) fn new(
        scenario: &'static str,
        parameters: Value,
        (findings, others): (Findings, Faults),
        tolerance: Tolerance,
    ) -> Self {
        let mut faults = findings.verdict.faults(tolerance);
        faults.extend(others.into_iter().filter(|&(_, count)| count > 0));
        Self {
            scenario,
            passed: faults.is_empty(),
            faults,
            parameters,
            machine: Machine::here(),
            phases: findings.phases,
            open_loop: findings.kept,
            latencies_us: findings.latencies,
            answers: findings.answers,
            memory: findings.memory,
            fan_outs: findings.fan_outs,
            samples: findings.samples,
            steps: findings.steps,
            verdict: findings.verdict,
            surroundings: findings.surroundings,
        }
    }

    pub(crate) fn passed(&self) -> bool {
        self.passed
    }

    /// For people.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.passed {
            writeln!(out, "{}: passed", self.scenario)?;
        } else {
            writeln!(out, "{}: FAILED, {}", self.scenario, in_words(&self.faults))?;
        }
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
        if let Some(kept) = &self.open_loop {
            writeln!(out, "  {kept}")?;
        }
        for (of, times) in &self.latencies_us {
            writeln!(
                out,
                "  {of}: p50 {} us, p90 {}, p99 {}, p99.9 {}, max {}, mean {}, of {}",
                times.p50, times.p90, times.p99, times.p999, times.max, times.mean, times.count
            )?;
        }
        if let Some(fan_outs) = &self.fan_outs {
            writeln!(out, "  {fan_outs}")?;
        }
        for step in &self.steps {
            writeln!(out, "  {step}")?;
        }
        if let [first, .., last] = self.samples.as_slice() {
            writeln!(out, "  first sample: {first}")?;
            writeln!(out, "  last of {}: {last}", self.samples.len())?;
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

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}/s", self.rate)?;
        if let Some(kept) = &self.open_loop {
            write!(f, ": {}/s begun, {} missed", kept.begun_per_second, kept.missed)?;
        }
        match self.latencies_us.get("due to frame") {
            Some(times) => {
                write!(f, "; due to frame: p50 {} us, p90 {}, p99 {}", times.p50, times.p90, times.p99)
            }
            None => write!(f, "; nothing has arrived"),
        }
    }
}

/// How often what was at fault.
fn in_words(faults: &Faults) -> String {
    let words: Vec<_> =
        faults.iter().map(|(fault, count)| format!("{count} {}", fault.replace('_', " "))).collect();
    words.join(", ")
}

fn in_json(of: &impl Serialize) -> String {
    // Maps of text and structs of numbers always serialize.
    serde_json::to_string(of).unwrap_or_default()
}
