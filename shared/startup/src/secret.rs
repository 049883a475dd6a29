use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use signalbox_aws::describe;
use signalbox_domain::{Clock, Timestamp};
use tokio::sync::Mutex;

use crate::StartError;

/// What was read less than this ago is up to date: nothing that is put into a secret may be in use before every instance has had
/// that long to read it.
const FRESH: Duration = Duration::from_secs(60);

/// What a secret of Secrets Manager holds: read at start, and again when what it held last does not do.
pub(crate) struct Secret<T> {
    client: Client,
    id: String,
    clock: Clock,
    /// How it is called in logs and errors.
    what: &'static str,
    parse: fn(&str) -> Result<T, StartError>,
    read: RwLock<Read<T>>,
    /// When it was last tried to read it again.
    tried: Mutex<Timestamp>,
}

struct Read<T> {
    value: Arc<T>,
    at: Timestamp,
}

/// It could not be read again. Nothing may be concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unread;

impl<T> Secret<T> {
    /// Reads the secret `id`, which is called `what`.
    pub(crate) async fn load(
        client: Client,
        id: String,
        clock: Clock,
        what: &'static str,
        parse: fn(&str) -> Result<T, StartError>,
    ) -> Result<Self, StartError> {
        let at = clock.now();
        let value = Arc::new(read(&client, &id, what, parse).await?);
        Ok(Self {
            client,
            id,
            clock,
            what,
            parse,
            read: RwLock::new(Read { value, at }),
            tried: Mutex::new(at),
        })
    }

    /// As it was last read.
    pub(crate) fn current(&self) -> Arc<T> {
        self.last().value
    }

    /// As it was read within the last minute. One reads, the others wait for it; at most once a minute, also where that fails.
    pub(crate) async fn fresh(&self) -> Result<Arc<T>, Unread> {
        let mut tried = self.tried.lock().await;
        let (last, now) = (self.last(), self.clock.now());
        if now < last.at.plus(FRESH) {
            return Ok(last.value);
        }
        if now < tried.plus(FRESH) {
            return Err(Unread);
        }
        *tried = now;
        let value = read(&self.client, &self.id, self.what, self.parse).await.map_err(|error| {
            tracing::error!(%error, "{} could not be read again", self.what);
            Unread
        })?;
        let read = Read { value: Arc::new(value), at: now };
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read.clone();
        Ok(read.value)
    }

    /// As it was read within this time, which is more than a minute; where it cannot be read again, as it was last read.
    pub(crate) async fn recent(&self, age: Duration) -> Arc<T> {
        let last = self.last();
        if self.clock.now() < last.at.plus(age) {
            return last.value;
        }
        self.fresh().await.unwrap_or(last.value)
    }

    fn last(&self) -> Read<T> {
        self.read.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn read<T>(
    client: &Client,
    id: &str,
    what: &'static str,
    parse: fn(&str) -> Result<T, StartError>,
) -> Result<T, StartError> {
    let answer = client.get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| StartError::Unread { what, reason: describe(&error) })?;
    parse(answer.secret_string().unwrap_or_default())
}

impl<T> Clone for Read<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), at: self.at }
    }
}

impl<T: fmt::Debug> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id).field("value", &self.current()).finish_non_exhaustive()
    }
}
