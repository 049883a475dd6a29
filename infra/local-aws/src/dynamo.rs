use std::path::Path;
use std::thread::JoinHandle;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use crate::response;

/// How many calls may wait for the engine; more wait at their sender.
const QUEUE: usize = 1024;

/// The embedded engine could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the embedded store could not be opened: {0}")]
pub struct EngineError(#[from] DynoxideError);

enum Job {
    Call { operation: String, body: Bytes, answer: oneshot::Sender<(u16, String)> },
    Sweep,
}

/// The wire of DynamoDB: answers each call from the embedded engine. One thread owns the engine, as it blocks (a write
/// is on disk before its answer) and serves one call at a time anyhow.
#[derive(Clone)]
pub struct DynamoWire(mpsc::Sender<Job>);

/// The thread that owns the engine. Dropping it does not stop the thread; closing every [`DynamoWire`] does.
pub struct EngineThread(JoinHandle<()>);

impl EngineThread {
    /// Waits until the engine has answered everything and closed its file. Every [`DynamoWire`] must be gone before.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the store's thread has panicked");
        }
    }
}

impl DynamoWire {
    /// On a file, made where there is none.
    ///
    /// # Errors
    /// Where the file cannot be opened as a store.
    pub fn open(file: &Path) -> Result<(Self, EngineThread), EngineError> {
        let database = Database::new(&file.to_string_lossy())?;
        Ok(Self::start(database))
    }

    /// In memory: gone with the process.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub fn memory() -> Result<(Self, EngineThread), EngineError> {
        Ok(Self::start(Database::memory()?))
    }

    fn start(database: Database) -> (Self, EngineThread) {
        let (sender, mut jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::spawn(move || {
            while let Some(job) = jobs.blocking_recv() {
                run(&database, job);
            }
        });
        (Self(sender), EngineThread(thread))
    }

    /// Deletes what has expired by the tables' TTL attribute. DynamoDB does so by itself, some time after.
    pub async fn sweep_expired(&self) {
        // The engine is gone only when the process is about to be.
        let _ = self.0.send(Job::Sweep).await;
    }

    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation).to_owned();
        let body = request.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
        let (answer, answered) = oneshot::channel();
        let gone = || ConnectorError::io("the embedded store has stopped".into());
        self.0.send(Job::Call { operation, body, answer }).await.map_err(|_| gone())?;
        let (status, body) = answered.await.map_err(|_| gone())?;
        Ok(response(status, None, body))
    }
}

impl HttpConnector for DynamoWire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().answer(request))
    }
}

impl std::fmt::Debug for DynamoWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DynamoWire")
    }
}

fn run(database: &Database, job: Job) {
    match job {
        Job::Call { operation, body, answer } => {
            let answered = match dispatch(database, &operation, &body) {
                Ok(body) => (200, body),
                Err(error) => (error.status_code(), error.to_json()),
            };
            // Who no longer waits for the answer does not need it.
            let _ = answer.send(answered);
        }
        Job::Sweep => match database.sweep_ttl() {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "expired items deleted"),
            Err(error) => tracing::warn!(%error, "expired items could not be deleted"),
        },
    }
}

fn dispatch(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    let on = Exchange(body);
    match operation {
        "BatchGetItem" => on.run(|request| database.batch_get_item(request)),
        "BatchWriteItem" => on.run(|request| database.batch_write_item(request)),
        "CreateTable" => on.run(|request| database.create_table(request)),
        "DeleteItem" => on.run(|request| database.delete_item(request)),
        "DescribeTable" => on.run(|request| database.describe_table(request)),
        "DescribeTimeToLive" => on.run(|request| database.describe_time_to_live(request)),
        "GetItem" => on.run(|request| database.get_item(request)),
        "ListTables" => on.run(|request| database.list_tables(request)),
        "PutItem" => on.run(|request| database.put_item(request)),
        "Query" => on.run(|request| database.query(request)),
        "Scan" => on.run(|request| database.scan(request)),
        "TransactGetItems" => on.run(|request| database.transact_get_items(request)),
        "TransactWriteItems" => on.run(|request| database.transact_write_items(request)),
        "UpdateItem" => on.run(|request| database.update_item(request)),
        "UpdateTimeToLive" => on.run(|request| database.update_time_to_live(request)),
        other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
    }
}

/// The body of a call, from JSON to JSON.
struct Exchange<'b>(&'b [u8]);

impl Exchange<'_> {
    fn run<Q: DeserializeOwned, A: Serialize>(
        self,
        call: impl FnOnce(Q) -> Result<A, DynoxideError>,
    ) -> Result<String, DynoxideError> {
        let request = serde_json::from_slice(self.0)
            .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
        let answer = call(request)?;
        serde_json::to_string(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
    }
}
