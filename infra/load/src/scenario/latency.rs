use std::time::Duration;

use tokio::time::Instant;

use super::exchange::exchange;
use super::{Failure, Run};
use crate::fleet::Fleet;
use crate::ledger::Expectation;
use crate::meter::Meter;
use crate::report::Findings;
use crate::sender::{Manner, Sender};

/// One message at a time to one terminal, on a service that has nothing else to do.
pub(crate) struct OneByOne {
    pub(crate) messages: u64,
    pub(crate) ttl: u32,
    /// Between two messages.
    pub(crate) pause: Duration,
}

impl OneByOne {
    pub(crate) async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        let mut findings = Findings::default();
        let (_, mut connected, sessions) = Fleet::gather(run.service.clone(), 1, 1).await?;
        let roster = run.roster(sessions)?;
        let mut sender = Sender::new(run.service.clone(), Manner { ttl: self.ttl, topics: 0 });
        sender.connect().await?;

        let metered = Meter::start(run.server)?;
        let bounds = run.bounds(self.messages);
        for _ in 0..bounds.messages {
            if Instant::now() >= bounds.until {
                break;
            }
            for terminal in &mut connected {
                exchange(&mut sender, terminal, (&roster, 0), run.patience).await?;
            }
            tokio::time::sleep(self.pause).await;
        }
        findings.phases.push(metered.stop("messages arrived", roster.arrived())?);
        for terminal in connected {
            terminal.close().await;
        }

        findings.answers = sender.into_answers();
        findings.times(&roster);
        let expectation = if self.ttl == 0 { Expectation::Any } else { Expectation::Each };
        findings.judge(&roster, expectation);
        Ok(findings)
    }
}
