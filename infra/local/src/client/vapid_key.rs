use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbox_domain::Origin;
use signalbox_wire::base64url;

/// How long a signed header counts.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// An application server's key pair (RFC 8292): what it is known by, and how it proves who it is.
pub struct VapidKey {
    pair: EcdsaKeyPair,
    file: VapidKeyFile,
}

/// The key pair as `web-push generate-vapid-keys --json` writes it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VapidKeyFile {
    public_key: String,
    private_key: String,
}

/// A key pair that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VapidKeyError {
    /// Not the JSON expected.
    #[error("the VAPID key must be JSON with publicKey and privateKey: {0}")]
    Json(#[from] serde_json::Error),
    /// Not base64url, or not a pair on P-256.
    #[error("the VAPID key is not a key pair on P-256")]
    NotAPair,
    /// The crypto library refused.
    #[error("a VAPID key could not be made or used")]
    Crypto,
    /// The endpoint has no origin to sign for.
    #[error("{0} is not an absolute URL")]
    NoOrigin(String),
}

impl VapidKey {
    /// A new key pair.
    ///
    /// # Errors
    /// [`VapidKeyError::Crypto`].
    pub fn generate() -> Result<Self, VapidKeyError> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| VapidKeyError::Crypto)?;
        let private = pair.private_key().as_be_bytes().map_err(|_| VapidKeyError::Crypto)?;
        let file = VapidKeyFile {
            public_key: base64url::encode(pair.public_key()),
            private_key: base64url::encode(private.as_ref()),
        };
        Ok(Self { pair, file })
    }

    /// Reads a key pair.
    ///
    /// # Errors
    /// [`VapidKeyError`].
    pub fn from_json(json: &str) -> Result<Self, VapidKeyError> {
        let file: VapidKeyFile = serde_json::from_str(json)?;
        let bytes = |text: &str| base64url::decode_lenient(text).map_err(|_| VapidKeyError::NotAPair);
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &bytes(&file.private_key)?,
            &bytes(&file.public_key)?,
        )
        .map_err(|_| VapidKeyError::NotAPair)?;
        Ok(Self { pair, file })
    }

    /// The key pair's JSON; it holds the private key.
    ///
    /// # Errors
    /// [`VapidKeyError::Json`].
    pub fn to_json(&self) -> Result<String, VapidKeyError> {
        Ok(serde_json::to_string_pretty(&self.file)?)
    }

    /// The public key in base64url: `applicationServerKey` in browsers, `key` of `register`.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.file.public_key
    }

    /// The private key in base64url, as other libraries take it.
    #[must_use]
    pub fn private_key(&self) -> &str {
        &self.file.private_key
    }

    /// The header `Authorization` for whatever lies under the URL's origin.
    ///
    /// # Errors
    /// [`VapidKeyError`].
    pub fn authorization(&self, url: &str) -> Result<String, VapidKeyError> {
        let origin = Origin::of(url).ok_or_else(|| VapidKeyError::NoOrigin(url.to_owned()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = json!({
            "aud": origin.to_string(),
            "exp": (now + LIFE).as_secs(),
            "sub": "mailto:signalbox@localhost.invalid",
        });
        self.sign(&claims)
    }

    /// The header `Authorization` with these claims.
    ///
    /// # Errors
    /// [`VapidKeyError::Crypto`].
    pub fn sign(&self, claims: &serde_json::Value) -> Result<String, VapidKeyError> {
        let header = base64url::encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let signed = format!("{header}.{}", base64url::encode(claims.to_string()));
        let signature =
            self.pair.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| VapidKeyError::Crypto)?;
        Ok(format!("vapid t={signed}.{}, k={}", base64url::encode(signature), self.file.public_key))
    }
}
