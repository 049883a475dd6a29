//! `Authorization` and `Crypto-Key`: nothing made up proves a server.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalbox_domain::{Origin, Timestamp, VapidVerifier};

fuzz_target!(|headers: (&str, Option<&str>, u64)| {
    let (authorization, crypto_key, now) = headers;
    let verifier = VapidVerifier::new(vec![Origin::of("https://push.example").unwrap()]);
    let now = Timestamp::from_millis(now);
    assert!(verifier.verify(authorization, crypto_key, now).is_err());
    let _ = verifier.verify(&format!("vapid {authorization}"), crypto_key, now);
    let _ = verifier.verify(
        &format!("WebPush {authorization}"),
        Some(&format!("p256ecdsa={authorization}")),
        now,
    );
});
