//! What stands under the AWS SDK clients on one machine, instead of the network to AWS: each wire is an HTTP connector
//! of the SDK that answers one service's calls in this process. The code above the clients is the same in the cloud.
//!
//! Knows nothing of Signalbox: these wires speak DynamoDB, `@connections`, SQS and Secrets Manager.

mod connections;
mod dynamo;
mod inline;
mod queue;
mod recorder;
mod secrets;
mod unadorned;
mod unruly;

pub use connections::{Connections, ConnectionsWire, PostError, PostFuture};
pub use dynamo::{DynamoWire, EngineError, EngineThread, Sweeper};
pub use inline::InlineDynamo;
pub use queue::{LocalQueue, QueueError, QueueOptions, QueuesWire, Received};
pub use recorder::{Call, Fault, Pause, Recorder};
pub use secrets::SecretsWire;
pub use unadorned::Unadorned;
pub use unruly::{Habits, Scope, Unruly};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;

/// The configuration of an SDK client that sends everything to `wire`. Region, credentials and endpoint are never used,
/// but the SDK wants them. A body is there as a whole, so that its throughput need not be watched.
pub fn config(wire: impl HttpConnector + 'static) -> SdkConfig {
    let wire = SharedHttpConnector::new(wire);
    let credentials = Credentials::new("local", "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url("http://local.invalid")
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client_fn(move |_, _| wire.clone()))
        .build()
}

/// An answer of an AWS service. The error type goes into the header that `rest-json` services use; DynamoDB's `aws-json`
/// has it in the body.
pub(crate) fn response(status: u16, error: Option<&'static str>, body: impl Into<SdkBody>) -> HttpResponse {
    let status = status.try_into().unwrap_or_else(|_| unreachable_status());
    let mut response = HttpResponse::new(status, body.into());
    if let Some(error) = error {
        response.headers_mut().insert("x-amzn-errortype", error);
    }
    response
}

/// Statuses are written in this crate and are all between 100 and 599; were one not, an error is the safe answer.
fn unreachable_status() -> aws_smithy_runtime_api::http::StatusCode {
    http::StatusCode::INTERNAL_SERVER_ERROR.into()
}
