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

pub(super) use key::OperatorKey;
pub use key::OperatorKeyError;
use key::protected;
pub(super) use metrics::{Gauges, Kept};
pub(super) use serving::Operating;
pub use serving::Operators;
pub(super) use socket::SOCKET;

/// The operator's routes.
fn router(kept: Arc<Kept>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(kept)
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
