use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// Looks on at a wire: at each call when it comes, and at its status when it is answered (0 where it breaks).
#[derive(Clone)]
pub struct Tap {
    wire: SharedHttpConnector,
    look: Arc<Look>,
}

/// A call, and the status of its answer once there is one.
pub type Look = dyn Fn(&Called<'_>, Option<u16>) + Send + Sync;

pub struct Called<'c> {
    /// DynamoDB's operation, or the method.
    pub operation: &'c str,
    pub path: &'c str,
    pub body: &'c [u8],
}

impl Tap {
    pub fn new(
        wire: impl HttpConnector + 'static,
        look: impl Fn(&Called<'_>, Option<u16>) + Send + Sync + 'static,
    ) -> Self {
        Self { wire: SharedHttpConnector::new(wire), look: Arc::new(look) }
    }
}

impl HttpConnector for Tap {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit_once('.'));
        let operation = target.map_or(request.method(), |(_, operation)| operation).to_owned();
        let path = request.uri().to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let called = Called { operation: &operation, path: &path, body: &body };
            (this.look)(&called, None);
            let answer = this.wire.call(request).await;
            let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            (this.look)(&called, Some(status));
            answer
        })
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tap")
    }
}
