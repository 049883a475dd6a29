use std::collections::HashSet;

use signalbox_domain::{MessageKey, MessageKind, Purpose};
use signalbox_gateway::TerminalEvent;
use signalbox_startup::NotOpened;
use signalbox_telemetry::Count;
use signalbox_wire::{Ack, ErrorReason, Nack};

use crate::Connection;

/// The code of an update whose notification has reached its application.
const DELIVERED: u16 = 100;

impl Connection {
    /// Deletes what the terminal has taken, so that it is never sent again (I2). A `version` is known to the terminal
    /// alone and says where its message is: no look-up, and it counts on any connection (I7). Unknown ones are ignored.
    /// Who wanted a receipt gets it (RFC 8030 section 6.2). 1 call for every 25 stored messages and receipts, 1 for each
    /// message with a topic.
    pub(crate) async fn acknowledge(&self, event: &TerminalEvent) {
        let ack: Ack = match event.message() {
            Ok(ack) => ack,
            Err(error) => return self.malformed(event, "ack", &error).await,
        };
        let mut taken = Vec::with_capacity(ack.updates.len());
        // A version may be named twice.
        let mut known = HashSet::new();
        for update in &ack.updates {
            match self
                .context
                .keys
                .open(|ring| MessageKey::open(ring, Purpose::Version, &update.version))
                .await
            {
                Ok(key) => {
                    known.insert(&update.version);
                    // What the application could not take is not delivered again, but its sender is not told otherwise.
                    let receipt = key.receipt && matches!(update.code, None | Some(DELIVERED));
                    if receipt || key.kind != MessageKind::Transient {
                        taken.push(MessageKey { receipt, ..key });
                    }
                }
                Err(NotOpened::Forged) => {}
                Err(NotOpened::Unavailable) => return self.try_again(event).await,
            }
        }
        match self.context.store.acknowledge(&taken, self.context.clock.now()).await {
            Ok(()) => {
                self.context.metrics.many(Count::Acknowledged, known.len());
                tracing::info!(connection = %event.connection, notifications = taken.len(), "acknowledged");
            }
            Err(error) => {
                tracing::error!(connection = %event.connection, %error, "an acknowledgement could not be kept");
                self.try_again(event).await;
            }
        }
    }

    /// Logged, by its code, no more: the message stays, and is delivered again on the next `hello`.
    pub(crate) async fn nack(&self, event: &TerminalEvent) {
        match event.message::<Nack>() {
            Ok(nack) => tracing::info!(connection = %event.connection, code = nack.code, "not acknowledged"),
            Err(error) => self.malformed(event, "nack", &error).await,
        }
    }

    async fn malformed(&self, event: &TerminalEvent, what: &str, error: &serde_json::Error) {
        self.context
            .delivery
            .refuse(&event.connection, ErrorReason::Malformed, format!("{what}: {error}"))
            .await;
    }

    /// An acknowledgement has no answer that could say so, but a connection that closes does: the terminal says `hello`
    /// again, gets what is not acknowledged again, and acknowledges it again.
    async fn try_again(&self, event: &TerminalEvent) {
        let detail = "the acknowledgement could not be kept; connect again".to_owned();
        self.context.delivery.refuse(&event.connection, ErrorReason::Unavailable, detail).await;
    }
}
