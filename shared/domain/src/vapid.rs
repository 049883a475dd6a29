use std::fmt;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use signalbox_wire::base64url;

use crate::notification::shortened;
use crate::{InvalidServerKey, Origin, ServerKey, Timestamp};

/// `exp` may be at most this far ahead (RFC 8292 section 2).
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Clocks differ; so much is forgiven at either end of `exp`.
const SKEW: Duration = Duration::from_secs(60);
/// A JWT of a few hundred characters does; this bounds the work on a made-up one.
const LONGEST_HEADER: usize = 4096;

/// What is wrong with a VAPID header (RFC 8292): the parameter or claim, what came and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VapidError {
    /// Not `vapid t=..., k=...`.
    #[error("the header Authorization must read `vapid t=<jwt>, k=<key>` (RFC 8292 section 3): {0}")]
    Header(&'static str),
    /// `k` is no key.
    #[error("k {0}")]
    Key(InvalidServerKey),
    /// `t` is no JWT.
    #[error("t is no JWT: {0}")]
    Token(&'static str),
    /// Another algorithm.
    #[error("alg of the JWT must be ES256, and is {0:?}")]
    Algorithm(String),
    /// The signature is not k's.
    #[error("the JWT's signature does not verify with k")]
    Signature,
    /// No `aud`, or another service's.
    #[error("aud is {got}, this service is {expected}")]
    Audience {
        /// What came.
        got: String,
        /// The origin of this service's endpoints.
        expected: String,
    },
    /// No `exp`.
    #[error("exp is missing: the JWT must say when it expires, in seconds since 1970, at most 24 h ahead")]
    ExpiryMissing,
    /// In the past.
    #[error("exp is {exp}, which has passed: it is {now} now")]
    Expired {
        /// `exp`.
        exp: u64,
        /// The service's time, in seconds.
        now: u64,
    },
    /// Too far ahead.
    #[error("exp is {exp}, more than 24 h ahead: it is {now} now")]
    TooFarAhead {
        /// `exp`.
        exp: u64,
        /// The service's time, in seconds.
        now: u64,
    },
}

impl VapidError {
    /// A short stable word; the last part of the problem's type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Header(_) => "vapid-header",
            Self::Key(_) => "vapid-key",
            Self::Token(_) | Self::Algorithm(_) => "vapid-token",
            Self::Signature => "vapid-signature",
            Self::Audience { .. } => "vapid-audience",
            Self::ExpiryMissing | Self::Expired { .. } | Self::TooFarAhead { .. } => "vapid-expiry",
        }
    }
}

/// What a VAPID header claims, before it is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct VapidCredentials {
    token: String,
    key: ServerKey,
}

#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: Option<Audience>,
    exp: Option<f64>,
}

/// One audience or several (RFC 7519 section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl VapidCredentials {
    /// Reads `Authorization: vapid t=<jwt>, k=<key>` (RFC 8292 section 3); parameters that it does not know are ignored.
    ///
    /// # Errors
    /// [`VapidError::Header`] and [`VapidError::Key`].
    pub fn from_authorization(header: &str) -> Result<Self, VapidError> {
        if header.len() > LONGEST_HEADER {
            return Err(VapidError::Header("it is longer than 4096 characters"));
        }
        let (scheme, parameters) = header.trim().split_once(' ').unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case("vapid") {
            return Err(VapidError::Header("its scheme is another"));
        }
        let parameter = |name: &str| {
            parameters.split(',').filter_map(|one| one.trim().split_once('=')).find_map(|(key, value)| {
                key.trim_end().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
            })
        };
        let token = parameter("t").ok_or(VapidError::Header("t is missing"))?.to_owned();
        let key = parameter("k").ok_or(VapidError::Header("k is missing"))?;
        let key = ServerKey::from_base64url(key).map_err(VapidError::Key)?;
        Ok(Self { token, key })
    }

    /// Proves that the sender holds the key, now and for this service (RFC 8292 section 2).
    ///
    /// # Errors
    /// The [`VapidError`] of the first claim that fails.
    pub fn verify(&self, origins: &[Origin], now: Timestamp) -> Result<ServerKey, VapidError> {
        let (signed, signature) =
            self.token.rsplit_once('.').ok_or(VapidError::Token("it has no signature"))?;
        let (header, claims) = signed.split_once('.').ok_or(VapidError::Token("it has not three parts"))?;
        let header: Header = part(header, VapidError::Token("its header is not JSON in base64url"))?;
        if header.alg.as_deref() != Some("ES256") {
            return Err(VapidError::Algorithm(shortened(&header.alg.unwrap_or_default())));
        }
        let signature = base64url::decode_lenient(signature)
            .map_err(|_| VapidError::Token("its signature is not base64url"))?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.as_bytes())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| VapidError::Signature)?;
        let claims: Claims = part(claims, VapidError::Token("its claims are not JSON in base64url"))?;
        check_audience(claims.aud, origins)?;
        check_expiry(claims.exp, now)?;
        Ok(self.key)
    }
}

impl fmt::Debug for VapidCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapidCredentials").field("key", &self.key).finish_non_exhaustive()
    }
}

fn part<T: for<'de> Deserialize<'de>>(text: &str, error: VapidError) -> Result<T, VapidError> {
    let json = base64url::decode_lenient(text).map_err(|_| error.clone())?;
    serde_json::from_slice(&json).map_err(|_| error)
}

