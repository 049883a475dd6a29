use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use aws_lambda_events::sqs::SqsEvent;
use lambda_http::Request;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use signalbox_domain::Timestamp;

/// Where an event was recorded: API Gateway's own form, and the emulator's, which differs in many members.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    Aws,
    Emulator,
}

pub const SOURCES: [Source; 2] = [Source::Aws, Source::Emulator];

macro_rules! recorded {
    ($($name:literal),* $(,)?) => {
        /// The recorded event of that name.
        pub fn recorded(source: Source, name: &str) -> Value {
            let text = match (source, name) {
                $((Source::Aws, $name) => include_str!(concat!("../events/aws/", $name, ".json")),
                  (Source::Emulator, $name) => include_str!(concat!("../events/emulator/", $name, ".json")),)*
                _ => panic!("no event {name} is recorded"),
            };
            serde_json::from_str(text).expect("recorded events are JSON")
        }
    };
}

recorded!(
    "ack",
    "connect",
    "default",
    "disconnect",
    "health",
    "hello",
    "nack",
    "push",
    "register",
    "unregister",
    "validate",
);

/// A connection, and when it was made.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub id: &'static str,
    pub connected: u64,
}

/// A recorded WebSocket event as one of this connection, with this identity and body.
pub fn socket(source: Source, name: &str, link: Link, id: &str, body: Option<Value>) -> Value {
    let mut event = recorded(source, name);
    let context = &mut event["requestContext"];
    context["connectionId"] = json!(link.id);
    context["connectedAt"] = json!(link.connected);
    context["requestId"] = json!(id);
    if context.get("messageId").is_some_and(Value::is_string) {
        context["messageId"] = json!(id);
    }
    if let Some(body) = body {
        event["body"] = json!(body.to_string());
    }
    event
}

pub fn socket_event(event: &Value, deadline: Timestamp) -> LambdaEvent<ApiGatewayWebsocketProxyRequest> {
    let mut context = Context::default();
    context.deadline = deadline.as_millis();
    LambdaEvent::new(serde_json::from_value(event.clone()).expect("an event of the WebSocket API"), context)
}

/// A recorded HTTP event with this identity and time.
pub fn http(source: Source, name: &str, id: &str, at: Timestamp) -> Value {
    let mut event = recorded(source, name);
    event["requestContext"]["requestId"] = json!(id);
    event["requestContext"]["timeEpoch"] = json!(at.as_millis());
    event
}

/// A request of a fan-out with this identity and time. API Gateway's form alone.
pub fn fan_out(id: &str, at: Timestamp) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../events/aws/fanout.json")).unwrap();
    event["requestContext"]["requestId"] = json!(id);
    event["requestContext"]["timeEpoch"] = json!(at.as_millis());
    event
}

/// A request of an operator with this identity and time, signed. API Gateway's form alone.
pub fn applications(id: &str, at: Timestamp) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../events/aws/applications.json")).unwrap();
    event["requestContext"]["requestId"] = json!(id);
    event["requestContext"]["timeEpoch"] = json!(at.as_millis());
    event
}

/// A batch of the queue of drains, with these bodies. The message ids are `0`, `1` and so on.
pub fn drain_event(bodies: &[String], deadline: Timestamp) -> LambdaEvent<SqsEvent> {
    queue_event(include_str!("../events/aws/drain.json"), bodies, deadline)
}

/// What the queue of pages wakes its function with: this body, received for the `receptions`th time.
pub fn page_event(body: &str, receptions: u32, deadline: Timestamp) -> LambdaEvent<SqsEvent> {
    let recorded = include_str!("../events/aws/fanout-page.json");
    let mut event = queue_event(recorded, &[body.to_owned()], deadline);
    let attributes = &mut event.payload.records[0].attributes;
    attributes.insert("ApproximateReceiveCount".to_owned(), receptions.to_string());
    event
}

fn queue_event(recorded: &str, bodies: &[String], deadline: Timestamp) -> LambdaEvent<SqsEvent> {
    let mut event: Value = serde_json::from_str(recorded).unwrap();
    let record = event["Records"][0].clone();
    let records = bodies.iter().enumerate().map(|(index, body)| {
        let mut record = record.clone();
        record["messageId"] = json!(index.to_string());
        record["body"] = json!(body);
        record
    });
    event["Records"] = records.collect();
    let mut context = Context::default();
    context.deadline = deadline.as_millis();
    LambdaEvent::new(serde_json::from_value(event).expect("an event of SQS"), context)
}

pub fn http_request(event: &Value) -> Request {
    lambda_http::request::from_str(&event.to_string()).expect("an event of the HTTP API")
}
