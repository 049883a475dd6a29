//! A Lambda function that does nothing but read one item of DynamoDB while it starts: what the runtime and a single client of the
//! AWS SDK cost, before a line of Signalbox. It calls in the clear, as the stub does, and so lacks even TLS.

use std::env::var;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::Builder as HttpClient;
use lambda_http::{Body, Error, Request, Response, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (id, secret) = (var("AWS_ACCESS_KEY_ID")?, var("AWS_SECRET_ACCESS_KEY")?);
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(var("AWS_REGION")?))
        .credentials_provider(Credentials::new(id, secret, None, None, "the environment"))
        .endpoint_url(var("AWS_ENDPOINT_URL")?)
        .http_client(HttpClient::new().build_http())
        .build();
    let nothing = || AttributeValue::S("nothing".to_owned());
    let read = Client::from_conf(config).get_item().table_name(var("SIGNALBOX_TABLE_TERMINALS")?);
    read.key("pk", nothing()).key("sk", nothing()).send().await?;
    lambda_http::run(service_fn(async |_: Request| Ok::<_, Error>(Response::new(Body::Empty)))).await
}
