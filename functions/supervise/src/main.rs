//! The Lambda function `supervise`.

use lambda_http::{Error, service_fn};
use signalbox_startup::{Keeping, Warming};
use signalbox_supervise::Supervise;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Supervise::new(Keeping::from_environment(Warming::Application).await?);
    lambda_http::run(service_fn(async |request| Ok::<_, Error>(function.handle(request).await))).await
}
