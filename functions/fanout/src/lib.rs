//! Woken by `POST /v1/notifications` and `/v1/audiences/{name}/notifications`: takes one request for many sessions (R40),
//! refuses at once what the tokens tell by themselves, and puts the rest into the queue of pages. Also by
//! `GET /v1/notifications/{job}`, how far that is (R41), and by what keeps audiences, `/v1/audiences/{name}`.

mod accept;
mod asked;
mod audiences;
mod progress;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use signalbox_delivery::NotQueued;
use signalbox_domain::{Refusal, ServerKey};
use signalbox_gateway::http::{refused, route, server, trace, traced};
use signalbox_startup::Context;
use signalbox_store::StoreError;
use signalbox_telemetry::Refused;

/// The largest body of a request: what a Lambda takes, with room for what an event adds to it.
const LARGEST: usize = 4 * 1024 * 1024;

/// The function.
#[derive(Debug)]
pub struct Fanout {
    context: Context,
}

impl Fanout {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Answers a request: what its route says, or a problem.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let trace = trace(&request);
        let answer = async {
            self.answer(&request).await.unwrap_or_else(|refusal| {
                tracing::info!(refusal = refusal.kind().as_str(), "fan-out refused");
                self.context.metrics.refused(Refused::Request(refusal.kind()));
                refused(&refusal)
            })
        };
        traced(self.context.invocation(&trace, answer).await, &trace)
    }

    async fn answer(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let server = self.admit(request)?;
        match (request.method(), route(request)) {
            (_, "/v1/notifications") => self.notify_list(request, server).await,
            (_, "/v1/notifications/{job}") => self.progress(request, &server).await,
            (_, "/v1/audiences/{name}/notifications") => self.notify_audience(request, server).await,
            (&Method::PATCH, _) => self.change_audience(request, &server).await,
            (&Method::DELETE, _) => self.delete_audience(request, &server).await,
            _ => self.audience_size(request, &server).await,
        }
    }

    /// Who asks: all that is done here is done for an application server. And that it asks for no more than can be taken.
    fn admit(&self, request: &Request) -> Result<ServerKey, Refusal> {
        let bytes = request.body().len();
        if bytes > LARGEST {
            return Err(Refusal::BodyTooLarge { got: bytes, limit: LARGEST });
        }
        server(request, &self.context.vapid, self.context.clock.now())?.ok_or(Refusal::ServerUnknown)
    }
}

/// What can come between a request and its answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] NotQueued),
}

impl From<Failed> for Refusal {
    fn from(failed: Failed) -> Self {
        tracing::error!(error = %failed, "a fan-out failed");
        Self::Unavailable
    }
}

pub(crate) fn failed(error: impl Into<Failed>) -> Refusal {
    error.into().into()
}
