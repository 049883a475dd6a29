use serde::{Deserialize, Serialize};
use signalbox_domain::{
    JobId, KeyId, MessageKey, NotAJobId, NotAnUrgency, Payload, StoredMessage, TerminalId, Timestamp,
};

use super::payload::PayloadColumns;
use super::{item, key_of, malformed, row};
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
    #[serde(flatten)]
    payload: PayloadColumns,
    /// The job whose shared body it carries, instead of one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shared: Option<String>,
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
        // Kept once, beside its job's other messages.
        let own = message.payload.as_ref().filter(|_| message.shared.is_none());
        let row = Self {
            pk: message.key.terminal.to_string(),
            sk: message.key.sort_key(),
            channel: message.channel.to_string(),
            generation: message.generation,
            payload: PayloadColumns::of(own),
            shared: message.shared.map(|job| job.to_string()),
            urgency: message.urgency.to_string(),
            mid: message.key.accepted.to_string(),
            receipt: message.key.receipt,
            key_id: message.sealed_under.0,
            expires: message.expires.as_millis(),
            expires_at: message.expires.as_secs() + 1,
        };
        item(TABLE, &row)
    }

    /// The terminal and the acceptance of an item.
    #[expect(clippy::needless_pass_by_value, reason = "the item is not needed any more")]
    pub(crate) fn name(item: Attributes) -> Result<(TerminalId, String), StoreError> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let terminal = text("pk").and_then(|pk| pk.parse().ok());
        match (terminal, text("mid")) {
            (Some(terminal), Some(mid)) => Ok((terminal, mid.clone())),
            _ => Err(malformed(TABLE, "it names no message")),
        }
    }

    pub(crate) fn read(item: Attributes) -> Result<StoredMessage, StoreError> {
        let row: Self = row(TABLE, item)?;
        let terminal = row.pk.parse().map_err(|error| malformed(TABLE, error))?;
        let key = MessageKey::from_row(terminal, &row.sk, &row.mid, row.receipt)
            .ok_or_else(|| malformed(TABLE, "sk and mid are no message's"))?;
        Ok(StoredMessage {
            key,
            channel: row.channel.parse().map_err(|error| malformed(TABLE, error))?,
            generation: row.generation,
            payload: row.payload.read(TABLE)?,
            shared: row
                .shared
                .map(|job| job.parse())
                .transpose()
                .map_err(|error: NotAJobId| malformed(TABLE, error))?,
            urgency: row.urgency.parse().map_err(|error: NotAnUrgency| malformed(TABLE, error))?,
            expires: Timestamp::from_millis(row.expires),
            sealed_under: KeyId(row.key_id),
        })
    }
}

/// A body that the waiting messages of a job share.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SharedBodyRow {
    pk: String,
    sk: String,
    #[serde(flatten)]
    payload: PayloadColumns,
    /// Seconds.
    expires_at: u64,
}

/// Beside the messages, under a key of its own.
const SHARED_BODY: &str = "B#";

pub(crate) fn shared_body_key(job: JobId) -> Attributes {
    key_of(format!("{SHARED_BODY}{job}"), "B")
}

impl SharedBodyRow {
    pub(crate) fn item(job: JobId, payload: &Payload, expires: Timestamp) -> Result<Attributes, StoreError> {
        let row = Self {
            pk: format!("{SHARED_BODY}{job}"),
            sk: "B".to_owned(),
            payload: PayloadColumns::of(Some(payload)),
            expires_at: expires.as_secs(),
        };
        item(TABLE, &row)
    }

    pub(crate) fn read(item: Attributes) -> Result<(JobId, Payload), StoreError> {
        let row: Self = row(TABLE, item)?;
        let job = row.pk.strip_prefix(SHARED_BODY).and_then(|job| job.parse().ok());
        let job = job.ok_or_else(|| malformed(TABLE, "pk is no shared body's"))?;
        let payload = row.payload.read(TABLE)?.ok_or_else(|| malformed(TABLE, "a shared body is empty"))?;
        Ok((job, payload))
    }
}
