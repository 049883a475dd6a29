use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use lambda_http::Request;
use signalbox_domain::{
    LiveSession, Refusal, ServerKey, Timestamp, TokenClaims, TokenDigest, ValidationOutcome, evaluate,
};
use signalbox_gateway::http::{json, server};
use signalbox_startup::NotOpened;
use signalbox_store::{Authorizing, StoreError};
use signalbox_wire::{ValidateAnswer, ValidateRequest};

use crate::ValidateToken;

impl ValidateToken {
    /// No call for what the token or the key tells by itself; 1 read where the server is authorized already; 1 write
    /// more the first time.
    pub(crate) async fn validate(&self, request: &Request) -> Result<ValidateAnswer, Refusal> {
        let Shown { claims, token: digest, server } = self.shown(request).await?;
        let session = self.authorize(&claims, &digest, &server).await?;
        tracing::info!(terminal = %claims.terminal, channel = %claims.channel, "validated");
        let (issued, expires) = session.life_of(&digest);
        Ok(ValidateAnswer {
            authorized: true,
            channel: claims.channel,
            application: session.request.application.as_ref().map(ToString::to_string),
            issued_at: rfc3339(issued),
            expires_at: expires.map(rfc3339),
        })
    }

    /// The session, once this server is authorized for it.
    async fn authorize(
        &self,
        claims: &TokenClaims,
        digest: &TokenDigest,
        server: &ServerKey,
    ) -> Result<LiveSession, Refusal> {
        let (store, policy) = (&self.context.store, self.context.settings.authorization);
        let now = self.context.clock.now();
        let route =
            store.route(claims.terminal, &claims.channel, now).await.map_err(|error| unavailable(&error))?;
        let session = evaluate(route.terminal.as_ref(), route.session.as_ref(), digest, now)?;
        if policy.admit_validation(session, server)? == ValidationOutcome::Authorized {
            return Ok(session.clone());
        }
        let authorizing = store
            .authorize(claims.terminal, &claims.channel, digest, server, now)
            .await
            .map_err(|error| unavailable(&error))?;
        match authorizing {
            Authorizing::Authorized => Ok(session.clone()),
            // Another server was faster, or this one in another request, or the session has ended meanwhile (R22).
            Authorizing::Changed(changed) => {
                let changed = evaluate(route.terminal.as_ref(), changed.as_ref(), digest, now)?;
                match policy.admit_validation(changed, server)? {
                    ValidationOutcome::Authorized => Ok(changed.clone()),
                    ValidationOutcome::ToAuthorize => Err(Refusal::Unavailable),
                }
            }
        }
    }
}

/// A genuine token, and the server that has shown it.
pub(crate) struct Shown {
    pub(crate) claims: TokenClaims,
    pub(crate) token: TokenDigest,
    pub(crate) server: ServerKey,
}

impl ValidateToken {
    /// What the request shows, refused without a call where token or key tell by themselves.
    pub(crate) async fn shown(&self, request: &Request) -> Result<Shown, Refusal> {
        let token = presented_token(&json(request)?)?;
        let server =
            server(request, &self.context.vapid, self.context.clock.now())?.ok_or(Refusal::VapidMissing)?;
        let opened = self.context.keys.open(|ring| TokenClaims::open(ring, &token)).await;
        let (claims, _) = opened.map_err(|error| match error {
            NotOpened::Forged => Refusal::TokenUnknown,
            NotOpened::Unavailable => Refusal::Unavailable,
        })?;
        claims.admit(Some(&server))?;
        Ok(Shown { claims, token: TokenDigest::of(&token), server })
    }
}

/// R13: a request without a token is malformed.
fn presented_token(request: &ValidateRequest) -> Result<String, Refusal> {
    let token = request.shown().to_owned();
    if token.is_empty() {
        return Err(Refusal::Malformed(
            "the body must have `token`, or `endpoint` that ends in it".to_owned(),
        ));
    }
    Ok(token)
}

pub(crate) fn unavailable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "validation failed");
    Refusal::Unavailable
}

fn rfc3339(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    // Every time in milliseconds that DynamoDB holds is one of the years 1970 to 9999, which can be written.
    DateTime::from_millis(millis).fmt(Format::DateTime).unwrap_or_default()
}
