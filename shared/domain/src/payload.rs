use std::fmt;

use bytes::Bytes;
use signalbox_wire::base64url;

use crate::notification::{BodyLimit, ContentHeaders, shortened};
use crate::parameters::{first, sections};
use crate::{Refusal, ServerKey};

/// The content coding of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 8188 and RFC 8291: everything is in the body.
    Aes128Gcm,
    /// The draft before it, which old senders use: salt and key are in headers.
    AesGcm(LegacyHeaders),
    /// Not encrypted: the push service can read it. Only for sessions that have asked for it, and only by a fan-out.
    Identity,
}

/// The headers that an `aesgcm` payload needs to be read, in the form that terminals get them: without quotes, padding and
/// whatever is not theirs, as the sender's VAPID key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyHeaders {
    /// `salt`, and `keyid` and `rs` where they were given.
    pub encryption: String,
    /// `dh`, and `keyid` where it was given.
    pub crypto_key: String,
}

impl Encoding {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Aes128Gcm => "aes128gcm",
            Self::AesGcm(_) => "aesgcm",
            Self::Identity => "identity",
        }
    }
}

/// What a notification carries: a body that only the application can read, and how it is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// Shared by all copies: one body may be for many.
    body: Bytes,
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

/// An `aesgcm` record has two bytes that say how much padding there is, and a tag.
const SHORTEST_LEGACY: usize = 2 + 16;

impl Payload {
    /// Checks what can be checked without the key (RFC 8291 section 4). An empty body is a notification without payload.
    ///
    /// # Errors
    /// [`Refusal::BodyTooLarge`], [`Refusal::EncodingMissing`], [`Refusal::EncodingUnsupported`],
    /// [`Refusal::EncryptionMissing`] and [`Refusal::BodyMalformed`].
    pub fn new(
        body: Vec<u8>,
        headers: ContentHeaders<'_>,
        limit: BodyLimit,
    ) -> Result<Option<Self>, Refusal> {
        if body.len() > limit.bytes() {
            return Err(Refusal::BodyTooLarge { got: body.len(), limit: limit.bytes() });
        }
        if body.is_empty() {
            return Ok(None);
        }
        let name = headers.encoding.ok_or(Refusal::EncodingMissing)?.trim();
        let encoding = if name.eq_ignore_ascii_case("aes128gcm") {
            check_aes128gcm(&body)?;
            Encoding::Aes128Gcm
        } else if name.eq_ignore_ascii_case("aesgcm") {
            if body.len() < SHORTEST_LEGACY {
                return Err(Refusal::BodyMalformed { rule: "an aesgcm body has at least 18 bytes" });
            }
            Encoding::AesGcm(LegacyHeaders::read(headers)?)
        } else {
            return Err(Refusal::EncodingUnsupported { got: shortened(name) });
        };
        Ok(Some(Self { body: body.into(), encoding }))
    }

    /// Checks the payload of a fan-out: encrypted for its recipient, or not at all (`identity`). The older coding is not
    /// taken, as its headers have no place there.
    ///
    /// # Errors
    /// [`Refusal::BodyTooLarge`], [`Refusal::EncodingMissing`], [`Refusal::EncodingUnsupported`] and
    /// [`Refusal::BodyMalformed`].
    pub fn of_fan_out(
        body: Vec<u8>,
        encoding: Option<&str>,
        limit: BodyLimit,
    ) -> Result<Option<Self>, Refusal> {
        match encoding {
            Some("identity") if body.len() <= limit.bytes() => {
                Ok((!body.is_empty()).then_some(Self { body: body.into(), encoding: Encoding::Identity }))
            }
            Some(name) if name != "aes128gcm" && name != "identity" => {
                Err(Refusal::EncodingUnsupported { got: shortened(name) })
            }
            _ => Self::new(body, ContentHeaders { encoding, ..ContentHeaders::default() }, limit),
        }
    }

    /// A payload read back from the tables, where only checked ones are put.
    #[must_use]
    pub fn from_stored(body: Vec<u8>, encoding: Encoding) -> Self {
        Self { body: body.into(), encoding }
    }

