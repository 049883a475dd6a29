use std::fmt;

use aws_lc_rs::digest;
use signalbox_wire::{ChannelId, base64url};

use crate::key_ring::{KeyId, KeyRing, Purpose, SealError, Sealed};
use crate::topic::TopicMark;
use crate::{EventId, JobId, Payload, TerminalId, Timestamp, Urgency};

/// Longer request ids than API Gateway gives are hashed to this length.
const TIE_LIMIT: usize = 43;
/// Sorts before every time, so that topics come first (I4).
const TOPIC: char = '#';

/// When a message was accepted, and which of a millisecond it was: its own name among all of its terminal.
///
/// The order is that of acceptance: API Gateway's time of the request in milliseconds, and within one millisecond that of
/// the request ids. (The local host's request ids increase; API Gateway's are random, but nobody gets an answer and begins
/// another request within the same millisecond there.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acceptance {
    at: Timestamp,
    tie: String,
}

impl Acceptance {
    /// The acceptance of this request; the same however often the event runs (I10).
    #[must_use]
    pub fn new(at: Timestamp, request: &EventId) -> Self {
        let id = request.as_str();
        let tie = if id.len() <= TIE_LIMIT {
            id.to_owned()
        } else {
            base64url::encode(digest::digest(&digest::SHA256, id.as_bytes()))
        };
        Self { at, tie }
    }

    /// The acceptance of one of a job's messages; `tie` tells it from the others of its terminal.
    pub(crate) fn of(at: Timestamp, tie: String) -> Self {
        Self { at, tie }
    }

    /// When it was.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The request's id, or of one that was too long its digest.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.tie
    }

    /// From its text.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (millis, tie) = text.split_at_checked(12)?;
        let tie = tie.strip_prefix('-')?.to_owned();
        let at = Timestamp::from_millis(u64::from_str_radix(millis, 16).ok()?);
        Some(Self { at, tie })
    }
}

impl fmt::Display for Acceptance {
    /// Text that sorts by acceptance.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}-{}", self.at.as_millis(), self.tie)
    }
}

/// What stands for a message: its terminal, its acceptance, where it is kept, and whether a receipt is wanted. All that its
/// names say, so that nothing must be looked up for an acknowledgement.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageKey {
    /// The terminal that it is for.
    pub terminal: TerminalId,
    /// When it was accepted.
    pub accepted: Acceptance,
    /// Whether and where it is kept.
    pub kind: MessageKind,
    /// Whether its sender wants to know that it was acknowledged (RFC 8030 section 5.1).
    pub receipt: bool,
}

/// What becomes of a message that cannot be delivered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// It is stored until acknowledged or expired.
    Stored,
    /// Stored where its topic is, until a newer one replaces it (RFC 8030 section 5.4).
    OfTopic(TopicMark),
    /// TTL 0: now or never (RFC 8030 section 5.2). Never stored.
    Transient,
}

mod flags {
    pub(super) const TRANSIENT: u8 = 1;
    pub(super) const RECEIPT: u8 = 2;
    pub(super) const TOPIC: u8 = 4;
}

impl MessageKey {
    /// The sort key of the messages table: topics first, then by acceptance.
    #[must_use]
    pub fn sort_key(&self) -> String {
        match self.kind {
            MessageKind::OfTopic(mark) => format!("{TOPIC}{}", base64url::encode(mark.0)),
            MessageKind::Stored | MessageKind::Transient => self.accepted.to_string(),
        }
    }

    /// A stored message's key from its row.
    #[must_use]
    pub fn from_row(terminal: TerminalId, sort_key: &str, accepted: &str, receipt: bool) -> Option<Self> {
        let accepted = Acceptance::from_text(accepted)?;
        let kind = match sort_key.strip_prefix(TOPIC) {
            Some(mark) => MessageKind::OfTopic(TopicMark(base64url::decode(mark).ok()?.try_into().ok()?)),
            None if sort_key == accepted.to_string() => MessageKind::Stored,
            None => return None,
        };
        Some(Self { terminal, accepted, kind, receipt })
    }

    /// The message's name for one purpose: `version` for the terminal, `Location` and receipt for the sender. The same on
    /// every delivery (I2), as it is always sealed under the key that was in use when the message came.
    ///
    /// # Errors
    /// Where the ring no longer holds that key.
    pub fn seal(&self, ring: &KeyRing, purpose: Purpose, key: KeyId) -> Result<Sealed, SealError> {
        ring.seal(purpose, key, &self.to_bytes())
    }

