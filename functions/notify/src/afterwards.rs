use std::time::Duration;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use signalbox_domain::{MessageKey, MessageKind, Purpose, Refusal};
use signalbox_gateway::http::{empty, path_parameter};
use signalbox_startup::NotOpened;
use signalbox_store::{Outcome, StoreError};

use crate::Notify;

/// A message with TTL 0 is nowhere stored: so long may its acknowledgement be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

impl Notify {
    /// `DELETE /messages/{id}`: the sender withdraws its message (RFC 8030 section 6.2). 204, also when it is
    /// gone. 1 call, none for a message with TTL 0.
    pub(crate) async fn withdraw(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let message = self.named(request, Purpose::Location).await?;
        if message.kind != MessageKind::Transient {
            self.context.store.withdraw(&message).await.map_err(|error| unavailable(&error))?;
        }
        tracing::info!(terminal = %message.terminal, "withdrawn");
        Ok(empty(StatusCode::NO_CONTENT))
    }

    /// `GET /receipts/{id}`: what became of a message (RFC 8030 section 6.3, polled). 204 acknowledged, 202 not known yet, 410
    /// given up. 1 call.
    pub(crate) async fn receipt(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let message = self.named(request, Purpose::Receipt).await?;
        let now = self.context.clock.now();
        match self.context.store.outcome(&message, now).await.map_err(|error| unavailable(&error))? {
            Outcome::Acknowledged => Ok(empty(StatusCode::NO_CONTENT)),
            Outcome::Waiting => Ok(empty(StatusCode::ACCEPTED)),
            Outcome::Neither
                if message.kind == MessageKind::Transient && now < message.accepted.at().plus(ON_ITS_WAY) =>
            {
                Ok(empty(StatusCode::ACCEPTED))
            }
            Outcome::Neither => Err(Refusal::GivenUp),
        }
    }

    async fn named(&self, request: &Request, purpose: Purpose) -> Result<MessageKey, Refusal> {
        let id = path_parameter(request, "id");
        let opened = self.context.keys.open(|ring| MessageKey::open(ring, purpose, &id)).await;
        opened.map_err(|error| match error {
            NotOpened::Forged => Refusal::MessageUnknown,
            NotOpened::Unavailable => Refusal::Unavailable,
        })
    }
}

fn unavailable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "a message could not be looked up or withdrawn");
    Refusal::Unavailable
}
