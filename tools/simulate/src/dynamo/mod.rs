//! DynamoDB, as far as fan-outs use it, with its latencies, its units and its throttling. What a table of a million terminals
//! holds is made up when it is read.

mod fanout;
mod item;
mod keyed;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::dice::{Latency, derive};
use crate::dynamo::fanout::Fanouts;
use crate::world::{Table, World};

const ONE: Latency = Latency { usual: (2.0, 6.0), tail: (0.005, 60.0) };
const MANY: Latency = Latency { usual: (4.0, 14.0), tail: (0.01, 100.0) };

/// The wire under the functions' clients.
#[derive(Clone)]
pub(crate) struct Dynamo(Arc<Inner>);

pub(super) struct Inner {
    pub(super) world: Arc<World>,
    fanouts: Mutex<Fanouts>,
    /// Terminals that are known to be gone by now.
    forgotten: Mutex<Vec<bool>>,
    dice: Mutex<Rng>,
}

/// What comes of a call.
pub(super) enum Answer {
    Done(String),
    /// The condition does not hold; the item as it is.
    Refused(Option<String>),
    Throttled,
    /// A call that no fan-out makes.
    Unknown,
}

impl Dynamo {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let dice = Mutex::new(Rng::with_seed(derive(world.setting.seed, 7)));
        let forgotten = Mutex::new(vec![false; world.population.len()]);
        Self(Arc::new(Inner { world, fanouts: Mutex::default(), forgotten, dice }))
    }

    /// How many pages are done.
    pub(crate) fn pages_done(&self) -> u32 {
        self.0.fanouts().done()
    }

    /// How many members have dropped out.
    pub(crate) fn members_dropped(&self) -> usize {
        self.0.fanouts().dropped()
    }
}

impl Inner {
    fn fanouts(&self) -> MutexGuard<'_, Fanouts> {
        self.fanouts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forgotten(&self) -> MutexGuard<'_, Vec<bool>> {
        self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, operation: &str, request: &Value) -> Answer {
        match operation {
            "BatchGetItem" => self.batch_get(request),
            "BatchWriteItem" => self.batch_write(request),
            "GetItem" => self.get(request),
            "UpdateItem" => self.forget(request),
            "PutItem" => self.put(request),
            "DeleteItem" => self.drop_member(request),
            "Query" => match table(request) {
                Some(Table::Fanout) => self.query_fanout(request),
                Some(Table::Messages) => self.query_message(request),
                _ => Answer::Unknown,
            },
            _ => Answer::Unknown,
        }
    }
}

/// The table that a request names.
pub(super) fn table(request: &Value) -> Option<Table> {
    Table::of(request["TableName"].as_str()?)
}

impl HttpConnector for Dynamo {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
        let inner = &self.0;
        inner.world.meter.call("dynamodb", operation);
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        // It has its effect now, whether or not its caller is there to hear of it.
        let (status, body) = written(inner.answer(operation, &body));
        let latency = if operation.starts_with("Batch") || operation == "Query" { MANY } else { ONE };
        let after = latency.draw(&mut inner.dice.lock().unwrap_or_else(PoisonError::into_inner));
        HttpConnectorFuture::new(async move {
            sleep(after).await;
            response(status, body)
        })
    }
}

fn written(answer: Answer) -> (u16, String) {
    let error = |kind: &str| json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}")});
    match answer {
        Answer::Done(body) => (200, body),
        Answer::Refused(item) => {
            let mut body = error("ConditionalCheckFailedException");
            if let Some(item) = item.and_then(|item| serde_json::from_str(&item).ok()) {
                body["Item"] = item;
            }
            (400, body.to_string())
        }
        Answer::Throttled => (400, error("ProvisionedThroughputExceededException").to_string()),
        Answer::Unknown => (400, error("UnknownOperationException").to_string()),
    }
}

/// An answer of a service that speaks JSON.
pub(crate) fn response(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(|_| ConnectorError::other("no status".into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}

impl fmt::Debug for Dynamo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dynamo")
    }
}
