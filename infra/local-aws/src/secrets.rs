use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::response;

type ReadSecret = dyn Fn() -> std::io::Result<String> + Send + Sync;

/// The wire of Secrets Manager: one secret, read anew on each `GetSecretValue`.
#[derive(Clone)]
pub struct SecretsWire(Arc<ReadSecret>);

impl SecretsWire {
    /// Answers with what `read` returns. It is called on the async runtime and should be quick: a small file.
    pub fn new(read: impl Fn() -> std::io::Result<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if target != "secretsmanager.GetSecretValue" {
            return response(400, None, json!({"__type": "InvalidRequestException"}).to_string());
        }
        match (self.0)() {
            Ok(secret) => {
                response(200, None, json!({"Name": "key-ring", "SecretString": secret}).to_string())
            }
            Err(error) => {
                tracing::error!(%error, "the key ring could not be read");
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
