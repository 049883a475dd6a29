use std::sync::Arc;

use signalbox_delivery::{Delivery, DrainQueue, PageQueue};
use signalbox_domain::{Clock, InvalidEnrolmentKeys, InvalidKeyRing, VapidVerifier};
use signalbox_store::{KeepAliveTable, Store};
use signalbox_telemetry::{Metrics, Trace};
use tracing::Instrument as _;

use crate::roots::Roots;
use crate::settings::{KEEP_ALIVE, required};
use crate::telemetry::{self, metrics_from_environment};
use crate::{ClientConfigs, Clients, Enrolment, InvalidSetting, KeyRings, Settings, Warming};

/// The WebSocket API's stage.
const CONNECTIONS_URL: &str = "SIGNALBOX_CONNECTIONS_URL";

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The certificates that calls to AWS are to trust.
    #[error("the trusted certificates could not be set: {0}")]
    Roots(String),
    /// A secret could not be read.
    #[error("{what} could not be read: {reason}")]
    Unread {
        /// Which.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// It is no key ring.
    #[error(transparent)]
    KeyRing(#[from] InvalidKeyRing),
    /// It is no set of enrolment keys.
    #[error(transparent)]
    EnrolmentKeys(#[from] InvalidEnrolmentKeys),
}

/// What every function works with; made once, at start.
#[derive(Debug, Clone)]
pub struct Context {
    /// The tables.
    pub store: Store,
    /// The terminals' connections.
    pub delivery: Delivery,
    /// What is owed to terminals.
    pub drains: DrainQueue,
    /// What is to be done for jobs.
    pub pages: PageQueue,
    /// The keys.
    pub keys: Arc<KeyRings>,
    /// Who application servers are.
    pub vapid: Arc<VapidVerifier>,
    /// The deployment's settings.
    pub settings: Arc<Settings>,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// The connections that are to be kept alive, where they are.
    pub keep_alive: Option<KeepAliveTable>,
    /// The keys that new terminals need; none where everybody may become a terminal.
    pub enrolment: Option<Arc<Enrolment>>,
}

impl Context {
    /// Starts a function in the cloud: telemetry, clients and settings from the environment; then the key ring from Secrets
    /// Manager, and the enrolment keys where there are any, and, beside them, the call that opens the connection to DynamoDB.
    ///
    /// # Errors
    /// [`StartError`], which names the variable.
    pub async fn from_environment(warming: Warming) -> Result<Self, StartError> {
        telemetry::init(required("SIGNALBOX_LOG").ok().as_deref());
        let settings = Settings::from_environment()?;
        let configs = ClientConfigs::from_environment(Roots::from_environment()?.client()?)?;
        let connections_url = required(CONNECTIONS_URL)?;
        let (dynamodb, secrets, clock) = (configs.dynamodb(), configs.secrets(), Clock::system());
        let store = Store::new(dynamodb.clone(), settings.tables.clone());
        let metrics = metrics_from_environment()?;
        let key_ring = required("SIGNALBOX_KEY_RING")?;
        // On the heap, as it holds two reads of secrets.
        let read = Box::pin(Secrets::read(secrets.clone(), key_ring, &settings, &clock));
        // Each client takes a while to make. These two are made while the answers to the first calls are on their way.
        let others = async { (configs.connections(&connections_url), configs.queues()) };
        let (read, (), (connections, queues)) = tokio::join!(read, warming.warm(&store), others);
        let clients = Clients { dynamodb, connections, secrets, queues };
        Ok(Self::with(clients, settings, read?, clock).counting(metrics))
    }

    /// On these clients, with the key ring that the secret `key_ring` holds. Nothing is counted.
    ///
    /// # Errors
    /// Where the key ring or the enrolment keys cannot be had.
    pub async fn new(
        clients: Clients,
        settings: Settings,
        key_ring: String,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let secrets = Box::pin(Secrets::read(clients.secrets.clone(), key_ring, &settings, &clock)).await?;
        Ok(Self::with(clients, settings, secrets, clock))
    }

    fn with(clients: Clients, settings: Settings, secrets: Secrets, clock: Clock) -> Self {
        let keep_alive = settings.keep_alive.clone();
        Self {
            enrolment: secrets.enrolment.map(Arc::new),
            keep_alive: keep_alive.map(|table| KeepAliveTable::new(clients.dynamodb.clone(), table)),
            store: Store::new(clients.dynamodb, settings.tables.clone()),
            delivery: Delivery::new(clients.connections, Metrics::off()),
            drains: DrainQueue::new(clients.queues.clone(), settings.queues.drains.clone(), Metrics::off()),
            pages: PageQueue::new(clients.queues, settings.queues.pages.clone()),
            keys: Arc::new(secrets.keys),
            vapid: Arc::new(VapidVerifier::new(settings.origins.clone())),
            settings: Arc::new(settings),
            clock,
            metrics: Metrics::off(),
        }
    }

    /// Counts there from now on.
    #[must_use]
    pub fn counting(self, metrics: Metrics) -> Self {
        Self {
            delivery: self.delivery.counting(metrics.clone()),
            drains: self.drains.counting(metrics.clone()),
            metrics,
            ..self
        }
    }

    /// Runs an invocation: what it logs carries the trace, and what it has counted is written behind it.
    pub fn invocation<T>(&self, trace: &Trace, work: impl Future<Output = T>) -> impl Future<Output = T> {
        invocation(&self.metrics, &self.clock, trace, work)
    }
}

/// What is read of Secrets Manager at start.
struct Secrets {
    keys: KeyRings,
    enrolment: Option<Enrolment>,
}

impl Secrets {
    /// Reads both beside each other.
    async fn read(
        client: aws_sdk_secretsmanager::Client,
        key_ring: String,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let keys = Box::pin(KeyRings::load(client.clone(), key_ring, clock.clone()));
        let enrolment = async {
            let Some(secret) = settings.enrolment.clone() else { return Ok(None) };
            Box::pin(Enrolment::load(client.clone(), secret, clock.clone())).await.map(Some)
        };
        let (keys, enrolment) = tokio::try_join!(keys, enrolment)?;
        Ok(Self { keys, enrolment })
    }
}

/// What a function works with that keeps tables and does nothing else: without the key ring, without queues, and without the
/// right to any of them.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// The tables.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
}

impl Keeping {
    /// Starts a function in the cloud, and makes the call that opens the connection to DynamoDB.
    ///
    /// # Errors
    /// [`StartError`], which names the variable.
    pub async fn from_environment(warming: Warming) -> Result<Self, StartError> {
        telemetry::init(required("SIGNALBOX_LOG").ok().as_deref());
        let settings = Settings::from_environment()?;
        let configs = ClientConfigs::from_environment(Roots::from_environment()?.client()?)?;
        let store = Store::new(configs.dynamodb(), settings.tables);
        let metrics = metrics_from_environment()?;
        warming.warm(&store).await;
        Ok(Self { store, clock: Clock::system(), metrics })
    }

    /// What such a function shares with the others in one process.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let (store, clock) = (context.store.clone(), context.clock.clone());
        Self { store, clock, metrics: context.metrics.clone() }
    }

    /// Runs an invocation, as [`Context::invocation`].
    pub fn invocation<T>(&self, trace: &Trace, work: impl Future<Output = T>) -> impl Future<Output = T> {
        invocation(&self.metrics, &self.clock, trace, work)
    }
}

