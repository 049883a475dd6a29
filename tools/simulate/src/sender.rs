//! The application server: asks for the fan-out, and how far it is.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use lambda_http::Body;
use serde_json::{Value, json};
use signalbox_fanout::Fanout;
use signalbox_wire::base64url;

use crate::Broken;
use crate::functions::PUBLIC_URL;

/// The name of the audience.
const AUDIENCE: &str = "everybody";

pub(crate) struct Sender {
    key: EcdsaKeyPair,
}

impl Sender {
    pub(crate) fn new() -> Result<Self, Broken> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Ok(Self { key: key.map_err(|_| Broken("the sender's key"))? })
    }

    /// Asks for a notification to every member: the job.
    pub(crate) async fn notify(
        &self,
        fanout: &Fanout,
        now: u64,
        ttl: u32,
        body: usize,
    ) -> Result<Value, Broken> {
        let body = base64url::encode(vec![b'x'; body]);
        let asked = json!({"ttl": ttl, "contentEncoding": "identity", "body": body});
        let route = ("POST", "/v1/audiences/{name}/notifications");
        self.ask(fanout, now, route, json!({"name": AUDIENCE}), Some(asked)).await
    }

    /// How far the job is.
    pub(crate) async fn progress(&self, fanout: &Fanout, now: u64, job: &str) -> Result<Value, Broken> {
        self.ask(fanout, now, ("GET", "/v1/notifications/{job}"), json!({"job": job}), None).await
    }

    async fn ask(
        &self,
        fanout: &Fanout,
        now: u64,
        (method, route): (&str, &str),
        parameters: Value,
        body: Option<Value>,
    ) -> Result<Value, Broken> {
        let route_key = format!("{method} {route}");
        let event = json!({
            "version": "2.0", "routeKey": route_key, "rawPath": route, "rawQueryString": "",
            "headers": {
                "content-type": "application/json", "authorization": self.authorization(now / 1_000)?,
            },
            "pathParameters": parameters,
            "requestContext": {
                "accountId": "123456789012", "apiId": "api", "domainName": "push.example",
                "domainPrefix": "push", "requestId": format!("request-{now}="), "routeKey": route_key,
                "stage": "$default", "time": "", "timeEpoch": now,
                "http": {
                    "method": method, "path": route, "protocol": "HTTP/1.1", "sourceIp": "198.51.100.23",
                    "userAgent": "",
                },
            },
            "isBase64Encoded": false, "body": body.map(|body| body.to_string()),
        });
        let request = lambda_http::request::from_str(&event.to_string());
        let answer = fanout.handle(request.map_err(|_| Broken("the sender's request"))?).await;
        if !answer.status().is_success() {
            return Err(Broken("the function fanout has refused the sender's request"));
        }
        let Body::Text(text) = answer.body() else { return Err(Broken("an answer without text")) };
        serde_json::from_str(text).map_err(|_| Broken("an answer that is no JSON"))
    }

    fn authorization(&self, now: u64) -> Result<String, Broken> {
        let claims = json!({"aud": PUBLIC_URL, "exp": now + 3_600, "sub": "mailto:simulation@example.org"});
        let part = |text: &str| base64url::encode(text.as_bytes());
        let signed = format!("{}.{}", part(r#"{"typ":"JWT","alg":"ES256"}"#), part(&claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = base64url::encode(signature.map_err(|_| Broken("the sender's signature"))?.as_ref());
        let key = base64url::encode(self.key.public_key().as_ref());
        Ok(format!("vapid t={signed}.{signature}, k={key}"))
    }
}
