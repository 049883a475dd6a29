use std::time::Duration;

use super::exchange::exchange;
use super::{Failure, Run};
use crate::fleet::Fleet;
use crate::ledger::Expectation;
use crate::meter::Meter;
use crate::pace::Rate;
use crate::progress::Progress;
use crate::report::{Findings, Since};
use crate::sender::{Manner, Sender};

/// One message at a time to one terminal, on a service that has nothing else to do.
pub(crate) struct OneByOne {
    pub(crate) messages: u64,
    pub(crate) ttl: u32,
    /// Between two messages, where they have no rate.
    pub(crate) pause: Duration,
    /// At which rate, in an open loop: what comes due while one is under way is late.
    pub(crate) rate: Option<Rate>,
}

impl OneByOne {
    pub(crate) async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        let mut findings = Findings::default();
        let (_, mut connected, sessions) = Fleet::gather(run.service.clone(), 1, 1).await?;
        let roster = run.roster(sessions)?;
        let mut sender = Sender::new(run.service.clone(), Manner { ttl: self.ttl, topics: 0 });
        sender.connect().await?;

        let metered = Meter::start(run.server)?;
        let pace = run.pace(self.messages, self.rate)?;
        let progress = Progress::new("messages", self.messages);
        while let Some(mut turn) = pace.next().await {
            for terminal in &mut connected {
                exchange(&mut sender, terminal, (&roster, 0), &mut turn, run.patience).await?;
            }
            drop(turn);
            progress.add();
            if self.rate.is_none() {
                tokio::time::sleep(self.pause).await;
            }
        }
        drop(progress);
        findings.phases.push(metered.stop("messages arrived", roster.arrived())?);
        for terminal in connected {
            terminal.close().await;
        }

        findings.answers = sender.into_answers();
        findings.kept(&pace, 1);
        findings.answer_times(&[&roster], Since::of(self.rate));
        findings.arrival_times(&[&roster], Since::of(self.rate));
        let expectation = if self.ttl == 0 { Expectation::Any } else { Expectation::Each };
        findings.judge(&roster, expectation);
        Ok(findings)
    }
}
