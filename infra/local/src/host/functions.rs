use std::sync::Arc;

use aws_sdk_dynamodb::config::IdentityCache;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use signalbox_connection::Connection;
use signalbox_domain::Clock;
use signalbox_drain::Drain;
use signalbox_fanout::Fanout;
use signalbox_fanout_page::FanoutPage;
use signalbox_issue_token::IssueToken;
use signalbox_keep_alive::KeepAlive;
use signalbox_local_aws::{
    ConnectionsWire, DynamoWire, LocalQueue, QueuesWire, SecretsWire, Unadorned, config,
};
use signalbox_notify::Notify;
use signalbox_provision::Provision;
use signalbox_startup::{ClientConfigs, Clients, Context, Keeping, Keyless, Settings, StartError};
use signalbox_supervise::Supervise;
use signalbox_telemetry::Metrics;
use signalbox_validate_token::ValidateToken;

use super::data::KEY_RING;
use super::hub::Hub;

/// How the SDK calls a call without a signature. Nobody on this machine looks at one, which is a hash of the body and a chain
/// of HMACs.
const UNSIGNED: AuthSchemeId = AuthSchemeId::new("noAuth");

/// The functions, as the cloud runs them.
pub(super) struct Functions {
    pub(super) connection: Connection,
    pub(super) provision: Provision,
    pub(super) issue_token: IssueToken,
    pub(super) validate_token: ValidateToken,
    pub(super) notify: Notify,
    pub(super) drain: Drain,
    pub(super) fanout: Fanout,
    pub(super) fanout_page: FanoutPage,
    pub(super) supervise: Supervise,
    /// Where connections are kept alive.
    pub(super) keep_alive: Option<KeepAlive>,
}

impl Functions {
    pub(super) async fn start(
        clients: Clients,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let context = Context::new(clients, settings, KEY_RING.to_owned(), clock).await?.counting(metrics);
        Ok(Self {
            connection: Connection::new(context.clone()),
            provision: Provision::new(context.clone()),
            issue_token: IssueToken::new(context.clone()),
            validate_token: ValidateToken::new(context.clone()),
            notify: Notify::new(context.clone()),
            keep_alive: Keyless::of(&context).map(KeepAlive::new),
            supervise: Supervise::new(Keeping::of(&context)),
            drain: Drain::new(context.clone()),
            fanout: Fanout::new(context.clone()),
            fanout_page: FanoutPage::new(context),
        })
    }
}

/// AWS clients with the local wires under them.
pub(super) fn clients(
    dynamo: DynamoWire,
    hub: Arc<Hub>,
    secrets: SecretsWire,
    queues: Vec<LocalQueue>,
) -> Clients {
    let configs = ClientConfigs {
        dynamodb: config(dynamo),
        connections: config(ConnectionsWire::new(hub)),
        secrets: config(secrets),
        queues: config(QueuesWire::new(queues)),
    };
    let clients = Clients::new(&configs, "http://connections.invalid");
    // The two that are called for each notification.
    let mut dynamodb = clients
        .dynamodb
        .config()
        .to_builder()
        .allow_no_auth()
        .auth_scheme_preference([UNSIGNED])
        .identity_cache(IdentityCache::no_cache());
    dynamodb.push_interceptor(Unadorned::interceptor());
    let mut connections = clients
        .connections
        .config()
        .to_builder()
        .allow_no_auth()
        .auth_scheme_preference([UNSIGNED])
        .identity_cache(IdentityCache::no_cache());
    connections.push_interceptor(Unadorned::interceptor());
    Clients {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        connections: aws_sdk_apigatewaymanagement::Client::from_conf(connections.build()),
        ..clients
    }
}
