//! Woken by `POST /push/{token}`: takes a notification for one token and delivers it (R18 to R24). Answers `GET /health`.

mod deliver;
mod request;

use lambda_http::http::header::LOCATION;
use lambda_http::http::{HeaderName, HeaderValue, Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde_json::json;
use signalbox_domain::{KeyRing, MessageKey, Purpose, Refusal};
use signalbox_gateway::http::{empty, ok, refused};
use signalbox_startup::{Context, NotOpened};
use signalbox_store::StoreError;

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

    /// Answers a request: 201 with `Location` and `TTL` (RFC 8030 section 5), or a problem.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        if request.method() != Method::POST {
            return ok(&json!({"status": "ok"}));
        }
        match self.push(request).await {
            Ok(accepted) => accepted,
            Err(refusal) => {
                tracing::info!(refusal = refusal.kind(), "notification refused");
                refused(&refusal)
            }
        }
    }

    async fn push(&self, request: Request) -> Result<Response<Body>, Refusal> {
        let push = Push::read(&self.context, request).await?;
        let message = self.accept(&push).await?;
        let keys = self.context.keys.current();
        let location = self.location(&keys, &message)?;
        let mut accepted = empty(StatusCode::CREATED);
        accepted.headers_mut().insert(LOCATION, location);
        accepted.headers_mut().insert(TTL, push.ttl.as_secs().into());
        Ok(accepted)
    }

    /// The message's own resource, under a name that is no `version`: a sender cannot acknowledge.
    fn location(&self, keys: &KeyRing, message: &MessageKey) -> Result<HeaderValue, Refusal> {
        let id =
            message.seal(keys, Purpose::Location, keys.sealing_key()).map_err(|_| Refusal::Unavailable)?;
        let url = self.context.settings.public_url.message(id.as_str());
        HeaderValue::try_from(url).map_err(|_| Refusal::Unavailable)
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
