use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::response;

/// Why a post did not reach a connection, as API Gateway tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostError {
    /// 410: closed, or never there.
    Gone,
    /// 429: too much is under way, or the connection does not take it fast enough.
    LimitExceeded,
    /// 413: more than a connection carries.
    TooLarge,
    /// 500.
    Internal,
}

/// What [`Connections`] answers with.
pub type PostFuture<'c> = Pin<Box<dyn Future<Output = Result<(), PostError>> + Send + 'c>>;

/// The connections of a WebSocket API, by id.
pub trait Connections: Send + Sync {
    /// Sends a frame of text.
    fn post(&self, connection: &str, frame: Bytes) -> PostFuture<'_>;

    /// Closes the connection. Neither code nor reason can be chosen.
    fn close(&self, connection: &str) -> PostFuture<'_>;
}

/// The wire of API Gateway's management API (`@connections`).
#[derive(Clone)]
pub struct ConnectionsWire(Arc<dyn Connections>);

impl ConnectionsWire {
    /// Onto these connections.
    #[must_use]
    pub fn new(connections: Arc<dyn Connections>) -> Self {
        Self(connections)
    }

    async fn answer(self, request: HttpRequest) -> HttpResponse {
        let connection = request.uri().rsplit('/').next().unwrap_or_default();
        let connection = percent_decode_str(connection).decode_utf8_lossy();
        let done = match request.method() {
            "POST" => {
                let frame = request.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
                self.0.post(&connection, frame).await
            }
            "DELETE" => self.0.close(&connection).await,
            _ => return response(403, Some("ForbiddenException"), "{}"),
        };
        match done {
            Ok(()) => response(200, None, ""),
            Err(PostError::Gone) => response(410, Some("GoneException"), "{}"),
            Err(PostError::LimitExceeded) => response(429, Some("LimitExceededException"), "{}"),
            Err(PostError::TooLarge) => response(413, Some("PayloadTooLargeException"), "{}"),
            Err(PostError::Internal) => response(500, Some("InternalServerErrorException"), "{}"),
        }
    }
}

impl HttpConnector for ConnectionsWire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.clone().answer(request);
        HttpConnectorFuture::new(async { Ok(answer.await) })
    }
}

impl std::fmt::Debug for ConnectionsWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectionsWire")
    }
}
