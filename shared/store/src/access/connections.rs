use aws_sdk_dynamodb::types::ReturnValue;
use signalbox_domain::{ConnectionId, TerminalId};

use crate::expression::{Attributes, text};
use crate::rows::{ConnectionRow, malformed, row};
use crate::{Store, StoreError};

/// What [`Store::claim_connection`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The entry is there, by this run of the event or an earlier one.
    Claimed,
    /// The connection has said `hello` before, in another event.
    SecondHello,
}

/// A connection's entry: it has said `hello`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionEntry {
    /// As this terminal.
    pub terminal: TerminalId,
}

impl Store {
    /// Reads a connection's entry; none before its `hello`. 1 call, 1 read unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connection(&self, connection: &ConnectionId) -> Result<Option<ConnectionEntry>, StoreError> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.tables.connections)
            .key("pk", text(connection))
            .consistent_read(true)
            .send()
            .await?;
        answer.item.map(entry).transpose()
    }

    /// Deletes a connection's entry, and says what it was. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_connection(
        &self,
        connection: &ConnectionId,
    ) -> Result<Option<ConnectionEntry>, StoreError> {
        let answer = self
            .dynamo
            .delete_item()
            .table_name(&self.tables.connections)
            .key("pk", text(connection))
            .return_values(ReturnValue::AllOld)
            .send()
            .await?;
        answer.attributes.map(entry).transpose()
    }
}

fn entry(item: Attributes) -> Result<ConnectionEntry, StoreError> {
    let row: ConnectionRow = row("connections", item)?;
    let terminal = row.terminal.parse().map_err(|error| malformed("connections", error))?;
    Ok(ConnectionEntry { terminal })
}
