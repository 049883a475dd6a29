use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, get, post};

use super::gateway::{Gateway, gateway_made};
use super::{http_api, websocket_api};

/// The routes of the template's HTTP API, and the WebSocket API on `/`.
pub(super) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/", any(websocket_api::upgrade))
        .route("/push/{token}", post(http_api::notify))
        .route("/health", get(http_api::notify))
        .route("/v1/tokens/validate", post(http_api::validate_token))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(gateway)
}

/// What API Gateway says of a route that there is not.
async fn not_found() -> Response {
    gateway_made(StatusCode::NOT_FOUND, "Not Found")
}
