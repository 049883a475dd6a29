use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::InvalidSetting;
use crate::settings::{required, variable};

/// An attempt that takes longer is given up and repeated. All attempts of the calls of one function must fit its 29 s.
const ATTEMPT: Duration = Duration::from_millis(1500);
/// Throttling and faults of AWS are tried again so often, with back-off and jitter.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The clients of the AWS services that functions use. All that a function knows of where it runs.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The terminals' connections.
    pub connections: aws_sdk_apigatewaymanagement::Client,
    /// The key ring.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The queue of drains.
    pub queues: aws_sdk_sqs::Client,
}

/// The configuration of each client.
#[derive(Debug, Clone)]
pub struct ClientConfigs {
    /// Of the tables.
    pub dynamodb: SdkConfig,
    /// Of the terminals' connections.
    pub connections: SdkConfig,
    /// Of the key ring.
    pub secrets: SdkConfig,
    /// Of the queue of drains.
    pub queues: SdkConfig,
}

impl ClientConfigs {
    /// Of the account, region and role that Lambda runs the process under, by this HTTP client. Lambda says all of it in the
    /// environment, where every program of the SDK looks last or first: to look there alone saves a function the other places, and
    /// their code, at each start.
    pub(crate) fn from_environment(http: SharedHttpClient) -> Result<Self, InvalidSetting> {
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            variable("AWS_SESSION_TOKEN"),
            None,
            "the environment",
        );
        let is_set = |name| variable(name).map(|value| value.eq_ignore_ascii_case("true"));
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(required("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http);
        // For an emulator, and for endpoints of a kind of their own.
        config
            .set_endpoint_url(variable("AWS_ENDPOINT_URL"))
            .set_use_fips(is_set("AWS_USE_FIPS_ENDPOINT"))
            .set_use_dual_stack(is_set("AWS_USE_DUALSTACK_ENDPOINT"));
        let config = config.build();
        let (connections, secrets, queues) = (config.clone(), config.clone(), config.clone());
        Ok(Self { dynamodb: config, connections, secrets, queues })
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&patient(&self.dynamodb));
        aws_sdk_dynamodb::Client::from_conf(config.retry_classifier(TransactionConflicts).build())
    }

    /// `url` is the WebSocket API's stage.
    pub(crate) fn connections(&self, url: &str) -> aws_sdk_apigatewaymanagement::Client {
        let config = aws_sdk_apigatewaymanagement::config::Builder::from(&patient(&self.connections));
        // Set on the service's own configuration: what the environment says of endpoints in general must not win.
        aws_sdk_apigatewaymanagement::Client::from_conf(config.endpoint_url(url).build())
    }

    pub(crate) fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&patient(&self.secrets))
    }

    pub(crate) fn queues(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&patient(&self.queues))
    }
}

/// All clients have the same patience.
fn patient(config: &SdkConfig) -> SdkConfig {
    config
        .to_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).build())
        .build()
}

impl Clients {
    /// Clients of these configurations; `connections_url` is the WebSocket API's stage.
    #[must_use]
    pub fn new(configs: &ClientConfigs, connections_url: &str) -> Self {
        Self {
            dynamodb: configs.dynamodb(),
            connections: configs.connections(connections_url),
            secrets: configs.secrets(),
            queues: configs.queues(),
        }
    }
}

/// A single write that meets a transaction on its item is refused with `TransactionConflictException`: it passes by itself,
/// but the SDK does not try it again of its own accord.
#[derive(Debug)]
struct TransactionConflicts;

impl ClassifyRetry for TransactionConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = match context.output_or_error() {
            Some(Err(error)) => error.as_operation_error(),
            _ => None,
        };
        let code = error.and_then(|error| {
            let update = error.downcast_ref::<UpdateItemError>().and_then(|error| error.code());
            let put = || error.downcast_ref::<PutItemError>().and_then(|error| error.code());
            let delete = || error.downcast_ref::<DeleteItemError>().and_then(|error| error.code());
            update.or_else(put).or_else(delete)
        });
        match code {
            Some("TransactionConflictException") => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "transaction conflicts"
    }
}
