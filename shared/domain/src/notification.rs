use std::str::FromStr;
use std::time::Duration;

use crate::{Refusal, Timestamp};

/// The longest time a message is kept: what is asked for beyond it is shortened, and the answer's `TTL` says so
/// (RFC 8030 section 5.2).
pub const MAX_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// The largest body that is taken, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(usize);

/// A limit that the standard or the wire forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {} to {} bytes", BodyLimit::LEAST, BodyLimit::MOST)]
pub struct InvalidBodyLimit;

impl BodyLimit {
    /// RFC 8030 section 7.2: so much must be taken.
    pub const LEAST: usize = 4096;
    /// In base64url, and with its headers, a body must fit one frame of API Gateway's 32 KB.
    pub const MOST: usize = 23_000;

    /// A limit in bytes.
    ///
    /// # Errors
    /// Where it is outside what the standard and the wire allow.
    pub fn new(bytes: usize) -> Result<Self, InvalidBodyLimit> {
        if (Self::LEAST..=Self::MOST).contains(&bytes) { Ok(Self(bytes)) } else { Err(InvalidBodyLimit) }
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for BodyLimit {
    /// 5,630: what other push services take, 5,527 of plaintext.
    fn default() -> Self {
        Self(5630)
    }
}

impl FromStr for BodyLimit {
    type Err = InvalidBodyLimit;

    fn from_str(text: &str) -> Result<Self, InvalidBodyLimit> {
        text.parse().map_err(|_| InvalidBodyLimit).and_then(Self::new)
    }
}

/// The headers that say how a body is encrypted; joined by commas where they were repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentHeaders<'h> {
    /// `Content-Encoding`.
    pub encoding: Option<&'h str>,
    /// `Encryption`.
    pub encryption: Option<&'h str>,
    /// `Crypto-Key`.
    pub crypto_key: Option<&'h str>,
}

/// How long a message waits for its terminal (RFC 8030 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(u32);

impl Ttl {
    /// Reads the header `TTL`: a non-negative integer of seconds, capped at [`MAX_TTL`].
    ///
    /// # Errors
    /// [`Refusal::TtlMissing`] and [`Refusal::TtlInvalid`].
    pub fn from_header(header: Option<&str>) -> Result<Self, Refusal> {
        let text = header.ok_or(Refusal::TtlMissing)?.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::TtlInvalid { got: shortened(text) });
        }
        // What does not fit is more than the cap anyhow.
        Ok(Self::from_secs(text.parse().unwrap_or(u64::MAX)))
    }

    /// So many seconds, capped at [`MAX_TTL`].
    #[must_use]
    pub fn from_secs(secs: u64) -> Self {
        Self(u32::try_from(secs.min(MAX_TTL.as_secs())).unwrap_or(u32::MAX))
    }

    /// Seconds.
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// TTL 0: delivered now or never.
    #[must_use]
    pub const fn is_now_or_never(self) -> bool {
        self.0 == 0
    }

    /// When a message accepted now expires.
    #[must_use]
    pub fn expires(self, accepted: Timestamp) -> Timestamp {
        accepted.plus(Duration::from_secs(u64::from(self.0)))
    }
}

/// What came, short enough to be quoted in a refusal.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ttl_is_a_capped_number_of_seconds() {
        for (header, secs) in [
            ("0", 0),
            ("60", 60),
            (" 7 ", 7),
            ("2592000", 2_592_000),
            ("2592001", 2_592_000),
            ("99999999999999999999999", 2_592_000),
        ] {
            assert_eq!(Ttl::from_header(Some(header)).unwrap().as_secs(), secs, "{header}");
        }
        assert_eq!(Ttl::from_header(None), Err(Refusal::TtlMissing));
        for wrong in ["", "-1", "+1", "1.5", "1s", "0x1", "60, 60"] {
            assert!(matches!(Ttl::from_header(Some(wrong)), Err(Refusal::TtlInvalid { .. })), "{wrong}");
        }
    }

    /// RFC 8030 section 5.2: TTL 0 alone is now or never, and what has a TTL expires by it.
    #[test]
    fn a_ttl_says_how_long_a_message_may_wait() {
        let ttl = |header| Ttl::from_header(Some(header)).unwrap();
        assert!(ttl("0").is_now_or_never());
        assert!(!ttl("1").is_now_or_never());
        assert_eq!(ttl("60").expires(Timestamp::from_secs(1_000)), Timestamp::from_secs(1_060));
    }

    #[test]
    fn a_body_limit_is_what_the_standard_and_the_wire_allow() {
        for good in ["4096", "5630", "23000"] {
            assert_eq!(good.parse::<BodyLimit>().unwrap().bytes().to_string(), good);
        }
        for wrong in ["4095", "23001", "", "-1", "many"] {
            assert_eq!(wrong.parse::<BodyLimit>(), Err(InvalidBodyLimit), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,80}") {
            let _ = Ttl::from_header(Some(&header));
            let _ = shortened(&header);
        }
    }
}
