//! Tokens and message names: whatever is presented opens or does not, and what opens is what was sealed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use signalbox_domain::{KeyId, KeyRing, MessageKey, Purpose, TokenClaims};

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    KeyRing::from_json(r#"{"encrypt":"1","1":"an example secret that is long enough"}"#).unwrap()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(TokenClaims::open(&RING, text).is_err(), "made up, and opened");
        for purpose in [Purpose::Version, Purpose::Location, Purpose::Receipt] {
            assert!(MessageKey::open(&RING, purpose, text).is_err(), "made up, and opened");
        }
    }
    // Behind the seal the parsers stand alone.
    let sealed = RING.seal(Purpose::Token, KeyId(1), data).unwrap();
    let _ = TokenClaims::open(&RING, sealed.as_str());
    let sealed = RING.seal(Purpose::Version, KeyId(1), data).unwrap();
    if let Ok(key) = MessageKey::open(&RING, Purpose::Version, sealed.as_str()) {
        let again = key.seal(&RING, Purpose::Version, KeyId(1)).unwrap();
        assert_eq!(MessageKey::open(&RING, Purpose::Version, again.as_str()).unwrap(), key);
    }
});
