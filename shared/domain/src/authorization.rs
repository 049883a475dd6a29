use std::str::FromStr;

use crate::{Application, LiveSession, Refusal, ServerKey};

/// What makes a server authorized for a session (R17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationMode {
    /// A genuine token on the push resource counts as its own validation; where the application named a key, with that
    /// key's VAPID signature only.
    Implicit,
    /// Nothing is delivered before the server has validated the token.
    Explicit,
}

impl AuthorizationMode {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Explicit => "explicit",
        }
    }
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
/// the application's registration or the deployment sets one for all.
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
    /// The server is to be recorded, if nobody else was faster.
    ToAuthorize {
        /// As one of its registered application's.
        of_application: bool,
    },
}

impl AuthorizationPolicy {
    /// The mode of a session: the deployment's for all, else its application's, else the one of its kind.
    #[must_use]
    pub fn mode(self, session: &LiveSession, application: Option<&Application>) -> AuthorizationMode {
        let by_kind = match session.request.application {
            Some(_) => AuthorizationMode::Explicit,
            None => AuthorizationMode::Implicit,
        };
        let of_application = application.and_then(|application| application.registration.authorization);
        self.forced.or(of_application).unwrap_or(by_kind)
    }

    /// Whether a notification from this server may cross to the terminal (R17, R18, R22). `application` is what is registered
    /// under the name by which the session was asked for.
    ///
    /// # Errors
    /// [`Refusal::VapidMissing`], [`Refusal::OtherServer`] or [`Refusal::NotValidated`].
    pub fn admit_notification(
        self,
        session: &LiveSession,
        application: Option<&Application>,
        server: Option<&ServerKey>,
    ) -> Result<(), Refusal> {
        let application = admit_server(session, application, server)?;
        if self.mode(session, application) == AuthorizationMode::Implicit {
            return Ok(());
        }
        let server = server.ok_or(Refusal::VapidMissing)?;
        let given = session.authorization.ok_or(Refusal::NotValidated)?;
        match application {
            // One of its keys as good as the other; but it must have been one of its own that validated.
            Some(application) if given.of_application || application.has(&given.server) => Ok(()),
            // What was the application's is nobody's where it is registered no more: the key that validated then may have been
            // taken out since.
            Some(_) => Err(Refusal::NotValidated),
            None if given.of_application => Err(Refusal::NotValidated),
            None if given.server == *server => Ok(()),
            None => Err(Refusal::OtherServer),
        }
    }

    /// Whether this server may be told that the token is good, and what is left to do (R15, R16). `application` as above.
    ///
    /// # Errors
    /// [`Refusal::VapidMissing`] or [`Refusal::OtherServer`].
    pub fn admit_validation(
        self,
        session: &LiveSession,
        application: Option<&Application>,
        server: &ServerKey,
    ) -> Result<ValidationOutcome, Refusal> {
        let application = admit_server(session, application, Some(server))?;
        if self.mode(session, application) == AuthorizationMode::Implicit {
            return Ok(ValidationOutcome::Authorized);
        }
        let of_application = application.is_some();
        match session.authorization {
            Some(given) if given.of_application && of_application => Ok(ValidationOutcome::Authorized),
            Some(given) if !given.of_application && !of_application => {
                if given.server == *server {
                    Ok(ValidationOutcome::Authorized)
                } else {
                    Err(Refusal::OtherServer)
                }
            }
            None | Some(_) => Ok(ValidationOutcome::ToAuthorize { of_application }),
        }
    }

    /// Whether this server may end the session: only the one that it is bound to, by the application that named its key, by the
    /// application's registration, or by its validation. Whoever merely finds an endpoint cannot lock its owner out.
    ///
    /// # Errors
    /// [`Refusal::VapidMissing`], [`Refusal::OtherServer`], [`Refusal::NotValidated`] or [`Refusal::SessionUnbound`].
    pub fn admit_revocation(
        self,
        session: &LiveSession,
        application: Option<&Application>,
        server: &ServerKey,
    ) -> Result<(), Refusal> {
        self.admit_notification(session, application, Some(server))?;
        let bound = session.request.named_key.is_some()
            || registered(session, application).is_some()
            || self.mode(session, application) == AuthorizationMode::Explicit;
        if bound { Ok(()) } else { Err(Refusal::SessionUnbound) }
    }
}

