use serde::{Deserialize, Serialize};
use signalbox_domain::{ConnectionId, InvalidId, NotAnUrgency, Terminal, Timestamp, Urgency};

use super::{TERMINAL, malformed, row};
use crate::StoreError;
use crate::expression::Attributes;

const TABLE: &str = "terminals";

/// A terminal's own row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TerminalRow {
    pub(crate) pk: String,
    pub(crate) sk: String,
    pub(crate) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<String>,
    /// The connection before this one, or this one where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaced: Option<String>,
    /// Milliseconds.
    pub(crate) connected_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hello: Option<String>,
    pub(crate) open: bool,
    pub(crate) waiting: u64,
    /// The least urgent that is delivered; absent where all is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) urgency: Option<String>,
    /// Milliseconds.
    pub(crate) created_at: u64,
    /// Seconds; absent once the terminal holds a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
}

impl TerminalRow {
    pub(crate) fn of(terminal: &Terminal, created: Timestamp, expires: Timestamp) -> Self {
        Self {
            pk: terminal.id.to_string(),
            sk: TERMINAL.to_owned(),
            state: terminal.state.to_string(),
            connection: terminal.connection.as_ref().map(ToString::to_string),
            replaced: None,
            connected_at: terminal.connected.as_millis(),
            hello: terminal.hello.clone(),
            open: terminal.open,
            waiting: terminal.waiting,
            urgency: Some(terminal.minimum.to_string()),
            created_at: created.as_millis(),
            expires_at: Some(expires.as_secs()),
        }
    }

    /// The connection that the row names, and the one before.
    pub(crate) fn link(item: Attributes) -> Result<Link, StoreError> {
        let row: Self = row(TABLE, item)?;
        let id = |id: Option<String>| {
            id.map(|id| id.parse()).transpose().map_err(|error: InvalidId| malformed(TABLE, error))
        };
        Ok(Link { connection: id(row.connection)?, replaced: id(row.replaced)? })
    }

    /// The terminal; none where the item has expired and DynamoDB has yet to delete it.
    pub(crate) fn read(item: Attributes, now: Timestamp) -> Result<Option<Terminal>, StoreError> {
        let row: Self = row(TABLE, item)?;
        if row.expires_at.is_some_and(|expires| expires <= now.as_secs()) {
            return Ok(None);
        }
        let wrong = |reason: &dyn ToString| malformed(TABLE, reason.to_string());
        Ok(Some(Terminal {
            id: row.pk.parse().map_err(|error| wrong(&error))?,
            state: row.state.parse().map_err(|error| wrong(&error))?,
            connection: row.connection.map(|id| id.parse()).transpose().map_err(|error| wrong(&error))?,
            connected: Timestamp::from_millis(row.connected_at),
            hello: row.hello,
            open: row.open,
            waiting: row.waiting,
            minimum: match row.urgency {
                Some(urgency) => urgency.parse().map_err(|error: NotAnUrgency| wrong(&error))?,
                None => Urgency::NO_MINIMUM,
            },
        }))
    }
}

/// The connection that a terminal's row names, and the one before it.
pub(crate) struct Link {
    connection: Option<ConnectionId>,
    replaced: Option<ConnectionId>,
}

impl Link {
    /// The connection that `arriving` has replaced, if it has: by this run of its event, or by an earlier one.
    pub(crate) fn before(self, arriving: &ConnectionId) -> Option<ConnectionId> {
        let again = self.connection.as_ref() == Some(arriving);
        let before = if again { self.replaced } else { self.connection };
        before.filter(|before| before != arriving)
    }
}
