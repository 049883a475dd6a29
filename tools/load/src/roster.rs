use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use hyper::Uri;
use serde::Deserialize;

use crate::body::{BodyTemplate, Found, Mark, SHARED};
use crate::ledger::{Expectation, Ledger, Verdict};
use crate::numbers::micros;

/// Everything that messages may be posted to in a run, and what came of them.
pub(crate) struct Roster {
    /// Told from other runs by it.
    pub(crate) run: u32,
    pub(crate) began: Instant,
    pub(crate) body: Arc<BodyTemplate>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) strays: Strays,
    /// Where a message that many get belongs; made when the first one comes.
    by_channel: OnceLock<HashMap<String, usize>>,
}

/// One application on one terminal.
pub(crate) struct Session {
    pub(crate) terminal: usize,
    pub(crate) channel: String,
    /// The path of the endpoint, as a request names it.
    pub(crate) path: Uri,
    ledger: Mutex<Ledger>,
}

/// What arrived and belongs to no ledger.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    /// With a body that is none of this run.
    pub(crate) foreign: AtomicU64,
    pub(crate) misrouted: AtomicU64,
    pub(crate) damaged: AtomicU64,
    /// Terminals that came back under their name and were given another.
    pub(crate) forgotten: AtomicU64,
    /// Connections that ended while the run needed them.
    pub(crate) ended: AtomicU64,
    /// `error` messages by reason, and what else was not understood.
    reasons: Mutex<BTreeMap<String, u64>>,
}

/// A frame of the service, as far as load is concerned. Borrowed, as most are notifications.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default, rename = "messageType")]
    kind: Cow<'a, str>,
    #[serde(borrow, default, rename = "channelID")]
    channel: Cow<'a, str>,
    #[serde(borrow, default)]
    version: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
}

/// What a frame was.
pub(crate) enum Taken<'a> {
    /// To be acknowledged under its channel and version.
    Notification {
        channel: Cow<'a, str>,
        version: Cow<'a, str>,
    },
    Other,
}

impl Session {
    pub(crate) fn new(terminal: usize, channel: String, path: Uri) -> Self {
        Self { terminal, channel, path, ledger: Mutex::default() }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Strays {
    pub(crate) fn note(&self, reason: &str) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        *reasons.entry(reason.to_owned()).or_default() += 1;
    }

    pub(crate) fn reasons(&self) -> BTreeMap<String, u64> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Roster {
    pub(crate) fn new(began: Instant, body: BodyTemplate, sessions: Vec<Session>) -> Self {
        let run = uuid::Uuid::new_v4().as_fields().0;
        let (body, strays, by_channel) = (Arc::new(body), Strays::default(), OnceLock::new());
        Self { run, began, body, sessions, strays, by_channel }
    }

    /// Of the same run, for others of its terminals.
    pub(crate) fn beside(&self, sessions: Vec<Session>) -> Self {
        let (body, strays, by_channel) = (self.body.clone(), Strays::default(), OnceLock::new());
        Self { run: self.run, began: self.began, body, sessions, strays, by_channel }
    }

    /// Microseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// The same, of a moment.
    pub(crate) fn at(&self, moment: Instant) -> u64 {
        micros(self.began, moment)
    }

    /// How many posts can be under way at a time where so many may be: one for each session, whose order is judged.
    pub(crate) fn at_a_time(&self, may_be: usize) -> usize {
        may_be.clamp(1, self.sessions.len().max(1))
    }

    /// The sessions of a terminal.
    pub(crate) fn sessions_of(&self, terminal: usize) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |session| session.terminal == terminal)
    }

