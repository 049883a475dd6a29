use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use tower_http::cors::{Any, CorsLayer};

use super::gateway::{Gateway, gateway_made};
use super::{http_api, websocket_api};

/// The request headers that a page may set.
const ASKED: [&str; 10] = [
    "authorization",
    "content-encoding",
    "content-type",
    "crypto-key",
    "encryption",
    "idempotency-key",
    "prefer",
    "topic",
    "ttl",
    "urgency",
];
/// The answer's headers that a page may see.
const ANSWERED: [&str; 6] = ["link", "location", "retry-after", "ttl", "www-authenticate", "x-request-id"];

/// The routes of the template's HTTP API, and the WebSocket API on `/`.
pub(super) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/", any(websocket_api::upgrade))
        .route("/push/{token}", any(http_api::notify))
        .route("/messages/{id}", delete(http_api::notify))
        .route("/receipts/{id}", get(http_api::notify))
        .route("/health", get(http_api::notify))
        .route("/v1/tokens/validate", post(http_api::validate_token))
        .route("/v1/tokens/revoke", post(http_api::validate_token))
        .route("/v1/notifications", post(http_api::fanout))
        .route("/v1/notifications/{job}", get(http_api::fanout))
        .route("/v1/audiences/{name}", get(http_api::fanout).patch(http_api::fanout).delete(http_api::fanout))
        .route("/v1/audiences/{name}/notifications", post(http_api::fanout))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(cors())
        .with_state(gateway)
}

/// Pages of any origin may send, as the template's HTTP API lets them: what counts is the token and the VAPID key.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::DELETE, Method::GET, Method::PATCH, Method::POST])
        .allow_headers(ASKED.map(HeaderName::from_static))
        .expose_headers(ANSWERED.map(HeaderName::from_static))
        .max_age(Duration::from_secs(24 * 3600))
}

/// What API Gateway says of a route that there is not.
pub(super) async fn not_found() -> Response {
    gateway_made(StatusCode::NOT_FOUND, "Not Found")
}
