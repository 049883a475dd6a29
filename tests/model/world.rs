//! One deployment on a virtual clock: the functions on their wires, API Gateway's part, the terminals and the servers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_domain::{Clock, TerminalId, Timestamp};
use signalbox_local_aws::{ConnectionsWire, InlineDynamo, Scope, Unruly};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::facts::{Facts, Millis};
use crate::functions::{Functions, PUBLIC_URL, Wires, create_tables};
use crate::mood::Mood;
use crate::peers::Peers;
use crate::program::{SERVERS, TERMINALS};
use crate::queue::Queue;
use crate::tap::{Called, Tap};
use crate::terminal::Terminal;

/// When every history begins.
const BASE: Millis = 2_000_000_000_123;

static SERVER_KEYS: LazyLock<Vec<VapidKey>> =
    LazyLock::new(|| (0..SERVERS).map(|_| VapidKey::generate().expect("a key")).collect());
/// Headers of the servers, by server and by the half day that they count from. All histories begin at the same time.
static SIGNED: LazyLock<Mutex<HashMap<(usize, u64), String>>> = LazyLock::new(Mutex::default);
static WORLDS: AtomicU64 = AtomicU64::new(0);

pub struct World {
    pub facts: Mutex<Facts>,
    pub terminals: Mutex<Vec<Terminal>>,
    pub engine: InlineDynamo,
    /// Events that have not come to their end.
    pub under_way: AtomicUsize,
    pub running: Mutex<Vec<(usize, AbortHandle)>>,
    wires: Wires,
    functions: Mutex<Option<Arc<Functions>>>,
    mood: Mutex<Arc<Mood>>,
    start: Instant,
    name: u64,
    instances: AtomicU64,
    me: Weak<Self>,
}

impl World {
    pub async fn new(mood: Mood) -> Arc<Self> {
        let start = Instant::now();
        let secs = move || now(start) / 1_000;
        let engine = InlineDynamo::memory(secs).expect("an engine");
        let replica = InlineDynamo::memory(secs).expect("an engine");
        let world = Arc::new_cyclic(|me: &Weak<Self>| {
            let effects = look(me, Self::took_effect);
            let unruly = Unruly::dynamo(Tap::new(engine.clone(), effects), replica);
            let dynamo = SharedHttpConnector::new(Tap::new(unruly, look(me, Self::asked_dynamo)));
            let unruly = Unruly::connections(ConnectionsWire::new(Arc::new(Peers(me.clone()))));
            let posts = SharedHttpConnector::new(Tap::new(unruly, look(me, Self::asked_connections)));
            let queues = SharedHttpConnector::new(Unruly::queues(Queue(me.clone())));
            Self {
                facts: Mutex::default(),
                terminals: Mutex::new((0..TERMINALS).map(|_| Terminal::default()).collect()),
                engine,
                under_way: AtomicUsize::new(0),
                running: Mutex::default(),
                wires: Wires { dynamo, posts, queues },
                functions: Mutex::default(),
                mood: Mutex::new(Arc::new(mood)),
                start,
                name: WORLDS.fetch_add(1, Ordering::Relaxed),
                instances: AtomicU64::new(0),
                me: me.clone(),
            }
        });
        create_tables(&world.wires).await;
        world.restart().await;
        world
    }

    pub fn me(&self) -> Arc<Self> {
        self.me.upgrade().expect("the world is there while it runs")
    }

    pub fn now(&self) -> Millis {
        now(self.start)
    }

    pub fn mood(&self) -> Arc<Mood> {
        self.mood.lock().unwrap().clone()
    }

