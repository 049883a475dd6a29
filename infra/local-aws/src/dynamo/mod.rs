mod disk;
pub(crate) mod dispatch;
mod engine;
mod health;
mod read_cache;
mod tables;
mod tokens;

use std::path::Path;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use engine::EngineThread;

use crate::response;
use disk::Disk;
use dispatch::{Answer, Dispatch};
use engine::Call;
use health::Health;

/// The name of a store without a file.
const MEMORY: &str = "in memory";

/// The embedded engine could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the store {file} could not be opened: {error}")]
pub struct EngineError {
    file: String,
    error: DynoxideError,
}

impl EngineError {
    /// Of a store that has no file.
    pub(crate) fn in_memory(error: DynoxideError) -> Self {
        Self { file: MEMORY.to_owned(), error }
    }
}

/// The wire of DynamoDB: answers each call from the embedded engine. One thread owns the engine, as it blocks, and serves one
/// call at a time anyhow. A write is on disk before its answer; those that come together go to disk together.
#[derive(Clone)]
pub struct DynamoWire(mpsc::Sender<Call>);

/// Deletes what has expired by the tables' TTL attribute. DynamoDB does so by itself, some time after.
pub struct Sweeper(Arc<Dispatch>);

impl Sweeper {
    /// Goes through all tables once, a few rows at a time, between which other calls are served. Blocks. That it was deleted
    /// need not be on disk: after a loss of power it is deleted again.
    pub fn sweep(&self) {
        match self.0.sweep() {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "expired items deleted"),
            Err(error) => tracing::warn!(%error, "expired items could not be deleted"),
        }
    }
}

impl DynamoWire {
    /// On a file, made where there is none.
    ///
    /// # Errors
    /// Where the file cannot be opened as a store.
    pub fn open(file: &Path) -> Result<(Self, EngineThread, Sweeper), EngineError> {
        let failed = |error| EngineError { file: file.display().to_string(), error };
        let database = Database::new(&file.to_string_lossy()).map_err(failed)?;
        // What this library calls its normal settings is SQLite's `synchronous = NORMAL`. By default it is FULL: a sync for
        // each commit.
        database.disable_bulk_loading().map_err(failed)?;
        Ok(Self::on(database, Some(Disk::of(file)), Health::of(file.to_owned())))
    }

    /// In memory: gone with the process.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub fn memory() -> Result<(Self, EngineThread, Sweeper), EngineError> {
        let database = Database::memory().map_err(EngineError::in_memory)?;
        Ok(Self::on(database, None, Health::of(MEMORY.into())))
    }

    fn on(database: Database, disk: Option<Disk>, health: Health) -> (Self, EngineThread, Sweeper) {
        let dispatch = Arc::new(Dispatch::to(database));
        let (calls, thread) = engine::start(dispatch.clone(), disk, health);
        (Self(calls), thread, Sweeper(dispatch))
    }

    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation).to_owned();
        let body = request.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
        let answered = self.run(operation, body).await;
        let (status, body) =
            answered.ok_or_else(|| ConnectorError::io("the embedded store has stopped".into()))?;
        Ok(response(status, None, body))
    }

    /// None where the engine has stopped.
    async fn run(&self, operation: String, body: Bytes) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Call { operation, body, answer }).await.ok()?;
        answered.await.ok()
    }

    /// A call of the wires beside this one, which keep their own in the same store: the answer, or why there is none.
    pub(crate) async fn ask(&self, operation: &str, request: &Value) -> Result<Value, String> {
        match self.run(operation.to_owned(), request.to_string().into()).await {
            Some((200, answer)) => serde_json::from_str(&answer).map_err(|error| error.to_string()),
            Some((_, error)) => Err(error),
            None => Err("the embedded store has stopped".to_owned()),
        }
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
