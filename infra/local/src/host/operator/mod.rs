//! What is for the operator alone, apart from the service's own listener: a Unix socket in the data directory, for who may
//! read that directory, and where it is asked for a listener, for who has the key that is kept there. Both serve the same
//! routes.

mod key;
mod metrics;
mod serving;
mod socket;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::prometheus_text;

use super::gateway::Gateway;
use super::http_api;
use super::routes::not_found;

pub(super) use key::OperatorKey;
use key::protected;
pub use key::{OPERATOR_KEY, OperatorKeyError};
pub(super) use metrics::{Gauges, Kept};
pub(super) use serving::Operating;
pub use serving::Operators;
pub use socket::OPERATOR_SOCKET;

/// The operator's routes: what the host has counted, and what the template's HTTP API serves to who signs.
fn router(kept: Arc<Kept>, gateway: Gateway) -> Router {
    let supervised = Router::new()
        .route("/v1/applications", get(http_api::supervise))
        .route(
            "/v1/applications/{app}",
            get(http_api::supervise).put(http_api::supervise).delete(http_api::supervise),
        )
        .method_not_allowed_fallback(not_found)
        .with_state(gateway);
    Router::new().route("/metrics", get(metrics)).with_state(kept).merge(supervised).fallback(not_found)
}

/// What the functions have counted since the start, and what the host holds, as Prometheus reads it.
async fn metrics(State(kept): State<Arc<Kept>>) -> Response {
    match kept.text() {
        Ok(text) => ([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
