use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use super::LocalQueue;
use crate::response;

/// The wire of SQS, as far as senders need it: what is sent goes to the queue that the URL's last part names. Who receives
/// does so from the [`LocalQueue`] itself, as Lambda's event source does for functions.
#[derive(Clone, Debug)]
pub struct QueuesWire(Vec<LocalQueue>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch {
    queue_url: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
}

/// SQS's limits for one batch.
const ENTRIES: usize = 10;
const BATCH_BYTES: usize = 1024 * 1024;

impl QueuesWire {
    /// To these queues.
    #[must_use]
    pub fn new(queues: Vec<LocalQueue>) -> Self {
        Self(queues)
    }

    async fn answer(self, request: HttpRequest) -> HttpResponse {
        let body = request.body().bytes().unwrap_or_default();
        match request.headers().get("x-amz-target").unwrap_or_default() {
            "AmazonSQS.SendMessage" => match serde_json::from_slice(body) {
                Ok(send) => self.send(send).await,
                Err(_) => error(400, "com.amazonaws.sqs#InvalidMessageContents"),
            },
            "AmazonSQS.SendMessageBatch" => match serde_json::from_slice(body) {
                Ok(batch) => self.send_batch(batch).await,
                Err(_) => error(400, "com.amazonaws.sqs#InvalidMessageContents"),
            },
            _ => error(400, "com.amazonaws.sqs#UnsupportedOperation"),
        }
    }

    fn queue(&self, url: &str) -> Option<&LocalQueue> {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.0.iter().find(|queue| queue.name() == name)
    }

    /// Each message by itself: some may be sent where others are not.
    async fn send_batch(&self, batch: SendMessageBatch) -> HttpResponse {
        let Some(queue) = self.queue(&batch.queue_url) else {
            return error(400, "com.amazonaws.sqs#QueueDoesNotExist");
        };
        let bytes: usize = batch.entries.iter().map(|entry| entry.message_body.len()).sum();
        if batch.entries.is_empty() || batch.entries.len() > ENTRIES || bytes > BATCH_BYTES {
            return error(400, "com.amazonaws.sqs#BatchRequestTooLong");
        }
        let sends = batch.entries.into_iter().map(async |entry| {
            let sent = queue.send(entry.message_body, Duration::from_secs(entry.delay_seconds)).await;
            (entry.id, sent)
        });
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (id, sent) in join_all(sends).await {
            match sent {
                Ok(message) => {
                    successful.push(json!({"Id": id, "MessageId": message, "MD5OfMessageBody": ""}));
                }
                Err(error) => {
                    tracing::error!(%error, "a message could not be sent");
                    failed.push(json!({"Id": id, "SenderFault": false, "Code": "InternalError"}));
                }
            }
        }
        response(200, None, json!({"Successful": successful, "Failed": failed}).to_string())
    }

    async fn send(&self, send: SendMessage) -> HttpResponse {
        let Some(queue) = self.queue(&send.queue_url) else {
            return error(400, "com.amazonaws.sqs#QueueDoesNotExist");
        };
        match queue.send(send.message_body, Duration::from_secs(send.delay_seconds)).await {
            Ok(id) => response(200, None, json!({"MessageId": id}).to_string()),
            Err(failed) => {
                tracing::error!(error = %failed, "a message could not be sent");
                error(500, "com.amazonaws.sqs#InternalError")
            }
        }
    }
}

fn error(status: u16, kind: &str) -> HttpResponse {
    response(status, None, json!({"__type": kind}).to_string())
}

impl HttpConnector for QueuesWire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.clone().answer(request);
        HttpConnectorFuture::new(async { Ok(answer.await) })
    }
}
