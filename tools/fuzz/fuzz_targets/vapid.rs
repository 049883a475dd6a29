//! `Authorization` and `Crypto-Key`: nothing made up proves a server; what a server has really signed is taken only where it
//! names this service and has not expired.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use signalbox_domain::{Origin, Timestamp, VapidVerifier};
use signalbox_wire::base64url;

const ORIGIN: &str = "https://push.example";

static SERVER: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

fuzz_target!(|headers: (&str, Option<&str>, u64)| {
    let (authorization, crypto_key, now) = headers;
    let verifier = VapidVerifier::new(vec![Origin::of(ORIGIN).unwrap()]);
    let now = Timestamp::from_millis(now);
    assert!(verifier.verify(authorization, crypto_key, now).is_err());
    let _ = verifier.verify(&format!("vapid {authorization}"), crypto_key, now);
    let _ = verifier.verify(
        &format!("WebPush {authorization}"),
        Some(&format!("p256ecdsa={authorization}")),
        now,
    );
    // Behind the signature the claims stand alone.
    let claims = authorization;
    if verifier.verify(&signed(claims), None, now).is_ok() {
        let claims: Value = serde_json::from_str(claims).expect("what was taken is JSON");
        assert!(claims["aud"].to_string().contains(ORIGIN), "{claims}");
        assert!(claims["exp"].is_number(), "{claims}");
    }
});

/// A header that is what it says, of whatever claims.
fn signed(claims: &str) -> String {
    let message =
        format!("{}.{}", base64url::encode(r#"{"typ":"JWT","alg":"ES256"}"#), base64url::encode(claims));
    let signature = SERVER.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let key = base64url::encode(SERVER.public_key().as_ref());
    format!("vapid t={message}.{}, k={key}", base64url::encode(signature.as_ref()))
}