/// The application, if it is the one by whose name the session was asked for.
fn registered<'a>(session: &LiveSession, application: Option<&'a Application>) -> Option<&'a Application> {
    application.filter(|application| application.asked_for(session))
}

/// Admits no server but those that the session's application has, by its registration and by the key that it named.
fn admit_server<'a>(
    session: &LiveSession,
    application: Option<&'a Application>,
    server: Option<&ServerKey>,
) -> Result<Option<&'a Application>, Refusal> {
    admit_named(session, server)?;
    let application = registered(session, application);
    if let Some(application) = application {
        application.admit(server)?;
    }
    Ok(application)
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
    use crate::{Authorization, Registration, ServerKeys, Session, SessionRequest, Timestamp, TokenDigest};

    fn session(application: bool, named: Option<ServerKey>, authorized: Option<ServerKey>) -> LiveSession {
        let request = SessionRequest {
            application: application.then(|| "a".parse().unwrap()),
            named_key: named,
            takes_identity: false,
        };
        let now = Timestamp::default();
        let authorization =
            authorized.map(|server| Authorization { server, since: now, of_application: false });
        LiveSession { authorization, ..Session::issue(None, &request, TokenDigest::of("t"), now) }
    }

    /// R17 and R22, for every kind of session and every server, in both modes.
    #[test]
    fn the_whole_table() {
        use AuthorizationMode::{Explicit, Implicit};
        use Refusal::{NotValidated, OtherServer, VapidMissing};
        use ValidationOutcome::Authorized;
        const TO_AUTHORIZE: ValidationOutcome = ValidationOutcome::ToAuthorize { of_application: false };
        let (a, b) = (TestServer::new().key(), TestServer::new().key());
        // session, mode forced, server | notification, validation (by a server with a key)
        let table = [
            (session(false, None, None), None, None, Ok(()), None),
            (session(false, None, None), None, Some(a), Ok(()), Some(Ok(Authorized))),
            (session(false, Some(a), None), None, Some(a), Ok(()), Some(Ok(Authorized))),
            (session(false, Some(a), None), None, Some(b), Err(OtherServer), Some(Err(OtherServer))),
            (session(false, Some(a), None), None, None, Err(VapidMissing), None),
            (session(true, None, None), None, None, Err(VapidMissing), None),
            (session(true, None, None), None, Some(a), Err(NotValidated), Some(Ok(TO_AUTHORIZE))),
            (session(true, None, Some(a)), None, Some(a), Ok(()), Some(Ok(Authorized))),
            (session(true, None, Some(a)), None, Some(b), Err(OtherServer), Some(Err(OtherServer))),
            (session(true, Some(a), None), None, Some(b), Err(OtherServer), Some(Err(OtherServer))),
            (session(true, Some(a), None), None, Some(a), Err(NotValidated), Some(Ok(TO_AUTHORIZE))),
            (session(true, None, None), Some(Implicit), None, Ok(()), None),
            (session(false, None, None), Some(Explicit), Some(a), Err(NotValidated), Some(Ok(TO_AUTHORIZE))),
        ];
        for (index, (session, forced, server, notification, validation)) in table.into_iter().enumerate() {
            let policy = AuthorizationPolicy { forced };
            assert_eq!(
                policy.admit_notification(&session, None, server.as_ref()),
                notification,
                "row {index}"
            );
            let outcome = server.map(|server| policy.admit_validation(&session, None, &server));
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
            assert_eq!(policy.admit_revocation(&session, None, &server), revocation, "row {index}");
        }
    }

    /// R17, R22 where the application is registered with the keys `a` and `b`: they are one server, whichever of them
    /// validated, and no other is. What was validated before by another is validated anew.
    #[test]
    fn a_registered_applications_keys_are_one_server() {
        use Refusal::{NotValidated, OtherServer, VapidMissing};
        use ValidationOutcome::Authorized;
        const TO_AUTHORIZE: ValidationOutcome = ValidationOutcome::ToAuthorize { of_application: true };
        let (a, b, other) = (TestServer::new().key(), TestServer::new().key(), TestServer::new().key());
        let of_application = |server| {
            let given = Authorization { server, since: Timestamp::default(), of_application: true };
            LiveSession { authorization: Some(given), ..session(true, None, None) }
        };
        // session, server | notification, validation
        let table = [
            (session(true, None, None), None, Err(VapidMissing), None),
            (session(true, None, None), Some(a), Err(NotValidated), Some(Ok(TO_AUTHORIZE))),
            (session(true, None, None), Some(other), Err(OtherServer), Some(Err(OtherServer))),
            // Validated before it was registered: by one of its own, by another.
            (session(true, None, Some(a)), Some(b), Ok(()), Some(Ok(TO_AUTHORIZE))),
            (session(true, None, Some(other)), Some(a), Err(NotValidated), Some(Ok(TO_AUTHORIZE))),
            (session(true, None, Some(other)), Some(other), Err(OtherServer), Some(Err(OtherServer))),
            // As the application: also by a key that it has no more.
            (of_application(a), Some(b), Ok(()), Some(Ok(Authorized))),
            (of_application(other), Some(b), Ok(()), Some(Ok(Authorized))),
            (of_application(other), Some(other), Err(OtherServer), Some(Err(OtherServer))),
            // A key that the application named admits no other of its keys.
            (session(true, Some(a), Some(a)), Some(b), Err(OtherServer), Some(Err(OtherServer))),
            // Sessions without its name are none of its.
            (session(false, None, None), None, Ok(()), None),
            (session(false, None, None), Some(other), Ok(()), Some(Ok(Authorized))),
        ];
        let policy = AuthorizationPolicy::default();
        let application = application(&[a, b], None);
        for (index, (session, server, notification, validation)) in table.into_iter().enumerate() {
            let application = Some(&application);
            let admitted = policy.admit_notification(&session, application, server.as_ref());
            assert_eq!(admitted, notification, "row {index}");
            let outcome = server.map(|server| policy.admit_validation(&session, application, &server));
            assert_eq!(outcome, validation, "row {index}");
        }
        // Where it is registered no more, its right is nobody's, and whoever validates anew has it.
        for server in [a, other] {
            let was_its = of_application(a);
            assert_eq!(policy.admit_notification(&was_its, None, Some(&server)), Err(NotValidated));
            let anew = ValidationOutcome::ToAuthorize { of_application: false };
            assert_eq!(policy.admit_validation(&was_its, None, &server), Ok(anew));
        }
    }

    /// An application's mode counts for its sessions, and the deployment's before it. In either, its servers alone are admitted.
    #[test]
    fn an_application_may_have_a_mode_of_its_own() {
        use AuthorizationMode::{Explicit, Implicit};
        let (a, other) = (TestServer::new().key(), TestServer::new().key());
        let implicit = application(&[a], Some(Implicit));
        let policy = AuthorizationPolicy::default();
        let of_it = session(true, None, None);
        assert_eq!(policy.admit_notification(&of_it, Some(&implicit), Some(&a)), Ok(()));
        let refused = policy.admit_notification(&of_it, Some(&implicit), Some(&other));
        assert_eq!(refused, Err(Refusal::OtherServer));
        assert_eq!(policy.admit_revocation(&of_it, Some(&implicit), &a), Ok(()));
        let forced = AuthorizationPolicy { forced: Some(Explicit) };
        let refused = forced.admit_notification(&of_it, Some(&implicit), Some(&a));
        assert_eq!(refused, Err(Refusal::NotValidated));
    }

    fn application(keys: &[ServerKey], authorization: Option<AuthorizationMode>) -> Application {
        let registration = Registration { keys: ServerKeys::new(keys.to_vec()).unwrap(), authorization };
        Application::register("a".parse().unwrap(), registration, Timestamp::default())
    }

    #[test]
    fn a_mode_has_a_word() {
        for mode in [AuthorizationMode::Implicit, AuthorizationMode::Explicit] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert!("default".parse::<AuthorizationMode>().is_err());
    }
}
