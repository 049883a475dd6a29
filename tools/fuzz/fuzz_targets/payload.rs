//! `Content-Encoding`, `Encryption`, `Crypto-Key`, `TTL`, `Urgency`, `Topic` and the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalbox_domain::{BodyLimit, ContentHeaders, Encoding, Payload, Topic, Ttl, Urgency};

fuzz_target!(|request: (bool, &str, &str, &[u8])| {
    let (legacy, encryption, crypto_key, body) = request;
    let headers = ContentHeaders {
        encoding: Some(if legacy { "aesgcm" } else { "aes128gcm" }),
        encryption: Some(encryption),
        crypto_key: Some(crypto_key),
    };
    if let Ok(Some(payload)) = Payload::new(body.to_vec(), headers, BodyLimit::default()) {
        assert_eq!(payload.body(), body);
        if let Encoding::AesGcm(headers) = payload.encoding() {
            let handed_on = format!("{}{}", headers.encryption, headers.crypto_key);
            assert!(handed_on.is_ascii() && !handed_on.contains('"') && !handed_on.contains("p256ecdsa="));
        }
    }
    let _ = Ttl::from_header(Some(encryption));
    let _ = encryption.parse::<Urgency>();
    let _ = encryption.parse::<Topic>();
});
