//! Woken by `POST /v1/tokens/validate`: validates a token for an application server and authorizes it (R13 to R17).

mod validate;

use lambda_http::{Body, Request, Response};
use signalbox_gateway::http::{ok, refused};
use signalbox_startup::Context;

/// The function.
#[derive(Debug)]
pub struct ValidateToken {
    context: Context,
}

impl ValidateToken {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Answers a request: 200 and the authorization, or a problem.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.validate(&request).await {
            Ok(answer) => ok(&answer),
            Err(refusal) => {
                tracing::info!(refusal = refusal.kind(), "validation refused");
                refused(&refusal)
            }
        }
    }
}
