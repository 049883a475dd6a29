//! The Lambda function `validate-token`.

use lambda_http::{Error, service_fn};
use signalbox_startup::{Context, Warming};
use signalbox_validate_token::ValidateToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = ValidateToken::new(Context::from_environment(Warming::Session).await?);
    lambda_http::run(service_fn(async |request| Ok::<_, Error>(function.handle(request).await))).await
}
