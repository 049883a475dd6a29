use signalbox_domain::EventMark;
use signalbox_gateway::TerminalEvent;
use signalbox_store::StoreError;
use signalbox_wire::{Unregister, UnregisterAnswer};

use crate::{IssueToken, Refused};

impl IssueToken {
    /// Ends a session; one that never was is as good as ended. From the answer on nothing more of it is delivered (I5).
    /// 2 calls.
    pub(crate) async fn unregister(&self, event: &TerminalEvent) -> Result<UnregisterAnswer, Refused> {
        let unregister: Unregister =
            event.message().map_err(|error| Refused::Malformed { what: "unregister", error })?;
        let channel = unregister.channel;
        match self.end(event, &unregister).await {
            Ok(ended) => ended.map(|()| UnregisterAnswer { channel, status: 200 }),
            Err(error) => {
                tracing::error!(connection = %event.connection, %channel, %error, "unregister failed");
                Ok(UnregisterAnswer { channel, status: 500 })
            }
        }
    }

    async fn end(
        &self,
        event: &TerminalEvent,
        unregister: &Unregister,
    ) -> Result<Result<(), Refused>, StoreError> {
        let terminal = match self.terminal(event).await? {
            Ok(terminal) => terminal,
            Err(refused) => return Ok(Err(refused)),
        };
        let now = self.context.clock.now();
        let mark = EventMark::of(&event.connection, &event.id);
        self.context.store.end_session(terminal, &unregister.channel, &mark, now).await?;
        tracing::info!(%terminal, channel = %unregister.channel, code = unregister.code, "session ended");
        Ok(Ok(()))
    }
}