    /// The body, byte for byte as it came (R20).
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How it is encrypted.
    #[must_use]
    pub const fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Refuses a sender that uses its VAPID key for the payload too (RFC 8292 section 3.2).
    ///
    /// # Errors
    /// [`Refusal::BodyMalformed`].
    pub fn check_key_reuse(&self, server: &ServerKey) -> Result<(), Refusal> {
        let reused = match &self.encoding {
            Encoding::Aes128Gcm => self.body[header::KEY] == server.as_bytes()[..],
            Encoding::AesGcm(headers) => {
                first(&headers.crypto_key, "dh") == Some(server.to_string().as_str())
            }
            Encoding::Identity => false,
        };
        if reused {
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

impl LegacyHeaders {
    fn read(headers: ContentHeaders<'_>) -> Result<Self, Refusal> {
        let missing = |what| Refusal::EncryptionMissing { what };
        let encryption = headers.encryption.ok_or(missing("Encryption: salt"))?;
        let section = sections(encryption).find(|section| section.get("salt").is_some());
        let section = section.ok_or(missing("Encryption: salt"))?;
        let salt = section.get("salt").and_then(plain).ok_or(missing("Encryption: salt"))?;
        let keyid = section.get("keyid").and_then(word);
        let record_size = section.get("rs").filter(|rs| rs.bytes().all(|b| b.is_ascii_digit()));

        // The key of the salt's own keyid, where there are several (draft-ietf-httpbis-encryption-encoding-03).
        let crypto_key = headers.crypto_key.ok_or(missing("Crypto-Key: dh"))?;
        let with_dh = || sections(crypto_key).filter(|section| section.get("dh").is_some());
        let section = with_dh().find(|section| section.get("keyid").and_then(word) == keyid);
        let section = section.or_else(|| with_dh().next()).ok_or(missing("Crypto-Key: dh"))?;
        let dh = section.get("dh").and_then(plain).ok_or(missing("Crypto-Key: dh"))?;

        let named = keyid.map(|keyid| format!("keyid={keyid};")).unwrap_or_default();
        let sized = record_size.map(|rs| format!(";rs={rs}")).unwrap_or_default();
        Ok(Self { encryption: format!("{named}salt={salt}{sized}"), crypto_key: format!("{named}dh={dh}") })
    }
}

/// Base64url without padding, which is all that terminals take.
fn plain(value: &str) -> Option<String> {
    let bytes = base64url::decode_lenient(value).ok()?;
    (!bytes.is_empty()).then(|| base64url::encode(bytes))
}

/// A key id that cannot be mistaken for more parameters.
fn word(value: &str) -> Option<&str> {
    let fits = (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The encrypted example of RFC 8291 section 5.
    const RFC_8291: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    fn coded(encoding: &str) -> ContentHeaders<'_> {
        ContentHeaders { encoding: Some(encoding), ..ContentHeaders::default() }
    }

    fn new(body: Vec<u8>, headers: ContentHeaders<'_>) -> Result<Option<Payload>, Refusal> {
        Payload::new(body, headers, BodyLimit::default())
    }

    /// R20: the example of RFC 8291 passes unchanged.
    #[test]
    fn the_rfc_example_is_taken() {
        let body = base64url::decode(RFC_8291).unwrap();
        let payload = new(body.clone(), coded("aes128gcm")).unwrap().unwrap();
        assert_eq!(payload.body(), body);
        assert_eq!(payload.encoding(), &Encoding::Aes128Gcm);
        assert_eq!(payload.encoding().as_str(), "aes128gcm");
        // Of a body, logs say its size alone.
        assert_eq!(format!("{payload:?}"), "Payload(aes128gcm, 144 bytes)");
    }

    /// RFC 8188 section 2: the shortest record and the shortest body are taken, and nothing below.
    #[test]
    fn the_shortest_payloads_are_taken() {
        let mut body = base64url::decode(RFC_8291).unwrap()[..103].to_vec();
        for (record_size, taken) in [(18, true), (17, false), (0x0100_0000, true)] {
            body[16..20].copy_from_slice(&u32::to_be_bytes(record_size));
            assert_eq!(new(body.clone(), coded("aes128gcm")).is_ok(), taken, "{record_size}");
        }
        let legacy = ContentHeaders {
            encoding: Some("aesgcm"),
            encryption: Some("salt=c2FsdA"),
            crypto_key: Some("dh=ZGg"),
        };
        assert_eq!(new(vec![0; 18], legacy).unwrap().unwrap().encoding().as_str(), "aesgcm");
        assert!(matches!(new(vec![0; 17], legacy), Err(Refusal::BodyMalformed { .. })));
    }

    /// RFC 8292 section 3.2: the payload's key must not be the key that signs.
    #[test]
    fn a_payload_under_the_vapid_key_is_refused() {
        let body = base64url::decode(RFC_8291).unwrap();
        let senders = ServerKey::from_bytes(&body[21..86]).unwrap();
        let other = crate::vapid::tests::TestServer::new().key();
        let crypto_key = format!("dh={senders}");
        let legacy = ContentHeaders {
            encoding: Some("aesgcm"),
            encryption: Some("salt=c2FsdA"),
            crypto_key: Some(&crypto_key),
        };
        for headers in [coded("aes128gcm"), legacy] {
            let payload = new(body.clone(), headers).unwrap().unwrap();
            assert_eq!(payload.check_key_reuse(&other), Ok(()));
            assert!(matches!(payload.check_key_reuse(&senders), Err(Refusal::BodyMalformed { .. })));
        }
    }

    #[test]
    fn a_body_that_cannot_be_encrypted_is_refused() {
        let good = base64url::decode(RFC_8291).unwrap();
        assert_eq!(new(good.clone(), ContentHeaders::default()), Err(Refusal::EncodingMissing));
        for coding in ["identity", "gzip", ""] {
            let refusal = new(good.clone(), coded(coding)).unwrap_err();
            assert_eq!(refusal, Refusal::EncodingUnsupported { got: coding.into() });
        }
        let altered = |at: usize, to: &[u8]| {
            let mut body = good.clone();
            body.splice(at..at + to.len(), to.iter().copied());
            body
        };
        for bad in [good[..102].to_vec(), altered(20, &[64]), altered(21, &[2]), altered(16, &[0, 0, 0, 17])]
        {
            assert!(matches!(new(bad, coded("aes128gcm")), Err(Refusal::BodyMalformed { .. })));
        }
        assert_eq!(new(Vec::new(), ContentHeaders::default()), Ok(None));
    }

    /// RFC 8030 section 7.2: 4,096 bytes are always taken, and one byte over the limit never.
    #[test]
    fn the_limit_is_the_limit() {
        let limit = BodyLimit::new(4096).unwrap();
        let mut body = base64url::decode(RFC_8291).unwrap();
        body.resize(4096, 0);
        assert!(Payload::new(body.clone(), coded("aes128gcm"), limit).is_ok());
        body.push(0);
        let refusal = Payload::new(body, coded("aes128gcm"), limit);
        assert_eq!(refusal, Err(Refusal::BodyTooLarge { got: 4097, limit: 4096 }));
    }

    /// Terminals get the legacy headers without quotes and padding, and without the VAPID key.
    #[test]
    fn legacy_headers_are_cleaned() {
        let table = [
            ("salt=c2FsdA", "dh=ZGg", "salt=c2FsdA", "dh=ZGg"),
            (
                r#"keyid="a1"; salt="c2FsdA==";rs=4096"#,
                r#"keyid="a1"; dh="ZGg=""#,
                "keyid=a1;salt=c2FsdA;rs=4096",
                "keyid=a1;dh=ZGg",
            ),
            ("salt=c2FsdA", "dh=ZGg;p256ecdsa=BDd3", "salt=c2FsdA", "dh=ZGg"),
            ("salt=+/8=", "dh=/+8=", "salt=-_8", "dh=_-8"),
            ("salt=c2FsdA", "p256ecdsa=BDd3,dh=ZGg", "salt=c2FsdA", "dh=ZGg"),
            (
                "keyid=b;salt=c2FsdA",
                "keyid=a;dh=QUFB,keyid=b;dh=ZGg",
                "keyid=b;salt=c2FsdA",
                "keyid=b;dh=ZGg",
            ),
        ];
        for (encryption, crypto_key, cleaned_encryption, cleaned_crypto_key) in table {
            let headers = ContentHeaders {
                encoding: Some("aesgcm"),
                encryption: Some(encryption),
                crypto_key: Some(crypto_key),
            };
            let payload = new(vec![0; 18], headers).unwrap().unwrap();
            let expected = LegacyHeaders {
                encryption: cleaned_encryption.into(),
                crypto_key: cleaned_crypto_key.into(),
            };
            assert_eq!(payload.encoding(), &Encoding::AesGcm(expected));
        }
    }

    #[test]
    fn a_legacy_payload_needs_its_headers() {
        for (encryption, crypto_key, what) in [
            (None, Some("dh=ZGg"), "Encryption: salt"),
            (Some("rs=1"), Some("dh=ZGg"), "Encryption: salt"),
            (Some("salt="), Some("dh=ZGg"), "Encryption: salt"),
            (Some("salt=*"), Some("dh=ZGg"), "Encryption: salt"),
            (Some("salt=c2FsdA"), None, "Crypto-Key: dh"),
            (Some("salt=c2FsdA"), Some("p256ecdsa=BDd3"), "Crypto-Key: dh"),
        ] {
            let headers = ContentHeaders { encoding: Some("aesgcm"), encryption, crypto_key };
            assert_eq!(new(vec![0; 18], headers), Err(Refusal::EncryptionMissing { what }));
        }
    }

    proptest! {
        #[test]
        fn no_body_and_no_header_panics(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            encoding in "aesgcm|aes128gcm|\\PC{0,20}", encryption in "\\PC{0,80}", crypto_key in "\\PC{0,80}",
        ) {
            let headers = ContentHeaders {
                encoding: Some(&encoding), encryption: Some(&encryption), crypto_key: Some(&crypto_key),
            };
            let _ = new(body, headers);
        }

        /// What terminals get has no quote, no padding and no VAPID key in it, whatever came.
        #[test]
        fn what_is_handed_on_is_clean(keyid in "[ -~]{0,10}", salt in "[A-Za-z0-9_=\"-]{1,24}", rest in "[ -~]{0,40}") {
            let encryption = format!("keyid={keyid};salt={salt}");
            let crypto_key = format!("p256ecdsa=BDd3;{rest};dh={salt}");
            let headers = ContentHeaders {
                encoding: Some("aesgcm"), encryption: Some(&encryption), crypto_key: Some(&crypto_key),
            };
            if let Ok(Some(payload)) = new(vec![0; 18], headers)
                && let Encoding::AesGcm(headers) = payload.encoding()
            {
                prop_assert!(!headers.encryption.contains('"') && !headers.crypto_key.contains('"'));
                prop_assert!(!headers.crypto_key.contains("p256ecdsa"));
                prop_assert!(!headers.encryption.ends_with('=') && !headers.crypto_key.ends_with('='));
            }
        }
    }
}
