//! The push service in one process: API Gateway's part in front of the functions, local wires under them.

mod data;
mod event_source;
mod functions;
mod gateway;
mod http_api;
mod hub;
mod operator;
mod request_ids;
mod routes;
mod schedule;
mod socket;
mod tls;
mod websocket_api;

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener, ListenerExt as _};
use signalbox_domain::{AuthorizationPolicy, BodyLimit, Clock, InvalidPublicUrl, Origin, PublicUrl};
use signalbox_local_aws::{EngineError, EngineThread, LocalQueue, QueueError, Sweeper};
use signalbox_startup::{QueueUrls, Settings, StartError};
use signalbox_store::{KeepAliveTable, StoreError, TableNames};
use signalbox_telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use data::{Data, DataError};
pub use operator::{OPERATOR_KEY, OPERATOR_SOCKET, OperatorKeyError, Operators};
pub use tls::{Tls, TlsError};

use event_source::Source;
use functions::Functions;
use hub::Hub;
use operator::{Gauges, Kept, Operating};

/// DynamoDB deletes expired items within days; here it is minutes.
const SWEEP_EVERY: Duration = Duration::from_secs(300);
/// No connection is cut for its age here, as it is after 2 h on API Gateway; entries that a crash has left behind still
/// go some day.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(400 * 24 * 3600);
/// The table of connections that are kept alive.
const KEEP_ALIVE: &str = "keep-alive";
/// How long requests under way may take at the end.
const GRACE: Duration = Duration::from_secs(10);

