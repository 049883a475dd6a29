use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use signalbox_domain::{Clock, KeyRing, SealError};

use crate::StartError;
use crate::secret::{Secret, Unread};

/// The key ring, read from Secrets Manager at start, and again when something was sealed under a key that it does not hold.
#[derive(Debug)]
pub struct KeyRings(Secret<KeyRing>);

/// Why something sealed was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// Nothing that this deployment sealed.
    #[error("not sealed by this deployment")]
    Forged,
    /// The ring could not be read again, so that it cannot be told.
    #[error("the key ring could not be read")]
    Unavailable,
}

impl KeyRings {
    /// Reads the ring that the secret `id` holds.
    ///
    /// # Errors
    /// Where it cannot be read or is none.
    pub async fn load(secrets: Client, id: String, clock: Clock) -> Result<Self, StartError> {
        let parse = |json: &str| Ok(KeyRing::from_json(json)?);
        Ok(Self(Secret::load(secrets, id, clock, "the key ring", parse).await?))
    }

    /// The ring as it was last read.
    #[must_use]
    pub fn current(&self) -> Arc<KeyRing> {
        self.0.current()
    }

    /// Opens what was sealed. Where its key is unknown and the ring was not read within the last minute, reads it again
    /// first.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub async fn open<T>(&self, open: impl Fn(&KeyRing) -> Result<T, SealError>) -> Result<T, NotOpened> {
        match open(&self.current()) {
            Ok(opened) => Ok(opened),
            Err(SealError::Forged) => Err(NotOpened::Forged),
            Err(SealError::UnknownKey(_)) => {
                let ring = self.0.fresh().await.map_err(|Unread| NotOpened::Unavailable)?;
                open(&ring).map_err(|_| NotOpened::Forged)
            }
        }
    }
}
