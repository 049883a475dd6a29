//! What an application server does for one session.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::{VapidKey, encrypt};
use signalbox_wire::base64url;

use super::{Bed, PUBLIC_URL};
use crate::events::{http, http_request};

impl Bed {
    /// The event of a push with everything that it needs.
    pub fn push_event(&self, token: &str, ttl: u32) -> Value {
        let mut event = http(self.source, "push", &self.event_id(), self.now());
        event["rawPath"] = json!(format!("/push/{token}"));
        event["pathParameters"] = json!({"token": token});
        event["headers"]["ttl"] = json!(ttl.to_string());
        event["headers"]["authorization"] = json!(self.server.authorization(PUBLIC_URL).unwrap());
        let payload = encrypt(b"hello", &self.keys.p256dh().unwrap(), self.keys.auth()).unwrap();
        event["body"] = json!(base64url::encode_standard(payload));
        event
    }

    pub async fn run_push(&self, event: &Value) -> Response<Body> {
        self.notify.handle(http_request(event)).await
    }

    pub async fn push(&self, token: &str, ttl: u32) -> Response<Body> {
        self.run_push(&self.push_event(token, ttl)).await
    }

    /// A push with more headers, that is accepted.
    pub async fn push_with(&self, token: &str, ttl: u32, headers: &[(&str, &str)]) -> Response<Body> {
        let mut event = self.push_event(token, ttl);
        for (name, value) in headers {
            event["headers"][*name] = json!(value);
        }
        let answer = self.run_push(&event).await;
        assert!(answer.status().is_success(), "{:?}", answer.body());
        answer
    }

    pub async fn deliver(&self, token: &str, ttl: u32) {
        let answer = self.push(token, ttl).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{:?}", answer.body());
    }

    /// Runs a request about a message or receipt by the URL that a push was answered with.
    pub async fn ask(&self, method: &str, url: &str) -> Response<Body> {
        let (path, id) = url.strip_prefix(PUBLIC_URL).unwrap().rsplit_once('/').unwrap();
        let mut event = http(self.source, "push", &self.event_id(), self.now());
        let route = format!("{method} {path}/{{id}}");
        event["routeKey"] = json!(route);
        event["requestContext"]["routeKey"] = json!(route);
        event["requestContext"]["http"]["method"] = json!(method);
        event["rawPath"] = json!(format!("{path}/{id}"));
        event["pathParameters"] = json!({"id": id});
        event["body"] = json!(null);
        event["isBase64Encoded"] = json!(false);
        self.run_push(&event).await
    }

    pub fn validate_event(&self, token: &str, server: &VapidKey) -> Value {
        let mut event = http(self.source, "validate", &self.event_id(), self.now());
        event["headers"]["authorization"] = json!(server.authorization(PUBLIC_URL).unwrap());
        event["body"] = json!(json!({"token": token}).to_string());
        event["isBase64Encoded"] = json!(false);
        event
    }

    pub async fn run_validate(&self, event: &Value) -> Response<Body> {
        self.validate_token.handle(http_request(event)).await
    }

    pub async fn validate(&self, token: &str) -> Response<Body> {
        self.run_validate(&self.validate_event(token, &self.server)).await
    }

    pub async fn revoke(&self, token: &str, server: &VapidKey) -> Response<Body> {
        let mut event = self.validate_event(token, server);
        event["routeKey"] = json!("POST /v1/tokens/revoke");
        event["requestContext"]["routeKey"] = json!("POST /v1/tokens/revoke");
        self.run_validate(&event).await
    }
}
