use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use signalbox_wire::base64url;

/// The key by which an application server is known: an uncompressed point on P-256 (RFC 8292 section 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerKey([u8; 65]);

/// The text or bytes are no application server key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServerKey {
    /// Not base64url.
    #[error("is not base64url")]
    NotBase64,
    /// Of another length or form.
    #[error("must be an uncompressed P-256 point: 65 bytes, the first 0x04")]
    NotUncompressed,
    /// Of the right form, but off the curve.
    #[error("is not a point on the curve P-256")]
    NotOnCurve,
}

impl ServerKey {
    /// Reads base64url as browsers and senders write it: padding and the standard alphabet are taken.
    ///
    /// # Errors
    /// Where it is not a point on P-256.
    pub fn from_base64url(text: &str) -> Result<Self, InvalidServerKey> {
        let bytes = base64url::decode_lenient(text).map_err(|_| InvalidServerKey::NotBase64)?;
        Self::from_bytes(&bytes)
    }

    /// Checks the form and that the point is on the curve.
    ///
    /// # Errors
    /// Where it is not.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidServerKey> {
        let point: [u8; 65] = bytes.try_into().map_err(|_| InvalidServerKey::NotUncompressed)?;
        if point[0] != 0x04 {
            return Err(InvalidServerKey::NotUncompressed);
        }
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| InvalidServerKey::NotOnCurve)?;
        Ok(Self(point))
    }

    /// A key read back from the tables, where only checked ones are put.
    ///
    /// # Errors
    /// Where it has another length or form.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, InvalidServerKey> {
        match <[u8; 65]>::try_from(bytes) {
            Ok(point) if point[0] == 0x04 => Ok(Self(point)),
            _ => Err(InvalidServerKey::NotUncompressed),
        }
    }

    /// The 65 bytes of the point.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8292 section 2.4.
    const RFC: &str =
        "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";

    #[test]
    fn takes_a_point_with_and_without_padding() {
        let key = ServerKey::from_base64url(RFC).unwrap();
        assert_eq!(ServerKey::from_base64url(&format!("{RFC}=")).unwrap(), key);
        assert_eq!(key.to_string(), RFC);
        assert_eq!(format!("{key:?}"), format!("ServerKey({RFC})"));
    }

    #[test]
    fn a_stored_key_is_read_if_it_has_the_form() {
        let key = ServerKey::from_base64url(RFC).unwrap();
        assert_eq!(ServerKey::from_stored(key.as_bytes()), Ok(key));
        let mut compressed = *key.as_bytes();
        compressed[0] = 0x02;
        for bad in [&compressed[..], &key.as_bytes()[..64]] {
            assert_eq!(ServerKey::from_stored(bad), Err(InvalidServerKey::NotUncompressed));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let mut off_curve = *ServerKey::from_base64url(RFC).unwrap().as_bytes();
        off_curve[64] ^= 1;
        assert_eq!(ServerKey::from_bytes(&off_curve), Err(InvalidServerKey::NotOnCurve));
        assert_eq!(ServerKey::from_bytes(&off_curve[..64]), Err(InvalidServerKey::NotUncompressed));
        assert_eq!(ServerKey::from_base64url("*"), Err(InvalidServerKey::NotBase64));
    }
}
