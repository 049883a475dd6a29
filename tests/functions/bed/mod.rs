pub mod many;
pub mod operator;
mod queues;
mod server;
mod terminal;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Response};
use serde_json::Value;
use signalbox::client::{SubscriptionKeys, VapidKey};
use signalbox_connection::Connection;
use signalbox_domain::{Clock, TerminalId, Timestamp};
use signalbox_drain::Drain;
use signalbox_fanout::Fanout;
use signalbox_fanout_page::FanoutPage;
use signalbox_issue_token::IssueToken;
use signalbox_keep_alive::KeepAlive;
use signalbox_local_aws::{
    ConnectionsWire, DynamoWire, LocalQueue, QueueOptions, QueuesWire, Recorder, SecretsWire, config,
};
use signalbox_notify::Notify;
use signalbox_provision::Provision;
use signalbox_startup::{ClientConfigs, Clients, Context, Enrolment, Keeping, QueueUrls, Settings};
use signalbox_store::TableNames;
use signalbox_supervise::Supervise;
use signalbox_telemetry::{Embedded, Metrics};
use signalbox_validate_token::ValidateToken;

use crate::events::{Link, Source, socket_event};
use crate::peers::{Peers, Wire};

pub const CHANNEL: &str = "5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";
pub const PUBLIC_URL: &str = "https://push.example";
pub const A: Link = Link { id: "connection-a=", connected: 1_000 };
pub const B: Link = Link { id: "connection-b=", connected: 2_000 };
/// The secret of the enrolment keys.
const ENROLMENT: &str = "enrolment-keys";
pub const KEY_RING: &str = r#"{"encrypt":"1","1":"an example secret that is long enough"}"#;

/// The functions over counting wires, and a clock that stands still until it is told.
pub struct Bed {
    pub context: Context,
    clients: Clients,
    pub tables: aws_sdk_dynamodb::Client,
    pub dynamo: Recorder,
    pub posts: Recorder,
    pub queues: Recorder,
    pub drains: LocalQueue,
    pages: LocalQueue,
    pub peers: Arc<Peers>,
    pub server: VapidKey,
    pub keys: SubscriptionKeys,
    pub source: Source,
    /// The lines of metrics, as they are written.
    pub lines: Arc<Mutex<Vec<String>>>,
    key_ring: Arc<Mutex<String>>,
    /// Calls to Secrets Manager.
    pub secrets: Recorder,
    enrolment_keys: Arc<Mutex<String>>,
    now: Arc<AtomicU64>,
    events: AtomicU64,
    connection: Connection,
    pub provision: Provision,
    issue_token: IssueToken,
    validate_token: ValidateToken,
    notify: Notify,
    drain: Drain,
    fanout: Fanout,
    fanout_page: FanoutPage,
    supervise: Supervise,
    /// Where connections are kept alive.
    pub keep_alive: Option<KeepAlive>,
}

/// What an instance of the functions stands on.
struct Wires {
    dynamo: Recorder,
    posts: Recorder,
    queues: Recorder,
    drains: LocalQueue,
    pages: LocalQueue,
    peers: Arc<Peers>,
    key_ring: Arc<Mutex<String>>,
    now: Arc<AtomicU64>,
}

impl Bed {
    pub async fn new() -> Self {
        Self::on(Source::Aws).await
    }

    pub async fn on(source: Source) -> Self {
        // The clients of the application server sign with the machine's time.
        let now = Arc::new(AtomicU64::new(Clock::system().now().as_millis()));
        let hands = now.clone();
        let clock = Clock::new(move || Timestamp::from_millis(hands.load(Ordering::SeqCst)));
        let (wire, ..) = DynamoWire::memory().unwrap();
        let peers = Arc::<Peers>::default();
        let options = QueueOptions { visibility: Duration::from_secs(180), receptions: 5 };
        let drains = LocalQueue::open(wire.clone(), "drains", options).await.unwrap();
        let pages = LocalQueue::open(wire.clone(), "pages", options).await.unwrap();
        let wires = Wires {
            dynamo: Recorder::new(wire),
            posts: Recorder::new(ConnectionsWire::new(Arc::new(Wire(peers.clone())))),
            queues: Recorder::new(QueuesWire::new(vec![drains.clone(), pages.clone()])),
            drains,
            pages,
            peers,
            key_ring: Arc::new(Mutex::new(KEY_RING.to_owned())),
            now,
        };
        // On the heap, as a start is large.
        Box::pin(Self::with(source, wires, clock)).await
    }

