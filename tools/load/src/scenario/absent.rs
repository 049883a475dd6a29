use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

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

/// How many terminals leave at a time.
const AT_A_TIME: usize = 32;

/// Messages to terminals that are away, and come again for them.
pub(crate) struct Absent {
    pub(crate) terminals: usize,
    pub(crate) sessions: usize,
    pub(crate) messages: u64,
    pub(crate) in_flight: usize,
    /// At which rate, in an open loop.
    pub(crate) rate: Option<Rate>,
    pub(crate) ttl: u32,
    pub(crate) topics: u64,
    pub(crate) acks: AckPolicy,
}

impl Absent {
    pub(crate) async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        allow_connections((self.terminals + self.in_flight) as u64)?;
        let mut findings = Findings::default();
        let (fleet, connected, sessions) =
            Fleet::gather(run.service.clone(), self.terminals, self.sessions).await?;
        let (fleet, roster) = (Arc::new(fleet), run.roster(sessions)?);
        stream::iter(connected).for_each_concurrent(AT_A_TIME, crate::terminal::Terminal::close).await;

        let storing = Meter::start(run.server)?;
        let manner = Manner { ttl: self.ttl, topics: self.topics };
        let at_a_time = roster.at_a_time(self.in_flight);
        let senders = connected_senders(&run.service, manner, at_a_time).await;
        let pace = run.pace(self.messages, self.rate)?;
        let watched = roster.clone();
        let progress = Progress::watch("messages accepted", self.messages, move || watched.owed());
        findings.answers = post_all(senders, &roster, &pace).await;
        drop(progress);
        let expectation = self.expectation();
        findings.phases.push(storing.stop("messages accepted", roster.owed())?);

        let draining = Meter::start(run.server)?;
        let connected = fleet.gather_again(&roster).await?;
        let listeners = Listeners::start(connected, &fleet, &roster, (self.acks, Live::No));
        Listeners::settle(&roster, self.patience(run)).await;
        findings.phases.push(draining.stop("messages drained", roster.arrived())?);
        listeners.end().await;

        // The time to the frame is that of the absence, and says nothing.
        findings.kept(&pace, at_a_time);
        findings.answer_times(&[&roster], Since::of(self.rate));
        findings.judge(&roster, expectation);
        Ok(findings)
    }

    fn expectation(&self) -> Expectation {
        match (self.ttl, self.topics) {
            (0, _) => Expectation::None,
            (_, 0) => Expectation::Each,
            (_, topics) => Expectation::LastOfTopic(topics),
        }
    }

    /// Where not everything comes, something stays owed for ever.
    fn patience(&self, run: &Run) -> std::time::Duration {
        match self.expectation() {
            Expectation::Each => run.patience,
            _ => run.patience.min(std::time::Duration::from_secs(3)),
        }
    }
}
