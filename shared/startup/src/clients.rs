use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// An attempt that takes longer is given up and repeated.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Throttling and faults of AWS are tried again so often, with back-off and jitter.
const ATTEMPTS: u32 = 4;
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
}

impl Clients {
    /// Clients of the account, region and role that the process runs under.
    pub async fn from_environment(connections_url: &str) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
        Self::new(&config, &config, connections_url, &config)
    }

    /// Clients of these configurations, all with the same patience; `connections_url` is the WebSocket API's stage.
    #[must_use]
    pub fn new(
        dynamodb: &SdkConfig,
        connections: &SdkConfig,
        connections_url: &str,
        secrets: &SdkConfig,
    ) -> Self {
        let patient = |config: &SdkConfig| {
            config
                .to_builder()
                .retry_config(
                    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE),
                )
                .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).build())
                .build()
        };
        // Set on the service's own configuration: what the environment says of endpoints in general must not win.
        let connections = aws_sdk_apigatewaymanagement::config::Builder::from(&patient(connections))
            .endpoint_url(connections_url)
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&patient(dynamodb)),
            connections: aws_sdk_apigatewaymanagement::Client::from_conf(connections),
            secrets: aws_sdk_secretsmanager::Client::new(&patient(secrets)),
        }
    }
}
