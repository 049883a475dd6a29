use std::str::FromStr;

use crate::{LiveSession, Refusal, ServerKey};

/// What makes a server authorized for a session (R17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationMode {
    /// A genuine token on the push resource counts as its own validation; where the application named a key, with that
    /// key's VAPID signature only.
    Implicit,
    /// Nothing is delivered before the server has validated the token.
    Explicit,
}

impl FromStr for AuthorizationMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "implicit" => Ok(Self::Implicit),
            "explicit" => Ok(Self::Explicit),
            _ => Err("must be `implicit` or `explicit`"),
        }
    }
}

/// Which mode a session is in: explicit where the application gave its name, implicit where not (every browser), unless
/// the deployment sets one mode for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthorizationPolicy {
    /// The deployment's mode for sessions of either kind.
    pub forced: Option<AuthorizationMode>,
}

/// What a validation that is not refused comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationOutcome {
    /// The server is authorized already, or needs nothing more.
    Authorized,
    /// The server is the first: record it, if nobody else was faster.
    ToAuthorize,
}

impl AuthorizationPolicy {
    /// The mode of a session.
    #[must_use]
    pub fn mode(self, session: &LiveSession) -> AuthorizationMode {
        let by_kind = match session.request.application {
            Some(_) => AuthorizationMode::Explicit,
            None => AuthorizationMode::Implicit,
        };
        self.forced.unwrap_or(by_kind)
    }

    /// Whether a notification from this server may cross to the terminal (R17, R18, R22).
    ///
    /// # Errors
    /// [`Refusal::VapidMissing`], [`Refusal::OtherServer`] or [`Refusal::NotValidated`].
    pub fn admit_notification(
        self,
        session: &LiveSession,
        server: Option<&ServerKey>,
    ) -> Result<(), Refusal> {
        admit_named(session, server)?;
        match self.mode(session) {
            AuthorizationMode::Implicit => Ok(()),
            AuthorizationMode::Explicit => {
                let server = server.ok_or(Refusal::VapidMissing)?;
                let authorization = session.authorization.ok_or(Refusal::NotValidated)?;
                if authorization.server == *server { Ok(()) } else { Err(Refusal::OtherServer) }
            }
        }
    }

    /// Whether this server may be told that the token is good, and what is left to do (R15, R16).
    ///
    /// # Errors
    /// [`Refusal::OtherServer`].
    pub fn admit_validation(
        self,
        session: &LiveSession,
        server: &ServerKey,
    ) -> Result<ValidationOutcome, Refusal> {
        admit_named(session, Some(server))?;
        match (self.mode(session), session.authorization) {
            (AuthorizationMode::Implicit, _) => Ok(ValidationOutcome::Authorized),
            (AuthorizationMode::Explicit, None) => Ok(ValidationOutcome::ToAuthorize),
            (AuthorizationMode::Explicit, Some(authorization)) if authorization.server == *server => {
                Ok(ValidationOutcome::Authorized)
            }
            (AuthorizationMode::Explicit, Some(_)) => Err(Refusal::OtherServer),
        }
    }
}

impl AuthorizationPolicy {
    /// Whether this server may end the session: only the one that it is bound to, by the application that named its key or by
    /// its validation. Whoever merely finds an endpoint cannot lock its owner out.
    ///
    /// # Errors
    /// [`Refusal::OtherServer`], [`Refusal::NotValidated`] or [`Refusal::SessionUnbound`].
    pub fn admit_revocation(self, session: &LiveSession, server: &ServerKey) -> Result<(), Refusal> {
        self.admit_notification(session, Some(server))?;
        let bound = session.request.named_key.is_some() || self.mode(session) == AuthorizationMode::Explicit;
        if bound { Ok(()) } else { Err(Refusal::SessionUnbound) }
    }
}

