use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use quick_cache::sync::Cache;
use serde::Deserialize;
use signalbox_wire::base64url;

use crate::notification::shortened;
use crate::{InvalidServerKey, Origin, RefusalKind, ServerKey, Timestamp, parameters};

/// `exp` may be at most this far ahead (RFC 8292 section 2).
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Clocks differ; so much is forgiven at either end of `exp`.
const SKEW: Duration = Duration::from_secs(60);
/// A JWT of a few hundred characters does; this bounds the work on a made-up one.
const LONGEST_HEADER: usize = 4096;
/// How many good headers are remembered, some 150 bytes each.
const REMEMBERED: usize = 10_000;

/// What is wrong with a VAPID header (RFC 8292): the parameter or claim, what came and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VapidError {
    /// In none of the forms in use.
    #[error(
        "the header Authorization must read `vapid t=<jwt>, k=<key>` (RFC 8292 section 3), or `WebPush <jwt>` with `Crypto-Key: p256ecdsa=<key>`: {0}"
    )]
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
    /// Which kind of problem it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::Header(_) => RefusalKind::VapidHeader,
            Self::Key(_) => RefusalKind::VapidKey,
            Self::Token(_) | Self::Algorithm(_) => RefusalKind::VapidToken,
            Self::Signature => RefusalKind::VapidSignature,
            Self::Audience { .. } => RefusalKind::VapidAudience,
            Self::ExpiryMissing | Self::Expired { .. } | Self::TooFarAhead { .. } => RefusalKind::VapidExpiry,
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
    /// Reads `Authorization: vapid t=<jwt>, k=<key>` (RFC 8292 section 3), or the forms of the drafts before it:
    /// `WebPush <jwt>` and `Bearer <jwt>`, with the key in `Crypto-Key: p256ecdsa=<key>`. Parameters that it does not know
    /// are ignored.
    ///
    /// # Errors
    /// [`VapidError::Header`] and [`VapidError::Key`].
    pub fn from_headers(authorization: &str, crypto_key: Option<&str>) -> Result<Self, VapidError> {
        if authorization.len() > LONGEST_HEADER {
            return Err(VapidError::Header("it is longer than 4096 characters"));
        }
        let header = authorization.trim();
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("vapid") {
            Self::from_parameters(rest)
        } else if scheme.eq_ignore_ascii_case("webpush") || scheme.eq_ignore_ascii_case("bearer") {
            let key = crypto_key.and_then(|header| parameters::first(header, "p256ecdsa"));
            let key = key.ok_or(VapidError::Header("p256ecdsa is missing from the header Crypto-Key"))?;
            Ok(Self {
                token: rest.trim().to_owned(),
                key: ServerKey::from_base64url(key).map_err(VapidError::Key)?,
            })
        } else {
            Err(VapidError::Header("its scheme is another"))
        }
    }

    fn from_parameters(parameters: &str) -> Result<Self, VapidError> {
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
    pub fn verify(&self, origins: &[Origin], now: Timestamp) -> Result<Verified, VapidError> {
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
        let expires = check_expiry(claims.exp, now)?;
        Ok(Verified { server: self.key, expires })
    }
}

/// A proven server key, and until when the same header proves it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The server.
    pub server: ServerKey,
    /// The end of `exp`.
    pub expires: Timestamp,
}

/// Verifies VAPID headers for one service, and remembers those that were good: senders use a header for many pushes
/// (RFC 8292 section 4.2), and the signature is the dearest part of a push.
#[derive(Debug)]
pub struct VapidVerifier {
    origins: Vec<Origin>,
    good: Cache<[u8; 32], Verified>,
}

impl VapidVerifier {
    /// For a service under these origins.
    #[must_use]
    pub fn new(origins: Vec<Origin>) -> Self {
        Self { origins, good: Cache::new(REMEMBERED) }
    }

    /// The server that the headers prove, now.
    ///
    /// # Errors
    /// The [`VapidError`] of what fails first.
    pub fn verify(
        &self,
        authorization: &str,
        crypto_key: Option<&str>,
        now: Timestamp,
    ) -> Result<ServerKey, VapidError> {
        let credentials = VapidCredentials::from_headers(authorization, crypto_key)?;
        let name = credentials.digest();
        if let Some(known) = self.good.get(&name)
            && now < known.expires
        {
            return Ok(known.server);
        }
        let verified = credentials.verify(&self.origins, now)?;
        self.good.insert(name, verified);
        Ok(verified.server)
    }
}

