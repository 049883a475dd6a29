use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderValue, StatusCode};
use lambda_http::LambdaEvent;
use signalbox_domain::{ConnectionId, EnrolmentKey, EventId, InvalidId, NotAnEnrolmentKey, Timestamp};
use signalbox_telemetry::Trace;
use signalbox_wire::SUBPROTOCOL;

use crate::of_invocation;

const PROTOCOL_HEADER: &str = "sec-websocket-protocol";
const ENROLMENT_HEADER: &str = "x-signalbox-enrolment";
/// For terminals that can set no header, as Firefox.
const ENROLMENT_PARAMETER: &str = "enrolment";

/// What was presented as an enrolment key: one, or a text that can be none.
pub type Presented = Result<EnrolmentKey, NotAnEnrolmentKey>;

/// Where in a connection's life an event stands: decided by API Gateway's `eventType`, never by the route, which a
/// terminal could name in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A connection is being made.
    Connect,
    /// A message has come.
    Message,
    /// The connection is closed. Best effort: it may come late, twice or never.
    Disconnect,
}

/// An event of a terminal's connection.
#[derive(Debug, Clone)]
pub struct TerminalEvent {
    /// What happened.
    pub stage: Stage,
    /// The connection.
    pub connection: ConnectionId,
    /// When the connection was made, by API Gateway's clock.
    pub connected: Timestamp,
    /// The event's identity: the same when it runs twice.
    pub id: EventId,
    /// API Gateway's id of the request, as the access logs have it. (A message has an identity of its own.)
    pub request: Option<EventId>,
    /// The message's text; empty where there is none.
    pub body: String,
    /// The subprotocols that the terminal offers, on [`Stage::Connect`].
    subprotocols: Vec<String>,
    /// What it presents as an enrolment key, on [`Stage::Connect`].
    pub enrolment: Option<Presented>,
}

/// API Gateway sent what it never sends.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEvent {
    /// No such event type.
    #[error("requestContext.eventType is {0:?}")]
    EventType(Option<String>),
    /// A member is missing.
    #[error("requestContext.{0} is missing")]
    Missing(&'static str),
    /// An id that is none.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// A time before 1970.
    #[error("requestContext.connectedAt is negative")]
    Time,
}

impl TryFrom<ApiGatewayWebsocketProxyRequest> for TerminalEvent {
    type Error = InvalidEvent;

    fn try_from(event: ApiGatewayWebsocketProxyRequest) -> Result<Self, InvalidEvent> {
        let context = event.request_context;
        let stage = match context.event_type.as_deref() {
            Some("CONNECT") => Stage::Connect,
            Some("MESSAGE") => Stage::Message,
            Some("DISCONNECT") => Stage::Disconnect,
            _ => return Err(InvalidEvent::EventType(context.event_type)),
        };
        let connection = context.connection_id.ok_or(InvalidEvent::Missing("connectionId"))?;
        let request = context.request_id.as_deref().and_then(|id| id.parse().ok());
        // Only messages have a message id.
        let id = context.message_id.or(context.request_id).ok_or(InvalidEvent::Missing("requestId"))?;
        let millis = u64::try_from(context.connected_at).map_err(|_| InvalidEvent::Time)?;
        Ok(Self {
            stage,
            connection: connection.parse()?,
            connected: Timestamp::from_millis(millis),
            id: id.parse()?,
            request,
            body: event.body.unwrap_or_default(),
            subprotocols: subprotocols(&event.headers, &event.multi_value_headers),
            enrolment: presented(&event.headers, event.query_string_parameters.first(ENROLMENT_PARAMETER)),
        })
    }
}

/// API Gateway repeats every header in the multi-value map; where it does not, the plain one counts.
fn subprotocols(headers: &HeaderMap, multi_value: &HeaderMap) -> Vec<String> {
    let headers = if multi_value.contains_key(PROTOCOL_HEADER) { multi_value } else { headers };
    headers
        .get_all(PROTOCOL_HEADER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|protocol| protocol.trim().to_owned())
        .collect()
}

/// The header counts where both are there.
fn presented(headers: &HeaderMap, parameter: Option<&str>) -> Option<Presented> {
    match headers.get(ENROLMENT_HEADER) {
        Some(value) => Some(value.to_str().map_err(|_| NotAnEnrolmentKey).and_then(str::parse)),
        None => parameter.map(str::parse),
    }
}

/// The trace of an event of a terminal's connection.
#[must_use]
pub fn trace(event: &LambdaEvent<ApiGatewayWebsocketProxyRequest>) -> Trace {
    Trace {
        request: event.payload.request_context.request_id.as_deref().and_then(|id| id.parse().ok()),
        ..of_invocation(&event.context)
    }
}

fn answer(status: StatusCode) -> ApiGatewayProxyResponse {
    let mut answer = ApiGatewayProxyResponse::default();
    answer.status_code = i64::from(status.as_u16());
    answer
}

/// The event is dealt with; nothing crosses to the terminal by this answer.
#[must_use]
pub fn done() -> ApiGatewayProxyResponse {
    answer(StatusCode::OK)
}

/// The event is dealt with, and this crosses to the terminal: as the route's response, which saves a post.
#[must_use]
pub fn answered(text: impl Into<String>) -> ApiGatewayProxyResponse {
    let mut answer = done();
    answer.body = Some(Body::Text(text.into()));
    answer
}

/// The connection is admitted, its subprotocol echoed where it offers ours (RFC 6455 section 4.2.2).
#[must_use]
pub fn admitted(event: &TerminalEvent) -> ApiGatewayProxyResponse {
    let mut answer = done();
    if event.subprotocols.iter().any(|protocol| protocol == SUBPROTOCOL) {
        answer.headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    }
    answer
}

/// The connection is not admitted: the handshake is answered with this status.
#[must_use]
pub fn turned_away(status: StatusCode) -> ApiGatewayProxyResponse {
    answer(status)
}

impl TerminalEvent {
    /// Reads the message.
    ///
    /// # Errors
    /// Where it is not JSON of that form.
    pub fn message<'m, M: serde::Deserialize<'m>>(&'m self) -> Result<M, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}
