use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use signalbox_domain::{Clock, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::functions::Functions;
use super::hub::Hub;
use super::request_ids::RequestIds;

/// What plays API Gateway.
#[derive(Clone)]
pub(super) struct Gateway {
    pub(super) functions: Arc<Functions>,
    pub(super) hub: Arc<Hub>,
    pub(super) stop: CancellationToken,
    pub(super) connections: TaskTracker,
    pub(super) requests: Arc<RequestIds>,
    pub(super) clock: Clock,
    pub(super) capacity: Arc<Capacity>,
    /// What requests are said to be for: a gateway hands on its own domain, not what the request names.
    pub(super) domain: String,
}

/// How many functions run at once, as Lambda's concurrency: the rest waits here, and not in front of the store, where the
/// clients' patience would run out and they would ask again.
pub(super) struct Capacity {
    /// For requests and messages.
    asked: Semaphore,
    /// For the ends of connections, which may come by the thousand, and which nobody waits for.
    ended: Semaphore,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { asked: Semaphore::new(256), ended: Semaphore::new(16) }
    }
}

impl Capacity {
    /// Leave to run a function for somebody who waits. (The semaphores are never closed.)
    pub(super) async fn for_asked(&self) -> Option<SemaphorePermit<'_>> {
        self.asked.acquire().await.ok()
    }

    /// Leave to run a function for a connection that has ended.
    pub(super) async fn for_ended(&self) -> Option<SemaphorePermit<'_>> {
        self.ended.acquire().await.ok()
    }
}

/// A connection of the WebSocket API.
pub(super) struct Connection {
    pub(super) id: String,
    pub(super) connected: Timestamp,
}

/// An answer of the gateway's own: no function has seen the request.
pub(super) fn gateway_made(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({ "message": message }).to_string();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
