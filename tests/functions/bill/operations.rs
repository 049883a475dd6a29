use serde_json::json;

use crate::bed::{A, B, CHANNEL, PUBLIC_URL, versions};
use crate::bill::meter::{Meter, Work};
use crate::enrolment::KEY;
use crate::events::Link;

/// What a page's table has a row for.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
}

/// What a terminal does, counted.
pub(crate) struct Terminals {
    pub(crate) hello_new: Work,
    pub(crate) hello_known: Work,
    pub(crate) connect: Work,
    pub(crate) disconnect: Work,
    pub(crate) register: Work,
    pub(crate) ping: Work,
}

impl Terminals {
    pub(crate) async fn count() -> Self {
        let mut meter = Meter::new().await;
        meter.link("connect", A).await;
        let connect = meter.take();
        let uaid = meter.hello(A, None).await[0]["uaid"].as_str().unwrap().to_owned();
        let hello_new = meter.take();
        register(&mut meter).await;
        let register = meter.take();
        assert_eq!(meter.says("default", A, json!({})).await, Some(json!({})));
        let ping = meter.take();
        meter.link("disconnect", A).await;
        let disconnect = meter.take();
        meter.link("connect", B).await;
        let _ = meter.take();
        meter.hello(B, Some(&uaid)).await;
        let hello_known = meter.take();
        Self { hello_new, hello_known, connect, disconnect, register, ping }
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        let of = |name, work: &Work| Operation { name, work: work.clone() };
        vec![
            of("`$connect`", &self.connect),
            of("`hello`, new terminal", &self.hello_new),
            of("`hello`, known terminal, nothing waiting", &self.hello_known),
            of("`register`", &self.register),
            of("ping", &self.ping),
            of("`$disconnect`", &self.disconnect),
        ]
    }

    /// A known terminal comes, and goes again.
    pub(crate) fn visit(&self) -> Work {
        self.connect.clone() + self.hello_known.clone() + self.disconnect.clone()
    }
}

/// What keeping connections alive adds, counted.
pub(crate) struct KeepAlives {
    /// `hello` of a known terminal, with its registration.
    pub(crate) hello: Work,
    /// A wake-up at which one connection is due.
    pub(crate) wake: Work,
}

impl KeepAlives {
    pub(crate) async fn count() -> Self {
        let mut meter = Meter::keeping_alive().await;
        let now = |link: Link, meter: &Meter| Link { connected: meter.bed.now().as_millis(), ..link };
        let uaid = meter.bed.terminal(now(A, &meter)).await;
        meter.bed.disconnect(A).await;
        meter.bed.peers.open(B.id);
        let _ = meter.take();
        let link = now(B, &meter);
        meter.hello(link, Some(&uaid)).await;
        let hello = meter.take();
        meter.wake(link).await;
        assert_eq!(meter.bed.peers.take(B.id), [json!({})]);
        Self { hello, wake: meter.take() }
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        let of = |name, work: &Work| Operation { name, work: work.clone() };
        vec![
            of("with `KeepAlive`: `hello`, known terminal, nothing waiting", &self.hello),
            of("with `KeepAlive`: a wake-up, and one keep-alive", &self.wake),
        ]
    }
}

/// What a new terminal costs where it needs an enrolment key, which its connection was made with.
pub(crate) async fn enrolments() -> Vec<Operation> {
    let mut meter = Meter::enrolling(KEY).await;
    meter.connect_with(A, KEY).await;
    let connect = Operation { name: "with `Enrolment`: `$connect` with a key", work: meter.take() };
    assert_eq!(meter.hello(A, None).await[0]["status"], 200);
    vec![connect, Operation { name: "with `Enrolment`: `hello`, new terminal", work: meter.take() }]
}

/// The token of a new session on A's terminal.
async fn register(meter: &mut Meter) -> String {
    let body = json!({"messageType": "register", "channelID": CHANNEL});
    let answer = meter.says("register", A, body).await.unwrap();
    let endpoint = answer["pushEndpoint"].as_str().unwrap();
    endpoint.strip_prefix(&format!("{PUBLIC_URL}/push/")).unwrap().to_owned()
}

/// The first validation of a session, and each one after it.
pub(crate) async fn validations() -> Vec<Operation> {
    let mut meter = Meter::new().await;
    meter.bed.terminal(A).await;
    let token = meter.bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    let _ = meter.take();
    meter.validate(&token).await;
    let first = Operation { name: "validate, the first time", work: meter.take() };
    meter.validate(&token).await;
    vec![first, Operation { name: "validate again", work: meter.take() }]
}

/// What a notification with a body of that many bytes comes to, from push to acknowledgement.
pub(crate) async fn notifications(bytes: usize) -> Vec<Operation> {
    vec![
        Operation { name: "connected, TTL 0", work: connected(bytes, 0).await },
        Operation { name: CONNECTED, work: connected(bytes, 60).await },
        Operation {
            name: "absent, and ten waited: drained by one `hello`, acknowledged by one `ack`",
            work: absent(bytes, 10).await.times(0.1),
        },
        Operation {
            name: "absent, and comes for it alone: `$connect`, `hello`, `ack`, `$disconnect`",
            work: absent(bytes, 1).await,
        },
    ]
}

/// The everyday one.
pub(crate) const CONNECTED: &str = "connected, with TTL, acknowledged";

async fn connected(bytes: usize, ttl: u32) -> Work {
    let mut meter = Meter::new().await;
    meter.bed.terminal(A).await;
    let token = meter.bed.token(A, CHANNEL, json!({})).await;
    let _ = meter.take();
    meter.push(&token, ttl, bytes).await;
    let pushed = meter.bed.peers.take(A.id);
    assert_eq!(pushed.len(), 1);
    if ttl > 0 {
        meter.acknowledge(A, &versions(&pushed)).await;
    }
    meter.take()
}

async fn absent(bytes: usize, many: usize) -> Work {
    let mut meter = Meter::new().await;
    let uaid = meter.bed.terminal(A).await;
    let token = meter.bed.token(A, CHANNEL, json!({})).await;
    meter.bed.disconnect(A).await;
    let _ = meter.take();
    for _ in 0..many {
        meter.push(&token, 60, bytes).await;
    }
    meter.link("connect", B).await;
    let posted = versions(&meter.hello(B, Some(&uaid)).await);
    assert_eq!(posted.len(), many);
    meter.acknowledge(B, &posted).await;
    meter.link("disconnect", B).await;
    meter.take()
}
