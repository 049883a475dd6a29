//! The body of a message: an `aes128gcm` payload to look at, whose "ciphertext" says which message it is.
//!
//! A push service has no key and can check only the shape (RFC 8188 section 2.1, RFC 8291 section 4): a salt, a record
//! size, a P-256 point, and a ciphertext of at least 17 bytes. So nothing is encrypted here, and what arrives can be told
//! apart without being decrypted.

use aws_lc_rs::rand::fill;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use bytes::Bytes;
use signalbox_wire::base64url;

const KEY: std::ops::Range<usize> = 21..86;
/// A multiple of three, so that the mark begins with a character of its own in base64.
const MARK: std::ops::Range<usize> = 87..105;
const MARK_IN_BASE64: std::ops::Range<usize> = 116..140;
/// Says that a mark is a mark.
const SEAL: [u8; 2] = *b"sb";

/// The shortest body that holds a mark.
pub(crate) const SHORTEST: usize = MARK.end;

/// The session of a mark in a body that many get: which of them it came to, the frame says.
pub(crate) const SHARED: u32 = u32::MAX;

/// Which message a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Of which run: a service may still hold messages of an earlier one.
    pub(crate) run: u32,
    pub(crate) session: u32,
    /// From 0, in the order in which they were posted to the session.
    pub(crate) number: u64,
}

/// What a body was found to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// One of this template, unaltered.
    Whole(Mark),
    /// It has a mark, but is otherwise not what was sent.
    Damaged(Mark),
    /// Nothing of ours.
    Foreign,
}

/// The body that all messages of a run share, but for the mark.
pub(crate) struct BodyTemplate {
    bytes: Vec<u8>,
    base64: String,
}

/// The crypto library makes no key or no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("no key and no random bytes could be made")]
pub(crate) struct NoRandomness;

impl BodyTemplate {
    /// Of so many bytes, [`SHORTEST`] at least.
    pub(crate) fn new(size: usize) -> Result<Self, NoRandomness> {
        let mut bytes = vec![0; size.max(SHORTEST)];
        fill(&mut bytes).map_err(|_| NoRandomness)?;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| NoRandomness)?;
        bytes[16..20].copy_from_slice(&4096_u32.to_be_bytes());
        bytes[20] = 65;
        bytes[KEY].copy_from_slice(key.public_key().as_ref());
        let base64 = base64url::encode(&bytes);
        Ok(Self { bytes, base64 })
    }

    /// The body of one message.
    pub(crate) fn body(&self, mark: Mark) -> Bytes {
        let mut bytes = self.bytes.clone();
        let place = &mut bytes[MARK];
        place[..4].copy_from_slice(&mark.run.to_be_bytes());
        place[4..8].copy_from_slice(&mark.session.to_be_bytes());
        place[8..16].copy_from_slice(&mark.number.to_be_bytes());
        place[16..].copy_from_slice(&SEAL);
        bytes.into()
    }

    /// What a notification's `data` is. Only the mark is decoded; the rest is compared as it stands.
    pub(crate) fn find(&self, data: &str) -> Found {
        let data = data.trim_end_matches('=');
        let Some(mark) = data.get(MARK_IN_BASE64).and_then(mark) else { return Found::Foreign };
        // Both have the mark's range, so both have what is before and behind it.
        let same = data.len() == self.base64.len()
            && data[..MARK_IN_BASE64.start] == self.base64[..MARK_IN_BASE64.start]
            && data[MARK_IN_BASE64.end..] == self.base64[MARK_IN_BASE64.end..];
        if same { Found::Whole(mark) } else { Found::Damaged(mark) }
    }
}

fn mark(text: &str) -> Option<Mark> {
    let bytes: [u8; 18] = base64url::decode(text).ok()?.try_into().ok()?;
    let [r0, r1, r2, r3, s0, s1, s2, s3, number @ .., seal0, seal1] = bytes;
    ([seal0, seal1] == SEAL).then_some(Mark {
        run: u32::from_be_bytes([r0, r1, r2, r3]),
        session: u32::from_be_bytes([s0, s1, s2, s3]),
        number: u64::from_be_bytes(number),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_comes_back(size in 0_usize..5000, run: u32, session: u32, number: u64) {
            let (template, mark) = (BodyTemplate::new(size).unwrap(), Mark { run, session, number });
            let body = template.body(mark);
            prop_assert_eq!(body.len(), size.max(SHORTEST));
            prop_assert_eq!(template.find(&base64url::encode(&body)), Found::Whole(mark));
            // With padding, as some services hand it on.
            prop_assert_eq!(template.find(&format!("{}==", base64url::encode(&body))), Found::Whole(mark));
        }

        #[test]
        fn no_altered_body_is_whole(at in 0_usize..200, bit in 0_u8..8) {
            let (template, mark) = (BodyTemplate::new(200).unwrap(), Mark { run: 1, session: 2, number: 3 });
            let mut body = template.body(mark).to_vec();
            body[at] ^= 1 << bit;
            prop_assert_ne!(template.find(&base64url::encode(&body)), Found::Whole(mark));
        }
    }

    #[test]
    fn it_has_the_shape_of_a_payload() {
        let body = BodyTemplate::new(0).unwrap().body(Mark { run: 0, session: 0, number: 0 });
        assert!(body.len() >= 86 + 17);
        assert_eq!((body[20], body[21]), (65, 4));
        assert!(u32::from_be_bytes(body[16..20].try_into().unwrap()) >= 18);
    }

    #[test]
    fn what_is_cut_or_foreign_is_told() {
        let template = BodyTemplate::new(300).unwrap();
        let mark = Mark { run: 1, session: 2, number: 3 };
        let data = base64url::encode(template.body(mark));
        assert_eq!(template.find(&data[..200]), Found::Damaged(mark));
        for foreign in ["", "AAAA", &"A".repeat(400), &"é".repeat(200)] {
            assert_eq!(template.find(foreign), Found::Foreign, "{foreign}");
        }
    }
}
