use std::sync::Arc;

use signalbox_delivery::{Delivery, DrainQueue, PageQueue};
use signalbox_domain::{Clock, InvalidKeyRing, VapidVerifier};
use signalbox_store::Store;

use crate::roots::Roots;
use crate::settings::required;
use crate::{Clients, InvalidSetting, KeyRings, Settings, Warming, telemetry};

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The certificates that calls to AWS are to trust.
    #[error("the trusted certificates could not be set: {0}")]
    Roots(String),
    /// The key ring's secret could not be read.
    #[error("the key ring could not be read: {0}")]
    KeyRingUnread(String),
    /// It is no key ring.
    #[error(transparent)]
    KeyRing(#[from] InvalidKeyRing),
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
}

impl Context {
    /// Starts a function in the cloud: telemetry, clients and settings from the environment; then the key ring from Secrets
    /// Manager and, beside it, the call that opens the connection to DynamoDB.
    ///
    /// # Errors
    /// [`StartError`], which names the variable.
    pub async fn from_environment(warming: Warming) -> Result<Self, StartError> {
        telemetry::init(required("SIGNALBOX_LOG").ok().as_deref());
        let settings = Settings::from_environment()?;
        let roots = Roots::from_environment()?;
        let clients = Clients::from_environment(&required("SIGNALBOX_CONNECTIONS_URL")?, roots.client()?)?;
        let store = Store::new(clients.dynamodb.clone(), settings.tables.clone());
        let context = Self::new(clients, settings, required("SIGNALBOX_KEY_RING")?, Clock::system());
        let (context, ()) = tokio::join!(context, warming.warm(&store));
        context
    }

    /// On these clients, with the key ring that the secret `key_ring` holds.
    ///
    /// # Errors
    /// Where the key ring cannot be had.
    pub async fn new(
        clients: Clients,
        settings: Settings,
        key_ring: String,
        clock: Clock,
    ) -> Result<Self, StartError> {
        Ok(Self {
            store: Store::new(clients.dynamodb, settings.tables.clone()),
            delivery: Delivery::new(clients.connections),
            drains: DrainQueue::new(clients.queues.clone(), settings.queues.drains.clone()),
            pages: PageQueue::new(clients.queues, settings.queues.pages.clone()),
            keys: Arc::new(KeyRings::load(clients.secrets, key_ring, clock.clone()).await?),
            vapid: Arc::new(VapidVerifier::new(settings.origins.clone())),
            settings: Arc::new(settings),
            clock,
        })
    }
}
