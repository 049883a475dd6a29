//! Woken by a schedule, each minute once for each shard, where connections are to be kept alive: posts `{}` to the connections
//! whose slot is due, so that API Gateway does not take them for idle. Those that have ended drop out.

mod wake;

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use lambda_runtime::{Error, LambdaEvent};
use signalbox_delivery::PostError;
use signalbox_domain::{ConnectionId, Slot, Timestamp};
use signalbox_gateway::of_invocation;
use signalbox_startup::Keyless;
use signalbox_store::StoreError;

pub use wake::{InvalidWake, Wake};

/// How many posts are under way at once.
const AT_ONCE: usize = 64;
/// Left of the function's time when no more is begun: one post with all its attempts, and the removal of what has ended.
const RESERVE: Duration = Duration::from_secs(12);

/// The function.
#[derive(Debug)]
pub struct KeepAlive {
    context: Keyless,
}

/// What came of a slot.
#[derive(Debug, Default)]
struct Tally {
    kept: usize,
    failed: usize,
    /// The last failure stands for all.
    error: Option<String>,
    left: usize,
    ended: Vec<ConnectionId>,
}

impl KeepAlive {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Keyless) -> Self {
        Self { context }
    }

    /// Keeps the connections of the slot alive that is due. Twice does no harm.
    ///
    /// # Errors
    /// Where the event is none of the schedule's, or the slot could not be read: Lambda tries it again.
    pub async fn handle(&self, event: LambdaEvent<Wake>) -> Result<(), Error> {
        let until = event.context.deadline.saturating_sub(u64::try_from(RESERVE.as_millis())?);
        let slot = event.payload.slot()?;
        let trace = of_invocation(&event.context);
        Ok(self.context.invocation(&trace, self.keep(slot, Timestamp::from_millis(until))).await?)
    }

    /// 1 call for each page of connections, 1 post for each of them, and 1 call for each 25 that have ended.
    async fn keep(&self, slot: Slot, until: Timestamp) -> Result<(), StoreError> {
        let mut tally = Tally::default();
        let mut after = None;
        loop {
            let page = self.context.keep_alive.page(slot, after.as_ref(), self.context.clock.now()).await?;
            self.post(page.connections, until, &mut tally).await;
            after = page.next;
            if after.is_none() {
                break;
            }
            if tally.left > 0 {
                tracing::error!(%slot, "there are more connections of this slot than there is time for");
                break;
            }
        }
        let Tally { kept, failed, error, left, ended } = tally;
        if failed + left > 0 {
            tracing::warn!(%slot, failed, left, error, "some connections were not kept alive");
        }
        if kept + ended.len() > 0 {
            tracing::info!(%slot, kept, ended = ended.len(), "kept alive");
        }
        self.context.keep_alive.remove(&ended).await
    }

    async fn post(&self, connections: Vec<ConnectionId>, until: Timestamp, tally: &mut Tally) {
        let posts = connections.into_iter().map(|connection| self.post_in_time(connection, until));
        let mut posts = stream::iter(posts).buffer_unordered(AT_ONCE);
        while let Some((connection, posted)) = posts.next().await {
            match posted {
                None => tally.left += 1,
                Some(Ok(())) => tally.kept += 1,
                Some(Err(PostError::Gone)) => tally.ended.push(connection),
                // Whatever it is, it may have passed by the next time.
                Some(Err(PostError::Failed(error))) => {
                    tally.failed += 1;
                    tally.error = Some(error);
                }
            }
        }
    }

    /// None where there is no time left.
    async fn post_in_time(
        &self,
        connection: ConnectionId,
        until: Timestamp,
    ) -> (ConnectionId, Option<Result<(), PostError>>) {
        if self.context.clock.now() >= until {
            return (connection, None);
        }
        let posted = self.context.delivery.keep_alive(&connection).await;
        (connection, Some(posted))
    }
}
