use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use signalbox_wire::base64url;

use super::ring::{KeyId, KeyRing, first_bytes, mac_of_parts};

/// The format of a box; the first byte of each.
const FORMAT: u8 = 1;
const HEADER: usize = 2;
const TAG: usize = 16;

/// What a box is for. A box made for one purpose never opens for another, or a sender could acknowledge its own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A session's token, held by application and application server.
    Token,
    /// A message's `version`, held by the terminal.
    Version,
    /// A message's `Location`, held by the application server.
    Location,
    /// A message's receipt, held by the application server.
    Receipt,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Token => b"token",
            Self::Version => b"version",
            Self::Location => b"location",
            Self::Receipt => b"receipt",
        }
    }

    /// Binds the box to its header and its purpose.
    fn associated_data(self, key: KeyId) -> Vec<u8> {
        [&[FORMAT, key.0], self.label()].concat()
    }
}

/// The text of a box: base64url of format, key id, nonce, ciphertext and tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a box does not open or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a box of this deployment and purpose: altered, truncated, foreign or made up.
    #[error("the box does not open")]
    Forged,
    /// Sealed under a key that this copy of the ring does not hold; it may be out of date.
    #[error("the key ring holds no key {0:?}")]
    UnknownKey(KeyId),
}

impl KeyRing {
    /// Boxes `plain` under a key of the ring. The same input makes the same box: the nonce is a keyed hash of it, which
    /// AES-GCM-SIV (RFC 8452) is made to bear, so that a repeated event makes the same token and a message the same
    /// version on each delivery.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] where the ring does not hold that key.
    pub fn seal(&self, purpose: Purpose, id: KeyId, plain: &[u8]) -> Result<Sealed, SealError> {
        let key = self.key(id).ok_or(SealError::UnknownKey(id))?;
        let mac = mac_of_parts(&key.nonce, [purpose.label(), plain].into_iter());
        let nonce: [u8; NONCE_LEN] = first_bytes(&mac);
        let mut sealed = Vec::with_capacity(HEADER + NONCE_LEN + plain.len() + TAG);
        sealed.extend_from_slice(plain);
        key.aead
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.associated_data(id)),
                &mut sealed,
            )
            .map_err(|_| SealError::Forged)?;
        let header = [&[FORMAT, id.0], nonce.as_slice()].concat();
        sealed.splice(..0, header);
        Ok(Sealed(base64url::encode(sealed)))
    }

    /// Opens a box: its plain text, and the key it was sealed under.
    ///
    /// # Errors
    /// [`SealError::Forged`] for everything that this ring did not seal for this purpose; [`SealError::UnknownKey`]
    /// where that cannot be told, as the key is not in the ring.
    pub fn open(&self, purpose: Purpose, text: &str) -> Result<(Vec<u8>, KeyId), SealError> {
        let mut sealed = base64url::decode(text).map_err(|_| SealError::Forged)?;
        if sealed.len() < HEADER + NONCE_LEN + TAG || sealed[0] != FORMAT {
            return Err(SealError::Forged);
        }
        let id = KeyId(sealed[1]);
        let key = self.key(id).ok_or(SealError::UnknownKey(id))?;
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&sealed[HEADER..HEADER + NONCE_LEN]);
        let plain = key
            .aead
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.associated_data(id)),
                &mut sealed[HEADER + NONCE_LEN..],
            )
            .map_err(|_| SealError::Forged)?;
        Ok((plain.to_vec(), id))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{ring, ring_of};
    use super::*;

    const OLD: KeyId = KeyId(1);

    #[test]
    fn a_box_opens_for_its_purpose_alone() {
        let sealed = ring().seal(Purpose::Location, OLD, b"message").unwrap();
        assert_eq!(ring().open(Purpose::Location, sealed.as_str()).unwrap(), (b"message".to_vec(), OLD));
        for other in [Purpose::Version, Purpose::Token] {
            assert_eq!(ring().open(other, sealed.as_str()), Err(SealError::Forged));
        }
    }

    #[test]
    fn the_shortest_box_opens() {
        let sealed = ring().seal(Purpose::Token, OLD, b"").unwrap();
        assert_eq!(ring().open(Purpose::Token, sealed.as_str()).unwrap(), (Vec::new(), OLD));
    }

    #[test]
    fn what_an_old_key_sealed_opens_after_a_new_one_came() {
        let sealed = ring().seal(Purpose::Token, OLD, b"claims").unwrap();
        let rotated = ring_of(
            r#"{"encrypt":"2","1":"an example secret that is long enough","2":"another secret that is long enough"}"#,
        );
        assert_eq!(rotated.open(Purpose::Token, sealed.as_str()).unwrap().0, b"claims");
        let new = rotated.seal(Purpose::Token, rotated.sealing_key(), b"claims").unwrap();
        assert_eq!(ring().open(Purpose::Token, new.as_str()), Err(SealError::UnknownKey(KeyId(2))));
    }

    proptest! {
        /// R14: a box altered by one bit, or cut, is refused. (A bit of the key id makes the key unknown.)
        #[test]
        fn an_altered_box_does_not_open(plain in proptest::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let sealed = ring().seal(Purpose::Token, OLD, &plain).unwrap();
            let mut bytes = base64url::decode(sealed.as_str()).unwrap();
            let at = at.index(bytes.len());
            prop_assert!(ring().open(Purpose::Token, &base64url::encode(&bytes[..at])).is_err());
            bytes[at] ^= 1 << bit;
            prop_assert!(ring().open(Purpose::Token, &base64url::encode(&bytes)).is_err());
        }

        #[test]
        fn nothing_made_up_opens(text in "\\PC{0,200}") {
            prop_assert!(ring().open(Purpose::Token, &text).is_err());
        }
    }
}
