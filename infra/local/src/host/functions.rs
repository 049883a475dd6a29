use std::sync::Arc;

use signalbox_connection::Connection;
use signalbox_domain::Clock;
use signalbox_drain::Drain;
use signalbox_issue_token::IssueToken;
use signalbox_local_aws::{ConnectionsWire, DynamoWire, LocalQueue, QueuesWire, SecretsWire, config};
use signalbox_notify::Notify;
use signalbox_provision::Provision;
use signalbox_startup::{ClientConfigs, Clients, Context, Settings, StartError};
use signalbox_validate_token::ValidateToken;

use super::hub::Hub;

/// The functions, as the cloud runs them.
pub(super) struct Functions {
    pub(super) connection: Connection,
    pub(super) provision: Provision,
    pub(super) issue_token: IssueToken,
    pub(super) validate_token: ValidateToken,
    pub(super) notify: Notify,
    pub(super) drain: Drain,
}

impl Functions {
    pub(super) async fn start(
        clients: Clients,
        settings: Settings,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let context = Context::new(clients, settings, "key-ring".to_owned(), clock).await?;
        Ok(Self {
            connection: Connection::new(context.clone()),
            provision: Provision::new(context.clone()),
            issue_token: IssueToken::new(context.clone()),
            validate_token: ValidateToken::new(context.clone()),
            notify: Notify::new(context.clone()),
            drain: Drain::new(context),
        })
    }
}

/// AWS clients with the local wires under them.
pub(super) fn clients(
    dynamo: DynamoWire,
    hub: Arc<Hub>,
    secrets: SecretsWire,
    drains: LocalQueue,
) -> Clients {
    let configs = ClientConfigs {
        dynamodb: config(dynamo),
        connections: config(ConnectionsWire::new(hub)),
        secrets: config(secrets),
        queues: config(QueuesWire::new(vec![drains])),
    };
    Clients::new(&configs, "http://connections.invalid")
}
