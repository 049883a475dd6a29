use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::header::HeaderName;
use reqwest::{Method, Request, RequestBuilder, Response};
use serde_json::Value;

use crate::support::http;

/// Somebody with an access key, who signs what he asks of the HTTP API.
pub(crate) struct Operator {
    credentials: Credentials,
    region: String,
    public_url: String,
}

impl Operator {
    /// As the environment says.
    pub(crate) fn of_the_environment(public_url: &str) -> Self {
        let id = variable("AWS_ACCESS_KEY_ID");
        Self::with_key(public_url, &id, &variable("AWS_SECRET_ACCESS_KEY"))
    }

    pub(crate) fn with_key(public_url: &str, id: &str, secret: &str) -> Self {
        let credentials = Credentials::new(id, secret, None, None, "test");
        Self { credentials, region: variable("AWS_REGION"), public_url: public_url.to_owned() }
    }

    /// Asks for something, signed.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = unsigned(&self.public_url, method, path, body).build().unwrap();
        self.sign(&mut request);
        http().execute(request).await.unwrap()
    }

    fn sign(&self, request: &mut Request) {
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("execute-api")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        let (method, url) = (request.method().as_str(), request.url().as_str());
        let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let signable = SignableRequest::new(method, url, headers, SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
    }
}

/// The same by who has no key.
pub(crate) fn unsigned(public_url: &str, method: Method, path: &str, body: Option<Value>) -> RequestBuilder {
    let request = http().request(method, format!("{public_url}{path}"));
    body.into_iter().fold(request, |request, body| request.json(&body))
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}, see infra/emulator/test"))
}