impl VapidCredentials {
    /// Names the header in the memory of good ones, which holds no token.
    fn digest(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        // The key has a fixed length.
        context.update(self.key.as_bytes());
        context.update(self.token.as_bytes());
        let mut name = [0; 32];
        name.copy_from_slice(context.finish().as_ref());
        name
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

/// When the token ends, if it has not and does so within a day.
fn check_expiry(exp: Option<f64>, now: Timestamp) -> Result<Timestamp, VapidError> {
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
    Ok(Timestamp::from_secs(exp).plus(SKEW))
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

    fn verifier() -> VapidVerifier {
        let origins = ["https://push.example", "http://127.0.0.1:8080"];
        VapidVerifier::new(origins.map(|origin| Origin::of(origin).unwrap()).to_vec())
    }

    fn verify(header: &str) -> Result<ServerKey, VapidError> {
        verifier().verify(header, None, NOW)
    }

    /// The drafts before the RFC, as old senders still write them.
    #[test]
    fn takes_the_legacy_forms() {
        let server = TestServer::new();
        let jwt = server.jwt(&json!({"alg": "ES256"}), &json!({"aud": "https://push.example", "exp": SOON}));
        let key = server.key();
        for (authorization, crypto_key) in [
            (format!("WebPush {jwt}"), format!("p256ecdsa={key}")),
            (format!("Bearer {jwt}"), format!("dh=BD;p256ecdsa=\"{key}=\"")),
            (format!("bearer  {jwt}"), format!("keyid=a;dh=BD, p256ecdsa={key}")),
        ] {
            assert_eq!(verifier().verify(&authorization, Some(&crypto_key), NOW), Ok(key), "{crypto_key}");
        }
        for crypto_key in [None, Some("dh=BD")] {
            let refusal = verifier().verify(&format!("WebPush {jwt}"), crypto_key, NOW).unwrap_err();
            assert!(refusal.to_string().contains("p256ecdsa is missing"), "{refusal}");
        }
    }

    /// A good header is remembered until it expires, and no longer; a bad one never is.
    #[test]
    fn a_good_header_is_remembered_until_it_expires() {
        let (server, verifier) = (TestServer::new(), verifier());
        let header = server.header(&json!({"aud": "https://push.example", "exp": SOON}));
        for _ in 0..2 {
            assert_eq!(verifier.verify(&header, None, NOW), Ok(server.key()));
            assert_eq!(verifier.good.len(), 1);
        }
        let late = Timestamp::from_secs(SOON).plus(SKEW);
        for late in [late, late.plus(Duration::from_secs(1))] {
            assert!(matches!(verifier.verify(&header, None, late), Err(VapidError::Expired { .. })));
        }
        // The same token with another key is another header.
        let other = header.replace(&server.key().to_string(), &TestServer::new().key().to_string());
        assert_eq!(verifier.verify(&other, None, NOW), Err(VapidError::Signature));
        assert_eq!(verifier.good.len(), 1);
    }

    /// RFC 8292 section 2.4's example, at its time and for its audience.
    #[test]
    fn the_rfc_example_verifies() {
        let header = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA,k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
        let credentials = VapidCredentials::from_headers(header, None).unwrap();
        let origins = [Origin::of("https://push.example.net").unwrap()];
        assert_eq!(
            credentials.verify(&origins, Timestamp::from_secs(1_453_500_000)).unwrap().server,
            credentials.key
        );
    }

    #[test]
    fn takes_what_senders_write() {
        let server = TestServer::new();
        for claims in [
            json!({"aud": "https://push.example", "exp": SOON, "sub": "mailto:a@b.example"}),
            json!({"aud": "https://push.example/", "exp": SOON}),
            json!({"aud": "https://push.example", "exp": SOON, "iat": 1, "https://a.example/role": ["x"]}),
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
        let expiring = |exp: u64| verify(&server.header(&json!({"aud": "https://push.example", "exp": exp})));
        // The last second that is taken, clocks differing by a minute.
        assert_eq!(expiring(1_700_086_460), Ok(server.key()));
        assert!(matches!(expiring(1_700_086_461), Err(VapidError::TooFarAhead { .. })));

        let good = json!({"aud": "https://push.example", "exp": SOON});
        let other_key =
            server.header(&good).replace(&server.key().to_string(), &TestServer::new().key().to_string());
        assert_eq!(verify(&other_key), Err(VapidError::Signature));
        let unsigned = format!("vapid t={}, k={}", server.jwt(&json!({"alg": "none"}), &good), server.key());
        assert_eq!(verify(&unsigned), Err(VapidError::Algorithm("none".into())));
        for (header, kind) in [
            ("", "vapid-header"),
            ("Bearer abc", "vapid-header"),
            ("Basic abc", "vapid-header"),
            ("vapid k=BA", "vapid-header"),
            ("vapid t=a.b.c", "vapid-header"),
            ("vapid t=a.b.c, k=BA", "vapid-key"),
        ] {
            assert_eq!(verify(header).unwrap_err().kind().as_str(), kind, "{header}");
        }
        let cut = format!("vapid t=a.b, k={}", server.key());
        assert_eq!(verify(&cut).unwrap_err().kind(), RefusalKind::VapidToken);
    }

    /// What is made up costs no more than reading it.
    #[test]
    fn a_header_has_a_longest_length() {
        let longest = format!("Basic {}", "x".repeat(LONGEST_HEADER - 6));
        assert_eq!(verify(&longest), Err(VapidError::Header("its scheme is another")));
        for more in [1, 2] {
            let refusal = verify(&format!("{longest}{}", "x".repeat(more)));
            assert_eq!(refusal, Err(VapidError::Header("it is longer than 4096 characters")));
        }
    }

    /// No log shows the proof, which could be sent again.
    #[test]
    fn credentials_show_their_key_alone() {
        let server = TestServer::new();
        let header = server.header(&json!({"aud": "https://push.example", "exp": SOON}));
        let credentials = VapidCredentials::from_headers(&header, None).unwrap();
        assert_eq!(format!("{credentials:?}"), format!("VapidCredentials {{ key: {:?}, .. }}", server.key()));
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,200}", tail in "\\PC{0,40}") {
            let _ = verify(&header);
            let _ = verify(&format!("vapid t={header}.{tail}.{tail}, k={}", TestServer::new().key()));
        }
    }
}
