//! Woken by `POST /v1/tokens/validate` and `POST /v1/tokens/revoke`: validates a token for an application server and
//! authorizes it (R13 to R17), and ends a session on its server's behalf.

mod revoke;
mod validate;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use signalbox_gateway::http::{empty, ok, refused, route, trace, traced};
use signalbox_startup::Context;
use signalbox_telemetry::Refused;

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

    /// Answers a request: 200 and the authorization, 204 to a revocation, or a problem.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let trace = trace(&request);
        let answer = self.context.invocation(&trace, self.answer(request)).await;
        traced(answer, &trace)
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        let answer = match route(&request) {
            "/v1/tokens/revoke" => self.revoke(&request).await.map(|()| empty(StatusCode::NO_CONTENT)),
            _ => self.validate(&request).await.map(|answer| ok(&answer)),
        };
        match answer {
            Ok(answer) => answer,
            Err(refusal) => {
                tracing::info!(refusal = refusal.kind().as_str(), "validation refused");
                self.context.metrics.refused(Refused::Request(refusal.kind()));
                refused(&refusal)
            }
        }
    }
}
