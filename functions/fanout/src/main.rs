//! The Lambda function `fanout`.

use lambda_http::{Error, service_fn};
use signalbox_fanout::Fanout;
use signalbox_startup::{Context, Warming};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Fanout::new(Context::from_environment(Warming::Job).await?);
    lambda_http::run(service_fn(async |request| Ok::<_, Error>(function.handle(request).await))).await
}