    async fn with(source: Source, wires: Wires, clock: Clock) -> Self {
        let Wires { dynamo, posts, queues, drains, pages, peers, key_ring, now } = wires;
        let enrolment_keys = Arc::<Mutex<String>>::default();
        let secrets = Recorder::new(SecretsWire::new({
            let (key_ring, enrolment_keys) = (key_ring.clone(), enrolment_keys.clone());
            move |id| Ok(if id == ENROLMENT { &enrolment_keys } else { &key_ring }.lock().unwrap().clone())
        }));
        let tables = TableNames {
            terminals: "terminals".into(),
            messages: "messages".into(),
            connections: "connections".into(),
            fanout: "fanout".into(),
            applications: "applications".into(),
        };
        let configs = ClientConfigs {
            dynamodb: config(dynamo.clone()),
            connections: config(posts.clone()),
            secrets: config(secrets.clone()),
            queues: config(queues.clone()),
        };
        let clients = Clients::new(&configs, "http://posts.invalid");
        let beside = clients.dynamodb.clone();
        tables.create(&beside).await.unwrap();
        let url = |name| format!("http://queues.invalid/{name}");
        let urls = QueueUrls { drains: url("drains"), pages: url("pages") };
        let settings = Settings::new(tables, urls, PUBLIC_URL.parse().unwrap());
        let context = Context::new(clients.clone(), settings, "key-ring".into(), clock).await.unwrap();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let written = lines.clone();
        let write = move |line: &str| written.lock().unwrap().push(line.to_owned());
        let embedded = Embedded::new("Signalbox/signalbox".parse().unwrap(), write);
        let context = context.counting(Metrics::new(Arc::new(embedded)));
        let _ = (dynamo.take(), secrets.take());
        Self {
            connection: Connection::new(context.clone()),
            provision: Provision::new(context.clone()),
            issue_token: IssueToken::new(context.clone()),
            validate_token: ValidateToken::new(context.clone()),
            notify: Notify::new(context.clone()),
            drain: Drain::new(context.clone()),
            fanout: Fanout::new(context.clone()),
            fanout_page: FanoutPage::new(context.clone()),
            supervise: Supervise::new(Keeping::of(&context)),
            keep_alive: None,
            context,
            clients,
            tables: beside,
            dynamo,
            posts,
            queues,
            drains,
            pages,
            peers,
            server: VapidKey::generate().unwrap(),
            keys: SubscriptionKeys::generate().unwrap(),
            source,
            lines,
            key_ring,
            secrets,
            enrolment_keys,
            now,
            events: AtomicU64::new(0),
        }
    }

    /// An instance that takes new terminals with one of these enrolment keys alone.
    pub async fn enrolling(keys: &str) -> Self {
        let mut bed = Self::new().await;
        bed.set_enrolment_keys(keys);
        let (secrets, clock) = (bed.clients.secrets.clone(), bed.context.clock.clone());
        let enrolment = Enrolment::load(secrets, ENROLMENT.into(), clock).await.unwrap();
        let _ = bed.secrets.take();
        bed.context.enrolment = Some(Arc::new(enrolment));
        bed.connection = Connection::new(bed.context.clone());
        bed.provision = Provision::new(bed.context.clone());
        bed
    }

    /// Replaces the enrolment keys.
    pub fn set_enrolment_keys(&self, json: &str) {
        json.clone_into(&mut self.enrolment_keys.lock().unwrap());
    }

