use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::{SubscriptionKeys, VapidKey, encrypt};
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
use signalbox_startup::{ClientConfigs, Clients, Context, Enrolment, QueueUrls, Settings};
use signalbox_store::TableNames;
use signalbox_telemetry::{Embedded, Metrics};
use signalbox_validate_token::ValidateToken;
use signalbox_wire::base64url;

use crate::events::{
    Link, Source, drain_event, fan_out, http, http_request, page_event, socket, socket_event,
};
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

    /// A message of a connection, in an event of its own.
    pub async fn message(&self, name: &str, link: Link, body: Value) -> Option<Value> {
        let event = socket(self.source, name, link, &self.event_id(), Some(body));
        self.run(name, &event).await.0
    }

    pub async fn hello(&self, link: Link, uaid: Option<&str>) -> Vec<Value> {
        let body = match uaid {
            Some(uaid) => json!({"messageType": "hello", "use_webpush": true, "uaid": uaid}),
            None => json!({"messageType": "hello", "use_webpush": true}),
        };
        assert_eq!(self.message("hello", link, body).await, None, "hello is answered by a post");
        self.peers.take(link.id)
    }

    /// A new terminal on an open connection: its uaid.
    pub async fn terminal(&self, link: Link) -> String {
        self.peers.open(link.id);
        let posted = self.hello(link, None).await;
        assert_eq!((posted.len(), &posted[0]["status"]), (1, &json!(200)), "{posted:?}");
        posted[0]["uaid"].as_str().unwrap().to_owned()
    }

    pub async fn register(&self, link: Link, channel: &str, extra: Value) -> Value {
        let mut body = json!({"messageType": "register", "channelID": channel});
        for (member, value) in extra.as_object().unwrap() {
            body[member] = value.clone();
        }
        self.message("register", link, body).await.expect("register is answered by the route's response")
    }

    /// The token of a new session.
    pub async fn token(&self, link: Link, channel: &str, extra: Value) -> String {
        let answer = self.register(link, channel, extra).await;
        assert_eq!(answer["status"], 200, "{answer}");
        let endpoint = answer["pushEndpoint"].as_str().unwrap();
        endpoint.strip_prefix(&format!("{PUBLIC_URL}/push/")).unwrap().to_owned()
    }

    pub async fn unregister(&self, link: Link, channel: &str) -> Option<Value> {
        self.message("unregister", link, json!({"messageType": "unregister", "channelID": channel})).await
    }

    pub async fn disconnect(&self, link: Link) {
        let event = socket(self.source, "disconnect", link, &self.event_id(), None);
        assert_eq!(self.run("disconnect", &event).await.0, None);
    }

    pub async fn acknowledge(&self, link: Link, versions: &[&str]) {
        let updates: Vec<_> = versions
            .iter()
            .map(|version| json!({"channelID": CHANNEL, "version": version, "code": 100}))
            .collect();
        assert_eq!(self.message("ack", link, json!({"messageType": "ack", "updates": updates})).await, None);
    }

    /// Runs a request about a message or receipt by the URL that a push was answered with.
    pub async fn ask(&self, method: &str, url: &str) -> Response<Body> {
        let (path, id) = url.strip_prefix(PUBLIC_URL).unwrap().rsplit_once('/').unwrap();
        let mut event = http(self.source, "push", &self.event_id(), self.now());
        let route = format!("{method} {path}/{{id}}");
        event["routeKey"] = json!(route);
        event["requestContext"]["routeKey"] = json!(route);
        event["requestContext"]["http"]["method"] = json!(method);
        event["rawPath"] = json!(format!("{path}/{id}"));
        event["pathParameters"] = json!({"id": id});
        event["body"] = json!(null);
        event["isBase64Encoded"] = json!(false);
        self.run_push(&event).await
    }

    /// A push with more headers, that is accepted.
    pub async fn push_with(&self, token: &str, ttl: u32, headers: &[(&str, &str)]) -> Response<Body> {
        let mut event = self.push_event(token, ttl);
        for (name, value) in headers {
            event["headers"][*name] = json!(value);
        }
        let answer = self.run_push(&event).await;
        assert!(answer.status().is_success(), "{:?}", answer.body());
        answer
    }

    /// `hello` that wants nothing less urgent.
    pub async fn hello_wanting(&self, link: Link, uaid: &str, urgency: &str) -> Vec<Value> {
        let body = json!({"messageType": "hello", "use_webpush": true, "uaid": uaid, "urgency": urgency});
        self.message("hello", link, body).await;
        self.peers.take(link.id)
    }

    pub async fn revoke(&self, token: &str, server: &VapidKey) -> Response<Body> {
        let mut event = self.validate_event(token, server);
        event["routeKey"] = json!("POST /v1/tokens/revoke");
        event["requestContext"]["routeKey"] = json!("POST /v1/tokens/revoke");
        self.run_validate(&event).await
    }

    /// Replaces the key ring.
    pub fn set_key_ring(&self, json: &str) {
        json.clone_into(&mut self.key_ring.lock().unwrap());
    }

    /// The event of a push with everything that it needs.
    pub fn push_event(&self, token: &str, ttl: u32) -> Value {
        let mut event = http(self.source, "push", &self.event_id(), self.now());
        event["rawPath"] = json!(format!("/push/{token}"));
        event["pathParameters"] = json!({"token": token});
        event["headers"]["ttl"] = json!(ttl.to_string());
        event["headers"]["authorization"] = json!(self.server.authorization(PUBLIC_URL).unwrap());
        let payload = encrypt(b"hello", &self.keys.p256dh().unwrap(), self.keys.auth()).unwrap();
        event["body"] = json!(base64url::encode_standard(payload));
        event
    }

    pub async fn run_push(&self, event: &Value) -> Response<Body> {
        self.notify.handle(http_request(event)).await
    }

    pub async fn push(&self, token: &str, ttl: u32) -> Response<Body> {
        self.run_push(&self.push_event(token, ttl)).await
    }

    pub async fn deliver(&self, token: &str, ttl: u32) {
        let answer = self.push(token, ttl).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{:?}", answer.body());
    }

    pub fn validate_event(&self, token: &str, server: &VapidKey) -> Value {
        let mut event = http(self.source, "validate", &self.event_id(), self.now());
        event["headers"]["authorization"] = json!(server.authorization(PUBLIC_URL).unwrap());
        event["body"] = json!(json!({"token": token}).to_string());
        event["isBase64Encoded"] = json!(false);
        event
    }

    /// What has been sent to the queue of drains since the last time: bodies, and the seconds until each is received.
    pub fn owed(&self) -> Vec<(String, u64)> {
        let sent = self.queues.take().into_iter().map(|call| {
            let body = call.request["MessageBody"].as_str().unwrap().to_owned();
            (body, call.request["DelaySeconds"].as_u64().unwrap_or_default())
        });
        sent.collect()
    }

    /// Runs the function `drain` on these bodies: the ids of those that are to come again.
    pub async fn drain(&self, bodies: &[String]) -> Vec<String> {
        let event = drain_event(bodies, self.now().plus(Duration::from_secs(29)));
        let answer = self.drain.handle(event).await.unwrap();
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    /// Runs a request about many: of this method and route, whose path parameter is this, by this server.
    pub async fn fan_out(&self, ask: Ask<'_>) -> Response<Body> {
        self.run_fan_out(&self.fan_out_event(ask)).await
    }

    pub async fn run_fan_out(&self, event: &Value) -> Response<Body> {
        self.fanout.handle(http_request(event)).await
    }

    pub fn fan_out_event(&self, ask: Ask<'_>) -> Value {
        let Ask { method, route, parameter, server, key, query, body } = ask;
        let mut event = fan_out(&self.event_id(), self.now());
        let server = server.unwrap_or(&self.server);
        event["headers"]["authorization"] = json!(server.authorization(PUBLIC_URL).unwrap());
        event["headers"].as_object_mut().unwrap().remove("idempotency-key");
        let route_key = format!("{method} {route}");
        event["routeKey"] = json!(route_key);
        event["requestContext"]["routeKey"] = json!(route_key);
        event["requestContext"]["http"]["method"] = json!(method);
        if let Some((name, value)) = parameter {
            event["pathParameters"] = json!({ name: value });
        }
        if let Some(key) = key {
            event["headers"]["idempotency-key"] = json!(key);
        }
        event["rawQueryString"] = json!(query);
        event["body"] = json!(body.map(|body| body.to_string()));
        event
    }

    /// What has been sent to the queue of pages since the last time.
    pub fn paged(&self) -> Vec<String> {
        let calls = self.queues.take().into_iter();
        let entries = calls.flat_map(|call| call.request["Entries"].as_array().cloned().unwrap_or_default());
        entries.map(|entry| entry["MessageBody"].as_str().unwrap().to_owned()).collect()
    }

    /// Runs the function `fanout-page` on this body, out of the queue for the `receptions`th time and with time for one try:
    /// whether it is done.
    pub async fn page(&self, body: &str, receptions: u32) -> bool {
        self.page_within(body, receptions, Duration::from_secs(20)).await
    }

    /// Likewise, with so much time.
    pub async fn page_within(&self, body: &str, receptions: u32, time: Duration) -> bool {
        let event = page_event(body, receptions, self.now().plus(time));
        self.fanout_page.handle(event).await.unwrap().batch_item_failures.is_empty()
    }

    /// Carries out everything that is in the queue of pages, and what that puts there.
    pub async fn carry_out(&self) {
        loop {
            let work = self.paged();
            if work.is_empty() {
                return;
            }
            for body in work {
                assert!(self.page(&body, 1).await, "{body}");
            }
        }
    }

    /// How far a job is.
    pub async fn progress(&self, job: &str) -> Value {
        let ask = Ask { parameter: Some(("job", job)), ..Ask::new("GET", "/v1/notifications/{job}") };
        let answer = self.fan_out(ask).await;
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
        body(&answer)
    }

    pub async fn run_validate(&self, event: &Value) -> Response<Body> {
        self.validate_token.handle(http_request(event)).await
    }

    pub async fn validate(&self, token: &str) -> Response<Body> {
        self.run_validate(&self.validate_event(token, &self.server)).await
    }
}

/// A request about many.
#[derive(Clone, Default)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub route: &'a str,
    pub parameter: Option<(&'a str, &'a str)>,
    pub server: Option<&'a VapidKey>,
    pub key: Option<&'a str>,
    pub query: &'a str,
    pub body: Option<Value>,
}

impl<'a> Ask<'a> {
    pub fn new(method: &'a str, route: &'a str) -> Self {
        Self { method, route, ..Self::default() }
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
