//! A call of DynamoDB's JSON protocol, answered by the engine.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

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
}

impl Dispatch {
    pub(crate) fn to(database: Database) -> Self {
        Self { database, tokens: Mutex::default() }
    }

    /// Runs a call.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        match self.run(operation, body) {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let database = &self.database;
        let on = Exchange(body);
        match operation {
            "BatchGetItem" => on.run(|request| database.batch_get_item(request)),
            "BatchWriteItem" => on.run(|request| database.batch_write_item(request)),
            "CreateTable" => on.run(|request| tables::create(database, request)),
            "DeleteItem" => on.run(|request| database.delete_item(request)),
            "DescribeTable" => on.run(|request| database.describe_table(request)),
            "DescribeTimeToLive" => on.run(|request| database.describe_time_to_live(request)),
            "GetItem" => on.run(|request| database.get_item(request)),
            "ListTables" => on.run(|request| database.list_tables(request)),
            "PutItem" => on.run(|request| database.put_item(request)),
            "Query" => on.run(|request| database.query(request)),
            "Scan" => on.run(|request| database.scan(request)),
            "TransactGetItems" => on.run(|request| database.transact_get_items(request)),
            "TransactWriteItems" => on.transact(database, &self.tokens),
            "UpdateItem" => on.run(|request| database.update_item(request)),
            "UpdateTimeToLive" => on.run(|request| database.update_time_to_live(request)),
            other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
        }
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

    /// Held by its token, so that it cannot run a second time meanwhile.
    fn transact(self, database: &Database, tokens: &Mutex<Tokens>) -> Result<String, DynoxideError> {
        let mut tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.run(self.request()?, Instant::now(), |request| told(&database.transact_write_items(request)?))
    }

    fn request<Q: DeserializeOwned>(self) -> Result<Q, DynoxideError> {
        serde_json::from_slice(self.0)
            .map_err(|error| DynoxideError::SerializationException(error.to_string()))
    }
}

fn told(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
