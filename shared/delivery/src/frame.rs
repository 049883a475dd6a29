use signalbox_domain::{Encoding, KeyId, KeyRing, MessageKey, Payload, Purpose, SealError};
use signalbox_wire::{ChannelId, Notification, NotificationHeaders, ServiceMessage, base64url};

/// A notification as it crosses to the terminal: the same each time it is delivered (I2). TTL, and who sent it, stay here
/// (RFC 8030 section 5.2, RFC 8292 section 5).
///
/// # Errors
/// Where the ring no longer holds the key of the message's version.
pub fn notification(
    ring: &KeyRing,
    key: &MessageKey,
    sealed_under: KeyId,
    channel: ChannelId,
    payload: Option<&Payload>,
) -> Result<ServiceMessage, SealError> {
    let version = key.seal(ring, Purpose::Version, sealed_under)?;
    Ok(ServiceMessage::Notification(Notification {
        channel,
        version: version.as_str().to_owned(),
        data: payload.map(|payload| base64url::encode(payload.body())),
        headers: payload.map(|payload| headers(payload.encoding())),
    }))
}

fn headers(encoding: &Encoding) -> NotificationHeaders {
    let legacy = match encoding {
        Encoding::Aes128Gcm | Encoding::Identity => None,
        Encoding::AesGcm(headers) => Some(headers.clone()),
    };
    NotificationHeaders {
        encoding: encoding.as_str().to_owned(),
        encryption: legacy.as_ref().map(|headers| headers.encryption.clone()),
        crypto_key: legacy.map(|headers| headers.crypto_key),
    }
}
