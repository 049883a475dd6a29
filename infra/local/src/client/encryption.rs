use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use signalbox_wire::base64url;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::p256::{PublicKey, SecretKey};
use web_push_native::{Auth, decrypt};

/// What an application keeps to read its notifications (RFC 8291 section 2): its key pair and its authentication secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionKeys {
    private_key: String,
    auth: String,
}

/// A payload or its keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// The keys.
    #[error("the subscription's {0} is not what RFC 8291 says")]
    Key(&'static str),
    /// The payload.
    #[error("the payload does not decrypt: {0}")]
    Payload(String),
    /// No randomness.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

impl SubscriptionKeys {
    /// New keys.
    ///
    /// # Errors
    /// [`EncryptionError::NoRandomness`].
    pub fn generate() -> Result<Self, EncryptionError> {
        let secret = loop {
            // All but one of 2^32 strings of 32 bytes are a P-256 key.
            if let Ok(secret) = SecretKey::from_slice(&random::<32>()?) {
                break secret;
            }
        };
        Ok(Self {
            private_key: base64url::encode(secret.to_bytes()),
            auth: base64url::encode(random::<16>()?),
        })
    }

    /// The public key, `p256dh` of a subscription.
    ///
    /// # Errors
    /// [`EncryptionError::Key`].
    pub fn p256dh(&self) -> Result<String, EncryptionError> {
        Ok(base64url::encode(self.secret()?.public_key().to_encoded_point(false)))
    }

    /// The authentication secret, `auth` of a subscription.
    #[must_use]
    pub fn auth(&self) -> &str {
        &self.auth
    }

    /// Reads a notification.
    ///
    /// # Errors
    /// [`EncryptionError`].
    pub fn decrypt(&self, payload: &[u8]) -> Result<Vec<u8>, EncryptionError> {
        decrypt(payload.to_vec(), &self.secret()?, &auth(&self.auth)?)
            .map_err(|error| EncryptionError::Payload(error.to_string()))
    }

    fn secret(&self) -> Result<SecretKey, EncryptionError> {
        let bytes =
            base64url::decode_lenient(&self.private_key).map_err(|_| EncryptionError::Key("privateKey"))?;
        SecretKey::from_slice(&bytes).map_err(|_| EncryptionError::Key("privateKey"))
    }
}

/// Encrypts a payload for a subscription (RFC 8291).
///
/// # Errors
/// [`EncryptionError::Key`].
pub fn encrypt(text: &[u8], p256dh: &str, auth_secret: &str) -> Result<Vec<u8>, EncryptionError> {
    let point = base64url::decode_lenient(p256dh).map_err(|_| EncryptionError::Key("p256dh"))?;
    let key = PublicKey::from_sec1_bytes(&point).map_err(|_| EncryptionError::Key("p256dh"))?;
    web_push_native::encrypt(text.to_vec(), &key, &auth(auth_secret)?)
        .map_err(|error| EncryptionError::Payload(error.to_string()))
}

fn auth(text: &str) -> Result<Auth, EncryptionError> {
    let bytes = base64url::decode_lenient(text).ok().filter(|bytes| bytes.len() == 16);
    bytes.map(|bytes| Auth::clone_from_slice(&bytes)).ok_or(EncryptionError::Key("auth"))
}

fn random<const N: usize>() -> Result<[u8; N], EncryptionError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| EncryptionError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_for_a_subscription_is_read_with_its_keys() {
        let keys = SubscriptionKeys::generate().unwrap();
        let payload = encrypt(b"hello", &keys.p256dh().unwrap(), keys.auth()).unwrap();
        assert_eq!(keys.decrypt(&payload).unwrap(), b"hello");
        assert!(SubscriptionKeys::generate().unwrap().decrypt(&payload).is_err());
    }
}
