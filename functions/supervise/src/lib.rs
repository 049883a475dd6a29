//! Woken by `/v1/applications` and `/v1/applications/{app}`: keeps the registry of applications for the operator. Every call is
//! signed by one who may make it, which API Gateway has checked, and the function does again: it serves nobody else, whatever
//! the routes say.

mod registry;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use signalbox_domain::Refusal;
use signalbox_gateway::http::{operator, refused, route, trace, traced};
use signalbox_startup::Keeping;
use signalbox_store::StoreError;
use signalbox_telemetry::Refused;

/// The function.
#[derive(Debug)]
pub struct Supervise {
    keeping: Keeping,
}

impl Supervise {
    /// With what it works with.
    #[must_use]
    pub fn new(keeping: Keeping) -> Self {
        Self { keeping }
    }

    /// Answers a request: what its route says, or a problem.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let trace = trace(&request);
        let answer = async {
            self.answer(&request).await.unwrap_or_else(|refusal| {
                tracing::info!(refusal = refusal.kind().as_str(), "operator refused");
                self.keeping.metrics.refused(Refused::Request(refusal.kind()));
                refused(&refusal)
            })
        };
        traced(self.keeping.invocation(&trace, answer).await, &trace)
    }

    async fn answer(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let operator = operator(request)?;
        match (request.method(), route(request)) {
            (_, "/v1/applications") => self.list(request).await,
            (&Method::PUT, _) => self.register(request, operator).await,
            (&Method::DELETE, _) => self.remove(request, operator).await,
            _ => self.registered(request).await,
        }
    }
}

pub(crate) fn unavailable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "the registry failed");
    Refusal::Unavailable
}
