use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use signalbox_domain::{
    Audience, Job, JobId, KeyId, NotAnUrgency, Recipients, RequestDigest, ServerKey, Timestamp, Ttl,
};

use super::payload::PayloadColumns;
use super::{item, key_of, malformed, row};
use crate::StoreError;
use crate::expression::Attributes;

const TABLE: &str = "fanout";
/// The sort key of a job's own row; its pages stand behind it.
const JOB: &str = "J";

/// A job's row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobRow {
    pk: String,
    sk: String,
    server: ByteBuf,
    /// SHA-256 of what was asked for.
    request: ByteBuf,
    /// Milliseconds.
    accepted_at: u64,
    ttl: u32,
    urgency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(flatten)]
    payload: PayloadColumns,
    /// The id of the key that its messages' versions are sealed under.
    key_id: u8,
    pages: u32,
    /// How many recipients; of an audience about how many.
    total: u64,
    /// With an audience only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience_owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience_generation: Option<u64>,
    /// Seconds.
    expires_at: u64,
}

pub(crate) fn job_partition(job: JobId) -> String {
    format!("J#{job}")
}

pub(crate) fn job_key(job: JobId) -> Attributes {
    key_of(job_partition(job), JOB)
}

impl JobRow {
    pub(crate) fn item(job: &Job, expires: Timestamp) -> Result<Attributes, StoreError> {
        let (total, audience) = match &job.recipients {
            Recipients::Listed { total } => (u64::from(*total), None),
            Recipients::Audience { audience, about } => (*about, Some(audience)),
        };
        let row = Self {
            pk: job_partition(job.id),
            sk: JOB.to_owned(),
            server: ByteBuf::from(*job.server.as_bytes()),
            request: ByteBuf::from(*job.request.as_bytes()),
            accepted_at: job.accepted.as_millis(),
            ttl: job.ttl.as_secs(),
            urgency: job.urgency.to_string(),
            topic: job.topic.as_ref().map(|topic| topic.as_str().to_owned()),
            payload: PayloadColumns::of(job.payload.as_ref()),
            key_id: job.sealed_under.0,
            pages: job.pages,
            total,
            audience_owner: audience.map(|audience| audience.owner.to_string()),
            audience_name: audience.map(|audience| audience.name.as_str().to_owned()),
            audience_generation: audience.map(|audience| audience.generation),
            expires_at: expires.as_secs(),
        };
        item(TABLE, &row)
    }

    /// The job; none where the item has expired and DynamoDB has yet to delete it.
    pub(crate) fn read(item: Attributes, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let row: Self = row(TABLE, item)?;
        if row.expires_at <= now.as_secs() {
            return Ok(None);
        }
        let id = row.pk.strip_prefix("J#").and_then(|id| id.parse().ok());
        Ok(Some(Job {
            id: id.ok_or_else(|| malformed(TABLE, "pk is no job's"))?,
            server: ServerKey::from_stored(&row.server).map_err(|error| malformed(TABLE, error))?,
            request: RequestDigest::from_bytes(&row.request)
                .ok_or_else(|| malformed(TABLE, "the request's digest has not 32 bytes"))?,
            accepted: Timestamp::from_millis(row.accepted_at),
            ttl: Ttl::from_secs(u64::from(row.ttl)),
            urgency: row.urgency.parse().map_err(|error: NotAnUrgency| malformed(TABLE, error))?,
            topic: row
                .topic
                .map(|topic| topic.parse())
                .transpose()
                .map_err(|error: signalbox_domain::NotATopic| malformed(TABLE, error))?,
            payload: row.payload.read(TABLE)?,
            sealed_under: KeyId(row.key_id),
            recipients: recipients(
                row.total,
                (row.audience_owner, row.audience_name, row.audience_generation),
            )?,
            pages: row.pages,
        }))
    }
}

fn recipients(
    total: u64,
    audience: (Option<String>, Option<String>, Option<u64>),
) -> Result<Recipients, StoreError> {
    let (Some(owner), Some(name), Some(generation)) = audience else {
        let total = u32::try_from(total).map_err(|error| malformed(TABLE, error))?;
        return Ok(Recipients::Listed { total });
    };
    let audience = Audience {
        owner: owner.parse().map_err(|error| malformed(TABLE, error))?,
        name: name.parse().map_err(|error| malformed(TABLE, error))?,
        generation,
    };
    Ok(Recipients::Audience { audience, about: total })
}
