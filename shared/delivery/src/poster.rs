use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use signalbox_aws::describe;
use signalbox_domain::ConnectionId;
use signalbox_telemetry::{Count, Metrics, Refused};
use signalbox_wire::{ErrorMessage, ErrorReason, PONG, ServiceMessage};

/// Posts to connections, through API Gateway's management API. What can pass by waiting (throttling, a full buffer, a
/// fault) the client has tried again, with back-off, before it is an error here.
#[derive(Debug, Clone)]
pub struct Delivery {
    connections: Client,
    metrics: Metrics,
}

/// Why a post did not reach its connection.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Gone,
    /// Whether it arrived is not known; the connection may be alive.
    #[error("posting failed: {0}")]
    Failed(String),
}

impl Delivery {
    /// Through this client, counting there.
    #[must_use]
    pub fn new(connections: Client, metrics: Metrics) -> Self {
        Self { connections, metrics }
    }

    /// Counts there from now on.
    #[must_use]
    pub fn counting(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Posts a message, and counts it where it is a notification. 1 call.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn post(&self, connection: &ConnectionId, message: &ServiceMessage) -> Result<(), PostError> {
        self.post_text(connection, message.to_json()).await?;
        if matches!(message, ServiceMessage::Notification(_)) {
            self.metrics.one(Count::Posted);
        }
        Ok(())
    }

    /// Posts an answer to a ping that nobody has sent, which terminals pass over: for API Gateway the connection is in use.
    /// 1 call.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn keep_alive(&self, connection: &ConnectionId) -> Result<(), PostError> {
        self.post_text(connection, PONG.to_owned()).await?;
        self.metrics.one(Count::KeptAlive);
        Ok(())
    }

    async fn post_text(&self, connection: &ConnectionId, text: String) -> Result<(), PostError> {
        let posted = self
            .connections
            .post_to_connection()
            .connection_id(connection.as_str())
            .data(Blob::new(text))
            .send()
            .await;
        let Err(error) = posted else { return Ok(()) };
        match error.as_service_error() {
            Some(service) if service.is_gone_exception() => Err(PostError::Gone),
            _ => Err(PostError::Failed(describe(&error))),
        }
    }

    /// Closes a connection: the terminal makes another and says `hello`, which drains whatever is owed. One that is closed
    /// already is no error. 1 call.
    ///
    /// # Errors
    /// [`PostError::Failed`].
    pub async fn close(&self, connection: &ConnectionId) -> Result<(), PostError> {
        let closed = self.connections.delete_connection().connection_id(connection.as_str()).send().await;
        let Err(error) = closed else { return Ok(()) };
        match error.as_service_error() {
            Some(service) if service.is_gone_exception() => Ok(()),
            _ => Err(PostError::Failed(describe(&error))),
        }
    }

    /// Tells a terminal what it did wrong, and closes the connection. Best effort, as the connection may be gone. 2 calls.
    pub async fn refuse(&self, connection: &ConnectionId, reason: ErrorReason, detail: String) {
        tracing::info!(%connection, %reason, "connection refused");
        self.metrics.refused(Refused::Terminal(reason));
        let message = ServiceMessage::Error(ErrorMessage { reason, detail });
        for done in [self.post(connection, &message).await, self.close(connection).await] {
            if let Err(PostError::Failed(error)) = done {
                tracing::warn!(%connection, error, "a refused connection could not be told or closed");
            }
        }
    }
}
