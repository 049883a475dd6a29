//! An instance of each function, as a start makes it, and the wires that all instances stand on.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use aws_lambda_events::sqs::SqsEvent;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_types::SdkConfig;
use aws_types::region::Region;
use lambda_http::Request;
use lambda_runtime::LambdaEvent;
use signalbox_connection::Connection;
use signalbox_domain::Clock;
use signalbox_drain::Drain;
use signalbox_issue_token::IssueToken;
use signalbox_local_aws::{SecretsWire, config};
use signalbox_notify::Notify;
use signalbox_provision::Provision;
use signalbox_startup::{ClientConfigs, Clients, Context, QueueUrls, Settings};
use signalbox_store::TableNames;
use signalbox_validate_token::ValidateToken;

use crate::facts::Answer;

pub const PUBLIC_URL: &str = "https://push.example";
const KEY_RING: &str = r#"{"encrypt":"1","1":"an example secret that is long enough"}"#;

/// Lambda ends a run that takes longer.
pub const DEADLINE: Duration = Duration::from_secs(29);

/// An event as its function takes it.
pub enum Task {
    Socket(Box<LambdaEvent<ApiGatewayWebsocketProxyRequest>>),
    Http(Box<Request>),
    Queue(Box<LambdaEvent<SqsEvent>>),
}

/// What all instances stand on.
pub struct Wires {
    pub dynamo: SharedHttpConnector,
    pub posts: SharedHttpConnector,
    pub queues: SharedHttpConnector,
}

pub struct Functions {
    connection: Connection,
    provision: Provision,
    issue_token: IssueToken,
    validate_token: ValidateToken,
    notify: Notify,
    drain: Drain,
}

pub fn tables() -> TableNames {
    TableNames {
        terminals: "terminals".into(),
        messages: "messages".into(),
        connections: "connections".into(),
        fanout: "fanout".into(),
        applications: "applications".into(),
    }
}

/// The clients share a quota of retries by region, which must not go from one history or instance to the next.
fn clients(wires: &Wires, instance: &str) -> Clients {
    let there = |config: SdkConfig| config.to_builder().region(Region::new(instance.to_owned())).build();
    let secrets = SecretsWire::new(|_| Ok(KEY_RING.to_owned()));
    let configs = ClientConfigs {
        dynamodb: there(config(wires.dynamo.clone())),
        connections: there(config(wires.posts.clone())),
        secrets: there(config(secrets)),
        queues: there(config(wires.queues.clone())),
    };
    Clients::new(&configs, "http://posts.invalid")
}

pub async fn create_tables(wires: &Wires) {
    let dynamo = clients(wires, "tables").dynamodb;
    tables().create(&dynamo).await.expect("the engine makes tables");
}

impl Functions {
    pub async fn start(wires: &Wires, instance: &str, clock: Clock) -> Arc<Self> {
        let clients = clients(wires, instance);
        let settings = Settings::new(
            tables(),
            QueueUrls {
                drains: "http://queues.invalid/drains".into(),
                pages: "http://queues.invalid/pages".into(),
            },
            PUBLIC_URL.parse().expect("a URL"),
        );
        let context =
            Context::new(clients, settings, "key-ring".into(), clock).await.expect("the functions start");
        Arc::new(Self {
            connection: Connection::new(context.clone()),
            provision: Provision::new(context.clone()),
            issue_token: IssueToken::new(context.clone()),
            validate_token: ValidateToken::new(context.clone()),
            notify: Notify::new(context.clone()),
            drain: Drain::new(context),
        })
    }

    /// Runs an event to its end.
    pub async fn handle(&self, task: Task) -> Answer {
        match task {
            Task::Socket(event) => self.socket(*event).await,
            Task::Http(request) => self.http(*request).await,
            Task::Queue(event) => self.queue(*event).await,
        }
    }

    async fn socket(&self, event: LambdaEvent<ApiGatewayWebsocketProxyRequest>) -> Answer {
        let route = event.payload.request_context.route_key.clone().unwrap_or_default();
        let answer = match route.as_str() {
            "hello" => self.provision.handle(event).await,
            "register" | "unregister" => self.issue_token.handle(event).await,
            _ => self.connection.handle(event).await,
        };
        let (status, body) = match answer {
            Ok(answer) => {
                let body = serde_json::to_value(answer).expect("an answer is JSON")["body"].take();
                (200, body.as_str().unwrap_or_default().to_owned())
            }
            Err(error) => (0, error.to_string()),
        };
        Answer { status, location: None, receipt: None, body }
    }

    /// 200 where the whole batch is dealt with, 0 where it is to come again.
    async fn queue(&self, event: LambdaEvent<SqsEvent>) -> Answer {
        let dealt_with =
            self.drain.handle(event).await.is_ok_and(|answer| answer.batch_item_failures.is_empty());
        let status = if dealt_with { 200 } else { 0 };
        Answer { status, location: None, receipt: None, body: String::new() }
    }

    async fn http(&self, request: Request) -> Answer {
        let validates = request.uri().path().starts_with("/v1/tokens/");
        let answer = if validates {
            self.validate_token.handle(request).await
        } else {
            self.notify.handle(request).await
        };
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let receipt =
            header("link").and_then(|link| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned()));
        let body = String::from_utf8_lossy(answer.body().as_ref()).into_owned();
        Answer { status: answer.status().as_u16(), location: header("location"), receipt, body }
    }
}
