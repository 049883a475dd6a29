use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::ReturnValue;
use signalbox_domain::{ConnectionId, TerminalId, Timestamp};

use crate::expression::{Attributes, names, text, values};
use crate::rows::{ConnectionRow, item, malformed, row};
use crate::{Arrival, Store, StoreError};

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
    /// Puts the connection's entry, if it is new or made by this same event. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_connection(&self, arrival: &Arrival, expires: Timestamp) -> Result<Claim, StoreError> {
        const CONDITION: &str = "attribute_not_exists(pk) OR #hello = :hello";
        let done = self
            .dynamo
            .put_item()
            .table_name(&self.tables.connections)
            .set_item(Some(item("connections", &connection_row(arrival, expires))?))
            .condition_expression(CONDITION)
            .set_expression_attribute_names(names(&[CONDITION]))
            .set_expression_attribute_values(values([(":hello", text(arrival.hello.as_str()))]))
            .send()
            .await;
        match done {
            Ok(_) => Ok(Claim::Claimed),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                Ok(Claim::SecondHello)
            }
            Err(error) => Err(error.into()),
        }
    }

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

pub(crate) fn connection_row(arrival: &Arrival, expires: Timestamp) -> ConnectionRow {
    ConnectionRow {
        pk: arrival.connection.to_string(),
        terminal: arrival.terminal.to_string(),
        hello: arrival.hello.as_str().to_owned(),
        expires_at: expires.as_secs(),
    }
}

fn entry(item: Attributes) -> Result<ConnectionEntry, StoreError> {
    let row: ConnectionRow = row("connections", item)?;
    let terminal = row.terminal.parse().map_err(|error| malformed("connections", error))?;
    Ok(ConnectionEntry { terminal })
}
