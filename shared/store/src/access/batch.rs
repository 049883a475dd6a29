use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, WriteRequest};

use crate::expression::Attributes;
use crate::{Store, StoreError};

/// How often what a batch left undone is tried again.
const ROUNDS: u32 = 5;
/// Before the first repetition; doubled for each one after.
const PAUSE: Duration = Duration::from_millis(20);
/// DynamoDB's limit for one batch of writes.
const WRITES: usize = 25;

impl Store {
    /// Reads up to 100 items of one table, strongly consistent and complete, or fails. One call, unless DynamoDB leaves
    /// keys undone.
    pub(crate) async fn batch_get(
        &self,
        table: &str,
        keys: Vec<Attributes>,
    ) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut open = keys;
        for round in 0..ROUNDS {
            pause_before(round).await;
            let request = KeysAndAttributes::builder().set_keys(Some(open)).consistent_read(true).build()?;
            let answer = self.dynamo.batch_get_item().request_items(table, request).send().await?;
            items.extend(answer.responses.unwrap_or_default().remove(table).unwrap_or_default());
            let left = answer.unprocessed_keys.unwrap_or_default().remove(table);
            open = left.map(|left| left.keys).unwrap_or_default();
            if open.is_empty() {
                return Ok(items);
            }
        }
        Err(StoreError::Unprocessed { left: open.len() })
    }

    /// [`batch_write`].
    pub(crate) async fn batch_write(&self, table: &str, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        batch_write(&self.dynamo, table, writes).await
    }
}

/// Writes items of one table, all or it fails. One call for every 25, unless DynamoDB leaves some undone. No two writes may
/// be to the same item.
pub(crate) async fn batch_write(
    dynamo: &Client,
    table: &str,
    mut writes: Vec<WriteRequest>,
) -> Result<(), StoreError> {
    while !writes.is_empty() {
        let rest = writes.split_off(writes.len().min(WRITES));
        write_chunk(dynamo, table, writes).await?;
        writes = rest;
    }
    Ok(())
}

async fn write_chunk(dynamo: &Client, table: &str, chunk: Vec<WriteRequest>) -> Result<(), StoreError> {
    let mut open = chunk;
    for round in 0..ROUNDS {
        pause_before(round).await;
        let requests = HashMap::from([(table.to_owned(), open)]);
        let answer = dynamo.batch_write_item().set_request_items(Some(requests)).send().await?;
        open = answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
        if open.is_empty() {
            return Ok(());
        }
    }
    Err(StoreError::Unprocessed { left: open.len() })
}

/// Waits ever longer from round to round, and not before the first.
pub(crate) async fn pause_before(round: u32) {
    if round > 0 {
        tokio::time::sleep(PAUSE * 2_u32.pow(round - 1)).await;
    }
}
