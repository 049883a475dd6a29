use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use tokio::sync::oneshot;

use crate::response;

/// A call that a client made.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The operation: `PutItem`, or the method of a call to `@connections`.
    pub operation: String,
    /// The capacity units that DynamoDB counted for it, over all tables.
    pub units: f64,
    /// The body, where it is JSON.
    pub request: Value,
}

type Intercept = dyn FnMut(&str) -> Option<Fault> + Send;

/// What a test makes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Throttled: without effect.
    Throttled,
    /// A transaction holds the item: without effect.
    Conflict,
    /// Not permitted: without effect, and not worth a retry.
    Denied,
    /// An internal error before the effect.
    FailsBefore,
    /// An internal error after the effect.
    FailsAfter,
}

/// Counts what goes over a wire, and what it costs; fails what a test tells it to. Every attempt of the SDK counts.
#[derive(Clone)]
pub struct Recorder {
    wire: SharedHttpConnector,
    calls: Arc<Mutex<Vec<Call>>>,
    faults: Arc<Mutex<Box<Intercept>>>,
    pause: Arc<Mutex<Option<Held>>>,
}

/// The call that is to be held.
struct Held {
    operation: &'static str,
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

/// A call that a test holds before it has any effect.
pub struct Pause {
    reached: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
}

impl Pause {
    /// Waits until the call is there.
    pub async fn reached(&mut self) {
        let _ = (&mut self.reached).await;
    }

    /// Lets it go on.
    pub fn go_on(self) {
        let _ = self.go_on.send(());
    }
}

impl Recorder {
    /// In front of `wire`.
    pub fn new(wire: impl HttpConnector + 'static) -> Self {
        Self {
            wire: SharedHttpConnector::new(wire),
            calls: Arc::default(),
            faults: Arc::new(Mutex::new(Box::new(|_| None))),
            pause: Arc::default(),
        }
    }

    /// The calls since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The operations since the last time, in order.
    #[must_use]
    pub fn take_operations(&self) -> Vec<String> {
        self.take().into_iter().map(|call| call.operation).collect()
    }

    /// Asks `intercept` about each operation from now on.
    pub fn intercept(&self, intercept: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(intercept);
    }

    /// Holds the next call of that operation until the test lets it go on; others pass by.
    #[must_use]
    pub fn pause(&self, operation: &'static str) -> Pause {
        let ((reached, is_reached), (go_on, goes_on)) = (oneshot::channel(), oneshot::channel());
        let held = Held { operation, reached, go_on: goes_on };
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Pause { reached: is_reached, go_on }
    }

    async fn hold(&self, operation: &str) {
        let held = {
            let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
            pause.take_if(|held| held.operation == operation)
        };
        if let Some(held) = held {
            let _ = held.reached.send(());
            let _ = held.go_on.await;
        }
    }

    async fn pass(self, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target");
        let operation = target
            .and_then(|target| target.rsplit_once('.'))
            .map_or_else(|| request.method().to_owned(), |(_, operation)| operation.to_owned());
        let body: Value =
            request.body().bytes().and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
        if target.is_some_and(|target| target.starts_with("DynamoDB")) && body.is_object() {
            let mut counted = body.clone();
            counted["ReturnConsumedCapacity"] = json!("TOTAL");
            *request.body_mut() = SdkBody::from(counted.to_string());
        }
        self.hold(&operation).await;
        let fault = (self.faults.lock().unwrap_or_else(PoisonError::into_inner))(&operation);
        let answer = match fault {
            Some(Fault::Throttled) => Ok(error(400, "com.amazonaws.dynamodb.v20120810#ThrottlingException")),
            Some(Fault::Conflict) => {
                Ok(error(400, "com.amazonaws.dynamodb.v20120810#TransactionConflictException"))
            }
            Some(Fault::Denied) => Ok(error(400, "com.amazonaws.dynamodb.v20120810#AccessDeniedException")),
            Some(Fault::FailsBefore) => Ok(error(500, "InternalServerError")),
            Some(Fault::FailsAfter) => {
                self.wire.call(request).await?;
                Ok(error(500, "InternalServerError"))
            }
            None => self.wire.call(request).await,
        };
        let units = answer.as_ref().ok().and_then(|answer| answer.body().bytes()).map_or(0.0, units);
        let call = Call { operation, units, request: body };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        answer
    }
}

fn error(status: u16, kind: &str) -> HttpResponse {
    response(status, None, json!({"__type": kind}).to_string())
}

/// The units in an answer's `ConsumedCapacity`: one object, or one for each table.
fn units(body: &[u8]) -> f64 {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return 0.0 };
    let of = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(of).sum(),
        one => of(one),
    }
}

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().pass(request))
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}
