//! Posting what waits for a terminal, a page at a time: what `hello` begins, and what the queue of drains goes on with. And
//! posting one message to wherever its terminal is.

mod posting;

pub use posting::{PostFailed, Posted, owe, post};

use std::collections::{HashMap, HashSet};

use signalbox_delivery::{PostError, notification};
use signalbox_domain::{ConnectionId, KeyRing, Session, StoredMessage, TerminalId, Timestamp, Urgency};
use signalbox_startup::{Context, NotOpened};
use signalbox_store::{StoreError, Waiting};
use signalbox_telemetry::Count;
use signalbox_wire::{ChannelId, ServiceMessage};

/// How many messages are read at once.
const PAGE: i32 = 100;

/// The backlog of a terminal that has said `hello` on this connection, and how far it has been posted there.
#[derive(Debug)]
pub struct Backlog<'c> {
    context: &'c Context,
    terminal: TerminalId,
    connection: &'c ConnectionId,
    minimum: Urgency,
    after: Option<String>,
}

/// How a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Nothing is behind it.
    Last,
    /// There may be more, or the time was up.
    More,
}

/// Why a page was not posted to its end.
#[derive(Debug, thiserror::Error)]
pub enum Unposted {
    /// The connection is closed.
    #[error("the connection is closed")]
    Gone,
    /// A post failed; the connection may be alive.
    #[error("posting failed: {0}")]
    Post(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PostError> for Unposted {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Gone => Self::Gone,
            PostError::Failed(error) => Self::Post(error),
        }
    }
}

impl<'c> Backlog<'c> {
    /// Of this terminal on this connection, which wants nothing below `minimum` (RFC 8030 section 5.3), behind the sort key
    /// `after`; from the beginning where there is none.
    #[must_use]
    pub fn new(
        context: &'c Context,
        terminal: TerminalId,
        connection: &'c ConnectionId,
        minimum: Urgency,
        after: Option<String>,
    ) -> Self {
        Self { context, terminal, connection, minimum, after }
    }

    /// The sort key behind which there is still to post.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Posts the next page in the order of acceptance (I4), until `until`. 1 call where nothing waits; else 2, 1 more for
    /// each 25 dead messages, and 1 for each dead one with a topic. Whatever comes in between, [`after`](Self::after) is the
    /// last that was dealt with.
    ///
    /// # Errors
    /// [`Unposted`].
    pub async fn post_page(&mut self, until: Timestamp) -> Result<Page, Unposted> {
        let which = self.after.as_deref().map_or(Waiting::All, Waiting::After);
        let page = self.context.store.waiting_page(self.terminal, which, PAGE).await?;
        let next = page.next;
        if !self.post(page.messages, until).await? {
            return Ok(Page::More);
        }
        match next {
            // Its last items may be such as cannot be read.
            Some(next) => {
                self.after = Some(next);
                Ok(Page::More)
            }
            None => Ok(Page::Last),
        }
    }

    /// Posts the message at this sort key, if it is still there. 1 call; 2 where it is.
    ///
    /// # Errors
    /// [`Unposted`].
    pub async fn post_message(&mut self, key: &str) -> Result<(), Unposted> {
        let page = self.context.store.waiting_page(self.terminal, Waiting::At(key), 1).await?;
        self.post(page.messages, Timestamp::MAX).await.map(|_| ())
    }

    /// Says whether it came to the end in time.
    async fn post(&mut self, messages: Vec<StoredMessage>, until: Timestamp) -> Result<bool, Unposted> {
        if messages.is_empty() {
            return Ok(true);
        }
        let channels: HashSet<_> = messages.iter().map(|message| message.channel).collect();
        let channels: Vec<_> = channels.into_iter().collect();
        let sessions = self.context.store.sessions(self.terminal, &channels).await?;
        let mut dead = Vec::new();
        // By the ids of the requests that brought them, so that a search for one finds its post too.
        let mut posted = Vec::new();
        let mut expired = 0_usize;
        let mut in_time = true;
        for message in messages {
            let now = self.context.clock.now();
            let place = message.key.sort_key();
            if !lives(&message, &sessions, now) {
                expired += usize::from(now >= message.expires);
                dead.push(message.key);
            } else if message.urgency >= self.minimum {
                if now >= until {
                    in_time = false;
                    break;
                }
                if let Some(frame) = self.frame(&message).await? {
                    self.context.delivery.post(self.connection, &frame).await?;
                    posted.push(message.key.accepted.request().to_owned());
                }
            }
            // What is below the minimum waits for a hello that wants it (RFC 8030 section 5.3).
            self.after = Some(place);
        }
        let requests = posted.join(" ");
        let (terminal, connection) = (self.terminal, self.connection);
        tracing::info!(%terminal, %connection, posted = posted.len(), dead = dead.len(), requests, "drained a page");
        self.context.store.delete_messages(&dead).await?;
        self.context.metrics.many(Count::Expired, expired);
        Ok(in_time)
    }

    /// The notification; none where the ring no longer holds its key, which is retired only after all under it has ended: it
    /// is left to expire, and holds up nothing behind it (I2).
    async fn frame(&self, message: &StoredMessage) -> Result<Option<ServiceMessage>, Unposted> {
        let seal = |ring: &KeyRing| {
            notification(ring, &message.key, message.sealed_under, message.channel, message.payload.as_ref())
        };
        match self.context.keys.open(seal).await {
            Ok(frame) => Ok(Some(frame)),
            Err(NotOpened::Forged) => {
                tracing::error!(message = ?message.key, key = ?message.sealed_under, "the key of a waiting message is gone");
                Ok(None)
            }
            Err(NotOpened::Unavailable) => Err(Unposted::Post("the key ring could not be read".to_owned())),
        }
    }
}

/// Whether a message may still be delivered: not expired (RFC 8030 section 5.2), and of a live generation (I5).
fn lives(message: &StoredMessage, sessions: &HashMap<ChannelId, Session>, now: Timestamp) -> bool {
    let session = sessions.get(&message.channel);
    now < message.expires && session.is_some_and(|session| session.delivers(message.generation))
}
