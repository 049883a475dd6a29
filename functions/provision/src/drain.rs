use std::collections::{HashMap, HashSet};

use signalbox_delivery::{PostError, notification};
use signalbox_domain::{KeyRing, Session, StoredMessage, Timestamp};
use signalbox_startup::NotOpened;
use signalbox_store::Arrival;
use signalbox_wire::{ChannelId, ServiceMessage};

use crate::Provision;
use crate::hello::Trouble;

/// How many messages are read at once.
const PAGE: i32 = 100;

impl Provision {
    /// Sends what waits, in the order of acceptance (I4), until nothing is left, the connection is no longer the
    /// terminal's, or the function's time is up: then the connection is closed, and the next `hello` goes on with what was
    /// not acknowledged. 1 call where nothing waits; else 2 for the first page and 3 for each further one, and 1 more for each
    /// 25 dead messages.
    pub(crate) async fn drain(&self, arrival: &Arrival, until: Timestamp) -> Result<(), Trouble> {
        let mut after: Option<String> = None;
        loop {
            if after.is_some() {
                self.go_on(arrival).await?;
            }
            let page = self.context.store.waiting_page(arrival.terminal, after.as_deref(), PAGE).await?;
            self.deliver(arrival, page.messages, until).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Another connection may have taken over while the last page was sent.
    async fn go_on(&self, arrival: &Arrival) -> Result<(), Trouble> {
        let terminal = self.context.store.terminal(arrival.terminal, self.context.clock.now()).await?;
        let ours = terminal.and_then(|terminal| terminal.connection).as_ref() == Some(&arrival.connection);
        if ours { Ok(()) } else { Err(Trouble::Superseded) }
    }

    async fn deliver(
        &self,
        arrival: &Arrival,
        messages: Vec<StoredMessage>,
        until: Timestamp,
    ) -> Result<(), Trouble> {
        if messages.is_empty() {
            return Ok(());
        }
        let channels: HashSet<_> = messages.iter().map(|message| message.channel).collect();
        let channels: Vec<_> = channels.into_iter().collect();
        let sessions = self.context.store.sessions(arrival.terminal, &channels).await?;
        let mut dead = Vec::new();
        let mut posted = 0_usize;
        for message in messages {
            if !lives(&message, &sessions, self.context.clock.now()) {
                dead.push(message.key);
                continue;
            }
            if message.urgency < arrival.minimum {
                // It waits for a hello that wants it (RFC 8030 section 5.3).
                continue;
            }
            if self.context.clock.now() >= until {
                return Err(Trouble::MoreWaits);
            }
            let Some(frame) = self.frame(&message).await? else { continue };
            match self.context.delivery.post(&arrival.connection, &frame).await {
                Ok(()) => posted += 1,
                // I8: unless the terminal has a newer connection, which drains by itself, it is absent.
                Err(PostError::Gone) => return Err(Trouble::Gone),
                Err(PostError::Failed(error)) => return Err(Trouble::Post(error)),
            }
        }
        tracing::info!(terminal = %arrival.terminal, posted, dead = dead.len(), "drained a page");
        Ok(self.context.store.delete_messages(&dead).await?)
    }

    /// The notification; none where the ring no longer holds its key, which is retired only after all under it has ended: it
    /// is left to expire, and holds up nothing behind it (I2).
    async fn frame(&self, message: &StoredMessage) -> Result<Option<ServiceMessage>, Trouble> {
        let seal = |ring: &KeyRing| {
            notification(ring, &message.key, message.sealed_under, message.channel, message.payload.as_ref())
        };
        match self.context.keys.open(seal).await {
            Ok(frame) => Ok(Some(frame)),
            Err(NotOpened::Forged) => {
                tracing::error!(message = ?message.key, key = ?message.sealed_under, "the key of a waiting message is gone");
                Ok(None)
            }
            Err(NotOpened::Unavailable) => Err(Trouble::Post("the key ring could not be read".to_owned())),
        }
    }
}

/// Whether a message may still be delivered: not expired (RFC 8030 section 5.2), and of a live generation (I5).
fn lives(message: &StoredMessage, sessions: &HashMap<ChannelId, Session>, now: Timestamp) -> bool {
    let session = sessions.get(&message.channel);
    now < message.expires && session.is_some_and(|session| session.delivers(message.generation))
}
