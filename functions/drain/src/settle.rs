use signalbox_backlog::{Backlog, Page, Unposted};
use signalbox_delivery::{NotOwed, Owed, Part};
use signalbox_domain::{ConnectionId, Terminal, TerminalId, Timestamp, Urgency};
use signalbox_store::StoreError;

use crate::Drain;

/// A part that has failed so often closes the connection: the terminal comes again and is drained by its `hello`.
const FAILURES: u32 = 8;
/// A terminal that changes its connection faster than it is posted to so often is drained by its next `hello` anyhow.
const TAKEOVERS: u32 = 3;

/// Why something owed is to come out of the queue again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsettled {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Owe(#[from] NotOwed),
}

impl Drain {
    /// Posts what is owed, and owes what is left.
    pub(crate) async fn settle(&self, owed: Owed, until: Timestamp) -> Result<(), Unsettled> {
        match owed.part {
            Part::Rest { ref connection, ref after } => {
                let (connection, after) = (connection.clone(), after.clone());
                self.rest(&owed, connection, after, until).await
            }
            Part::Message { ref key } => self.message(&owed, key).await,
        }
    }

    /// Goes on with a drain, page by page. 1 call and those of [`Backlog::post_page`] for each page.
    async fn rest(
        &self,
        owed: &Owed,
        connection: ConnectionId,
        after: Option<String>,
        until: Timestamp,
    ) -> Result<(), Unsettled> {
        let mut after = after;
        loop {
            // Another connection may have taken over; its own hello drains.
            let Some(minimum) = self.minimum_on(owed.terminal, &connection).await? else { return Ok(()) };
            let mut backlog = Backlog::new(&self.context, owed.terminal, &connection, minimum, after.clone());
            let page = backlog.post_page(until).await;
            let reached = backlog.after().map(ToOwned::to_owned);
            let moved = reached != after;
            let part = Part::Rest { connection: connection.clone(), after: reached.clone() };
            match page {
                Ok(Page::Last) => return Ok(()),
                Ok(Page::More) if self.context.clock.now() < until => after = reached,
                Ok(Page::More) => {
                    return Ok(self.context.drains.owe(&Owed { part, failures: 0, ..owed.clone() }).await?);
                }
                Err(Unposted::Gone) => {
                    self.forget(owed.terminal, &connection).await?;
                    return Ok(());
                }
                Err(error) => {
                    let failures = if moved { 1 } else { owed.failures + 1 };
                    return self.later(Owed { part, failures, ..owed.clone() }, &connection, &error).await;
                }
            }
        }
    }

    /// Posts a message that could not be posted before. A terminal that is absent or whose gate is closed gets it by its
    /// `hello`, which looks after this did (I12). 1 call and those of [`Backlog::post_message`].
    async fn message(&self, owed: &Owed, key: &str) -> Result<(), Unsettled> {
        let now = self.context.clock.now();
        let mut terminal = self.context.store.terminal(owed.terminal, now).await?;
        for _ in 0..TAKEOVERS {
            let Some((connection, minimum)) = terminal.as_ref().and_then(reachable) else { return Ok(()) };
            let mut backlog = Backlog::new(&self.context, owed.terminal, &connection, minimum, None);
            match backlog.post_message(key).await {
                Ok(()) => return Ok(()),
                Err(Unposted::Gone) => terminal = self.forget(owed.terminal, &connection).await?,
                Err(error) => {
                    let failures = owed.failures + 1;
                    return self.later(Owed { failures, ..owed.clone() }, &connection, &error).await;
                }
            }
        }
        Ok(())
    }

    /// Owed again, after a pause; where posting has failed too often, the connection is closed instead.
    async fn later(&self, owed: Owed, connection: &ConnectionId, error: &Unposted) -> Result<(), Unsettled> {
        let (terminal, failures) = (owed.terminal, owed.failures);
        if failures >= FAILURES && matches!(error, Unposted::Post(_)) {
            tracing::error!(%terminal, %connection, %error, "a connection that cannot be posted to is closed");
            if self.context.delivery.close(connection).await.is_ok() {
                return Ok(());
            }
        } else {
            tracing::warn!(%terminal, %connection, %error, failures, "a drain goes on later");
        }
        Ok(self.context.drains.owe(&owed).await?)
    }

    /// The terminal's minimum, if it is on this connection and its gate is open.
    async fn minimum_on(
        &self,
        terminal: TerminalId,
        connection: &ConnectionId,
    ) -> Result<Option<Urgency>, StoreError> {
        let terminal = self.context.store.terminal(terminal, self.context.clock.now()).await?;
        let reachable = terminal.as_ref().and_then(reachable);
        Ok(reachable.filter(|(current, _)| current == connection).map(|(_, minimum)| minimum))
    }

    /// The connection is closed: its terminal is absent, if it is still on it; else how it stands (I8).
    async fn forget(
        &self,
        terminal: TerminalId,
        connection: &ConnectionId,
    ) -> Result<Option<Terminal>, StoreError> {
        self.context.store.forget_connection(terminal, connection, self.context.clock.now()).await
    }
}

/// Where a terminal can be posted to, and what it wants.
fn reachable(terminal: &Terminal) -> Option<(ConnectionId, Urgency)> {
    // The most urgent is above every minimum.
    let connection = terminal.reachable_at(Urgency::High)?;
    Some((connection.clone(), terminal.minimum))
}
