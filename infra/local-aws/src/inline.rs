use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::Database;
use dynoxide::storage_backend::Clock;

use crate::dynamo::EngineError;
use crate::dynamo::dispatch::{Answer, Dispatch};
use crate::response;

/// The wire of DynamoDB without a thread behind it: in memory, and a call is answered where it is made. For tests on a virtual
/// clock, which runs on while a thread of its own would still be at work.
#[derive(Clone)]
pub struct InlineDynamo(Arc<Dispatch>);

/// Seconds since the Unix epoch, as a test tells them.
struct Told<F>(F);

impl<F: Fn() -> u64 + Send + Sync> Clock for Told<F> {
    fn now_unix_secs(&self) -> u64 {
        (self.0)()
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
    fn now_unix_secs_f64(&self) -> f64 {
        (self.0)() as f64
    }
}

impl InlineDynamo {
    /// Empty. Seconds since the Unix epoch come from `now`.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub fn memory(now: impl Fn() -> u64 + Send + Sync + 'static) -> Result<Self, EngineError> {
        let database = Database::memory_with_clock(Arc::new(Told(now))).map_err(EngineError::in_memory)?;
        Ok(Self(Arc::new(Dispatch::to(database))))
    }

    /// Deletes what has expired by the tables' TTL attribute, as DynamoDB does some time after.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub fn sweep(&self) -> Result<usize, EngineError> {
        self.0.sweep().map_err(EngineError::in_memory)
    }

    /// The body of the answer to a call that no client makes: for a look into the tables.
    #[must_use]
    pub fn ask(&self, operation: &str, body: &str) -> String {
        self.run(operation, body.as_bytes()).1
    }

    /// Status and body of the answer to a call.
    pub(crate) fn run(&self, operation: &str, body: &[u8]) -> Answer {
        self.0.answer(operation, body)
    }
}

impl HttpConnector for InlineDynamo {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
        let (status, body) = self.run(operation, request.body().bytes().unwrap_or_default());
        HttpConnectorFuture::ready(Ok(response(status, None, body)))
    }
}

impl std::fmt::Debug for InlineDynamo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InlineDynamo")
    }
}
