//! The Lambda function `drain`.

use lambda_runtime::{Error, service_fn};
use signalbox_drain::Drain;
use signalbox_startup::{Context, Warming};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Drain::new(Context::from_environment(Warming::Session).await?);
    lambda_runtime::run(service_fn(async |event| function.handle(event).await)).await
}
