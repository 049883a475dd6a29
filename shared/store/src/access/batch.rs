use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, WriteRequest};
use futures_util::future::try_join_all;

use crate::expression::Attributes;
use crate::{Store, StoreError};

/// How often what a batch left undone is tried again.
const ROUNDS: u32 = 5;
/// Before the first repetition; doubled for each one after.
const PAUSE: Duration = Duration::from_millis(20);
/// DynamoDB's limit for one batch of writes.
const WRITES: usize = 25;
/// DynamoDB's limit for one batch of reads.
pub(crate) const READS: usize = 100;

impl Store {
    /// Reads up to 100 items of one table, strongly consistent and complete, or fails. One call, unless DynamoDB leaves
    /// keys undone.
    pub(crate) async fn batch_get(
        &self,
        table: &str,
        keys: Vec<Attributes>,
    ) -> Result<Vec<Attributes>, StoreError> {
        Ok(self.batch_get_of([(table, keys)]).await?.remove(table).unwrap_or_default())
    }

    /// As [`batch_get`](Self::batch_get), of several tables in one call: each with its items.
    pub(crate) async fn batch_get_of(
        &self,
        keys: impl IntoIterator<Item = (&str, Vec<Attributes>)>,
    ) -> Result<HashMap<String, Vec<Attributes>>, StoreError> {
        let mut open: HashMap<_, _> =
            keys.into_iter().map(|(table, keys)| (table.to_owned(), keys)).collect();
        let mut items = HashMap::<_, Vec<_>>::with_capacity(open.len());
        for round in 0..ROUNDS {
            pause_before(round).await;
            let mut request = self.dynamo.batch_get_item();
            for (table, keys) in open {
                let of_table = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
                request = request.request_items(table, of_table.build()?);
            }
            let answer = request.send().await?;
            for (table, read) in answer.responses.unwrap_or_default() {
                items.entry(table).or_default().extend(read);
            }
            let left = answer.unprocessed_keys.unwrap_or_default();
            open = left.into_iter().map(|(table, left)| (table, left.keys)).collect();
            if open.is_empty() {
                return Ok(items);
            }
        }
        Err(StoreError::Unprocessed { left: open.values().map(Vec::len).sum() })
    }

    /// Reads any number of items of one table as [`batch_get`](Self::batch_get) does, 100 a call and the calls beside each
    /// other. No key may be named twice.
    pub(crate) async fn get_all(
        &self,
        table: &str,
        keys: Vec<Attributes>,
    ) -> Result<Vec<Attributes>, StoreError> {
        let chunks = chunks_of(READS, keys).map(|chunk| self.batch_get(table, chunk));
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    /// Writes any number of items of one table as [`batch_write`] does, the calls beside each other.
    pub(crate) async fn write_all(&self, table: &str, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        let chunks = chunks_of(WRITES, writes).map(|chunk| write_chunk(&self.dynamo, table, chunk));
        try_join_all(chunks).await.map(drop)
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
    writes: Vec<WriteRequest>,
) -> Result<(), StoreError> {
    for chunk in chunks_of(WRITES, writes) {
        write_chunk(dynamo, table, chunk).await?;
    }
    Ok(())
}

/// Chunks of at most `size`, in order, none of them empty.
fn chunks_of<T>(size: usize, of: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rest = of.into_iter();
    std::iter::from_fn(move || {
        Some(rest.by_ref().take(size).collect::<Vec<_>>()).filter(|chunk| !chunk.is_empty())
    })
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
