use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use hyper::header::HeaderValue;
use signalbox_wire::base64url;

/// Services take 24 h at most (RFC 8292 section 2).
const LIFETIME: u64 = 12 * 3600;

/// The key that a run's senders are known by.
pub(crate) struct Vapid {
    key: EcdsaKeyPair,
}

/// There is no key or no signature.
#[derive(Debug, thiserror::Error)]
#[error("no VAPID header could be signed")]
pub(crate) struct Unsigned;

impl Vapid {
    pub(crate) fn generate() -> Result<Self, Unsigned> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| Unsigned)?;
        Ok(Self { key })
    }

    /// As `register` names it.
    pub(crate) fn public_key(&self) -> String {
        base64url::encode(self.key.public_key().as_ref())
    }

    /// The header for this origin, good for twelve hours from now on.
    pub(crate) fn authorization(&self, origin: &str, now: u64) -> Result<HeaderValue, Unsigned> {
        let claims = serde_json::json!({
            "aud": origin, "exp": now + LIFETIME, "sub": "mailto:load@example.org"
        });
        let part = |text: &str| base64url::encode(text.as_bytes());
        let signed = format!("{}.{}", part(r#"{"typ":"JWT","alg":"ES256"}"#), part(&claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| Unsigned)?;
        let header =
            format!("vapid t={signed}.{}, k={}", base64url::encode(signature.as_ref()), self.public_key());
        HeaderValue::try_from(header).map_err(|_| Unsigned)
    }
}
