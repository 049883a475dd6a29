use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use signalbox_wire::base64url;

use crate::{ApplicationName, ServerKey, TerminalId};

/// An audience's members are spread over so many partitions by their terminals' ids. A partition takes 1,000 writes a
/// second, and a new table 4,000.
pub const SHARDS: u32 = 4;

/// What a server calls a set of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceName(String);

/// The text is no audience's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters from A-Z, a-z, 0-9, '.', '_' and '-', starting with a letter or digit")]
pub struct NotAnAudienceName;

impl AudienceName {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AudienceName {
    type Err = NotAnAudienceName;

    fn from_str(text: &str) -> Result<Self, NotAnAudienceName> {
        let starts_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        let fits = text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if starts_well && fits { Ok(Self(text.to_owned())) } else { Err(NotAnAudienceName) }
    }
}

/// Whose an audience is: nobody else's requests find it. A hash of the server's key, or, where that belongs to a registered
/// application, of the application's name: so that its keys can change.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner([u8; 16]);

impl Owner {
    /// The owner that a server key stands for.
    #[must_use]
    pub fn of(server: &ServerKey) -> Self {
        Self::hash(server.as_bytes())
    }

    /// The owner that a registered application is. No name is 65 bytes of which the first is 4, as every key is.
    #[must_use]
    pub fn of_application(name: &ApplicationName) -> Self {
        Self::hash(name.as_str().as_bytes())
    }

    fn hash(bytes: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, bytes);
        let mut owner = [0; 16];
        owner.copy_from_slice(&hash.as_ref()[..16]);
        Self(owner)
    }
}

impl FromStr for Owner {
    type Err = super::NotAJobId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = base64url::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(super::NotAJobId)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({self})")
    }
}

/// A named set of sessions. Deleted and made anew it is another one: its generation tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: AudienceName,
    /// How often an audience of this name has been deleted before.
    pub generation: u64,
}

/// A part of all terminal ids, which are hashes: the `index`th of `of` equal parts. What is in it does not depend on what
/// else there is, so that a page that runs again is the same page (R42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashRange {
    first: u32,
    last: u32,
}

impl HashRange {
    /// The `index`th of `of` parts, by the first 32 bits of the ids.
    #[must_use]
    pub fn part(index: u32, of: u32) -> Self {
        let bound = |index: u32| (u64::from(index) << 32) / u64::from(of.max(1));
        let truncated = |bound: u64| u32::try_from(bound).unwrap_or(u32::MAX);
        let (first, end) = (bound(index.min(of)), bound(index.saturating_add(1).min(of.max(1))));
        Self { first: truncated(first), last: truncated(end.saturating_sub(1)) }
    }

    /// The part of it in each partition that it touches: the partition, and the ids' first 32 bits from and to, both
    /// included.
    pub fn by_shard(self) -> impl Iterator<Item = (u32, u32, u32)> {
        let width = u32::MAX / SHARDS + 1;
        (0..SHARDS).filter_map(move |shard| {
            let (start, end) = (shard * width, shard * width + (width - 1));
            let (from, to) = (self.first.max(start), self.last.min(end));
            (from <= to).then_some((shard, from, to))
        })
    }

    /// The partition of a terminal.
    #[must_use]
    pub fn shard_of(terminal: &TerminalId) -> u32 {
        u32::from(terminal.as_bytes()[0]) * SHARDS / 256
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "news.de", "0_-", &"a".repeat(64)] {
            assert_eq!(good.parse::<AudienceName>().unwrap().as_str(), good);
        }
        for bad in ["", ".a", "-a", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert_eq!(bad.parse::<AudienceName>(), Err(NotAnAudienceName), "{bad}");
        }
    }

    #[test]
    fn an_owner_survives_its_text() {
        let owner = Owner([7; 16]);
        assert_eq!(owner.to_string().parse(), Ok(owner));
        assert!("x".parse::<Owner>().is_err());
    }

    proptest! {
        /// R40, R42: each id is in just one part, in the partition that it is kept in.
        #[test]
        fn the_parts_of_a_whole_hold_each_id_once(id: [u8; 16], of in 1..5_000_u32) {
            let terminal = TerminalId::from_bytes(id);
            let prefix = u32::from_be_bytes([id[0], id[1], id[2], id[3]]);
            let shard = HashRange::shard_of(&terminal);
            let holds = |index| {
                let mut parts = HashRange::part(index, of).by_shard();
                parts.any(|(s, from, to)| s == shard && (from..=to).contains(&prefix))
            };
            let at = u32::try_from((u64::from(prefix) * u64::from(of)) >> 32).unwrap();
            let near = at.saturating_sub(2)..(at + 3).min(of);
            prop_assert_eq!(near.filter(|index| holds(*index)).count(), 1);
        }
    }

    #[test]
    fn the_whole_is_every_partition_and_parts_leave_no_gap() {
        assert_eq!(HashRange::part(0, 1).by_shard().count(), 4);
        for of in [1, 2, 3, 4, 7, 64, 4096] {
            let mut next = 0_u64;
            for index in 0..of {
                for (shard, from, to) in HashRange::part(index, of).by_shard() {
                    assert_eq!((u64::from(from), from >> 30), (next, shard), "{index} of {of}");
                    next = u64::from(to) + 1;
                }
            }
            assert_eq!(next, 1 << 32, "{of}");
        }
    }
}
