use signalbox_delivery::{Owed, Part, PostError};
use signalbox_domain::{ConnectionId, EventId, MessageKey, Urgency};
use signalbox_startup::Context;
use signalbox_wire::ServiceMessage;

/// A terminal that reconnects faster than it is posted to so often is drained by its next `hello` anyhow.
const TAKEOVERS: u32 = 3;

/// A post of which it is not known whether it arrived, and where.
#[derive(Debug)]
pub struct PostFailed {
    /// Where.
    pub connection: ConnectionId,
    /// Why.
    pub error: String,
}

/// Where a notification went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// To the terminal's connection.
    ToConnection,
    /// Nowhere: the terminal is absent.
    Absent,
    /// Nowhere yet: the queue of drains has it.
    NotYet,
}

/// Posts to the connection and, where that is closed, to the one that has taken over (I8). A closed connection without
/// a successor is no error: the terminal is absent. 1 post; 1 call and perhaps 1 post more for each that was closed.
///
/// # Errors
/// [`PostFailed`].
pub async fn post(
    context: &Context,
    message: &MessageKey,
    mut connection: ConnectionId,
    urgency: Urgency,
    frame: &ServiceMessage,
) -> Result<Posted, PostFailed> {
    for _ in 0..TAKEOVERS {
        match context.delivery.post(&connection, frame).await {
            Ok(()) => {
                context.metrics.posted(message.accepted.at(), context.clock.now());
                return Ok(Posted::ToConnection);
            }
            Err(PostError::Gone) => {}
            Err(PostError::Failed(error)) => return Err(PostFailed { connection, error }),
        }
        let now = context.clock.now();
        let newer = match context.store.forget_connection(message.terminal, &connection, now).await {
            Ok(newer) => newer,
            Err(error) => return Err(PostFailed { connection, error: error.to_string() }),
        };
        match newer.and_then(|terminal| terminal.reachable_at(urgency).cloned()) {
            Some(newer) => connection = newer,
            None => return Ok(Posted::Absent),
        }
    }
    Ok(Posted::Absent)
}

/// The connection may be alive and lack a message that is stored: the queue of drains posts it later (I8). Where the
/// queue does not take it, the connection is closed: its terminal says `hello` again and is drained. The request that it has come
/// of goes with it. 1 call to the queue.
pub async fn owe(context: &Context, message: &MessageKey, failed: &PostFailed, request: Option<&EventId>) {
    let PostFailed { connection, error } = failed;
    tracing::warn!(terminal = %message.terminal, %connection, error, "a post failed; the message is owed");
    let part = Part::Message { key: message.sort_key() };
    let owed = Owed { terminal: message.terminal, part, failures: 1, request: request.cloned() };
    let Err(error) = context.drains.owe(&owed).await else { return };
    tracing::error!(terminal = %message.terminal, %error, "a message is owed by its connection's end");
    if let Err(error) = context.delivery.close(connection).await {
        tracing::error!(%connection, %error, "a connection that lacks a message could not be closed");
    }
}
