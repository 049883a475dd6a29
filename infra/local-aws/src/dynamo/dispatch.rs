//! A call of DynamoDB's JSON protocol, answered by the engine.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::actions::update_item::UpdateItemRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::read_cache::ReadCache;
use super::tables;
use super::tokens::Tokens;

/// Status and body of an answer.
pub(crate) type Answer = (u16, String);

/// Whether a call may change something. What is not known to only read counts as a write.
pub(crate) fn writes(operation: &str) -> bool {
    !matches!(
        operation,
        "BatchGetItem"
            | "DescribeTable"
            | "DescribeTimeToLive"
            | "GetItem"
            | "ListTables"
            | "Query"
            | "Scan"
            | "TransactGetItems"
    )
}

/// The engine behind DynamoDB's protocol.
pub(crate) struct Dispatch {
    database: Database,
    tokens: Mutex<Tokens>,
    /// Held for as long as a call reads by it, or changes what it may have kept.
    reads: Mutex<ReadCache>,
}

impl Dispatch {
    pub(crate) fn to(database: Database) -> Self {
        Self { database, tokens: Mutex::default(), reads: Mutex::default() }
    }

    /// As if it had kept reads there from the start.
    #[cfg(test)]
    pub(super) fn keep_reads(&mut self, reads: ReadCache) {
        self.reads = Mutex::new(reads);
    }

    /// Runs a call.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        match self.run(operation, body) {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }

    /// Deletes what has expired by the tables' TTL attribute, as DynamoDB does some time after: a few rows at a time, between
    /// which other calls are served. How many there were.
    pub(crate) fn sweep(&self) -> Result<usize, DynoxideError> {
        let mut sweeping = self.sweeping();
        let swept = self.database.sweep_ttl();
        sweeping.changed = !matches!(swept, Ok(0));
        swept
    }

    /// Until it is dropped, the engine may be changed beside what is kept of reads.
    pub(super) fn sweeping(&self) -> Sweeping<'_> {
        self.reads().suspend();
        Sweeping { dispatch: self, changed: true }
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let database = &self.database;
        let on = Exchange(body);
        match operation {
            "BatchGetItem" => self.batch_get(body),
            "BatchWriteItem" => on.run(|request| {
                let mut reads = self.reads();
                reads.forget_batch(&request);
                database.batch_write_item(request)
            }),
            "CreateTable" => on.run(|request| tables::create(database, request)),
            "DeleteItem" => on.run(|request: DeleteItemRequest| {
                let mut reads = self.reads();
                reads.forget_item(&request.table_name, &request.key);
                database.delete_item(request)
            }),
            "DescribeTable" => on.run(|request| database.describe_table(request)),
            "DescribeTimeToLive" => on.run(|request| database.describe_time_to_live(request)),
            "GetItem" => on.run(|request| database.get_item(request)),
            "ListTables" => on.run(|request| database.list_tables(request)),
            "PutItem" => on.run(|request: PutItemRequest| {
                let mut reads = self.reads();
                reads.forget_item(&request.table_name, &request.item);
                database.put_item(request)
            }),
            "Query" => on.run(|request| database.query(request)),
            "Scan" => on.run(|request| database.scan(request)),
            "TransactGetItems" => on.run(|request| database.transact_get_items(request)),
            "TransactWriteItems" => self.transact(on.request()?),
            "UpdateItem" => on.run(|request: UpdateItemRequest| {
                let mut reads = self.reads();
                reads.forget_item(&request.table_name, &request.key);
                database.update_item(request)
            }),
            "UpdateTimeToLive" => on.run(|request| database.update_time_to_live(request)),
            other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
        }
    }

    fn batch_get(&self, body: &[u8]) -> Result<String, DynoxideError> {
        let read = |request| self.database.batch_get_item(request);
        let answer = self.reads().batch_get(body, read);
        answer.unwrap_or_else(|| Exchange(body).run(read))
    }

    /// Held by its token, so that it cannot run a second time meanwhile.
    fn transact(&self, request: TransactWriteItemsRequest) -> Result<String, DynoxideError> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.run(request, Instant::now(), |request| {
            let mut reads = self.reads();
            reads.forget_transaction(&request);
            told(&self.database.transact_write_items(request)?)
        })
    }

    fn reads(&self) -> MutexGuard<'_, ReadCache> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sweep that is under way.
pub(super) struct Sweeping<'d> {
    dispatch: &'d Dispatch,
    /// Unless it is known that it has changed nothing: also where it failed or panicked midway.
    changed: bool,
}

impl Drop for Sweeping<'_> {
    fn drop(&mut self) {
        let forgotten = self.dispatch.reads().resume(self.changed);
        // No longer under the lock, for which the engine's thread may wait.
        drop(forgotten);
    }
}

/// The body of a call, from JSON to JSON.
struct Exchange<'b>(&'b [u8]);

impl Exchange<'_> {
    fn run<Q: DeserializeOwned, A: Serialize>(
        self,
        call: impl FnOnce(Q) -> Result<A, DynoxideError>,
    ) -> Result<String, DynoxideError> {
        told(&call(self.request()?)?)
    }

    fn request<Q: DeserializeOwned>(self) -> Result<Q, DynoxideError> {
        serde_json::from_slice(self.0)
            .map_err(|error| DynoxideError::SerializationException(error.to_string()))
    }
}

pub(super) fn told(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
