use std::fmt;
use std::time::Duration;

use crate::{Refusal, ServerKey, Timestamp};

/// The longest time a message is kept: what is asked for beyond it is shortened, and the answer's `TTL` says so
/// (RFC 8030 section 5.2).
pub const MAX_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// The largest body taken, in bytes. RFC 8030 section 7.2 forbids to refuse 4,096; this is room enough for 5,527 of
/// plaintext, and in base64url far below the 32 KB of one frame of API Gateway's.
pub const BODY_LIMIT: usize = 5630;

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
        let secs = text.parse().unwrap_or(u64::MAX).min(MAX_TTL.as_secs());
        Ok(Self(u32::try_from(secs).unwrap_or(u32::MAX)))
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

/// The content coding of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 8188 and RFC 8291.
    Aes128Gcm,
}

impl Encoding {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "aes128gcm",
        }
    }

    /// The coding of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.eq_ignore_ascii_case("aes128gcm").then_some(Self::Aes128Gcm)
    }
}

/// What a notification carries: a body that only the application can read, and how it is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    body: Vec<u8>,
    encoding: Encoding,
}

/// RFC 8188 section 2.1: salt 16, record size 4, key id length 1; RFC 8291 section 4: the key id is a P-256 point of 65.
mod header {
    pub(super) const RECORD_SIZE: std::ops::Range<usize> = 16..20;
    pub(super) const KEY_LENGTH: usize = 20;
    pub(super) const KEY: std::ops::Range<usize> = 21..86;
    /// The header, and one record with its padding delimiter and tag.
    pub(super) const SHORTEST: usize = 86 + 17;
}

impl Payload {
    /// Checks what can be checked without the key (RFC 8291 section 4). An empty body is a notification without payload.
    ///
    /// # Errors
    /// [`Refusal::BodyTooLarge`], [`Refusal::EncodingMissing`], [`Refusal::EncodingUnsupported`] and
    /// [`Refusal::BodyMalformed`].
    pub fn new(body: Vec<u8>, content_encoding: Option<&str>) -> Result<Option<Self>, Refusal> {
        if body.len() > BODY_LIMIT {
            return Err(Refusal::BodyTooLarge { got: body.len() });
        }
        if body.is_empty() {
            return Ok(None);
        }
        let name = content_encoding.ok_or(Refusal::EncodingMissing)?.trim();
        let encoding =
            Encoding::from_name(name).ok_or_else(|| Refusal::EncodingUnsupported { got: shortened(name) })?;
        check_aes128gcm(&body)?;
        Ok(Some(Self { body, encoding }))
    }

    /// A payload read back from the tables, where only checked ones are put.
    #[must_use]
    pub fn from_stored(body: Vec<u8>, encoding: Encoding) -> Self {
        Self { body, encoding }
    }

    /// The body, byte for byte as it came (R20).
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How it is encrypted.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Refuses a sender that uses its VAPID key for the payload too (RFC 8292 section 4.2 of the reuse of keys).
    ///
    /// # Errors
    /// [`Refusal::BodyMalformed`].
    pub fn check_key_reuse(&self, server: &ServerKey) -> Result<(), Refusal> {
        if self.body[header::KEY] == server.as_bytes()[..] {
            return Err(Refusal::BodyMalformed {
                rule: "the payload's sender key must not be the VAPID key: make a new key pair for each payload",
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} bytes)", self.encoding.as_str(), self.body.len())
    }
}

fn check_aes128gcm(body: &[u8]) -> Result<(), Refusal> {
    let malformed = |rule| Err(Refusal::BodyMalformed { rule });
    if body.len() < header::SHORTEST {
        return malformed(
            "an aes128gcm body has at least 103 bytes; if yours has, send it as application/octet-stream",
        );
    }
    if body[header::KEY_LENGTH] != 65 || body[header::KEY.start] != 0x04 {
        return malformed(
            "byte 20 must be 65 and byte 21 be 4, the sender's uncompressed P-256 key; if they are, send the body as application/octet-stream",
        );
    }
    let record_size = body[header::RECORD_SIZE].iter().fold(0_u32, |size, byte| size << 8 | u32::from(*byte));
    if record_size < 18 {
        return malformed("the record size, bytes 16 to 19, must be at least 18");
    }
    Ok(())
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

    /// The encrypted example of RFC 8291 section 5.
    const RFC_8291: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

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

    /// R20: the example of RFC 8291 passes unchanged.
    #[test]
    fn the_rfc_example_is_taken() {
        let body = signalbox_wire::base64url::decode(RFC_8291).unwrap();
        let payload = Payload::new(body.clone(), Some("aes128gcm")).unwrap().unwrap();
        assert_eq!(payload.body(), body);
        assert_eq!(payload.encoding(), Encoding::Aes128Gcm);
    }

    #[test]
    fn a_body_that_cannot_be_encrypted_is_refused() {
        let good = signalbox_wire::base64url::decode(RFC_8291).unwrap();
        assert_eq!(Payload::new(good.clone(), None), Err(Refusal::EncodingMissing));
        for coding in ["aesgcm", "identity", "gzip", ""] {
            let refusal = Payload::new(good.clone(), Some(coding)).unwrap_err();
            assert_eq!(refusal, Refusal::EncodingUnsupported { got: coding.into() });
        }
        let altered = |at: usize, to: &[u8]| {
            let mut body = good.clone();
            body.splice(at..at + to.len(), to.iter().copied());
            body
        };
        for bad in [good[..102].to_vec(), altered(20, &[64]), altered(21, &[2]), altered(16, &[0, 0, 0, 17])]
        {
            assert!(matches!(Payload::new(bad, Some("aes128gcm")), Err(Refusal::BodyMalformed { .. })));
        }
        let (fits, too_large) = (altered(86, &vec![0; BODY_LIMIT - 86][..58]), vec![4; BODY_LIMIT + 1]);
        assert!(Payload::new(fits, Some("aes128gcm")).is_ok());
        assert_eq!(Payload::new(too_large, None), Err(Refusal::BodyTooLarge { got: BODY_LIMIT + 1 }));
        assert_eq!(Payload::new(Vec::new(), None), Ok(None));
    }

    proptest! {
        #[test]
        fn no_body_and_no_header_panics(body in proptest::collection::vec(any::<u8>(), 0..200), header in "\\PC{0,80}") {
            let _ = Payload::new(body, Some(&header));
            let _ = Ttl::from_header(Some(&header));
        }
    }
}
