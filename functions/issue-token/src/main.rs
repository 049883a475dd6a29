//! The Lambda function `issue-token`.

use lambda_runtime::{Error, service_fn};
use signalbox_issue_token::IssueToken;
use signalbox_startup::{Context, Warming};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = IssueToken::new(Context::from_environment(Warming::Connection).await?);
    lambda_runtime::run(service_fn(async |event| function.handle(event).await)).await
}
