use std::fmt;

use aws_lc_rs::digest;
use signalbox_wire::{ChannelId, base64url};

use crate::key_ring::{KeyId, KeyRing, Purpose, SealError, Sealed};
use crate::{EventId, Payload, TerminalId, Timestamp};

/// Longer request ids than API Gateway gives are hashed to this length.
const TIE_LIMIT: usize = 43;

/// Where a message is kept: its terminal, and its place in the order of what waits for it (I4).
///
/// The order is that of acceptance: API Gateway's time of the request in milliseconds, and within one millisecond that of
/// the request ids. (The local host's request ids increase; API Gateway's are random, but nobody gets an answer and begins
/// another request within the same millisecond there.)
#[derive(Clone, PartialEq, Eq)]
pub struct MessageKey {
    /// The terminal that it is for.
    pub terminal: TerminalId,
    /// When the request that brought it was accepted.
    pub accepted: Timestamp,
    tie: String,
    /// Whether there is anything to delete when it is acknowledged.
    pub kind: MessageKind,
}

/// What becomes of a message that cannot be delivered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// It is stored until acknowledged or expired.
    Stored,
    /// TTL 0: now or never (RFC 8030 section 5.2). Never stored.
    Transient,
}

impl MessageKey {
    /// The key of the message that this request brings; the same however often the event runs (I10).
    #[must_use]
    pub fn new(terminal: TerminalId, accepted: Timestamp, request: &EventId, kind: MessageKind) -> Self {
        let id = request.as_str();
        let tie = if id.len() <= TIE_LIMIT {
            id.to_owned()
        } else {
            base64url::encode(digest::digest(&digest::SHA256, id.as_bytes()))
        };
        Self { terminal, accepted, tie, kind }
    }

    /// The sort key of the messages table: text that sorts by acceptance.
    #[must_use]
    pub fn sort_key(&self) -> String {
        format!("{:012x}-{}", self.accepted.as_millis(), self.tie)
    }

    /// A stored message's key from its row.
    #[must_use]
    pub fn from_row(terminal: TerminalId, sort_key: &str) -> Option<Self> {
        let (millis, tie) = sort_key.split_at_checked(12)?;
        let tie = tie.strip_prefix('-')?.to_owned();
        let accepted = Timestamp::from_millis(u64::from_str_radix(millis, 16).ok()?);
        Some(Self { terminal, accepted, tie, kind: MessageKind::Stored })
    }

    /// The message's name for one purpose: `version` for the terminal, `Location` for the sender. The same on every
    /// delivery (I2), as it is always sealed under the key that was in use when the message came.
    ///
    /// # Errors
    /// Where the ring no longer holds that key.
    pub fn seal(&self, ring: &KeyRing, purpose: Purpose, key: KeyId) -> Result<Sealed, SealError> {
        let mut plain = Vec::with_capacity(23 + self.tie.len());
        plain.push(match self.kind {
            MessageKind::Stored => 0,
            MessageKind::Transient => 1,
        });
        plain.extend_from_slice(self.terminal.as_bytes());
        plain.extend_from_slice(&self.accepted.as_millis().to_be_bytes()[2..]);
        plain.extend_from_slice(self.tie.as_bytes());
        ring.seal(purpose, key, &plain)
    }

    /// The message that a presented name stands for.
    ///
    /// # Errors
    /// Where it is no name of this deployment for this purpose, or its key is not in the ring.
    pub fn open(ring: &KeyRing, purpose: Purpose, text: &str) -> Result<Self, SealError> {
        let (plain, _) = ring.open(purpose, text)?;
        Self::from_bytes(&plain).ok_or(SealError::Forged)
    }

    fn from_bytes(plain: &[u8]) -> Option<Self> {
        let (&kind, rest) = plain.split_first()?;
        let kind = match kind {
            0 => MessageKind::Stored,
            1 => MessageKind::Transient,
            _ => return None,
        };
        let (terminal, rest) = rest.split_first_chunk::<16>()?;
        let (millis, tie) = rest.split_first_chunk::<6>()?;
        let mut wide = [0; 8];
        wide[2..].copy_from_slice(millis);
        Some(Self {
            terminal: TerminalId::from_bytes(*terminal),
            accepted: Timestamp::from_millis(u64::from_be_bytes(wide)),
            tie: String::from_utf8(tie.to_vec()).ok()?,
            kind,
        })
    }
}

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageKey({} {})", self.terminal, self.sort_key())
    }
}

/// A message as it waits for its terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Where it is kept.
    pub key: MessageKey,
    /// The channel of its session.
    pub channel: ChannelId,
    /// The session's generation when it was accepted: of an ended generation nothing is delivered (I5).
    pub generation: u64,
    /// What it carries.
    pub payload: Option<Payload>,
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
        let terminal = TerminalId::from_bytes([9; 16]);
        MessageKey::new(terminal, Timestamp::from_millis(millis), &request.parse().unwrap(), kind)
    }

    /// I4: sort keys sort by acceptance, and within a millisecond by request id.
    #[test]
    fn sort_keys_sort_by_acceptance() {
        let stored = MessageKind::Stored;
        let order = [
            key(999, "z", stored),
            key(1000, "a", stored),
            key(1000, "b", stored),
            key(1 << 44, "a", stored),
        ];
        assert!(order.is_sorted_by_key(MessageKey::sort_key));
    }

    /// A sender cannot acknowledge its own message with the name that it got.
    #[test]
    fn a_location_is_no_version() {
        let key = key(1, "r", MessageKind::Stored);
        let location = key.seal(&ring(), Purpose::Location, KeyId(1)).unwrap();
        assert_eq!(MessageKey::open(&ring(), Purpose::Version, location.as_str()), Err(SealError::Forged));
    }

    proptest! {
        #[test]
        fn a_key_survives_its_name_and_its_row(millis in 0..1_u64 << 48, request in "[!-~]{1,128}", transient: bool) {
            let kind = if transient { MessageKind::Transient } else { MessageKind::Stored };
            let key = key(millis, &request, kind);
            let version = key.seal(&ring(), Purpose::Version, KeyId(1)).unwrap();
            prop_assert!(version.as_str().len() <= 128);
            prop_assert_eq!(&MessageKey::open(&ring(), Purpose::Version, version.as_str()).unwrap(), &key);
            if !transient {
                prop_assert_eq!(MessageKey::from_row(key.terminal, &key.sort_key()), Some(key));
            }
        }
    }
}
