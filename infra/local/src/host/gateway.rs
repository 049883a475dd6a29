use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use signalbox_domain::{Clock, Timestamp};
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
    /// What requests are said to be for: a gateway hands on its own domain, not what the request names.
    pub(super) domain: String,
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
