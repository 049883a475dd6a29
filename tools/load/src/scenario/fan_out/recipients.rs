use std::iter;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use signalbox_wire::{AudienceChange, AudienceNotification, Member, NotificationsRequest, Recipient};

use crate::application_server::{ApplicationServer, CallError, in_json};
use crate::progress::Progress;
use crate::roster::{Roster, Session};

/// How many members a change adds: a service in the cloud has half a minute for it.
const MEMBERS: usize = 1000;
/// The most bytes that a request may have, and what is left of them for all that is no recipient.
const LARGEST: usize = 4 * 1024 * 1024;
/// Around a token in a list.
const BESIDE_TOKEN: usize = r#"{"token":""},"#.len();

/// Everybody who gets the notifications, in this order: who is there, then who is away and will be asked what came, then
/// who is away and will not.
pub(crate) struct Recipients {
    tokens: Vec<String>,
    here: Arc<Roster>,
    /// Which of its sessions take part.
    part: Range<usize>,
    sampled: Arc<Roster>,
}

/// How recipients are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As members of an audience.
    Audience,
    /// In the request itself, or in several that are as large as they may be.
    Lists,
}

/// A request and whom it reaches.
pub(crate) struct Batch {
    pub(crate) path: String,
    pub(crate) members: Range<usize>,
    naming: Naming,
}

/// What all get.
pub(crate) struct Shared {
    pub(crate) ttl: u32,
    /// In base64url.
    pub(crate) body: String,
}

impl Recipients {
    /// Sessions that are there; of those that are away some that are looked at, and the tokens of the others.
    pub(crate) fn new(
        (here, part): (Arc<Roster>, Range<usize>),
        sampled: Arc<Roster>,
        others: impl IntoIterator<Item = String>,
    ) -> Self {
        let there = here.sessions.get(part.clone()).unwrap_or_default().iter();
        let known = there.chain(&sampled.sessions).map(|session| token(&session.path));
        let tokens = known.chain(others).collect();
        Self { tokens, here, part, sampled }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// How many of these are there.
    pub(crate) fn here_of(&self, members: &Range<usize>) -> usize {
        members.end.min(self.part.len()).saturating_sub(members.start)
    }

    /// The sessions of those of these that are there.
    pub(crate) fn sessions_here(&self, members: &Range<usize>) -> &[Session] {
        let of = self.here.sessions.get(self.part.clone()).unwrap_or_default();
        of.get(members.start.min(of.len())..members.end.min(of.len())).unwrap_or_default()
    }

    /// Those that have a ledger.
    pub(crate) fn sessions(&self, members: &Range<usize>) -> impl Iterator<Item = &Session> {
        let away = &self.sampled.sessions;
        let (from, to) = (members.start.max(self.part.len()), members.end.max(self.part.len()));
        let place = |member: usize| (member - self.part.len()).min(away.len());
        self.sessions_here(members).iter().chain(&away[place(from)..place(to)])
    }

    pub(crate) fn here(&self) -> &Arc<Roster> {
        &self.here
    }

    /// Makes them the members of an audience, with this name; how many the service did not take.
    pub(crate) async fn join(
        &self,
        server: &mut ApplicationServer,
        audience: &str,
    ) -> Result<u64, CallError> {
        let progress = Progress::new("audience filled", self.tokens.len().div_ceil(MEMBERS) as u64);
        let mut left_out = 0;
        for tokens in self.tokens.chunks(MEMBERS) {
            let add = tokens.iter().cloned().map(Member::Text).collect();
            let changed = server.change(audience, &AudienceChange { add, remove: Vec::new() }).await?;
            left_out += (tokens.len() as u64).abs_diff(changed.added);
            progress.add();
        }
        Ok(left_out)
    }

    /// The requests of a round.
    pub(crate) fn batches(&self, naming: Naming, audience: &str, shared: usize) -> Vec<Batch> {
        match naming {
            Naming::Audience => {
                let path = format!("/v1/audiences/{audience}/notifications");
                vec![Batch { path, members: 0..self.len(), naming }]
            }
            Naming::Lists => self
                .split(LARGEST.saturating_sub(1024 + shared * 4 / 3))
                .map(|members| Batch { path: "/v1/notifications".to_owned(), members, naming })
                .collect(),
        }
    }

    /// Ranges of recipients whose entries have at most so many bytes.
    fn split(&self, most: usize) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        iter::from_fn(move || {
            let mut bytes = 0;
            let fitting = self.tokens.get(start..)?.iter().take_while(|token| {
                bytes += token.len() + BESIDE_TOKEN;
                bytes <= most
            });
            // One that fits nowhere is refused by the service.
            let end = (start + fitting.count().max(1)).min(self.tokens.len());
            let members = start..end;
            start = end;
            (!members.is_empty()).then_some(members)
        })
    }

