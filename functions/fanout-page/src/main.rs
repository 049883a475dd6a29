//! The Lambda function `fanout-page`.

use lambda_runtime::{Error, service_fn};
use signalbox_fanout_page::FanoutPage;
use signalbox_startup::{Context, Warming};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = FanoutPage::new(Context::from_environment(Warming::Session).await?);
    lambda_runtime::run(service_fn(async |event| function.handle(event).await)).await
}