/// What a function works with that opens nothing and owes nothing: without the key ring, and without the right to read it.
#[derive(Debug, Clone)]
pub struct Keyless {
    /// The connections that are to be kept alive.
    pub keep_alive: KeepAliveTable,
    /// The terminals' connections.
    pub delivery: Delivery,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
}

impl Keyless {
    /// Starts a function in the cloud.
    ///
    /// # Errors
    /// [`StartError`], which names the variable.
    pub fn from_environment() -> Result<Self, StartError> {
        telemetry::init(required("SIGNALBOX_LOG").ok().as_deref());
        let table = required(KEEP_ALIVE)?;
        let configs = ClientConfigs::from_environment(Roots::from_environment()?.client()?)?;
        let connections = configs.connections(&required(CONNECTIONS_URL)?);
        let metrics = metrics_from_environment()?;
        Ok(Self {
            keep_alive: KeepAliveTable::new(configs.dynamodb(), table),
            delivery: Delivery::new(connections, metrics.clone()),
            clock: Clock::system(),
            metrics,
        })
    }

    /// What such a function shares with the others in one process; none where connections are not kept alive.
    #[must_use]
    pub fn of(context: &Context) -> Option<Self> {
        let (delivery, clock) = (context.delivery.clone(), context.clock.clone());
        let keep_alive = context.keep_alive.clone()?;
        Some(Self { keep_alive, delivery, clock, metrics: context.metrics.clone() })
    }

    /// Runs an invocation, as [`Context::invocation`].
    pub fn invocation<T>(&self, trace: &Trace, work: impl Future<Output = T>) -> impl Future<Output = T> {
        invocation(&self.metrics, &self.clock, trace, work)
    }
}

fn invocation<T>(
    metrics: &Metrics,
    clock: &Clock,
    trace: &Trace,
    work: impl Future<Output = T>,
) -> impl Future<Output = T> {
    // On the heap, as it is the whole of a function's work.
    let work = Box::pin(work.instrument(trace.span()));
    async move {
        let done = work.await;
        metrics.flush(clock.now());
        done
    }
}
