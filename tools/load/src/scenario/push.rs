use std::sync::Arc;
use std::time::Duration;

use super::listeners::Listeners;
use super::{Failure, Run};
use crate::fleet::Fleet;
use crate::ledger::Expectation;
use crate::limits::allow_connections;
use crate::meter::Meter;
use crate::pace::Rate;
use crate::progress::Progress;
use crate::report::{Findings, Since};
use crate::sender::{Manner, connected_senders, post_all};
use crate::terminal::{AckPolicy, Live};

/// What was accepted with TTL 0 comes at once or not at all.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Messages to terminals that are there.
pub(crate) struct Push {
    pub(crate) terminals: usize,
    pub(crate) sessions: usize,
    pub(crate) messages: u64,
    pub(crate) in_flight: usize,
    /// At which rate, in an open loop.
    pub(crate) rate: Option<Rate>,
    pub(crate) ttl: u32,
    pub(crate) acks: AckPolicy,
}

impl Push {
    pub(crate) async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        allow_connections((self.terminals + self.in_flight) as u64)?;
        let mut findings = Findings::default();
        let gathering = Meter::start(run.server)?;
        let (fleet, connected, sessions) =
            Fleet::gather(run.service.clone(), self.terminals, self.sessions).await?;
        findings.phases.push(gathering.stop("terminals connected", self.terminals as u64)?);
        let (fleet, roster) = (Arc::new(fleet), run.roster(sessions)?);
        let listeners = Listeners::start(connected, &fleet, &roster, (self.acks, Live::Yes));

        let pushing = Meter::start(run.server)?;
        let manner = Manner { ttl: self.ttl, topics: 0 };
        let at_a_time = roster.at_a_time(self.in_flight);
        let senders = connected_senders(&run.service, manner, at_a_time).await;
        let pace = run.pace(self.messages, self.rate)?;
        let watched = roster.clone();
        let progress = Progress::watch("messages arrived", self.messages, move || watched.arrived());
        findings.answers = post_all(senders, &roster, &pace).await;
        let (expectation, patience) =
            if self.ttl == 0 { (Expectation::Any, AT_ONCE) } else { (Expectation::Each, run.patience) };
        Listeners::settle(&roster, patience).await;
        drop(progress);
        findings.phases.push(pushing.stop("messages arrived", roster.arrived())?);
        listeners.end().await;

        findings.kept(&pace, at_a_time);
        findings.answer_times(&[&roster], Since::of(self.rate));
        findings.arrival_times(&[&roster], Since::of(self.rate));
        findings.judge(&roster, expectation);
        Ok(findings)
    }
}
