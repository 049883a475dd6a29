//! The Lambda function `keep-alive`.

use lambda_runtime::{Error, service_fn};
use signalbox_keep_alive::KeepAlive;
use signalbox_startup::Keyless;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = KeepAlive::new(Keyless::from_environment()?);
    lambda_runtime::run(service_fn(async |event| function.handle(event).await)).await
}
