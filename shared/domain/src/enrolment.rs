use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

/// A key as somebody presents it, to become a terminal. It has the form of one, which says nothing of whether it counts.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentKey(String);

/// A text that no enrolment key can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an enrolment key must be 32 to 256 of A-Z a-z 0-9 . _ ~ -")]
pub struct NotAnEnrolmentKey;

impl FromStr for EnrolmentKey {
    type Err = NotAnEnrolmentKey;

    /// Too long to be guessed, short enough for a URL, and of characters that mean themselves there (RFC 3986 section 2.3):
    /// Firefox can carry it nowhere else.
    fn from_str(text: &str) -> Result<Self, NotAnEnrolmentKey> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
        let fits = (32..=256).contains(&text.len()) && text.bytes().all(unreserved);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnEnrolmentKey) }
    }
}

impl EnrolmentKey {
    /// The secret itself, for a terminal that presents it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, self.0.as_bytes()).as_ref());
        bytes
    }
}

impl fmt::Debug for EnrolmentKey {
    /// Without what is secret (I11).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentKey(..)")
    }
}

/// What operators call a key of the set. It may stand in a log: so they see whether an old one is still in use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnrolmentKeyName(String);

/// A text that is no name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of an enrolment key must be 1 to 31 of A-Z a-z 0-9 . _ -")]
pub struct NotAnEnrolmentKeyName;

impl FromStr for EnrolmentKeyName {
    type Err = NotAnEnrolmentKeyName;

    /// Shorter than any key: the two cannot be mistaken for each other, and a key that stands where a name belongs is no
    /// name, and so is never logged.
    fn from_str(text: &str) -> Result<Self, NotAnEnrolmentKeyName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=31).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnEnrolmentKeyName) }
    }
}

impl fmt::Display for EnrolmentKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keys that make a terminal, each by its name. Several count at once, so that they can be replaced while terminals still
/// carry the old one. Kept as digests.
pub struct EnrolmentKeys(BTreeMap<EnrolmentKeyName, [u8; 32]>);

/// A set of enrolment keys that cannot be used. None of its texts shows a key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEnrolmentKeys {
    /// Not the JSON that it must be.
    #[error("the enrolment keys must be a JSON object of names and keys")]
    Json,
    /// A name.
    #[error(transparent)]
    Name(#[from] NotAnEnrolmentKeyName),
    /// A key that could be guessed, or cannot be carried.
    #[error("the enrolment key {name}: {error}", name = .0, error = NotAnEnrolmentKey)]
    Key(EnrolmentKeyName),
    /// None, which nobody could enrol with, or so many that somebody has forgotten to take old ones out.
    #[error("there must be 1 to {most} enrolment keys, not {0}", most = EnrolmentKeys::MOST)]
    Count(usize),
}

impl EnrolmentKeys {
    /// So many there may be.
    pub const MOST: usize = 16;

    /// Reads `{"<name>": "<key>", ...}`.
    ///
    /// # Errors
    /// [`InvalidEnrolmentKeys`].
    pub fn from_json(json: &str) -> Result<Self, InvalidEnrolmentKeys> {
        // What serde says of a mistake may quote it.
        let members: BTreeMap<String, String> =
            serde_json::from_str(json).map_err(|_| InvalidEnrolmentKeys::Json)?;
        if !(1..=Self::MOST).contains(&members.len()) {
            return Err(InvalidEnrolmentKeys::Count(members.len()));
        }
        let mut keys = BTreeMap::new();
        for (name, key) in members {
            let name = name.parse::<EnrolmentKeyName>()?;
            let Ok(key) = key.parse::<EnrolmentKey>() else { return Err(InvalidEnrolmentKeys::Key(name)) };
            keys.insert(name, key.digest());
        }
        Ok(Self(keys))
    }

    /// Which one was presented, if it is one of them. Compares with all of them, each in constant time, so that how long it
    /// takes tells nothing of what was presented.
    #[must_use]
    pub fn find(&self, presented: &EnrolmentKey) -> Option<&EnrolmentKeyName> {
        let presented = presented.digest();
        self.0.iter().fold(None, |found, (name, key)| {
            let same = verify_slices_are_equal(key, &presented).is_ok();
            if same { Some(name) } else { found }
        })
    }
}

impl fmt::Debug for EnrolmentKeys {
    /// Their names alone (I11).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnrolmentKeys").field(&self.0.keys().collect::<Vec<_>>()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "one-example-key.of_enrolment~0000";
    const OTHER: &str = "another-example-key.of_enrolment~";

    fn keys() -> EnrolmentKeys {
        EnrolmentKeys::from_json(&format!(r#"{{"1":"{ONE}","spring.2027":"{OTHER}"}}"#)).unwrap()
    }

    fn key(text: &str) -> EnrolmentKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_of_the_set_is_found_by_its_name_and_nothing_else_is() {
        let keys = keys();
        let name = |text: &str| keys.find(&key(text)).map(ToString::to_string);
        assert_eq!(name(ONE).as_deref(), Some("1"));
        assert_eq!(name(OTHER).as_deref(), Some("spring.2027"));
        let changed = ONE.replace('~', ".");
        for other in [&ONE[..32], &format!("{ONE}0"), &changed, &ONE.to_uppercase(), &"x".repeat(256)] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn what_could_be_guessed_or_stands_in_no_url_is_no_key() {
        for good in [&"a".repeat(32), &"Z".repeat(256), ONE] {
            assert_eq!(key(good).expose(), good);
        }
        let long = "a".repeat(257);
        for wrong in ["", &ONE[..31], &long, &format!("{ONE} "), &format!("{ONE}+"), &format!("{ONE}ä")] {
            assert_eq!(wrong.parse::<EnrolmentKey>(), Err(NotAnEnrolmentKey), "{wrong}");
        }
    }

    /// No refusal of a set quotes what may be a key.
    #[test]
    fn a_set_that_could_not_serve_is_refused_without_showing_a_key() {
        let many: BTreeMap<_, _> = (0..17).map(|number| (number.to_string(), ONE)).collect();
        for (json, expected) in [
            (ONE.to_owned(), "must be a JSON object"),
            (format!(r#"["{ONE}"]"#), "must be a JSON object"),
            (format!(r#"{{"keys":["{ONE}"]}}"#), "must be a JSON object"),
            ("{}".to_owned(), "1 to 16 enrolment keys, not 0"),
            (serde_json::to_string(&many).unwrap(), "1 to 16 enrolment keys, not 17"),
            (format!(r#"{{"{ONE}":"1"}}"#), "the name of an enrolment key"),
            (format!(r#"{{"":"{ONE}"}}"#), "the name of an enrolment key"),
            (
                format!(r#"{{"1":"{ONE}","2":"{}"}}"#, &OTHER[..31]),
                "the enrolment key 2: an enrolment key must",
            ),
        ] {
            let error = EnrolmentKeys::from_json(&json).unwrap_err();
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(!text.contains("example-key"), "{text}");
            }
            assert!(error.to_string().contains(expected), "{json}: {error}");
        }
    }

    /// I11.
    #[test]
    fn an_enrolment_key_is_not_printed() {
        assert_eq!(format!("{:?}", key(ONE)), "EnrolmentKey(..)");
        let printed = format!("{:?}", keys());
        assert_eq!(printed, r#"EnrolmentKeys([EnrolmentKeyName("1"), EnrolmentKeyName("spring.2027")])"#);
    }
}
