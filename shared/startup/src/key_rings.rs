use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use signalbox_aws::describe;
use signalbox_domain::{Clock, KeyRing, SealError, Timestamp};
use tokio::sync::Mutex;

use crate::StartError;

/// A ring read less than this ago is up to date: a new key seals nothing before every instance has had that long to read it.
const FRESH: Duration = Duration::from_secs(60);

/// The key ring, read from Secrets Manager at start, and again when something was sealed under a key that it does not hold.
#[derive(Debug)]
pub struct KeyRings {
    secrets: Client,
    id: String,
    clock: Clock,
    read: RwLock<Read>,
    /// When it was last tried to read it again.
    tried: Mutex<Timestamp>,
}

#[derive(Debug, Clone)]
struct Read {
    ring: Arc<KeyRing>,
    at: Timestamp,
}

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
        let read = read(&secrets, &id, &clock).await?;
        let tried = Mutex::new(read.at);
        Ok(Self { secrets, id, clock, read: RwLock::new(read), tried })
    }

    /// The ring as it was last read.
    #[must_use]
    pub fn current(&self) -> Arc<KeyRing> {
        self.last().ring
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
                let ring = self.fresh().await?;
                open(&ring).map_err(|_| NotOpened::Forged)
            }
        }
    }

    /// A ring that was read within the last minute. One reads, the others wait for it; at most once a minute, also where
    /// that fails.
    async fn fresh(&self) -> Result<Arc<KeyRing>, NotOpened> {
        let mut tried = self.tried.lock().await;
        let (last, now) = (self.last(), self.clock.now());
        if now < last.at.plus(FRESH) {
            return Ok(last.ring);
        }
        if now < tried.plus(FRESH) {
            return Err(NotOpened::Unavailable);
        }
        *tried = now;
        let read = read(&self.secrets, &self.id, &self.clock).await.map_err(|error| {
            tracing::error!(%error, "the key ring could not be read again");
            NotOpened::Unavailable
        })?;
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read.clone();
        Ok(read.ring)
    }

    fn last(&self) -> Read {
        self.read.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn read(secrets: &Client, id: &str, clock: &Clock) -> Result<Read, StartError> {
    let answer = secrets
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .map_err(|error| StartError::KeyRingUnread(describe(&error)))?;
    let ring = KeyRing::from_json(answer.secret_string().unwrap_or_default())?;
    Ok(Read { ring: Arc::new(ring), at: clock.now() })
}