/// A key that the application named admits no other in either mode.
fn admit_named(session: &LiveSession, server: Option<&ServerKey>) -> Result<(), Refusal> {
    match (&session.request.named_key, server) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Refusal::VapidMissing),
        (Some(named), Some(server)) if named == server => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::OtherServer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vapid::tests::TestServer;
    use crate::{Authorization, Session, SessionRequest, Timestamp, TokenDigest};

    fn session(application: bool, named: Option<ServerKey>, authorized: Option<ServerKey>) -> LiveSession {
        let request = SessionRequest {
            application: application.then(|| "a".parse().unwrap()),
            named_key: named,
            takes_identity: false,
        };
        let now = Timestamp::default();
        let authorization = authorized.map(|server| Authorization { server, since: now });
        LiveSession { authorization, ..Session::issue(None, &request, TokenDigest::of("t"), now) }
    }

    /// R17 and R22, for every kind of session and every server, in both modes.
    #[test]
    fn the_whole_table() {
        use AuthorizationMode::{Explicit, Implicit};
        use Refusal::{NotValidated, OtherServer, VapidMissing};
        use ValidationOutcome::{Authorized, ToAuthorize};
        let (a, b) = (TestServer::new().key(), TestServer::new().key());
        // session, mode forced, server | notification, validation (by a server with a key)
        let table = [
            (session(false, None, None), None, None, Ok(()), None),
            (session(false, None, None), None, Some(a), Ok(()), Some(Ok(Authorized))),
            (session(false, Some(a), None), None, Some(a), Ok(()), Some(Ok(Authorized))),
            (session(false, Some(a), None), None, Some(b), Err(OtherServer), Some(Err(OtherServer))),
            (session(false, Some(a), None), None, None, Err(VapidMissing), None),
            (session(true, None, None), None, None, Err(VapidMissing), None),
            (session(true, None, None), None, Some(a), Err(NotValidated), Some(Ok(ToAuthorize))),
            (session(true, None, Some(a)), None, Some(a), Ok(()), Some(Ok(Authorized))),
            (session(true, None, Some(a)), None, Some(b), Err(OtherServer), Some(Err(OtherServer))),
            (session(true, Some(a), None), None, Some(b), Err(OtherServer), Some(Err(OtherServer))),
            (session(true, Some(a), None), None, Some(a), Err(NotValidated), Some(Ok(ToAuthorize))),
            (session(true, None, None), Some(Implicit), None, Ok(()), None),
            (session(false, None, None), Some(Explicit), Some(a), Err(NotValidated), Some(Ok(ToAuthorize))),
        ];
        for (index, (session, forced, server, notification, validation)) in table.into_iter().enumerate() {
            let policy = AuthorizationPolicy { forced };
            assert_eq!(policy.admit_notification(&session, server.as_ref()), notification, "row {index}");
            let outcome = server.map(|server| policy.admit_validation(&session, &server));
            assert_eq!(outcome, validation, "row {index}");
        }
    }

    /// Only the server that a session is bound to ends it.
    #[test]
    fn who_may_revoke() {
        use Refusal::{NotValidated, OtherServer, SessionUnbound};
        let (a, b) = (TestServer::new().key(), TestServer::new().key());
        let table = [
            (session(false, None, None), a, Err(SessionUnbound)),
            (session(false, Some(a), None), a, Ok(())),
            (session(false, Some(a), None), b, Err(OtherServer)),
            (session(true, None, None), a, Err(NotValidated)),
            (session(true, None, Some(a)), a, Ok(())),
            (session(true, None, Some(a)), b, Err(OtherServer)),
        ];
        for (index, (session, server, revocation)) in table.into_iter().enumerate() {
            let policy = AuthorizationPolicy::default();
            assert_eq!(policy.admit_revocation(&session, &server), revocation, "row {index}");
        }
    }

    #[test]
    fn a_mode_has_a_word() {
        assert_eq!("implicit".parse(), Ok(AuthorizationMode::Implicit));
        assert_eq!("explicit".parse(), Ok(AuthorizationMode::Explicit));
        assert!("default".parse::<AuthorizationMode>().is_err());
    }
}
