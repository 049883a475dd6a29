use std::time::Duration;

use signalbox_backlog::{Posted, owe, post};
use signalbox_delivery::notification;
use signalbox_domain::{
    Acceptance, ConnectionId, EventId, KeyId, MessageKey, MessageKind, Payload, Refusal, StoredMessage,
    Terminal, TerminalId, Urgency, evaluate,
};
use signalbox_store::Putting;
use signalbox_telemetry::Count;
use signalbox_wire::{ChannelId, ServiceMessage};

use crate::request::Push;
use crate::{Notify, Refused};

/// How often a notification with TTL 0 looks for a terminal whose `hello` is being answered, and how long in between.
const LOOKS: u32 = 6;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Notify {
    /// Evaluates the token (R19), then stores and posts. 1 read; with a TTL 1 write more, and 1 more for an absent
    /// terminal, which is also the second look.
    pub(crate) async fn accept(&self, push: &Push) -> Result<MessageKey, Refused> {
        let now = self.context.clock.now();
        let claims = &push.claims;
        let store = &self.context.store;
        let route = store.route(claims.terminal, &claims.channel, claims.application, now).await?;
        let session = evaluate(route.terminal.as_ref(), route.session.as_ref(), &push.token, now)?;
        let policy = self.context.settings.authorization;
        policy.admit_notification(session, route.application.as_ref(), push.server.as_ref())?;
        let terminal = route.terminal.as_ref().ok_or(Refusal::TokenUnknown)?;
        if push.ttl.is_now_or_never() {
            return self.now_or_never(push, terminal).await;
        }
        let limit = self.context.settings.waiting_limit;
        if terminal.reachable_at(push.urgency).is_none() && terminal.waiting >= limit {
            return Err(Refusal::TooManyWaiting { limit }.into());
        }
        let message = StoredMessage {
            key: key(push),
            channel: claims.channel,
            generation: session.generation,
            payload: push.payload.clone(),
            shared: None,
            urgency: push.urgency,
            expires: push.ttl.expires(now),
            sealed_under: self.context.keys.current().sealing_key(),
        };
        self.store_and_post(message, terminal, &push.accepted.id).await
    }

    /// Stored first (I1), posted then. From here on nothing is lost: what is not posted is found by the drain of the next
    /// `hello`.
    async fn store_and_post(
        &self,
        message: StoredMessage,
        terminal: &Terminal,
        request: &EventId,
    ) -> Result<MessageKey, Refused> {
        let frame =
            self.frame(&message.key, message.sealed_under, message.channel, message.payload.as_ref())?;
        if self.context.store.put_message(&message).await? == Putting::Superseded {
            // A newer message of its topic came in between, and stands for both.
            return Ok(message.key);
        }
        self.context.metrics.one(Count::Stored);
        let connection = match terminal.reachable_at(message.urgency) {
            Some(connection) => Some(connection.clone()),
            None => self.second_look(terminal.id, message.urgency).await?,
        };
        let posted = match connection {
            None => Posted::Absent,
            Some(connection) => {
                match post(&self.context, &message.key, connection, message.urgency, &frame).await {
                    Ok(posted) => posted,
                    Err(failed) => {
                        owe(&self.context, &message.key, &failed, Some(request)).await;
                        Posted::NotYet
                    }
                }
            }
        };
        tracing::info!(terminal = %terminal.id, channel = %message.channel, ?posted, "accepted");
        Ok(message.key)
    }

    /// I12: a `hello` that opened its gate before this look is seen here; one that opens it later sees the message.
    /// The same goes for a `hello` that lowers the terminal's minimum urgency.
    async fn second_look(
        &self,
        terminal: TerminalId,
        urgency: Urgency,
    ) -> Result<Option<ConnectionId>, Refused> {
        let terminal = self.context.store.count_waiting(terminal, self.context.clock.now()).await?;
        Ok(terminal.and_then(|terminal| terminal.reachable_at(urgency).cloned()))
    }

    /// TTL 0: handed to the connection, or dropped where the terminal is absent (RFC 8030 section 5.2).
    async fn now_or_never(&self, push: &Push, terminal: &Terminal) -> Result<MessageKey, Refused> {
        let key = key(push);
        if let Some(topic) = push.topic {
            // It replaces an older message of its topic, though it does not wait in its place.
            self.context
                .store
                .clear_topic(&MessageKey { kind: MessageKind::OfTopic(topic), ..key.clone() })
                .await?;
        }
        let sealed_under = self.context.keys.current().sealing_key();
        let frame = self.frame(&key, sealed_under, push.claims.channel, push.payload.as_ref())?;
        let posted = match self.arrived(terminal, push.urgency).await? {
            Some(connection) => post(&self.context, &key, connection, push.urgency, &frame).await.map_err(|failed| {
                tracing::warn!(terminal = %terminal.id, connection = %failed.connection, error = failed.error, "a post failed");
                Refusal::Unavailable
            })?,
            None => Posted::Absent,
        };
        tracing::info!(terminal = %terminal.id, channel = %push.claims.channel, ?posted, "accepted, now or never");
        Ok(key)
    }

    /// The terminal's connection; waits a little for one whose `hello` is being answered.
    async fn arrived(&self, terminal: &Terminal, urgency: Urgency) -> Result<Option<ConnectionId>, Refused> {
        let mut seen = terminal.clone();
        for _ in 0..LOOKS {
            if !seen.is_arriving() {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            match self.context.store.terminal(terminal.id, self.context.clock.now()).await? {
                Some(now) => seen = now,
                None => return Ok(None),
            }
        }
        Ok(seen.reachable_at(urgency).cloned())
    }

    fn frame(
        &self,
        key: &MessageKey,
        under: KeyId,
        channel: ChannelId,
        payload: Option<&Payload>,
    ) -> Result<ServiceMessage, Refused> {
        let frame = notification(&self.context.keys.current(), key, under, channel, payload);
        frame.map_err(|_| Refusal::Unavailable.into())
    }
}

fn key(push: &Push) -> MessageKey {
    MessageKey {
        terminal: push.claims.terminal,
        accepted: Acceptance::new(push.accepted.at, &push.accepted.id),
        kind: push.kind(),
        receipt: push.receipt,
    }
}
