use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use signalbox_domain::{Clock, EnrolmentKey, EnrolmentKeyName, EnrolmentKeys};

use crate::StartError;
use crate::secret::{Secret, Unread};

/// A key that was taken out of the set counts no longer than this, in an instance that can read the set.
const AGE: Duration = Duration::from_secs(10 * 60);

/// The enrolment keys, read from Secrets Manager at start; again when a key is presented that is none of them, and when they were
/// read long ago.
#[derive(Debug)]
pub struct Enrolment(Secret<EnrolmentKeys>);

/// Why a key does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It is none of the set.
    #[error("the enrolment key does not count")]
    Unknown,
    /// The set could not be read again, so that it cannot be told.
    #[error("the enrolment keys could not be read; connect again")]
    Unavailable,
}

impl Enrolment {
    /// Reads the keys that the secret `id` holds.
    ///
    /// # Errors
    /// Where they cannot be read or are none.
    pub async fn load(secrets: Client, id: String, clock: Clock) -> Result<Self, StartError> {
        let parse = |json: &str| Ok(EnrolmentKeys::from_json(json)?);
        Ok(Self(Secret::load(secrets, id, clock, "the secret of enrolment keys", parse).await?))
    }

    /// Which key of the set was presented. Where it is none, and the set was not read within the last minute, reads it again
    /// first. A key of the set as it was last read counts on while it cannot be read.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub async fn admit(&self, presented: &EnrolmentKey) -> Result<EnrolmentKeyName, NotAdmitted> {
        let keys = self.0.recent(AGE).await;
        if let Some(name) = keys.find(presented) {
            return Ok(name.clone());
        }
        let keys = self.0.fresh().await.map_err(|Unread| NotAdmitted::Unavailable)?;
        keys.find(presented).cloned().ok_or(NotAdmitted::Unknown)
    }
}
