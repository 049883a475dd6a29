use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::response;

type ReadSecret = dyn Fn(&str) -> std::io::Result<String> + Send + Sync;

/// The wire of Secrets Manager: secrets that are read anew on each `GetSecretValue`.
#[derive(Clone)]
pub struct SecretsWire(Arc<ReadSecret>);

impl SecretsWire {
    /// Answers with what `read` returns for the secret's id. It is called on the async runtime and should be quick: a small file.
    pub fn new(read: impl Fn(&str) -> std::io::Result<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if target != "secretsmanager.GetSecretValue" {
            return response(400, None, json!({"__type": "InvalidRequestException"}).to_string());
        }
        let body: Value =
            request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let Some(id) = body["SecretId"].as_str() else {
            return response(400, None, json!({"__type": "InvalidParameterException"}).to_string());
        };
        match (self.0)(id) {
            Ok(secret) => response(200, None, json!({"Name": id, "SecretString": secret}).to_string()),
            Err(error) => {
                tracing::error!(%error, secret = id, "a secret could not be read");
                response(500, None, json!({"__type": "InternalServiceError"}).to_string())
            }
        }
    }
}

impl HttpConnector for SecretsWire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.answer(&request)))
    }
}

impl std::fmt::Debug for SecretsWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretsWire")
    }
}
