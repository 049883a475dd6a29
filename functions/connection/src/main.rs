//! The Lambda function `connection`.

use lambda_runtime::{Error, service_fn};
use signalbox_connection::Connection;
use signalbox_startup::{Context, Warming};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Connection::new(Context::from_environment(Warming::Disconnection).await?);
    lambda_runtime::run(service_fn(async |event| function.handle(event).await)).await
}
