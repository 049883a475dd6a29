use std::time::Duration;

use crate::{ApplicationName, Refusal, ServerKey, Terminal, TerminalState, Timestamp, TokenDigest};

/// How long the previous token stays good after a channel was registered again, so that the application has time to
/// hand the new one to its server.
const OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

/// What an application says of itself when it asks for a session (R6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionRequest {
    /// Its name.
    pub application: Option<ApplicationName>,
    /// The key of the only server that may use the session.
    pub named_key: Option<ServerKey>,
    /// Whether it takes bodies that are not encrypted (`encodings` of `register` names `identity`).
    pub takes_identity: bool,
}

/// One application on one terminal, reachable by one application server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Session {
    /// Issued or authorized.
    Live(LiveSession),
    /// Unregistered, revoked, expired or torn down; kept a while, so that its server is told.
    Ended(EndedSession),
}

/// A session with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// How often this channel's session has ended before: messages of an ended generation are dead (I5).
    pub generation: u64,
    /// What the application said when it asked.
    pub request: SessionRequest,
    /// The current token.
    pub token: TokenDigest,
    /// When that was issued.
    pub issued: Timestamp,
    /// The token before it, while it still counts.
    pub previous: Option<PreviousToken>,
    /// The server that validated, where the session demands it (R15).
    pub authorization: Option<Authorization>,
}

/// A replaced token in its overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousToken {
    /// The token.
    pub token: TokenDigest,
    /// When it was issued.
    pub issued: Timestamp,
    /// It counts until then.
    pub until: Timestamp,
}

/// An application server's right to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization {
    /// The server.
    pub server: ServerKey,
    /// When it validated.
    pub since: Timestamp,
    /// It validated as a server of the registered application, which is authorized as a whole: whatever keys its servers have
    /// later.
    pub of_application: bool,
}

/// A session without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedSession {
    /// One more than the generation that ended.
    pub generation: u64,
    /// When it ended.
    pub ended: Timestamp,
}

impl Session {
    /// The session that a request makes of what the channel holds.
    ///
    /// A live session asked for again in the same words goes on with a new token, the old one counting on for
    /// the overlap. Asked for in other words, or after it had ended, it is a new generation that nobody is authorized for.
    #[must_use]
    pub fn issue(
        existing: Option<&Self>,
        request: &SessionRequest,
        token: TokenDigest,
        now: Timestamp,
    ) -> LiveSession {
        let new = |generation| LiveSession {
            generation,
            request: request.clone(),
            token,
            issued: now,
            previous: None,
            authorization: None,
        };
        match existing {
            None => new(0),
            Some(Self::Ended(ended)) => new(ended.generation),
            Some(Self::Live(live)) if live.request != *request => new(live.generation + 1),
            // The event ran before: it has made this session already (I10).
            Some(Self::Live(live)) if live.token == token => live.clone(),
            Some(Self::Live(live)) => LiveSession {
                previous: Some(PreviousToken {
                    token: live.token,
                    issued: live.issued,
                    until: now.plus(OVERLAP),
                }),
                authorization: live.authorization,
                ..new(live.generation)
            },
        }
    }

    /// The generation whose messages may still be delivered; of an ended session that is none that was ever accepted.
    #[must_use]
    pub fn generation(&self) -> u64 {
        match self {
            Self::Live(live) => live.generation,
            Self::Ended(ended) => ended.generation,
        }
    }

    /// Whether a message accepted under `generation` may still be delivered (I5).
    #[must_use]
    pub fn delivers(&self, generation: u64) -> bool {
        matches!(self, Self::Live(live) if live.generation == generation)
    }
}

impl LiveSession {
    /// When the presented token was issued, and when it ends by itself.
    #[must_use]
    pub fn life_of(&self, presented: &TokenDigest) -> (Timestamp, Option<Timestamp>) {
        match self.previous.filter(|previous| previous.token == *presented) {
            Some(previous) => (previous.issued, Some(previous.until)),
            None => (self.issued, None),
        }
    }

    /// Whether the presented token corresponds to one that counts (R14), compared in constant time.
    #[must_use]
    pub fn corresponds(&self, presented: &TokenDigest, now: Timestamp) -> bool {
        let previous = self.previous.filter(|previous| now < previous.until);
        self.token == *presented || previous.is_some_and(|previous| previous.token == *presented)
    }
}