fn check_audience(aud: Option<Audience>, origins: &[Origin]) -> Result<(), VapidError> {
    let audiences = match aud {
        None => Vec::new(),
        Some(Audience::One(one)) => vec![one],
        Some(Audience::Several(several)) => several,
    };
    let ours = |audience: &String| Origin::of(audience).is_some_and(|origin| origins.contains(&origin));
    if audiences.iter().any(ours) {
        return Ok(());
    }
    let got = if audiences.is_empty() { "missing".to_owned() } else { shortened(&audiences.join(", ")) };
    let expected = origins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    Err(VapidError::Audience { got, expected })
}

fn check_expiry(exp: Option<f64>, now: Timestamp) -> Result<(), VapidError> {
    let exp = exp.ok_or(VapidError::ExpiryMissing)?;
    // A float to integer cast saturates, and a fraction of a second does not matter.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let exp = exp as u64;
    let seconds = now.as_secs();
    if exp.saturating_add(SKEW.as_secs()) <= seconds {
        return Err(VapidError::Expired { exp, now: seconds });
    }
    if exp > now.plus(LONGEST).plus(SKEW).as_secs() {
        return Err(VapidError::TooFarAhead { exp, now: seconds });
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const SOON: u64 = 1_700_000_600;

    /// An application server with a key of its own.
    pub(crate) struct TestServer(EcdsaKeyPair);

    impl TestServer {
        pub(crate) fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        pub(crate) fn key(&self) -> ServerKey {
            ServerKey::from_bytes(self.0.public_key().as_ref()).unwrap()
        }

        fn jwt(&self, header: &Value, claims: &Value) -> String {
            let signed = format!(
                "{}.{}",
                base64url::encode(header.to_string()),
                base64url::encode(claims.to_string())
            );
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", base64url::encode(signature))
        }

        fn header(&self, claims: &Value) -> String {
            let jwt = self.jwt(&json!({"typ": "JWT", "alg": "ES256"}), claims);
            format!("vapid t={jwt}, k={}", self.key())
        }
    }

    fn verify(header: &str) -> Result<ServerKey, VapidError> {
        let origins =
            [Origin::of("https://push.example").unwrap(), Origin::of("http://127.0.0.1:8080").unwrap()];
        VapidCredentials::from_authorization(header)?.verify(&origins, NOW)
    }

    /// RFC 8292 section 2.4's example, at its time and for its audience.
    #[test]
    fn the_rfc_example_verifies() {
        let header = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA,k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
        let credentials = VapidCredentials::from_authorization(header).unwrap();
        let origins = [Origin::of("https://push.example.net").unwrap()];
        assert_eq!(
            credentials.verify(&origins, Timestamp::from_secs(1_453_500_000)).unwrap(),
            credentials.key
        );
    }

    #[test]
    fn takes_what_senders_write() {
        let server = TestServer::new();
        for claims in [
            json!({"aud": "https://push.example", "exp": SOON, "sub": "mailto:a@b.example"}),
            json!({"aud": "https://push.example/", "exp": SOON}),
            json!({"aud": "HTTPS://PUSH.example:443", "exp": 1_700_000_600.5}),
            json!({"aud": ["https://other.example", "http://127.0.0.1:8080"], "exp": SOON}),
        ] {
            assert_eq!(verify(&server.header(&claims)), Ok(server.key()), "{claims}");
        }
        let header = server.header(&json!({"aud": "https://push.example", "exp": SOON}));
        let (t, k) = header.strip_prefix("vapid ").unwrap().split_once(", ").unwrap();
        for spelling in [
            format!("Vapid {k},{t}"),
            format!("vapid x=1, {t} , {k}="),
            format!("vapid {t}, k=\"{}\"", &k[2..]),
        ] {
            assert_eq!(verify(&spelling), Ok(server.key()), "{spelling}");
        }
    }

    /// Each refusal says which claim, what came and what was expected.
    #[test]
    fn says_which_claim_failed() {
        let server = TestServer::new();
        let with = |claims: Value| verify(&server.header(&claims)).unwrap_err().to_string();
        assert_eq!(
            with(json!({"aud": "https://a", "exp": SOON})),
            "aud is https://a, this service is https://push.example or http://127.0.0.1:8080"
        );
        assert!(with(json!({"exp": SOON})).starts_with("aud is missing"));
        assert!(with(json!({"aud": "https://push.example"})).starts_with("exp is missing"));
        let expired = with(json!({"aud": "https://push.example", "exp": 1_699_999_900}));
        assert_eq!(expired, "exp is 1699999900, which has passed: it is 1700000000 now");
        let far = with(json!({"aud": "https://push.example", "exp": 1_700_090_000}));
        assert!(far.contains("more than 24 h ahead"), "{far}");

        let good = json!({"aud": "https://push.example", "exp": SOON});
        let other_key =
            server.header(&good).replace(&server.key().to_string(), &TestServer::new().key().to_string());
        assert_eq!(verify(&other_key), Err(VapidError::Signature));
        let unsigned = format!("vapid t={}, k={}", server.jwt(&json!({"alg": "none"}), &good), server.key());
        assert_eq!(verify(&unsigned), Err(VapidError::Algorithm("none".into())));
        for (header, kind) in [
            ("", "vapid-header"),
            ("Bearer abc", "vapid-header"),
            ("vapid k=BA", "vapid-header"),
            ("vapid t=a.b.c", "vapid-header"),
            ("vapid t=a.b.c, k=BA", "vapid-key"),
        ] {
            assert_eq!(verify(header).unwrap_err().kind(), kind, "{header}");
        }
        let cut = format!("vapid t=a.b, k={}", server.key());
        assert_eq!(verify(&cut).unwrap_err().kind(), "vapid-token");
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,200}", tail in "\\PC{0,40}") {
            let _ = verify(&header);
            let _ = verify(&format!("vapid t={header}.{tail}.{tail}, k={}", TestServer::new().key()));
        }
    }
}
