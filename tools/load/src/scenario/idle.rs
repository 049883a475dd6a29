use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::listeners::Listeners;
use super::{Failure, Run};
use crate::fleet::Fleet;
use crate::ledger::{Expectation, Faults};
use crate::limits::allow_connections;
use crate::meter::{Meter, Spent};
use crate::numbers::{float, round};
use crate::report::{Findings, Memory};
use crate::terminal::{AckPolicy, Live};

/// Connections that are held, and nothing more.
pub(crate) struct Idle {
    pub(crate) connections: usize,
    pub(crate) hold: Duration,
}

impl Idle {
    /// The findings, and how many connections were not held.
    pub(crate) async fn run(&self, run: &Run) -> Result<(Findings, Faults), Failure> {
        allow_connections(self.connections as u64)?;
        let mut findings = Findings::default();
        let count = self.connections as u64;
        let connecting = Meter::start(run.server)?;
        let gathered = Fleet::gather(run.service.clone(), self.connections, 0);
        let (fleet, connected, sessions) = tokio::time::timeout(run.at_most, gathered).await??;
        let connecting = connecting.stop("terminals connected", count)?;

        let (fleet, roster) = (Arc::new(fleet), run.roster(sessions)?);
        let holding = Meter::start(run.server)?;
        let listeners = Listeners::start(connected, &fleet, &roster, (AckPolicy::Never, Live::No));
        tokio::time::sleep(self.hold).await;
        let held = holding.stop("connections held", count)?;
        let ended = roster.strays.ended.load(Ordering::Relaxed);
        listeners.end().await;

        findings.memory =
            connecting.server.as_ref().zip(held.server.as_ref()).map(|(b, h)| memory(b, h, count));
        findings.phases = vec![connecting, held];
        findings.judge(&roster, Expectation::Each);
        Ok((findings, Faults::from([("connections_ended", ended)])))
    }
}

fn memory(before: &Spent, held: &Spent, connections: u64) -> Memory {
    let grown = float(held.rss_kib.saturating_sub(before.rss_kib_before));
    Memory {
        rss_kib_before: before.rss_kib_before,
        rss_kib_held: held.rss_kib,
        kib_per_connection: round(grown / float(connections.max(1))),
    }
}
