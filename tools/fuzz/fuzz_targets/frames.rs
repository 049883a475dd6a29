//! A terminal's frames: what is understood survives being written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalbox_wire::TerminalMessage;

fuzz_target!(|data: &[u8]| {
    if let Ok(message) = serde_json::from_slice::<TerminalMessage>(data) {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<TerminalMessage>(&text).unwrap(), message);
    }
});
