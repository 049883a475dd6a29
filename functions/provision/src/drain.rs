use std::time::Duration;

use signalbox_backlog::{Backlog, Page, Unposted};
use signalbox_delivery::{Owed, Part};
use signalbox_domain::{EventId, Timestamp};
use signalbox_store::Arrival;

use crate::Provision;
use crate::hello::Trouble;

/// What a `hello` sends by itself takes no longer; API Gateway waits 29 s, and shows the terminal an error then.
const PATIENCE: Duration = Duration::from_secs(5);

impl Provision {
    /// Sends the first page of what waits, and owes the rest to the queue of drains (I6). What could not be posted or read
    /// is owed too: the terminal has its answer, and is not made to come again. 1 call where nothing waits; else those of
    /// [`Backlog::post_page`], and 1 to the queue where something is owed.
    pub(crate) async fn drain(
        &self,
        arrival: &Arrival,
        request: Option<EventId>,
        until: Timestamp,
    ) -> Result<(), Trouble> {
        let (terminal, connection) = (arrival.terminal, &arrival.connection);
        let mut backlog = Backlog::new(&self.context, terminal, connection, arrival.minimum, None);
        let until = until.min(self.context.clock.now().plus(PATIENCE));
        let failures = match backlog.post_page(until).await {
            Ok(Page::Last) => return Ok(()),
            Ok(Page::More) => 0,
            Err(Unposted::Gone) => return Err(Trouble::Gone),
            Err(error) => {
                tracing::warn!(%terminal, %connection, %error, "a drain goes on later");
                1
            }
        };
        let after = backlog.after().map(ToOwned::to_owned);
        let part = Part::Rest { connection: connection.clone(), after };
        self.context.drains.owe(&Owed { terminal, part, failures, request }).await.map_err(Trouble::Owe)
    }
}
