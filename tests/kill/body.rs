//! Payloads that carry a message's number. The service never decrypts: it sees the form of RFC 8188 and no more.

use std::sync::LazyLock;

use signalbox::client::{SubscriptionKeys, encrypt};
use signalbox_wire::{Notification, base64url};

/// Salt, record size, and the sender's key.
const HEADER: usize = 86;
/// Of a number in it.
const LENGTH: usize = 64;

static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let keys = SubscriptionKeys::generate().expect("keys");
    encrypt(&[0; LENGTH], &keys.p256dh().expect("a key"), keys.auth()).expect("it encrypts")
});

pub(crate) fn write(id: usize) -> Vec<u8> {
    let mut body = SEALED[..HEADER].to_vec();
    body.extend(format!("{id:0LENGTH$}").as_bytes());
    body
}

pub(crate) fn read(notification: &Notification) -> Option<usize> {
    let body = base64url::decode(notification.data.as_deref()?).ok()?;
    std::str::from_utf8(body.get(HEADER..)?).ok()?.parse().ok()
}
