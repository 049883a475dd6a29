use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use signalbox_domain::{ConnectionId, Slot, Timestamp};

use crate::access::batch::batch_write;
use crate::expression::{Attributes, number, text, values};
use crate::rows::malformed;
use crate::tables::create_with_ttl;
use crate::{KeySchema, StoreError};

/// How it is called in errors.
const TABLE: &str = "keep-alive";

/// The table of connections that are to be kept alive, by slot: pk the slot, sk the connection. It is there only where that is
/// wanted, and is never scanned.
#[derive(Debug, Clone)]
pub struct KeepAliveTable {
    dynamo: Client,
    name: String,
}

/// A part of a slot's connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotPage {
    /// Those that may still be open.
    pub connections: Vec<ConnectionId>,
    /// Behind which the next page begins; none where this is the last.
    pub next: Option<ConnectionId>,
}

impl KeepAliveTable {
    /// The table's key.
    pub const KEY: KeySchema = &["pk", "sk"];

    /// The table of this name.
    #[must_use]
    pub fn new(dynamo: Client, name: String) -> Self {
        Self { dynamo, name }
    }

    /// Creates the table where it is not there yet, for a store that no template makes.
    ///
    /// # Errors
    /// Where the store refuses.
    pub async fn create(&self) -> Result<(), StoreError> {
        create_with_ttl(&self.dynamo, &self.name, Self::KEY).await
    }

    /// Registers a connection that ends at `expires` at the latest; twice is once. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn register(&self, connection: &ConnectionId, expires: Timestamp) -> Result<(), StoreError> {
        let mut item = key(connection);
        item.insert("expiresAt".to_owned(), number(expires.as_secs()));
        self.dynamo.put_item().table_name(&self.name).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Reads connections of a slot, behind one of them, as many as DynamoDB returns at once (1 MB, some 25,000). Nothing is
    /// decided by it, so it is the one read that is eventually consistent: who has come within the last second is found the
    /// next time. 1 call, half a read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(
        &self,
        slot: Slot,
        after: Option<&ConnectionId>,
        now: Timestamp,
    ) -> Result<SlotPage, StoreError> {
        let query = self.dynamo.query().table_name(&self.name).key_condition_expression("pk = :slot");
        let query = query.set_expression_attribute_values(values([(":slot", text(slot))]));
        let answer = query.set_exclusive_start_key(after.map(key)).send().await?;
        let items = answer.items.unwrap_or_default();
        let open = items.iter().filter(|item| !has_expired(item, now));
        Ok(SlotPage {
            connections: open.map(connection).collect::<Result<_, _>>()?,
            next: answer.last_evaluated_key.as_ref().map(connection).transpose()?,
        })
    }

    /// Removes connections that have ended. 1 call for every 25, 1 write unit each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, connections: &[ConnectionId]) -> Result<(), StoreError> {
        let writes = connections.iter().map(|connection| {
            let delete = DeleteRequest::builder().set_key(Some(key(connection))).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        });
        batch_write(&self.dynamo, &self.name, writes.collect::<Result<_, StoreError>>()?).await
    }
}

fn key(connection: &ConnectionId) -> Attributes {
    HashMap::from([("pk".to_owned(), text(Slot::of(connection))), ("sk".to_owned(), text(connection))])
}

fn connection(item: &Attributes) -> Result<ConnectionId, StoreError> {
    let id = item.get("sk").and_then(|id| id.as_s().ok());
    let id = id.ok_or_else(|| malformed(TABLE, "a connection has no id"))?;
    id.parse().map_err(|error| malformed(TABLE, error))
}

/// DynamoDB deletes late.
fn has_expired(item: &Attributes, now: Timestamp) -> bool {
    let expires = item.get("expiresAt").and_then(|at: &AttributeValue| at.as_n().ok());
    expires.and_then(|at| at.parse::<u64>().ok()).is_none_or(|at| at <= now.as_secs())
}
