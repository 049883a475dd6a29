use serde_json::Value;

use super::Judge;
use crate::facts::{Tick, Token, What};

/// A previous token counts for seven days after it was replaced.
const OVERLAP: u64 = 7 * 24 * 3_600_000 - 60_000;

/// Something that may end a session.
struct Ending {
    sent: Tick,
    /// It was answered that it has.
    done: Option<Tick>,
    /// From here on it ends nothing more.
    settled: Tick,
}

/// Whether the answer to a `register` or `unregister` says that it was done.
pub(super) fn has_status_200(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|body| body["status"] == 200)
}

impl Judge<'_> {
    /// When the token was answered, and so known to anybody.
    pub(super) fn issued(&self, token: &Token) -> Option<Tick> {
        self.done(token.register, |_, _, body| has_status_200(body))
    }

    /// What may have ended the token's session: `unregister`, revocation, and `register` in other words.
    fn endings(&self, token: &Token) -> Vec<Ending> {
        let here = |link: usize, channel: usize| {
            channel == token.channel && self.link(link).uaid.as_deref() == Some(token.uaid.as_str())
        };
        let endings = self.events(|what| match what {
            What::Unregister { link, channel } => here(*link, *channel).then_some(true),
            What::Register { link, channel, words } => {
                (here(*link, *channel) && *words != token.words).then_some(true)
            }
            What::Revoke { token: shown, .. } => (shown.uaid == token.uaid && shown.channel == token.channel)
                .then_some(shown.register == token.register),
            _ => None,
        });
        endings
            .map(|(index, event, surely)| {
                let done = match event.what {
                    What::Revoke { .. } => self.done(index, |_, status, _| status == 204),
                    _ => self.done(index, |_, _, body| has_status_200(body)),
                };
                let refused = match event.what {
                    What::Revoke { .. } => self.done(index, |_, status, _| (400..500).contains(&status)),
                    _ => None,
                };
                Ending {
                    sent: event.sent,
                    done: done.filter(|_| surely),
                    settled: self.settled(index, done.or(refused)),
                }
            })
            .collect()
    }

    /// From when on the token's session is over: nothing that begins after it may use it or deliver anything of it (I5).
    pub(super) fn dead_since(&self, token: &Token) -> Option<Tick> {
        let issued = self.issued(token)?;
        let endings = self.endings(token).into_iter().filter(|ending| ending.sent > issued);
        endings.filter_map(|ending| ending.done).min()
    }

    /// Whether nothing can have ended the session before `until`.
    pub(super) fn goes_on(&self, token: &Token, until: Tick) -> bool {
        let began = self.event(token.register).sent;
        !self.endings(token).iter().any(|ending| ending.settled >= began && ending.sent < until)
    }

    /// Whether the token must count from `from` until `until`.
    pub(super) fn counts(&self, token: &Token, from: Tick, until: Tick) -> bool {
        let began = self.event(token.register).sent;
        let replacing: Vec<_> = self
            .events(|what| match what {
                What::Register { link, channel, .. } => Some((*link, *channel)),
                _ => None,
            })
            .filter(|(index, event, (link, channel))| {
                *index != token.register
                    && *channel == token.channel
                    && self.link(*link).uaid.as_deref() == Some(token.uaid.as_str())
                    && event.sent < until
                    && self.settled(*index, self.done(*index, |_, _, body| has_status_200(body))) >= began
            })
            .collect();
        let now = self.facts.events.iter().filter(|event| event.sent <= until).map(|event| event.at).max();
        let in_overlap = replacing.iter().all(|(_, event, _)| now.unwrap_or_default() < event.at + OVERLAP);
        self.issued(token).is_some_and(|issued| issued < from)
            && self.goes_on(token, until)
            && replacing.len() <= 1
            && in_overlap
    }

    /// Whether this server was surely authorized for the token's session before `from`, and stays it until `until`.
    pub(super) fn authorized(&self, token: &Token, server: usize, from: Tick, until: Tick) -> bool {
        self.events(|what| match what {
            What::Validate { token: shown, server: by } if *by == server => Some(shown),
            _ => None,
        })
        .any(|(index, _, shown)| {
            shown.uaid == token.uaid
                && shown.channel == token.channel
                && shown.words == token.words
                && self.done(index, |_, status, _| status == 200).is_some_and(|done| done < from)
                && self.goes_on(shown, until)
                && self.goes_on(token, until)
        })
    }

    /// Whether this server may have been authorized for the token's channel before `until`.
    pub(super) fn may_be_authorized(&self, token: &Token, by: impl Fn(usize) -> bool, until: Tick) -> bool {
        self.events(|what| match what {
            What::Validate { token: shown, server } => Some((shown, *server)),
            _ => None,
        })
        .any(|(_, event, (shown, server))| {
            by(server) && shown.uaid == token.uaid && shown.channel == token.channel && event.sent < until
        })
    }
}