/// Evaluates a genuine token against what the tables hold (R14, R19): the session it opens.
///
/// # Errors
/// [`Refusal::TokenUnknown`] where no such session was ever or is any more, [`Refusal::SessionEnded`] where it has ended
/// or the token has been replaced.
pub fn evaluate<'s>(
    terminal: Option<&Terminal>,
    session: Option<&'s Session>,
    presented: &TokenDigest,
    now: Timestamp,
) -> Result<&'s LiveSession, Refusal> {
    let (Some(terminal), Some(session)) = (terminal, session) else {
        return Err(Refusal::TokenUnknown);
    };
    match session {
        Session::Live(live)
            if live.corresponds(presented, now) && terminal.state != TerminalState::Retired =>
        {
            Ok(live)
        }
        _ => Err(Refusal::SessionEnded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vapid::tests::TestServer;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn digest(token: &str) -> TokenDigest {
        TokenDigest::of(token)
    }

    fn named(name: &str) -> SessionRequest {
        SessionRequest { application: Some(name.parse().unwrap()), named_key: None, takes_identity: false }
    }

    fn authorized(live: LiveSession) -> Session {
        let authorization =
            Authorization { server: TestServer::new().key(), since: NOW, of_application: false };
        Session::Live(LiveSession { authorization: Some(authorization), ..live })
    }

    #[test]
    fn a_repeated_request_keeps_the_session_and_its_authorization() {
        let first = authorized(Session::issue(None, &named("a"), digest("t1"), NOW));
        let second = Session::issue(Some(&first), &named("a"), digest("t2"), NOW);
        assert_eq!(second.generation, 0);
        assert!(second.authorization.is_some());
        assert!(second.corresponds(&digest("t2"), NOW));
        assert!(second.corresponds(&digest("t1"), NOW), "the previous token counts for the overlap");
        let week = Timestamp::from_secs(NOW.as_secs() + 604_800);
        assert!(second.corresponds(&digest("t1"), Timestamp::from_millis(week.as_millis() - 1)));
        assert!(!second.corresponds(&digest("t1"), week));
        assert_eq!(second.life_of(&digest("t1")), (NOW, Some(week)));
        assert_eq!(second.life_of(&digest("t2")), (NOW, None));
        assert!(!second.corresponds(&digest("t3"), NOW));
    }

    /// I10: the same event twice leaves the token before it in place.
    #[test]
    fn an_event_that_runs_twice_changes_nothing() {
        let first = Session::Live(Session::issue(None, &named("a"), digest("t1"), NOW));
        let second = Session::Live(Session::issue(Some(&first), &named("a"), digest("t2"), NOW));
        let again = Session::Live(Session::issue(Some(&second), &named("a"), digest("t2"), NOW));
        assert_eq!(again, second);
    }

    /// R17: another application on the channel inherits no authorization, nor does a session begun anew.
    #[test]
    fn a_new_generation_is_authorized_for_nobody() {
        let live = authorized(Session::issue(None, &named("a"), digest("t1"), NOW));
        let other = Session::issue(Some(&live), &named("b"), digest("t2"), NOW);
        assert_eq!((other.generation, other.authorization, other.previous), (1, None, None));
        let ended = Session::Ended(EndedSession { generation: 1, ended: NOW });
        let begun_anew = Session::issue(Some(&ended), &named("a"), digest("t2"), NOW);
        assert_eq!((begun_anew.generation, begun_anew.authorization), (1, None));
        assert_eq!((live.generation(), ended.generation()), (0, 1));
        assert_eq!(Session::Live(LiveSession { generation: 7, ..other.clone() }).generation(), 7);
        // I5: what was accepted before the end is dead, and nothing else is.
        assert!(live.delivers(0) && Session::Live(begun_anew.clone()).delivers(1));
        assert!(!ended.delivers(0) && !ended.delivers(1));
        assert!(!Session::Live(begun_anew).delivers(0));
    }

    /// R14: exact, unknown, replaced, ended, of a retired terminal.
    #[test]
    fn evaluation_refuses_all_but_the_corresponding_token() {
        let terminal = |state| Terminal {
            id: crate::TerminalId::from_bytes([1; 16]),
            state,
            connection: None,
            connected: NOW,
            hello: None,
            open: false,
            waiting: 0,
            minimum: crate::Urgency::NO_MINIMUM,
        };
        let (good, retired) = (terminal(TerminalState::Provisioned), terminal(TerminalState::Retired));
        let live = Session::Live(Session::issue(None, &named("a"), digest("t1"), NOW));
        let ended = Session::Ended(EndedSession { generation: 1, ended: NOW });
        let case = |terminal, session, token| evaluate(terminal, session, &digest(token), NOW).map(|_| ());
        assert_eq!(case(Some(&good), Some(&live), "t1"), Ok(()));
        assert_eq!(case(Some(&good), Some(&live), "t2"), Err(Refusal::SessionEnded));
        assert_eq!(case(Some(&good), Some(&ended), "t1"), Err(Refusal::SessionEnded));
        assert_eq!(case(Some(&retired), Some(&live), "t1"), Err(Refusal::SessionEnded));
        assert_eq!(case(Some(&good), None, "t1"), Err(Refusal::TokenUnknown));
        assert_eq!(case(None, Some(&live), "t1"), Err(Refusal::TokenUnknown));
    }
}
