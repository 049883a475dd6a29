//! Instances of the functions on the simulated wires.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_types::SdkConfig;
use aws_types::region::Region;
use lambda_runtime::LambdaEvent;
use signalbox_domain::{Clock, Timestamp};
use signalbox_drain::Drain;
use signalbox_fanout::Fanout;
use signalbox_fanout_page::FanoutPage;
use signalbox_local_aws::{ConnectionsWire, SecretsWire, config};
use signalbox_startup::{ClientConfigs, Clients, Context, QueueUrls, Settings};
use signalbox_store::TableNames;
use tokio::time::Instant;

use crate::Broken;
use crate::dynamo::Dynamo;
use crate::gateway::Gateway;
use crate::queue::{Queues, Received};
use crate::world::{Table, World};

/// When every simulation begins.
const BASE: u64 = 2_000_000_000_000;
pub(crate) const PUBLIC_URL: &str = "https://push.example";
const KEY_RING: &str = r#"{"encrypt":"1","1":"an example secret that is long enough"}"#;

/// Starts instances.
#[derive(Clone)]
pub(crate) struct Factory {
    dynamo: SharedHttpConnector,
    posts: SharedHttpConnector,
    queues: SharedHttpConnector,
    rate: NonZeroU32,
    start: Instant,
    count: Arc<AtomicU64>,
}

/// An instance of a function that a queue wakes.
pub(crate) enum Instance {
    Page(FanoutPage),
    Drain(Drain),
}

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    Page,
    Drain,
}

impl Woken {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Page => "fanout-page",
            Self::Drain => "drain",
        }
    }

    /// As the template says.
    pub(crate) const fn timeout(self) -> Duration {
        match self {
            Self::Page => Duration::from_secs(60),
            Self::Drain => Duration::from_secs(29),
        }
    }
}

impl Factory {
    pub(crate) fn new(world: &Arc<World>, dynamo: Dynamo, queues: Queues) -> Self {
        Self {
            dynamo: SharedHttpConnector::new(dynamo),
            posts: SharedHttpConnector::new(ConnectionsWire::new(Arc::new(Gateway::new(world.clone())))),
            queues: SharedHttpConnector::new(queues),
            rate: world.setting.rate,
            start: Instant::now(),
            count: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        now(self.start)
    }

    async fn context(&self, paced: bool) -> Result<Context, Broken> {
        // The clients share a quota of retries by region, which must not go from one instance to the next.
        let instance = format!("instance-{}", self.count.fetch_add(1, Ordering::Relaxed));
        let there = |wire: SharedHttpConnector| adapted(&config(wire), &instance);
        let configs = ClientConfigs {
            dynamodb: there(self.dynamo.clone()),
            connections: there(self.posts.clone()),
            secrets: adapted(&config(secrets()), &instance),
            queues: there(self.queues.clone()),
        };
        let tables = TableNames {
            terminals: Table::Terminals.name().into(),
            messages: Table::Messages.name().into(),
            connections: "connections".into(),
            fanout: Table::Fanout.name().into(),
            applications: Table::Applications.name().into(),
        };
        let queues = QueueUrls {
            drains: "http://queues.invalid/drains".into(),
            pages: "http://queues.invalid/pages".into(),
        };
        let public_url = PUBLIC_URL.parse().map_err(|_| Broken("the public URL"))?;
        let mut settings = Settings::new(tables, queues, public_url);
        settings.post_rate = paced.then_some(self.rate);
        let start = self.start;
        let clock = Clock::new(move || Timestamp::from_millis(now(start)));
        let clients = Clients::new(&configs, "http://posts.invalid");
        Context::new(clients, settings, "key-ring".into(), clock).await.map_err(|_| Broken("the key ring"))
    }

    pub(crate) async fn fanout(&self) -> Result<Fanout, Broken> {
        Ok(Fanout::new(self.context(false).await?))
    }

    pub(crate) async fn start(&self, woken: Woken) -> Result<Instance, Broken> {
        let context = self.context(woken == Woken::Page).await?;
        Ok(match woken {
            Woken::Page => Instance::Page(FanoutPage::new(context)),
            Woken::Drain => Instance::Drain(Drain::new(context)),
        })
    }
}

impl Instance {
    /// Runs the function on a message: whether it is dealt with.
    pub(crate) async fn handle(&self, message: &Received, deadline: u64) -> bool {
        let mut record = SqsMessage::default();
        record.message_id = Some(message.id.to_string());
        record.body = Some(message.body.to_string());
        record.attributes.insert("ApproximateReceiveCount".into(), message.receptions.to_string());
        let mut payload = SqsEvent::default();
        payload.records.push(record);
        let mut context = lambda_runtime::Context::default();
        context.deadline = deadline;
        let event = LambdaEvent::new(payload, context);
        let answer = match self {
            Self::Page(function) => function.handle(event).await,
            Self::Drain(function) => function.handle(event).await,
        };
        answer.is_ok_and(|answer| answer.batch_item_failures.is_empty())
    }
}

fn now(start: Instant) -> u64 {
    BASE + u64::try_from(start.elapsed().as_millis()).unwrap_or_default()
}

fn adapted(config: &SdkConfig, instance: &str) -> SdkConfig {
    config.to_builder().region(Region::new(instance.to_owned())).build()
}

fn secrets() -> impl HttpConnector {
    SecretsWire::new(|_| Ok(KEY_RING.to_owned()))
}
