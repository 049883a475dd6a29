//! The Lambda function `notify`.

use lambda_http::{Error, service_fn};
use signalbox_notify::Notify;
use signalbox_startup::{Context, Warming};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Notify::new(Context::from_environment(Warming::Session).await?);
    lambda_http::run(service_fn(async |request| Ok::<_, Error>(function.handle(request).await))).await
}
