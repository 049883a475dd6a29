use lambda_http::Request;
use signalbox_domain::{Refusal, evaluate};

use crate::ValidateToken;
use crate::validate::{Shown, unavailable};

impl ValidateToken {
    /// Ends a session on behalf of the server that it is bound to. 1 read and 1 write.
    pub(crate) async fn revoke(&self, request: &Request) -> Result<(), Refusal> {
        let Shown { claims, token, server } = self.shown(request).await?;
        let (store, policy) = (&self.context.store, self.context.settings.authorization);
        let now = self.context.clock.now();
        let route = store.route(claims.terminal, &claims.channel, claims.application, now).await;
        let route = route.map_err(|error| unavailable(&error))?;
        let session = evaluate(route.terminal.as_ref(), route.session.as_ref(), &token, now)?;
        policy.admit_revocation(session, route.application.as_ref(), &server)?;
        let revoked = store.revoke_session(claims.terminal, &claims.channel, &token, now).await;
        revoked.map_err(|error| unavailable(&error))?;
        tracing::info!(terminal = %claims.terminal, channel = %claims.channel, "session revoked");
        Ok(())
    }
}