    pub fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = Arc::new(mood);
    }

    pub fn functions(&self) -> Arc<Functions> {
        self.functions.lock().unwrap().clone().expect("started")
    }

    /// Every run dies where it is, and the functions begin anew on what the tables hold.
    pub async fn restart(&self) {
        for (_, run) in self.running.lock().unwrap().drain(..) {
            run.abort();
        }
        let (me, start) = (self.me.clone(), self.start);
        let clock = Clock::new(move || {
            let skew = || {
                let (scope, world) = (Scope::current()?, me.upgrade()?);
                let run = usize::try_from(scope.tag).ok()?;
                Some(world.facts.lock().unwrap().runs.get(run)?.skew)
            };
            Timestamp::from_millis(now(start).saturating_add_signed(skew().unwrap_or_default()))
        });
        let instance = format!("world-{}-{}", self.name, self.instances.fetch_add(1, Ordering::Relaxed));
        let functions = Functions::start(&self.wires, &instance, clock).await;
        *self.functions.lock().unwrap() = Some(functions);
    }

    /// A server's header `Authorization` and its public key.
    pub fn sign(&self, server: usize) -> (String, String) {
        let key = &SERVER_KEYS[server];
        let half_day = 12 * 3600;
        let block = self.now() / 1_000 / half_day;
        let mut signed = SIGNED.lock().unwrap();
        let header = signed.entry((server, block)).or_insert_with(|| {
            let claims =
                json!({"aud": PUBLIC_URL, "exp": (block + 2) * half_day - 60, "sub": "mailto:a@b.example"});
            key.sign(&claims).expect("signs")
        });
        (header.clone(), key.public_key().to_owned())
    }

    /// The keys of what the messages table holds of this terminal, receipts apart.
    pub fn stored(&self, uaid: &str) -> Vec<String> {
        let terminal = TerminalId::of(&uaid.parse().expect("a uaid"));
        let query = json!({
            "TableName": "messages",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": terminal.to_string()}},
            "ConsistentRead": true,
        });
        let answer: Value =
            serde_json::from_str(&self.engine.ask("Query", &query.to_string())).expect("JSON");
        let items = answer["Items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["mid"]["S"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until nothing is under way any more, and what was given up by its callers has had its effect.
    pub async fn settle(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            if self.under_way.load(Ordering::SeqCst) == 0 {
                break;
            }
        }
    }

    fn took_effect(&self, called: &Called<'_>, status: Option<u16>) {
        if called.operation == "PutItem" && status == Some(200) {
            let body: Value = serde_json::from_slice(called.body).unwrap_or_default();
            if body["TableName"] == "messages" {
                let mid = body["Item"]["mid"]["S"].as_str().unwrap_or_default().to_owned();
                let mut facts = self.facts.lock().unwrap();
                let tick = facts.tick();
                facts.puts.push((tick, mid));
            }
        }
    }

    fn asked_dynamo(&self, called: &Called<'_>, status: Option<u16>) {
        if called.operation == "Query" && status.is_none() {
            let mut facts = self.facts.lock().unwrap();
            let tick = facts.tick();
            if let Some(run) = running(&mut facts) {
                run.pages.push(tick);
            }
        }
    }

    fn asked_connections(&self, called: &Called<'_>, status: Option<u16>) {
        let id = called.path.rsplit('/').next().unwrap_or_default().replace("%3D", "=");
        let mut facts = self.facts.lock().unwrap();
        let Some(link) = facts.link_of(&id) else { return };
        match (called.operation, status) {
            ("DELETE", None) => {
                if let Some(run) = running(&mut facts) {
                    run.closes.push(id);
                }
            }
            ("DELETE", Some(status)) if !matches!(status, 200 | 410) => facts.links[link].close_failed = true,
            (_, Some(410)) if facts.links[link].closed.is_none() => facts.links[link].false_gone = true,
            _ => {}
        }
    }
}

fn now(start: Instant) -> Millis {
    BASE + u64::try_from(start.elapsed().as_millis()).expect("not that long")
}

/// The run of the task that is calling.
fn running(facts: &mut Facts) -> Option<&mut crate::facts::Run> {
    let run = usize::try_from(Scope::current()?.tag).ok()?;
    facts.runs.get_mut(run)
}

fn look(
    me: &Weak<World>,
    look: fn(&World, &Called<'_>, Option<u16>),
) -> impl Fn(&Called<'_>, Option<u16>) + Send + Sync + 'static {
    let me = me.clone();
    move |called, status| {
        if let Some(world) = me.upgrade() {
            look(&world, called, status);
        }
    }
}