    /// Another instance of the functions, started with this key ring on the same tables and connections.
    pub async fn sharing(other: &Self, key_ring: &str) -> Self {
        let hands = other.now.clone();
        let clock = Clock::new(move || Timestamp::from_millis(hands.load(Ordering::SeqCst)));
        let key_ring = Arc::new(Mutex::new(key_ring.to_owned()));
        let wires = Wires {
            dynamo: other.dynamo.clone(),
            posts: other.posts.clone(),
            queues: other.queues.clone(),
            drains: other.drains.clone(),
            pages: other.pages.clone(),
            peers: other.peers.clone(),
            key_ring,
            now: other.now.clone(),
        };
        let instance = Box::pin(Self::with(other.source, wires, clock)).await;
        // Events are numbered on, so that no two are the same.
        instance.events.store(1_000_000 + other.events.load(Ordering::SeqCst), Ordering::SeqCst);
        Self { server: VapidKey::from_json(&other.server.to_json().unwrap()).unwrap(), ..instance }
    }

    /// The lines of metrics since the last time.
    pub fn take_lines(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        lines.iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Sets how many messages may wait for an absent terminal.
    pub fn limit_waiting(&mut self, waiting_limit: u64) {
        let settings = Settings { waiting_limit, ..(*self.context.settings).clone() };
        let context = Context { settings: Arc::new(settings), ..self.context.clone() };
        self.notify = Notify::new(context.clone());
        self.fanout_page = FanoutPage::new(context);
    }

    /// Puts a terminal into a state that no function brings about.
    pub async fn set_state(&self, terminal: TerminalId, state: &str) {
        let update = self.tables.update_item().table_name("terminals");
        let update = update.key("pk", AttributeValue::S(terminal.to_string()));
        let update = update.key("sk", AttributeValue::S("T".to_owned()));
        let update = update.condition_expression("attribute_exists(pk)");
        let update =
            update.update_expression("SET #state = :state").expression_attribute_names("#state", "state");
        let update = update.expression_attribute_values(":state", AttributeValue::S(state.to_owned()));
        update.send().await.expect("the terminal is there");
    }

    /// How many rows there are of members of audiences of this name, of whatever generation.
    pub async fn members_kept(&self, name: &str) -> usize {
        let rows = self.tables.scan().table_name("fanout").send().await.unwrap().items.unwrap();
        let of = |pk: &str| pk.starts_with("M#") && pk.contains(&format!("#{name}#"));
        rows.iter().filter(|row| row["pk"].as_s().is_ok_and(|pk| of(pk))).count()
    }

    pub fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    pub fn pass(&self, time: Duration) {
        self.now.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The clock's hands, in milliseconds.
    pub fn hands(&self) -> Arc<AtomicU64> {
        self.now.clone()
    }

    /// An identity that no event had.
    pub fn event_id(&self) -> String {
        format!("event-{:06}=", self.events.fetch_add(1, Ordering::SeqCst))
    }

    /// Runs a WebSocket event; what crosses to the terminal by the answer, and the answer's headers.
    pub async fn run(&self, name: &str, event: &Value) -> (Option<Value>, Value) {
        let answer = self.answer(name, event).await;
        assert_eq!(answer["statusCode"], 200);
        let body = answer["body"].as_str().map(|body| serde_json::from_str(body).unwrap());
        (body, answer["headers"].clone())
    }

    /// Runs a WebSocket event, and returns the whole answer.
    pub async fn answer(&self, name: &str, event: &Value) -> Value {
        let event = socket_event(event, self.now().plus(Duration::from_secs(29)));
        let answer = match name {
            "hello" => self.provision.handle(event).await,
            "register" | "unregister" => self.issue_token.handle(event).await,
            _ => self.connection.handle(event).await,
        };
        serde_json::to_value(answer.unwrap()).unwrap()
    }

    /// Replaces the key ring.
    pub fn set_key_ring(&self, json: &str) {
        json.clone_into(&mut self.key_ring.lock().unwrap());
    }
}

/// The JSON of an answer.
pub fn body(answer: &Response<Body>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

/// The versions of posted notifications.
pub fn versions(posted: &[Value]) -> Vec<String> {
    let notifications = posted.iter().filter(|message| message["messageType"] == "notification");
    notifications.map(|notification| notification["version"].as_str().unwrap().to_owned()).collect()
}

/// The kind of a problem.
pub fn problem(answer: &Response<Body>) -> (u16, String) {
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    let kind = problem["type"].as_str().unwrap().strip_prefix("urn:signalbox:problem:").unwrap();
    (answer.status().as_u16(), kind.to_owned())
}
