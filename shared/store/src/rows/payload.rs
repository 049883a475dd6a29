use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use signalbox_domain::{Encoding, LegacyHeaders, Payload};

use super::malformed;
use crate::StoreError;

/// What a row carries for terminals; nothing where there is no payload.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PayloadColumns {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    /// With `aesgcm` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encryption: Option<String>,
    /// With `aesgcm` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crypto_key: Option<String>,
}

impl PayloadColumns {
    pub(crate) fn of(payload: Option<&Payload>) -> Self {
        let Some(payload) = payload else { return Self::default() };
        let legacy = match payload.encoding() {
            Encoding::AesGcm(headers) => Some(headers.clone()),
            Encoding::Aes128Gcm | Encoding::Identity => None,
        };
        Self {
            body: Some(ByteBuf::from(payload.body())),
            encoding: Some(payload.encoding().as_str().to_owned()),
            encryption: legacy.as_ref().map(|headers| headers.encryption.clone()),
            crypto_key: legacy.map(|headers| headers.crypto_key),
        }
    }

    pub(crate) fn read(self, table: &'static str) -> Result<Option<Payload>, StoreError> {
        let (Some(body), Some(name)) = (self.body, self.encoding) else { return Ok(None) };
        let encoding = match (name.as_str(), self.encryption, self.crypto_key) {
            ("aes128gcm", None, None) => Encoding::Aes128Gcm,
            ("identity", None, None) => Encoding::Identity,
            ("aesgcm", Some(encryption), Some(crypto_key)) => {
                Encoding::AesGcm(LegacyHeaders { encryption, crypto_key })
            }
            _ => return Err(malformed(table, "its encoding is unknown or lacks its headers")),
        };
        Ok(Some(Payload::from_stored(body.into_vec(), encoding)))
    }
}
