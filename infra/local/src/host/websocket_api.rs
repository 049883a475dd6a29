use std::collections::HashMap;

use aws_lambda_events::apigw::{
    ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest, ApiGatewayWebsocketProxyRequestContext,
};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::query_map::QueryMap;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use lambda_runtime::{Context, Error, LambdaEvent};
use serde::Deserialize;
use signalbox_domain::Timestamp;
use uuid::Uuid;

use super::gateway::{Connection, Gateway, gateway_made};
use super::socket;

/// API Gateway's limit for one message.
const LARGEST: usize = 128 * 1024;
/// A terminal's messages are short, and a buffer for each of its connections is kept for as long as it is open.
const READ_BUFFER: usize = 2 * 1024;
/// What a function may take here; there is no gateway that gives up after 29 s.
const FUNCTION_TIME_MILLIS: u64 = 15 * 60 * 1000;

/// The template's routes, beside `$connect`, `$disconnect` and `$default`.
const ROUTES: [&str; 5] = ["hello", "register", "unregister", "ack", "nack"];

/// Makes a connection: runs `$connect`, and upgrades if it admits.
pub(super) async fn upgrade(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return gateway_made(StatusCode::UPGRADE_REQUIRED, "terminals connect here by WebSocket");
    };
    let connection = Connection { id: Uuid::new_v4().simple().to_string(), connected: gateway.clock.now() };
    let mut event = gateway.socket_event(&connection, "CONNECT", "$connect");
    event.headers = headers;
    event.query_string_parameters = parameters(query.as_deref().unwrap_or_default());
    let admitted = match gateway.run("$connect", event).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(connection = connection.id, %error, "$connect failed");
            return gateway_made(StatusCode::BAD_GATEWAY, "Bad Gateway");
        }
    };
    let status =
        u16::try_from(admitted.status_code).ok().and_then(|status| StatusCode::from_u16(status).ok());
    match status {
        Some(status) if status.is_success() => {}
        status => return status.unwrap_or(StatusCode::BAD_GATEWAY).into_response(),
    }
    let protocol = admitted.headers.get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
    let tracker = gateway.connections.clone();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(LARGEST)
        .max_frame_size(LARGEST)
        .protocols(protocol.map(ToOwned::to_owned))
        .on_upgrade(move |stream| tracker.track_future(socket::run(gateway, connection, stream)))
}

/// As API Gateway has them: decoded.
fn parameters(query: &str) -> QueryMap {
    let mut parameters = HashMap::<String, Vec<String>>::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    parameters.into()
}

/// The route that a message selects by `$request.body.messageType`.
pub(super) fn route(text: &str) -> &'static str {
    let selected = serde_json::from_str::<Selection>(text).ok().and_then(|selection| selection.message_type);
    let is_selected = |route: &&&str| selected.as_deref() == Some(**route);
    ROUTES.iter().find(is_selected).copied().unwrap_or("$default")
}

#[derive(Deserialize)]
struct Selection {
    #[serde(rename = "messageType")]
    message_type: Option<String>,
}

impl Gateway {
    /// A message has come: runs its route's function. What it answers crosses to the terminal.
    pub(super) async fn message(
        &self,
        connection: &Connection,
        route: &str,
        text: Utf8Bytes,
    ) -> Result<Option<String>, Error> {
        let mut event = self.socket_event(connection, "MESSAGE", route);
        event.request_context.message_id = Some(self.requests.next());
        event.body = Some(text.as_str().to_owned());
        let answer = self.run(route, event).await?;
        Ok(match answer.body {
            Some(Body::Text(text)) => Some(text),
            _ => None,
        })
    }

    /// The connection is closed.
    pub(super) async fn disconnected(&self, connection: &Connection) {
        let event = self.socket_event(connection, "DISCONNECT", "$disconnect");
        if let Err(error) = self.run("$disconnect", event).await {
            tracing::error!(connection = connection.id, %error, "$disconnect failed");
        }
    }

    async fn run(
        &self,
        route: &str,
        event: ApiGatewayWebsocketProxyRequest,
    ) -> Result<ApiGatewayProxyResponse, Error> {
        let _leave = match route {
            "$disconnect" => self.capacity.for_ended().await,
            _ => self.capacity.for_asked().await,
        };
        let mut context = Context::default();
        context.deadline = self.clock.now().as_millis() + FUNCTION_TIME_MILLIS;
        let event = LambdaEvent::new(event, context);
        match route {
            "hello" => self.functions.provision.handle(event).await,
            "register" | "unregister" => self.functions.issue_token.handle(event).await,
            _ => self.functions.connection.handle(event).await,
        }
    }

    fn socket_event(
        &self,
        connection: &Connection,
        event_type: &str,
        route: &str,
    ) -> ApiGatewayWebsocketProxyRequest {
        let millis = |at: Timestamp| i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        let mut context = ApiGatewayWebsocketProxyRequestContext::default();
        context.connection_id = Some(connection.id.clone());
        context.connected_at = millis(connection.connected);
        context.event_type = Some(event_type.to_owned());
        context.route_key = Some(route.to_owned());
        context.request_id = Some(self.requests.next());
        context.request_time_epoch = millis(self.clock.now());
        context.stage = Some("live".to_owned());
        let mut event = ApiGatewayWebsocketProxyRequest::default();
        event.request_context = context;
        event
    }
}
