use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::{aead, hkdf, hmac};
use serde::Deserialize;
use serde::de::Error as _;

/// Names a key of the ring: 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u8);

/// The keys under which tokens, uaids and message ids are made. Several may open, one seals, so that a key can be
/// replaced while what it sealed lives on.
pub struct KeyRing {
    keys: BTreeMap<KeyId, RingKey>,
    sealing: KeyId,
}

/// One secret, spread by HKDF into a key for each use.
pub(super) struct RingKey {
    pub(super) aead: aead::LessSafeKey,
    pub(super) nonce: hmac::Key,
    derive: hmac::Key,
}

/// What is derived from an event's identity; each has its own domain, so that one never stands for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    /// The secret name of a new terminal.
    Uaid,
    /// The seed that tells one token from the next.
    TokenSeed,
}

/// A key ring that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeyRing {
    /// Not the JSON that it must be.
    #[error(
        "the key ring must be a JSON object of key ids (0 to 255) and secrets, and `encrypt` with the id to seal with"
    )]
    Json(#[source] serde_json::Error),
    /// A secret that could be guessed.
    #[error("the secret of key {0} must have at least 32 characters")]
    ShortSecret(u8),
    /// `encrypt` names a key that is not there.
    #[error("`encrypt` names key {0}, which the key ring does not hold")]
    NoSealingKey(u8),
    /// The crypto library refused.
    #[error("the secret of key {0} could not be expanded")]
    Unusable(u8),
}

impl KeyRing {
    /// Reads `{"encrypt": "1", "1": "<secret>", ...}`: a secret for each key id, and which one seals.
    ///
    /// # Errors
    /// Where the JSON is something else, a secret is short or the sealing key is missing. No error shows a secret.
    pub fn from_json(json: &str) -> Result<Self, InvalidKeyRing> {
        let file: RingFile = serde_json::from_str(json).map_err(InvalidKeyRing::Json)?;
        let mut keys = BTreeMap::new();
        for (id, secret) in file.secrets {
            if secret.len() < 32 {
                return Err(InvalidKeyRing::ShortSecret(id));
            }
            let key = RingKey::expand(secret.as_bytes()).ok_or(InvalidKeyRing::Unusable(id))?;
            keys.insert(KeyId(id), key);
        }
        let sealing = KeyId(file.encrypt);
        if !keys.contains_key(&sealing) {
            return Err(InvalidKeyRing::NoSealingKey(file.encrypt));
        }
        Ok(Self { keys, sealing })
    }

    /// The key that seals what is new.
    #[must_use]
    pub fn sealing_key(&self) -> KeyId {
        self.sealing
    }

    pub(super) fn key(&self, id: KeyId) -> Option<&RingKey> {
        self.keys.get(&id)
    }

    /// Bytes that nobody without the ring can guess, and that are the same each time for the same parts.
    #[must_use]
    pub fn derive(&self, what: Derived, parts: &[&[u8]]) -> [u8; 16] {
        let label: &[u8] = match what {
            Derived::Uaid => b"uaid",
            Derived::TokenSeed => b"token seed",
        };
        // The constructor has made sure that the sealing key is there.
        let mac = &self.keys[&self.sealing].derive;
        first_bytes(&mac_of_parts(mac, std::iter::once(label).chain(parts.iter().copied())))
    }
}

/// Each part goes in behind its length, so that no two lists of parts look alike.
pub(super) fn mac_of_parts<'a>(key: &hmac::Key, parts: impl Iterator<Item = &'a [u8]>) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.sign()
}

/// The first bytes of a tag of 32.
pub(super) fn first_bytes<const N: usize>(tag: &hmac::Tag) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&tag.as_ref()[..N]);
    bytes
}

impl RingKey {
    fn expand(secret: &[u8]) -> Option<Self> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"signalbox key ring");
        let pseudo_random = salt.extract(secret);
        let key_for = |label: &[u8]| -> Option<[u8; 32]> {
            let mut key = [0; 32];
            pseudo_random.expand(&[label], hkdf::HKDF_SHA256).ok()?.fill(&mut key).ok()?;
            Some(key)
        };
        let boxes = aead::UnboundKey::new(&aead::AES_256_GCM_SIV, &key_for(b"box")?).ok()?;
        Some(Self {
            aead: aead::LessSafeKey::new(boxes),
            nonce: hmac::Key::new(hmac::HMAC_SHA256, &key_for(b"nonce")?),
            derive: hmac::Key::new(hmac::HMAC_SHA256, &key_for(b"derive")?),
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .field("sealing", &self.sealing)
            .finish()
    }
}

struct RingFile {
    encrypt: u8,
    secrets: BTreeMap<u8, String>,
}

impl<'de> Deserialize<'de> for RingFile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = BTreeMap::<String, String>::deserialize(deserializer)?;
        let encrypt = members.remove("encrypt").ok_or_else(|| D::Error::missing_field("encrypt"))?;
        let id = |text: &str| {
            text.parse::<u8>().map_err(|_| D::Error::custom("a key id must be a number from 0 to 255"))
        };
        let encrypt = id(&encrypt)?;
        let secrets = members
            .into_iter()
            .map(|(key, secret)| Ok((id(&key)?, secret)))
            .collect::<Result<_, D::Error>>()?;
        Ok(Self { encrypt, secrets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_ring_that_could_not_serve() {
        for (json, expected) in [
            ("[]", "must be a JSON object"),
            (r#"{"1":"an example secret that is long enough"}"#, "must be a JSON object"),
            (r#"{"encrypt":"1","1":"short"}"#, "at least 32"),
            (r#"{"encrypt":"2","1":"an example secret that is long enough"}"#, "does not hold"),
            (r#"{"encrypt":"1","one":"an example secret that is long enough"}"#, "must be a JSON object"),
        ] {
            let error = KeyRing::from_json(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    /// I11: a ring shows the ids of its keys and no secret.
    #[test]
    fn secrets_are_not_printed() {
        let ring = super::super::tests::ring();
        assert_eq!(format!("{ring:?}"), "KeyRing { keys: [KeyId(1)], sealing: KeyId(1) }");
    }
}