    /// The body of a batch's request.
    pub(crate) fn request(&self, batch: &Batch, shared: &Shared) -> Bytes {
        let (ttl, body) = (u64::from(shared.ttl), Some(shared.body.clone()));
        let (urgency, topic, content_encoding) = (None, None, Some("identity".to_owned()));
        match batch.naming {
            Naming::Audience => {
                in_json(&AudienceNotification { ttl, urgency, topic, content_encoding, body })
            }
            Naming::Lists => {
                let tokens = self.tokens.get(batch.members.clone()).unwrap_or_default();
                let named = |token: &String| Recipient { token: Some(token.clone()), ..Recipient::default() };
                let recipients = tokens.iter().map(named).collect();
                in_json(&NotificationsRequest { ttl, urgency, topic, content_encoding, body, recipients })
            }
        }
    }
}

/// The last segment of an endpoint's path.
pub(crate) fn token(path: &hyper::Uri) -> String {
    path.path().rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::body::BodyTemplate;

    /// Three that are there, of which the last two take part, two that are looked at, and four others.
    fn recipients() -> Recipients {
        let session = |name: &str| Session::new(0, name.to_owned(), format!("/push/{name}").parse().unwrap());
        let here = ["x", "h0", "h1"].map(session).into();
        let here = Arc::new(Roster::new(Instant::now(), BodyTemplate::new(0).unwrap(), here));
        let sampled = Arc::new(here.beside(["s0", "s1"].map(session).into()));
        Recipients::new((here, 1..3), sampled, ["o0", "o1", "o2", "o3"].map(str::to_owned))
    }

    #[test]
    fn each_has_its_place() {
        let recipients = recipients();
        assert_eq!(recipients.tokens, ["h0", "h1", "s0", "s1", "o0", "o1", "o2", "o3"]);
        for (members, here, known) in [
            (0..8, 2, vec!["h0", "h1", "s0", "s1"]),
            (0..1, 1, vec!["h0"]),
            (1..3, 1, vec!["h1", "s0"]),
            (3..6, 0, vec!["s1"]),
            (5..8, 0, vec![]),
        ] {
            let sessions = recipients.sessions(&members).map(|session| session.channel.as_str());
            assert_eq!(sessions.collect::<Vec<_>>(), known, "{members:?}");
            assert_eq!(recipients.here_of(&members), here, "{members:?}");
            assert_eq!(recipients.sessions_here(&members).len(), here, "{members:?}");
        }
    }

    #[test]
    fn lists_are_as_large_as_they_may_be_and_leave_nobody_out() {
        let recipients = recipients();
        let entry = BESIDE_TOKEN + 2;
        for (most, lists) in [
            (8 * entry, vec![(0, 8)]),
            (3 * entry, vec![(0, 3), (3, 6), (6, 8)]),
            (3 * entry - 1, vec![(0, 2), (2, 4), (4, 6), (6, 8)]),
        ] {
            let split = recipients.split(most).map(|members| (members.start, members.end));
            assert_eq!(split.collect::<Vec<_>>(), lists, "{most}");
        }
        assert_eq!(recipients.split(1).count(), 8);
        let batch = Batch { path: String::new(), members: 2..5, naming: Naming::Lists };
        let request = recipients.request(&batch, &Shared { ttl: 5, body: "AAAA".to_owned() });
        let entries = r#"[{"token":"s0"},{"token":"s1"},{"token":"o0"}]"#;
        assert!(String::from_utf8_lossy(&request).contains(entries), "{request:?}");
    }
}
