//! Woken by `POST /push/{token}`: takes a notification for one token and delivers it (R18 to R24). Also by what its sender
//! asks of it afterwards, `DELETE /messages/{id}` and `GET /receipts/{id}`, and by `GET /health`.

mod afterwards;
mod deliver;
mod request;

use lambda_http::http::header::{LINK, LOCATION};
use lambda_http::http::{HeaderName, Method, StatusCode};
use lambda_http::{Body, Request, Response};
use signalbox_domain::{MessageKey, Purpose, Refusal, Sealed};
use signalbox_gateway::http::{empty, header_value, ok, refused, route, trace, traced};
use signalbox_startup::{Context, NotOpened};
use signalbox_store::StoreError;
use signalbox_telemetry::Count;
use signalbox_wire::HealthAnswer;

use crate::request::Push;

const TTL: HeaderName = HeaderName::from_static("ttl");

/// The function.
#[derive(Debug)]
pub struct Notify {
    context: Context,
}

impl Notify {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Answers a request: what its route says, or a problem.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let trace = trace(&request);
        let answer = self.context.invocation(&trace, self.answer(request)).await;
        traced(answer, &trace)
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        let answer = match (request.method(), route(&request)) {
            (_, "/health") => return ok(&HealthAnswer::default()),
            (&Method::DELETE, "/messages/{id}") => self.withdraw(&request).await,
            (&Method::GET, "/receipts/{id}") => self.receipt(&request).await,
            (&Method::POST, _) => self.push(request).await,
            _ => Err(Refusal::NotAPost),
        };
        match answer {
            Ok(answer) => answer,
            Err(refusal) => {
                tracing::info!(refusal = refusal.kind().as_str(), "refused");
                self.context.metrics.refused(signalbox_telemetry::Refused::Request(refusal.kind()));
                refused(&refusal)
            }
        }
    }

    /// 201 with `Location` and `TTL` (RFC 8030 section 5); with a receipt 202 and its link (section 5.1).
    async fn push(&self, request: Request) -> Result<Response<Body>, Refusal> {
        let push = Push::read(&self.context, request).await?;
        let message = self.accept(&push).await?;
        let url = &self.context.settings.public_url;
        let location = url.message(self.name(&message, Purpose::Location)?.as_str());
        let mut accepted = empty(if push.receipt { StatusCode::ACCEPTED } else { StatusCode::CREATED });
        let headers = accepted.headers_mut();
        headers.insert(LOCATION, header_value(location)?);
        headers.insert(TTL, push.ttl.as_secs().into());
        if push.receipt {
            let receipt = url.receipt(self.name(&message, Purpose::Receipt)?.as_str());
            headers.insert(LINK, header_value(format!("<{receipt}>; rel=\"urn:ietf:params:push:receipt\""))?);
        }
        self.context.metrics.one(Count::Accepted);
        Ok(accepted)
    }

    /// The message's name for its sender, which is no `version`: a sender cannot acknowledge.
    fn name(&self, message: &MessageKey, purpose: Purpose) -> Result<Sealed, Refusal> {
        let keys = self.context.keys.current();
        message.seal(&keys, purpose, keys.sealing_key()).map_err(|_| Refusal::Unavailable)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Refusal(refusal) => refusal,
            Refused::Store(error) => {
                tracing::error!(%error, "notification failed");
                Self::Unavailable
            }
            Refused::Keys(NotOpened::Forged) => Self::TokenUnknown,
            Refused::Keys(NotOpened::Unavailable) => Self::Unavailable,
        }
    }
}

/// What can come between a notification and its 201.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] NotOpened),
}
