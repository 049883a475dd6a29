use lambda_http::Request;
use signalbox_domain::{
    Authorization, LiveSession, Refusal, ServerKey, TokenClaims, TokenDigest, ValidationOutcome, evaluate,
};
use signalbox_gateway::http::{json, rfc3339, server};
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
        let route = store.route(claims.terminal, &claims.channel, claims.application, now).await;
        let route = route.map_err(|error| unavailable(&error))?;
        let application = route.application.as_ref();
        let session = evaluate(route.terminal.as_ref(), route.session.as_ref(), digest, now)?;
        let of_application = match policy.admit_validation(session, application, server)? {
            ValidationOutcome::Authorized => return Ok(session.clone()),
            ValidationOutcome::ToAuthorize { of_application } => of_application,
        };
        let given = Authorization { server: *server, since: now, of_application };
        let rights = (session.authorization.as_ref(), &given);
        let authorizing = store.authorize(claims.terminal, &claims.channel, digest, rights).await;
        match authorizing.map_err(|error| unavailable(&error))? {
            Authorizing::Authorized => Ok(session.clone()),
            // Another server was faster, or this one in another request, or the session has ended meanwhile (R22).
            Authorizing::Changed(changed) => {
                let changed = evaluate(route.terminal.as_ref(), changed.as_ref(), digest, now)?;
                match policy.admit_validation(changed, application, server)? {
                    ValidationOutcome::Authorized => Ok(changed.clone()),
                    ValidationOutcome::ToAuthorize { .. } => Err(Refusal::Unavailable),
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
