use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use signalbox_local_aws::{DynamoWire, LocalQueue, QueuesWire, SecretsWire};
use tokio::sync::{Semaphore, mpsc};

/// Far more than any call has.
const LARGEST: usize = 1024 * 1024;
/// A function's time.
const TIME: Duration = Duration::from_secs(29);

/// What the function under test has done, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// It has asked for an event: it is ready, or done with the one before.
    Asked(Instant),
    /// It has answered.
    Answered(Instant),
    /// It has said that it cannot start or go on.
    Failed,
}

/// Lambda's Runtime API and the services of AWS, on one port of this machine. One function at a time.
#[derive(Clone)]
pub(crate) struct Stub {
    dynamo: DynamoWire,
    queues: QueuesWire,
    secrets: SecretsWire,
    event: Arc<Mutex<Bytes>>,
    /// How many events may be handed out.
    events: Arc<Semaphore>,
    steps: mpsc::UnboundedSender<Step>,
}

impl Stub {
    /// On these services; what happens comes out of the receiver.
    pub(crate) fn new(
        dynamo: DynamoWire,
        queues: Vec<LocalQueue>,
        ring: String,
    ) -> (Self, mpsc::UnboundedReceiver<Step>) {
        let (steps, happened) = mpsc::unbounded_channel();
        let stub = Self {
            dynamo,
            queues: QueuesWire::new(queues),
            secrets: SecretsWire::new(move |_| Ok(ring.clone())),
            event: Arc::default(),
            events: Arc::new(Semaphore::new(0)),
            steps,
        };
        (stub, happened)
    }

    /// What serves it.
    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// From now on this is the event, and none is handed out yet.
    pub(crate) fn prepare(&self, event: Bytes) {
        *self.event.lock().unwrap_or_else(PoisonError::into_inner) = event;
        while self.events.try_acquire().map(tokio::sync::SemaphorePermit::forget).is_ok() {}
    }

    /// Hands out the event once more.
    pub(crate) fn hand_out(&self) {
        self.events.add_permits(1);
    }

    fn tell(&self, step: Step) {
        // Who no longer listens has what it wanted.
        let _ = self.steps.send(step);
    }

    /// `GET .../invocation/next`: waits until there is one.
    async fn next(&self) -> Response {
        self.tell(Step::Asked(Instant::now()));
        match self.events.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_) => return StatusCode::GONE.into_response(),
        }
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIME;
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:123456789012:function:it".to_owned(),
            ),
            ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
        ];
        (headers, self.event.lock().unwrap_or_else(PoisonError::into_inner).clone()).into_response()
    }

    /// A call of an AWS service, by the wire that it has on one machine.
    async fn aws(&self, request: Request) -> Result<Response, String> {
        let (head, body) = request.into_parts();
        let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let service = target.and_then(|target| target.split('.').next()).unwrap_or_default().to_owned();
        let body = to_bytes(body, LARGEST).await.map_err(|error| error.to_string())?;
        let request = axum::http::Request::from_parts(head, SdkBody::from(body));
        let request = request.try_into().map_err(|error| format!("{error}"))?;
        let answering = match service.as_str() {
            "DynamoDB_20120810" => self.dynamo.call(request),
            "secretsmanager" => self.secrets.call(request),
            "AmazonSQS" => self.queues.call(request),
            // A post to a connection; any other call of a function would be news.
            "" => return Ok(StatusCode::OK.into_response()),
            other => return Err(format!("{other} is none of the services that functions use")),
        };
        let answer = answering.await.map_err(|error| format!("{error:?}"))?;
        let answer = answer.try_into_http1x().map_err(|error| format!("{error}"))?;
        let (head, body) = answer.into_parts();
        Ok(Response::from_parts(
            head,
            Body::from(body.bytes().map(Bytes::copy_from_slice).unwrap_or_default()),
        ))
    }
}

async fn answer(State(stub): State<Stub>, request: Request) -> Response {
    match request.uri().path().strip_prefix("/2018-06-01/runtime/") {
        Some("invocation/next") => stub.next().await,
        Some(path) => {
            let answered = path.ends_with("/response");
            // The answer as a whole, as it may come in parts.
            let _ = to_bytes(request.into_body(), LARGEST).await;
            stub.tell(if answered { Step::Answered(Instant::now()) } else { Step::Failed });
            (StatusCode::ACCEPTED, r#"{"status":"OK"}"#).into_response()
        }
        None => stub.aws(request).await.unwrap_or_else(|error| {
            stub.tell(Step::Failed);
            (StatusCode::NOT_IMPLEMENTED, error).into_response()
        }),
    }
}
