use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
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

impl QueuesWire {
    /// To these queues.
    #[must_use]
    pub fn new(queues: Vec<LocalQueue>) -> Self {
        Self(queues)
    }

    async fn answer(self, request: HttpRequest) -> HttpResponse {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if target != "AmazonSQS.SendMessage" {
            return error(400, "com.amazonaws.sqs#UnsupportedOperation");
        }
        let body = request.body().bytes().unwrap_or_default();
        let Ok(send) = serde_json::from_slice::<SendMessage>(body) else {
            return error(400, "com.amazonaws.sqs#InvalidMessageContents");
        };
        let name = send.queue_url.rsplit('/').next().unwrap_or_default();
        let Some(queue) = self.0.iter().find(|queue| queue.name() == name) else {
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