    /// The message that a presented name stands for.
    ///
    /// # Errors
    /// Where it is no name of this deployment for this purpose, or its key is not in the ring.
    pub fn open(ring: &KeyRing, purpose: Purpose, text: &str) -> Result<Self, SealError> {
        let (plain, _) = ring.open(purpose, text)?;
        Self::from_bytes(&plain).ok_or(SealError::Forged)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(39 + self.accepted.tie.len());
        let receipt = if self.receipt { flags::RECEIPT } else { 0 };
        bytes.push(match self.kind {
            MessageKind::Stored => receipt,
            MessageKind::Transient => receipt | flags::TRANSIENT,
            MessageKind::OfTopic(_) => receipt | flags::TOPIC,
        });
        bytes.extend_from_slice(self.terminal.as_bytes());
        bytes.extend_from_slice(&self.accepted.at.as_millis().to_be_bytes()[2..]);
        if let MessageKind::OfTopic(mark) = self.kind {
            bytes.extend_from_slice(&mark.0);
        }
        bytes.extend_from_slice(self.accepted.tie.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&flags, rest) = bytes.split_first()?;
        let (terminal, rest) = rest.split_first_chunk::<16>()?;
        let (millis, rest) = rest.split_first_chunk::<6>()?;
        let (kind, tie) = match flags & !flags::RECEIPT {
            0 => (MessageKind::Stored, rest),
            flags::TRANSIENT => (MessageKind::Transient, rest),
            flags::TOPIC => {
                let (mark, tie) = rest.split_first_chunk::<16>()?;
                (MessageKind::OfTopic(TopicMark(*mark)), tie)
            }
            _ => return None,
        };
        let mut wide = [0; 8];
        wide[2..].copy_from_slice(millis);
        let at = Timestamp::from_millis(u64::from_be_bytes(wide));
        Some(Self {
            terminal: TerminalId::from_bytes(*terminal),
            accepted: Acceptance { at, tie: String::from_utf8(tie.to_vec()).ok()? },
            kind,
            receipt: flags & flags::RECEIPT != 0,
        })
    }
}

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageKey({} {})", self.terminal, self.accepted)
    }
}

/// A message as it waits for its terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// What stands for it.
    pub key: MessageKey,
    /// The channel of its session.
    pub channel: ChannelId,
    /// The session's generation when it was accepted: of an ended generation nothing is delivered (I5).
    pub generation: u64,
    /// What it carries.
    pub payload: Option<Payload>,
    /// The job whose messages all carry this, where it is kept once for all of them and not with each.
    pub shared: Option<JobId>,
    /// How urgent it is: below its terminal's minimum it waits (RFC 8030 section 5.3).
    pub urgency: Urgency,
    /// Not delivered from here on (RFC 8030 section 5.2).
    pub expires: Timestamp,
    /// The key that its version is sealed under.
    pub sealed_under: KeyId,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key_ring::tests::ring;

    fn key(millis: u64, request: &str, kind: MessageKind) -> MessageKey {
        MessageKey {
            terminal: TerminalId::from_bytes([9; 16]),
            accepted: Acceptance::new(Timestamp::from_millis(millis), &request.parse().unwrap()),
            kind,
            receipt: false,
        }
    }

    /// I4: sort keys sort by acceptance, and within a millisecond by request id; topics come first.
    #[test]
    fn sort_keys_sort_by_acceptance() {
        let stored = MessageKind::Stored;
        let order = [
            key(2000, "z", MessageKind::OfTopic(TopicMark([0xff; 16]))),
            key(999, "z", stored),
            key(1000, "a", stored),
            key(1000, "b", stored),
            key(1 << 44, "a", stored),
        ];
        assert!(order.is_sorted_by_key(MessageKey::sort_key));
    }

    /// A row whose two names contradict each other stands for nothing.
    #[test]
    fn a_row_under_a_sort_key_of_another_is_no_message() {
        let [here, other] = [1, 2].map(|millis| key(millis, "r", MessageKind::Stored));
        let read =
            |sort_key: &str| MessageKey::from_row(here.terminal, sort_key, &here.accepted.to_string(), false);
        assert_eq!(read(&here.sort_key()), Some(here.clone()));
        assert_eq!(read(&other.sort_key()), None);
    }

    #[test]
    fn a_key_is_named_in_logs_by_terminal_and_acceptance() {
        let key = key(1, "r", MessageKind::Stored);
        assert_eq!(format!("{key:?}"), format!("MessageKey({} 000000000001-r)", key.terminal));
    }

    /// A sender cannot acknowledge its own message with a name that it got.
    #[test]
    fn a_name_serves_one_purpose() {
        let key = key(1, "r", MessageKind::Stored);
        for purpose in [Purpose::Location, Purpose::Receipt] {
            let name = key.seal(&ring(), purpose, KeyId(1)).unwrap();
            let opened = MessageKey::open(&ring(), Purpose::Version, name.as_str());
            assert_eq!(opened, Err(SealError::Forged));
        }
    }

    fn kinds() -> impl Strategy<Value = MessageKind> {
        prop_oneof![
            Just(MessageKind::Stored),
            Just(MessageKind::Transient),
            any::<[u8; 16]>().prop_map(|mark| MessageKind::OfTopic(TopicMark(mark))),
        ]
    }

    proptest! {
        #[test]
        fn a_key_survives_its_name_and_its_row(
            millis in 0..1_u64 << 48, request in "[!-~]{1,128}", kind in kinds(), receipt: bool,
        ) {
            let key = MessageKey { receipt, ..key(millis, &request, kind) };
            let version = key.seal(&ring(), Purpose::Version, KeyId(1)).unwrap();
            prop_assert!(version.as_str().len() <= 160);
            prop_assert_eq!(&MessageKey::open(&ring(), Purpose::Version, version.as_str()).unwrap(), &key);
            if kind != MessageKind::Transient {
                let read = MessageKey::from_row(key.terminal, &key.sort_key(), &key.accepted.to_string(), receipt);
                prop_assert_eq!(read, Some(key));
            }
        }
    }
}