    /// Enters a frame that has come to this terminal.
    pub(crate) fn take<'a>(&self, terminal: usize, text: &'a str) -> Taken<'a> {
        let Ok(frame) = serde_json::from_str::<Frame<'a>>(text) else {
            self.strays.note("not understood");
            return Taken::Other;
        };
        match &*frame.kind {
            "notification" => {
                self.enter(terminal, &frame);
                Taken::Notification { channel: frame.channel, version: frame.version }
            }
            "error" => {
                self.strays.note(&frame.reason);
                Taken::Other
            }
            // A pong, a broadcast: fine.
            _ => Taken::Other,
        }
    }

    fn enter(&self, terminal: usize, frame: &Frame<'_>) {
        let mark = match self.body.find(&frame.data) {
            Found::Whole(mark) if mark.run == self.run => mark,
            Found::Damaged(mark) if mark.run == self.run => {
                self.strays.damaged.fetch_add(1, Ordering::Relaxed);
                mark
            }
            _ => {
                self.strays.foreign.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        match self.addressed(mark, terminal, &frame.channel) {
            Some(session) => {
                let (version, now) = (digest(&frame.version), self.now());
                session.ledger().arrive(mark.number, version, now);
            }
            None => {
                self.strays.misrouted.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The session that a message is for, if it has come to this one's terminal and under its channel.
    fn addressed(&self, mark: Mark, terminal: usize, channel: &str) -> Option<&Session> {
        let index = match mark.session {
            SHARED => self.by_channel().get(channel).copied(),
            session => usize::try_from(session).ok(),
        };
        let session = self.sessions.get(index?)?;
        (session.terminal == terminal && session.channel == channel).then_some(session)
    }

    fn by_channel(&self) -> &HashMap<String, usize> {
        self.by_channel.get_or_init(|| {
            let indexed = self.sessions.iter().enumerate();
            indexed.map(|(index, session)| (session.channel.clone(), index)).collect()
        })
    }

    /// Accepted and not here yet, of all sessions.
    pub(crate) fn owed(&self) -> u64 {
        self.sessions.iter().map(|session| session.ledger().owed()).sum()
    }

    /// Different messages that have arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.sessions.iter().map(|session| session.ledger().arrived()).sum()
    }

    /// What became of all messages.
    pub(crate) fn verdict(&self, expectation: Expectation) -> Verdict {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut verdict = Verdict {
            misrouted: count(&self.strays.misrouted),
            damaged: count(&self.strays.damaged),
            foreign: count(&self.strays.foreign),
            forgotten: count(&self.strays.forgotten),
            ..Verdict::default()
        };
        for session in &self.sessions {
            verdict.add(&session.ledger(), expectation);
        }
        verdict
    }
}

/// A version in eight bytes, the same for the same text: two that collide are not met.
fn digest(version: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(version)
}

#[cfg(test)]
mod tests {
    use signalbox_wire::base64url;

    use super::*;
    use crate::ledger::{Faults, Tolerance};

    const CHANNELS: [&str; 2] =
        ["5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d", "00000000-2e3f-4a5b-8c6d-7e8f9a0b1c2d"];

    /// Two terminals with a session each, and a message posted to each.
    fn roster() -> Roster {
        let session =
            |terminal: usize| Session::new(terminal, CHANNELS[terminal].to_owned(), Uri::from_static("/"));
        let roster =
            Roster::new(Instant::now(), BodyTemplate::new(200).unwrap(), vec![session(0), session(1)]);
        for session in &roster.sessions {
            session.ledger().post(0);
            session.ledger().answer(0, crate::ledger::Answer::Accepted, 0);
        }
        roster
    }

    fn faults(roster: &Roster) -> Faults {
        roster.verdict(Expectation::Any).faults(Tolerance::default())
    }

    fn notification(
        roster: &Roster,
        session: u32,
        channel: &str,
        alter: impl FnOnce(&mut Vec<u8>),
    ) -> String {
        let mut body = roster.body.body(Mark { run: roster.run, session, number: 0 }).to_vec();
        alter(&mut body);
        let data = base64url::encode(&body);
        format!(
            r#"{{"messageType":"notification","channelID":"{channel}","version":"v\/1","data":"{data}","headers":{{"encoding":"aes128gcm"}}}}"#
        )
    }

    #[test]
    fn a_notification_is_entered_where_it_belongs() {
        let roster = roster();
        let text = notification(&roster, 1, CHANNELS[1], |_| {});
        let Taken::Notification { channel, version } = roster.take(1, &text) else {
            panic!("a notification")
        };
        assert_eq!((&*channel, &*version), (CHANNELS[1], "v/1"));
        assert_eq!((roster.arrived(), roster.owed()), (1, 1));
        let verdict = roster.verdict(Expectation::Each);
        assert_eq!((verdict.lost, verdict.arrived), (1, 1));
    }

    #[test]
    fn who_gets_what_is_anothers_is_told() {
        for (terminal, session, channel) in [(0, 1, CHANNELS[1]), (1, 1, CHANNELS[0]), (1, 7, CHANNELS[1])] {
            let roster = roster();
            let text = notification(&roster, session, channel, |_| {});
            roster.take(terminal, &text);
            let verdict = roster.verdict(Expectation::Any);
            assert_eq!((verdict.misrouted, verdict.arrived), (1, 0), "{terminal} {session} {channel}");
            assert_eq!(faults(&roster), Faults::from([("misrouted", 1)]));
        }
    }

    #[test]
    fn what_many_get_belongs_where_it_comes() {
        let roster = roster();
        let text = notification(&roster, SHARED, CHANNELS[1], |_| {});
        roster.take(1, &text);
        assert_eq!(roster.arrived(), 1);
        assert_eq!(roster.sessions[1].ledger().arrived(), 1);
        // Under another terminal's channel, and under nobody's.
        roster.take(0, &text);
        roster.take(1, &notification(&roster, SHARED, "00000000-0000-4000-8000-000000000000", |_| {}));
        assert_eq!(faults(&roster), Faults::from([("misrouted", 2)]));
    }

    #[test]
    fn a_damaged_body_is_told() {
        let roster = roster();
        let text = notification(&roster, 0, CHANNELS[0], |body| body[199] ^= 1);
        roster.take(0, &text);
        let verdict = roster.verdict(Expectation::Any);
        assert_eq!((verdict.damaged, verdict.arrived), (1, 1));
        assert_eq!(faults(&roster), Faults::from([("damaged", 1)]));
    }

    #[test]
    fn what_is_not_of_this_run_is_told() {
        let (roster, earlier) = (roster(), roster());
        for text in [
            notification(&earlier, 0, CHANNELS[0], |_| {}),
            format!(r#"{{"messageType":"notification","channelID":"{}","version":"v"}}"#, CHANNELS[0]),
        ] {
            assert!(matches!(roster.take(0, &text), Taken::Notification { .. }));
        }
        assert_eq!(faults(&roster), Faults::from([("foreign", 2)]));
    }

    #[test]
    fn what_the_service_says_otherwise_is_kept() {
        let roster = roster();
        for text in [r#"{"messageType":"error","reason":"more-waits","detail":""}"#, "{}", "nonsense"] {
            assert!(matches!(roster.take(0, text), Taken::Other));
        }
        let reasons = roster.strays.reasons();
        assert_eq!(reasons.len(), 2);
        assert_eq!((reasons["more-waits"], reasons["not understood"]), (1, 1));
    }
}
