use signalbox_domain::{MessageKey, MessageKind, Purpose};
use signalbox_gateway::TerminalEvent;
use signalbox_startup::NotOpened;
use signalbox_wire::{Ack, Nack};

use crate::Connection;

impl Connection {
    /// Deletes what the terminal has taken, so that it is never sent again (I2). A `version` is known to the terminal
    /// alone and says where its message is: no look-up, and it counts on any connection (I7). Unknown ones are ignored.
    /// 1 call for every 25 stored messages.
    pub(crate) async fn acknowledge(&self, event: &TerminalEvent) {
        let ack: Ack = match event.message() {
            Ok(ack) => ack,
            Err(error) => return self.malformed(event, "ack", &error).await,
        };
        let mut stored = Vec::with_capacity(ack.updates.len());
        for update in &ack.updates {
            match self
                .context
                .keys
                .open(|ring| MessageKey::open(ring, Purpose::Version, &update.version))
                .await
            {
                Ok(key) if key.kind == MessageKind::Stored => stored.push(key),
                Ok(_) | Err(NotOpened::Forged) => {}
                Err(NotOpened::Unavailable) => return self.try_again(event).await,
            }
        }
        match self.context.store.delete_messages(&stored).await {
            Ok(()) => {
                tracing::info!(connection = %event.connection, notifications = stored.len(), "acknowledged");
            }
            Err(error) => {
                tracing::error!(connection = %event.connection, %error, "an acknowledgement could not be kept");
                self.try_again(event).await;
            }
        }
    }

    /// Counted, no more: the message stays, and is delivered again on the next `hello`.
    pub(crate) async fn nack(&self, event: &TerminalEvent) {
        match event.message::<Nack>() {
            Ok(nack) => tracing::info!(connection = %event.connection, code = nack.code, "not acknowledged"),
            Err(error) => self.malformed(event, "nack", &error).await,
        }
    }

    async fn malformed(&self, event: &TerminalEvent, what: &str, error: &serde_json::Error) {
        self.context.delivery.refuse(&event.connection, "malformed", format!("{what}: {error}")).await;
    }

    /// An acknowledgement has no answer that could say so, but a connection that closes does: the terminal says `hello`
    /// again, gets what is not acknowledged again, and acknowledges it again.
    async fn try_again(&self, event: &TerminalEvent) {
        let detail = "the acknowledgement could not be kept; connect again".to_owned();
        self.context.delivery.refuse(&event.connection, "unavailable", detail).await;
    }
}
