use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use signalbox_domain::{
    Encoding, KeyId, LegacyHeaders, MessageKey, NotAnUrgency, Payload, StoredMessage, Timestamp,
};

use super::{item, malformed, row};
use crate::StoreError;
use crate::expression::Attributes;

const TABLE: &str = "messages";

/// A waiting message's row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageRow {
    pk: String,
    sk: String,
    channel: String,
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    /// With `aesgcm` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encryption: Option<String>,
    /// With `aesgcm` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crypto_key: Option<String>,
    urgency: String,
    /// The message's own name: a topic's place is kept by one after the other.
    pub(crate) mid: String,
    receipt: bool,
    /// The id of the key that its version is sealed under.
    key_id: u8,
    /// Milliseconds: the TTL is kept to the millisecond here, and by DynamoDB some time after `expiresAt`.
    expires: u64,
    /// Seconds.
    expires_at: u64,
}

impl MessageRow {
    pub(crate) fn item(message: &StoredMessage) -> Result<Attributes, StoreError> {
        let payload = message.payload.as_ref();
        let legacy = payload.and_then(|payload| match payload.encoding() {
            Encoding::AesGcm(headers) => Some(headers.clone()),
            Encoding::Aes128Gcm => None,
        });
        let row = Self {
            pk: message.key.terminal.to_string(),
            sk: message.key.sort_key(),
            channel: message.channel.to_string(),
            generation: message.generation,
            body: payload.map(|payload| ByteBuf::from(payload.body())),
            encoding: payload.map(|payload| payload.encoding().as_str().to_owned()),
            encryption: legacy.as_ref().map(|headers| headers.encryption.clone()),
            crypto_key: legacy.map(|headers| headers.crypto_key),
            urgency: message.urgency.to_string(),
            mid: message.key.accepted.to_string(),
            receipt: message.key.receipt,
            key_id: message.sealed_under.0,
            expires: message.expires.as_millis(),
            expires_at: message.expires.as_secs() + 1,
        };
        item(TABLE, &row)
    }

    pub(crate) fn read(item: Attributes) -> Result<StoredMessage, StoreError> {
        let row: Self = row(TABLE, item)?;
        let terminal = row.pk.parse().map_err(|error| malformed(TABLE, error))?;
        let key = MessageKey::from_row(terminal, &row.sk, &row.mid, row.receipt)
            .ok_or_else(|| malformed(TABLE, "sk and mid are no message's"))?;
        let payload = match (row.body, row.encoding) {
            (Some(body), Some(name)) => {
                let encoding = encoding(&name, row.encryption, row.crypto_key)?;
                Some(Payload::from_stored(body.into_vec(), encoding))
            }
            _ => None,
        };
        Ok(StoredMessage {
            key,
            channel: row.channel.parse().map_err(|error| malformed(TABLE, error))?,
            generation: row.generation,
            payload,
            urgency: row.urgency.parse().map_err(|error: NotAnUrgency| malformed(TABLE, error))?,
            expires: Timestamp::from_millis(row.expires),
            sealed_under: KeyId(row.key_id),
        })
    }
}

fn encoding(
    name: &str,
    encryption: Option<String>,
    crypto_key: Option<String>,
) -> Result<Encoding, StoreError> {
    match (name, encryption, crypto_key) {
        ("aes128gcm", None, None) => Ok(Encoding::Aes128Gcm),
        ("aesgcm", Some(encryption), Some(crypto_key)) => {
            Ok(Encoding::AesGcm(LegacyHeaders { encryption, crypto_key }))
        }
        _ => Err(malformed(TABLE, "its encoding is unknown or lacks its headers")),
    }
}