/// How a host runs.
#[derive(Debug)]
pub struct HostOptions {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// What endpoints begin with; by default where it listens.
    pub public_url: Option<PublicUrl>,
    /// Further origins that a VAPID `aud` may name.
    pub earlier_origins: Vec<Origin>,
    /// Where everything is kept.
    pub data: Data,
    /// Whether it speaks HTTPS and WSS.
    pub tls: Tls,
    /// Which sessions must be validated.
    pub authorization: AuthorizationPolicy,
    /// The largest body of a notification.
    pub body_limit: BodyLimit,
    /// Where operators connect, beside the socket in the data directory; port 0 takes any.
    pub admin_listen: Option<SocketAddr>,
    /// Whether idle connections are kept alive, for what is in between and cuts them.
    pub keep_alive: bool,
    /// Whether a new terminal needs an enrolment key, of those in the data directory.
    pub enrolment: bool,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The tables.
    #[error("{data}: the tables could not be made: {error}")]
    Tables {
        /// Where.
        data: String,
        /// Why not.
        error: StoreError,
    },
    /// The queue.
    #[error("{data}: {error}")]
    Queue {
        /// Where.
        data: String,
        /// Why not.
        error: QueueError,
    },
    /// The functions.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The listener.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The address makes no URL.
    #[error("the public URL {0}")]
    PublicUrl(#[from] InvalidPublicUrl),
}

/// A running push service.
pub struct Host {
    address: SocketAddr,
    public_url: PublicUrl,
    encrypted: bool,
    ca: Option<PathBuf>,
    enrolment_keys: Option<PathBuf>,
    operating: Operating,
    stop: CancellationToken,
    connections: TaskTracker,
    server: JoinHandle<std::io::Result<()>>,
    sweeper: JoinHandle<()>,
    sources: JoinSet<()>,
    engine: EngineThread,
    /// Held for the life of the host, so that no other host opens the same directory.
    _data: data::Opened,
}

impl Host {
    /// Starts it; it serves when this returns.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn start(options: HostOptions) -> Result<Self, HostError> {
        let listen = |error| HostError::Listen { address: options.listen, error };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let encrypted = !matches!(options.tls, Tls::Off);
        let public_url = match options.public_url {
            Some(url) => url,
            None => format!("http{}://{}", s(encrypted), reachable(address)).parse()?,
        };
        let data = data::Opened::open(options.data)?;
        let tls = tls::open(&options.tls, &data, address.ip(), &public_url)?;
        let enrolment_keys = options.enrolment.then(|| data.prepare_enrolment_keys()).transpose()?;
        let (dynamo, engine, sweeper) = data.engine()?;
        let hub = Arc::new(Hub::default());
        let settings = Settings {
            authorization: options.authorization,
            body_limit: options.body_limit,
            connection_lifetime: CONNECTION_LIFETIME,
            keep_alive: options.keep_alive.then(|| KEEP_ALIVE.to_owned()),
            enrolment: options.enrolment.then(|| data::ENROLMENT.to_owned()),
            ..Settings::new(tables(), queue_urls(), public_url.clone())
                .with_earlier_origins(options.earlier_origins)
        };
        let open = async |source: Source| {
            let opened = LocalQueue::open(dynamo.clone(), source.name(), source.options()).await;
            opened.map_err(|error| HostError::Queue { data: data.to_string(), error })
        };
        let (drains, pages) = (open(Source::Drains).await?, open(Source::Pages).await?);
        let queues = vec![drains.clone(), pages.clone()];
        let clients = functions::clients(dynamo.clone(), hub.clone(), data.secrets(), queues);
        drop(dynamo);
        let made = settings.tables.create(&clients.dynamodb).await;
        made.map_err(|error| HostError::Tables { data: data.to_string(), error })?;
        if options.keep_alive {
            let made = KeepAliveTable::new(clients.dynamodb.clone(), KEEP_ALIVE.to_owned()).create().await;
            made.map_err(|error| HostError::Tables { data: data.to_string(), error })?;
        }
        let kept = Arc::new(Kept::new(Gauges { hub: hub.clone(), drains: drains.clone() }));
        let metrics = Metrics::new(kept.clone());
        let functions = Arc::new(Functions::start(clients, settings, Clock::system(), metrics).await?);

        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        let gateway = gateway::Gateway {
            functions: functions.clone(),
            hub,
            stop: stop.clone(),
            connections: connections.clone(),
            requests: Arc::default(),
            capacity: Arc::default(),
            clock: Clock::system(),
            domain: address.to_string(),
        };
        // Without it a frame waits for the acknowledgement of the one before, 40 ms by default.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
        });
        let admin = options.admin_listen;
        let operating = Operating::start(kept, gateway.clone(), &data, admin, tls.as_ref(), &stop).await?;
        let router = routes::router(gateway);
        let (server, ca) = match tls {
            None => (serve(listener, router, &stop), None),
            Some(tls) => {
                (serve(tls::listener::TlsListener::new(listener, tls.config), router, &stop), tls.ca)
            }
        };
        let sweeper = tokio::spawn(sweep(sweeper, stop.clone()));
        let mut sources = JoinSet::new();
        for (source, queue) in [(Source::Drains, drains), (Source::Pages, pages)] {
            sources.spawn(event_source::run(source, queue, functions.clone(), Clock::system(), stop.clone()));
        }
        sources.spawn(event_source::keep_alive(functions, Clock::system(), stop.clone()));
        tracing::info!(%address, %public_url, "serving");
        Ok(Self {
            address,
            public_url,
            encrypted,
            ca,
            enrolment_keys,
            operating,
            stop,
            connections,
            server,
            sweeper,
            sources,
            engine,
            _data: data,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What terminals connect to.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws{}://{}/", s(self.encrypted), reachable(self.address))
    }

    /// The certificate of its own CA, which clients are to trust; none where it has no CA.
    #[must_use]
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// The file of the enrolment keys; none where everybody may become a terminal.
    #[must_use]
    pub fn enrolment_keys(&self) -> Option<&Path> {
        self.enrolment_keys.as_deref()
    }

    /// Where operators connect, beside the socket in the data directory.
    #[must_use]
    pub fn operators(&self) -> Option<&Operators> {
        self.operating.operators.as_ref()
    }

    /// What endpoints begin with.
    #[must_use]
    pub fn public_url(&self) -> &PublicUrl {
        &self.public_url
    }

    /// Resolves when the disk has failed to keep what was written. Nothing is served any more: stop it, and start anew.
    pub async fn failed(&mut self) -> std::io::Error {
        self.engine.failed().await
    }

    /// Stops it: takes nothing new, finishes what is under way, closes the terminals' connections, and leaves the store
    /// closed.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.stop.cancel();
        self.connections.close();
        let finished = async {
            let _ = self.server.await;
            self.operating.ended().await;
            self.connections.wait().await;
            let _ = self.sweeper.await;
            self.sources.join_all().await;
        };
        if tokio::time::timeout(GRACE, finished).await.is_err() {
            tracing::warn!("some requests did not end in time");
            return;
        }
        // The last clients are gone with the server: the engine's thread ends by itself.
        let _ = tokio::task::spawn_blocking(|| self.engine.join()).await;
        tracing::info!("stopped");
    }
}

fn serve<L>(listener: L, router: Router, stop: &CancellationToken) -> JoinHandle<std::io::Result<()>>
where
    L: Listener,
    L::Addr: Debug,
{
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move { serving.await })
}

/// What a scheme ends with.
fn s(encrypted: bool) -> &'static str {
    if encrypted { "s" } else { "" }
}

/// An address that a client on this machine can use: the unspecified one is none.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

fn tables() -> TableNames {
    TableNames {
        terminals: "terminals".to_owned(),
        messages: "messages".to_owned(),
        connections: "connections".to_owned(),
        fanout: "fanout".to_owned(),
        applications: "applications".to_owned(),
    }
}

fn queue_urls() -> QueueUrls {
    let url = |source: Source| format!("http://queues.invalid/{}", source.name());
    QueueUrls { drains: url(Source::Drains), pages: url(Source::Pages) }
}

/// On threads of its own, as it blocks: calls are served in between.
async fn sweep(sweeper: Sweeper, stop: CancellationToken) {
    let sweeper = Arc::new(sweeper);
    while tokio::time::timeout(SWEEP_EVERY, stop.cancelled()).await.is_err() {
        let sweeper = sweeper.clone();
        if tokio::task::spawn_blocking(move || sweeper.sweep()).await.is_err() {
            tracing::error!("the sweep of what has expired has panicked");
        }
    }
}
