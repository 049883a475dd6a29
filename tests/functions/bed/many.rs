//! What an application server does for many sessions.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::VapidKey;

use super::{Bed, PUBLIC_URL, body};
use crate::events::{fan_out, http_request};

/// A request about many.
#[derive(Clone, Default)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub route: &'a str,
    pub parameter: Option<(&'a str, &'a str)>,
    pub server: Option<&'a VapidKey>,
    pub key: Option<&'a str>,
    pub query: &'a str,
    pub body: Option<Value>,
}

impl<'a> Ask<'a> {
    pub fn new(method: &'a str, route: &'a str) -> Self {
        Self { method, route, ..Self::default() }
    }
}

impl Bed {
    /// Runs a request about many: of this method and route, whose path parameter is this, by this server.
    pub async fn fan_out(&self, ask: Ask<'_>) -> Response<Body> {
        self.run_fan_out(&self.fan_out_event(ask)).await
    }

    pub async fn run_fan_out(&self, event: &Value) -> Response<Body> {
        self.fanout.handle(http_request(event)).await
    }

    pub fn fan_out_event(&self, ask: Ask<'_>) -> Value {
        let Ask { method, route, parameter, server, key, query, body } = ask;
        let mut event = fan_out(&self.event_id(), self.now());
        let server = server.unwrap_or(&self.server);
        event["headers"]["authorization"] = json!(server.authorization(PUBLIC_URL).unwrap());
        event["headers"].as_object_mut().unwrap().remove("idempotency-key");
        let route_key = format!("{method} {route}");
        event["routeKey"] = json!(route_key);
        event["requestContext"]["routeKey"] = json!(route_key);
        event["requestContext"]["http"]["method"] = json!(method);
        if let Some((name, value)) = parameter {
            event["pathParameters"] = json!({ name: value });
        }
        if let Some(key) = key {
            event["headers"]["idempotency-key"] = json!(key);
        }
        event["rawQueryString"] = json!(query);
        event["body"] = json!(body.map(|body| body.to_string()));
        event
    }

    /// How far a job is.
    pub async fn progress(&self, job: &str) -> Value {
        let ask = Ask { parameter: Some(("job", job)), ..Ask::new("GET", "/v1/notifications/{job}") };
        let answer = self.fan_out(ask).await;
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
        body(&answer)
    }
}
