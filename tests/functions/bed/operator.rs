//! What an operator does.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::VapidKey;

use super::Bed;
use crate::events::{applications, http_request};

/// The routes of the registry.
pub const APPLICATION: &str = "/v1/applications/{app}";
pub const APPLICATIONS: &str = "/v1/applications";

impl Bed {
    /// The event of a call that API Gateway has found to be signed.
    pub fn operator_event(&self, method: &str, route: &str, app: Option<&str>, body: Option<Value>) -> Value {
        let mut event = applications(&self.event_id(), self.now());
        let route_key = format!("{method} {route}");
        event["routeKey"] = json!(route_key);
        event["requestContext"]["routeKey"] = json!(route_key);
        event["requestContext"]["http"]["method"] = json!(method);
        event["pathParameters"] = app.map_or(json!(null), |app| json!({"app": app}));
        event["body"] = json!(body.map(|body| body.to_string()));
        event
    }

    pub async fn run_supervise(&self, event: &Value) -> Response<Body> {
        self.supervise.handle(http_request(event)).await
    }

    pub async fn operate(&self, method: &str, app: &str, body: Option<Value>) -> Response<Body> {
        self.run_supervise(&self.operator_event(method, APPLICATION, Some(app), body)).await
    }

    /// Registers an application with these servers' keys.
    pub async fn registered(&self, app: &str, servers: &[&VapidKey]) {
        let keys: Vec<_> = servers.iter().map(|server| server.public_key()).collect();
        let answer = self.operate("PUT", app, Some(json!({"serverKeys": keys}))).await;
        assert!(matches!(answer.status(), StatusCode::CREATED | StatusCode::OK), "{:?}", answer.body());
    }
}
