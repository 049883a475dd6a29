use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Map, Value, json};

use crate::dynamo::dispatch::writes;
use crate::response;

/// A call as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// DynamoDB's operation; a method of `@connections`.
    pub(super) operation: String,
    /// Null where it is not JSON.
    body: Value,
}

/// What of a batch is left undone.
pub(super) struct Left(&'static str, Value);

impl Asked {
    pub(super) fn read(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target");
        let operation = target
            .and_then(|target| target.rsplit_once('.'))
            .map_or_else(|| request.method().to_owned(), |(_, operation)| operation.to_owned());
        let body = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
        Self { operation, body: body.unwrap_or_default() }
    }

    pub(super) fn body(&self) -> String {
        self.body.to_string()
    }

    /// The request with this call's body.
    pub(super) fn onto(&self, mut request: HttpRequest) -> HttpRequest {
        *request.body_mut() = SdkBody::from(self.body());
        request
    }

    pub(super) fn writes(&self) -> bool {
        writes(&self.operation)
    }

    pub(super) fn meets_transactions(&self) -> bool {
        matches!(self.operation.as_str(), "DeleteItem" | "PutItem" | "TransactWriteItems" | "UpdateItem")
    }

    /// A batch of more than one; of one DynamoDB leaves nothing undone, but throttles.
    pub(super) fn can_be_halved(&self) -> bool {
        self.operation.starts_with("Batch") && self.tables().map(|(_, items)| items.len()).sum::<usize>() > 1
    }

    /// A read, no part of which asks for consistency.
    pub(super) fn may_be_stale(&self) -> bool {
        let eventual = |asked: &Value| asked["ConsistentRead"] != json!(true);
        match self.operation.as_str() {
            "GetItem" | "Query" => eventual(&self.body),
            "BatchGetItem" => self.tables().all(|(table, _)| eventual(&self.body["RequestItems"][table])),
            _ => false,
        }
    }

    /// The tables of a batch, and what is asked of each.
    fn tables(&self) -> impl Iterator<Item = (&String, &Vec<Value>)> {
        let tables = self.body["RequestItems"].as_object().into_iter().flatten();
        tables.filter_map(|(table, of)| Some((table, of.as_array().or_else(|| of["Keys"].as_array())?)))
    }

    pub(super) fn with_limit(mut self, limit: u64) -> Self {
        let asked = self.body["Limit"].as_u64().unwrap_or(u64::MAX);
        self.body["Limit"] = json!(asked.min(limit));
        self
    }

    /// What is done and what is left of a batch: at least one of it is done.
    pub(super) fn split(&self, mut leave: impl FnMut() -> bool) -> (Self, Left) {
        let mut done = self.clone();
        let mut left = Map::new();
        let mut kept = false;
        for (table, items) in self.tables() {
            let (mut doing, mut leaving) = (Vec::new(), Vec::new());
            for item in items {
                let leaves = kept && leave();
                kept = true;
                if leaves { leaving.push(item.clone()) } else { doing.push(item.clone()) }
            }
            let of = &mut done.body["RequestItems"][table];
            let rest = if of.is_array() {
                *of = json!(doing);
                json!(leaving)
            } else {
                let mut rest = of.clone();
                of["Keys"] = json!(doing);
                rest["Keys"] = json!(leaving);
                rest
            };
            if !leaving.is_empty() {
                left.insert(table.clone(), rest);
            }
        }
        let member = if self.writes() { "UnprocessedItems" } else { "UnprocessedKeys" };
        (done, Left(member, Value::Object(left)))
    }

    /// A transaction is at the item.
    pub(super) fn conflict(&self) -> HttpResponse {
        let Some(items) = self.body["TransactItems"].as_array() else {
            return refusal(400, "TransactionConflictException");
        };
        let reasons: Vec<_> = (0..items.len())
            .map(|index| json!({"Code": if index == 0 { "TransactionConflict" } else { "None" }}))
            .collect();
        let canceled = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": reasons,
        });
        response(400, None, canceled.to_string())
    }
}

impl Left {
    /// The answer to what was done, which says what was not.
    pub(super) fn added_to(self, answer: HttpResponse) -> HttpResponse {
        let Self(member, left) = self;
        let body = answer.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        match body {
            Some(mut body) if answer.status().is_success() => {
                body[member] = left;
                response(200, None, body.to_string())
            }
            _ => answer,
        }
    }
}

pub(super) fn refusal(status: u16, kind: &str) -> HttpResponse {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    response(status, None, json!({"__type": kind}).to_string())
}
