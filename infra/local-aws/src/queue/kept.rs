use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use uuid::Uuid;

use super::QueueError;
use crate::DynamoWire;

/// All queues are in one table: pk the queue, sk the message's id, which sorts by the time of sending.
const TABLE: &str = "queues";

/// A message as it is kept.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    /// Milliseconds since 1970.
    due: u64,
}

impl Message {
    /// How long it is still to wait, by the machine's clock: at most for as long as a queue delays at all, should that clock
    /// have been set back meanwhile.
    pub(super) fn delay_left(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(15 * 60);
        Duration::from_millis(self.due.saturating_sub(now())).min(LONGEST)
    }
}

/// A queue's messages in the embedded store.
pub(super) struct Kept {
    store: DynamoWire,
    pub(super) queue: String,
}

impl Kept {
    pub(super) fn new(store: DynamoWire, queue: String) -> Self {
        Self { store, queue }
    }

    pub(super) async fn make_table(&self) -> Result<(), QueueError> {
        let table = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        });
        match self.store.ask("CreateTable", &table).await {
            Err(reason) if reason.contains("ResourceInUseException") => Ok(()),
            made => made.map(|_| ()).map_err(|reason| self.failed(reason)),
        }
    }

    pub(super) async fn put(&self, body: String, delay: Duration) -> Result<Message, QueueError> {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let message = Message { id: Uuid::now_v7().to_string(), body, due: now().saturating_add(delay) };
        let item = json!({
            "pk": {"S": self.queue},
            "sk": {"S": message.id},
            "body": {"S": message.body},
            "due": {"N": message.due.to_string()},
        });
        self.call("PutItem", &json!({"TableName": TABLE, "Item": item})).await?;
        Ok(message)
    }

    pub(super) async fn delete(&self, id: &str) -> Result<(), QueueError> {
        let key = json!({"pk": {"S": self.queue}, "sk": {"S": id}});
        self.call("DeleteItem", &json!({"TableName": TABLE, "Key": key})).await.map(|_| ())
    }

    /// Everything, in the order of sending.
    pub(super) async fn all(&self) -> Result<Vec<Message>, QueueError> {
        let mut query = json!({
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :queue",
            "ExpressionAttributeValues": {":queue": {"S": self.queue}},
            "ConsistentRead": true,
        });
        let mut messages = Vec::new();
        loop {
            let page = self.call("Query", &query).await?;
            for item in page["Items"].as_array().into_iter().flatten() {
                messages.push(message(item).ok_or_else(|| self.failed("a message is malformed".to_owned()))?);
            }
            match &page["LastEvaluatedKey"] {
                Value::Null => return Ok(messages),
                next => query["ExclusiveStartKey"] = next.clone(),
            }
        }
    }

    async fn call(&self, operation: &str, request: &Value) -> Result<Value, QueueError> {
        self.store.ask(operation, request).await.map_err(|reason| self.failed(reason))
    }

    fn failed(&self, reason: String) -> QueueError {
        QueueError { queue: self.queue.clone(), reason }
    }
}

fn message(item: &Value) -> Option<Message> {
    Some(Message {
        id: item["sk"]["S"].as_str()?.to_owned(),
        body: item["body"]["S"].as_str()?.to_owned(),
        due: item["due"]["N"].as_str()?.parse().ok()?,
    })
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
