use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fleet::{Connected, Fleet};
use crate::roster::Roster;
use crate::terminal::{AckPolicy, Live, listen};

/// How often is looked whether something is owed.
const LOOK: Duration = Duration::from_millis(20);
/// What comes too often may come a little later than what comes once.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// All terminals of a run, listening.
pub(super) struct Listeners {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Listeners {
    pub(super) fn start(
        connected: Connected,
        fleet: &Arc<Fleet>,
        roster: &Arc<Roster>,
        manner: (AckPolicy, Live),
    ) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for (index, terminal) in connected.into_iter().enumerate() {
            tasks.spawn(listen(terminal, index, fleet.clone(), roster.clone(), manner, stop.clone()));
        }
        Self { tasks, stop }
    }

    /// Waits until nothing is owed, or nothing has come for so long.
    pub(super) async fn settle(roster: &Roster, patience: Duration) {
        let (mut arrived, mut since) = (roster.arrived(), Instant::now());
        while roster.owed() > 0 && since.elapsed() < patience {
            tokio::time::sleep(LOOK).await;
            let now = roster.arrived();
            if now != arrived {
                (arrived, since) = (now, Instant::now());
            }
        }
    }

    /// Listens a little longer, and ends: acknowledgements that are left are sent.
    pub(super) async fn end(self) {
        tokio::time::sleep(AFTERWARDS).await;
        self.stop.cancel();
        self.tasks.join_all().await;
    }
}
