//! What holds under load: `SIGNALBOX_BACKLOG` messages wait, `SIGNALBOX_ROUNDS` times two connections fight. A plain `cargo
//! test` asks for few, `.ci/run` for many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use signalbox_wire::{ChannelId, Notification, base64url};

use crate::support::{App, Process, Server, Service, assert_nothing_came, next};

pub fn asked(variable: &str, by_default: usize) -> usize {
    std::env::var(variable).map_or(by_default, |count| count.parse().expect("a number"))
}

/// A sender of one session: numbered messages, each sent when the one before was answered.
struct Sender {
    http: reqwest::Client,
    endpoint: String,
    authorization: String,
    next: u32,
}

impl Sender {
    fn new(service: &Service, server: &Server, app: &App) -> Self {
        Self {
            http: reqwest::Client::new(),
            endpoint: app.subscription.endpoint.clone(),
            authorization: server.key.authorization(&service.public_url).unwrap(),
            next: 0,
        }
    }

    async fn send(&mut self) {
        let push = self
            .http
            .post(&self.endpoint)
            .header("TTL", "3600")
            .header("Authorization", &self.authorization)
            .header("Content-Encoding", "aes128gcm")
            .body(numbered(self.next));
        assert_eq!(push.send().await.unwrap().status(), 201);
        self.next += 1;
    }

    async fn send_all(&mut self, messages: usize) {
        for _ in 0..messages {
            self.send().await;
        }
    }
}

/// A body of the shape of an encrypted one, with a number where the ciphertext would be.
fn numbered(number: u32) -> Vec<u8> {
    let mut body = vec![0; 21];
    body[16..20].copy_from_slice(&4096_u32.to_be_bytes());
    body[20] = 65;
    body.push(4);
    body.resize(86, 1);
    body.extend(number.to_be_bytes());
    body.resize(110, 0);
    body
}

fn number(notification: &Notification) -> u32 {
    let body = base64url::decode(notification.data.as_deref().unwrap()).unwrap();
    u32::from_be_bytes(body[86..90].try_into().unwrap())
}

/// I4, I6: a backlog is drained in the order of each session, each message once, while senders go on and the terminal
/// acknowledges; then nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_drained_in_order_and_once_while_senders_go_on() {
    const SESSIONS: usize = 20;
    let each = asked("SIGNALBOX_BACKLOG", 600) / SESSIONS;
    let data = tempfile::tempdir().unwrap();
    let service: Service = Process::on(data.path()).into();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let mut senders = Vec::new();
    let mut channels = Vec::new();
    for _ in 0..SESSIONS {
        let app = App::register(&mut terminal, None, None).await;
        channels.push(app.channel);
        senders.push(Sender::new(&service, &server, &app));
    }
    terminal.close().await.unwrap();
    join_all(senders.iter_mut().map(|sender| sender.send_all(each))).await;

    // What a drain has sent, by session; what came live may stand between.
    let waited = u32::try_from(each).unwrap();
    let mut came: BTreeMap<ChannelId, Vec<u32>> = BTreeMap::new();
    let mut versions = BTreeSet::new();
    let done = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn({
        let done = done.clone();
        async move {
            while !done.load(Ordering::Relaxed) {
                join_all(senders.iter_mut().map(Sender::send)).await;
            }
            senders.iter().map(|sender| sender.next).collect::<Vec<_>>()
        }
    });
    let mut terminal = service.again(&hello.uaid).await;
    let mut take = |notification: &Notification| {
        let number = number(notification);
        if versions.insert(notification.version.clone()) {
            came.entry(notification.channel).or_default().push(number);
        } else {
            // A live one that waits for its acknowledgement may come by the drain as well.
            assert!(number >= waited, "a message of the backlog came twice on one connection");
        }
        versions.len()
    };
    let mut taken = 0;
    while taken < each * SESSIONS {
        let notification = next(&mut terminal).await;
        terminal.acknowledge(&notification).await.unwrap();
        taken = take(&notification);
    }
    done.store(true, Ordering::Relaxed);
    let sent: usize = sending.await.unwrap().into_iter().map(|count| usize::try_from(count).unwrap()).sum();
    while taken < sent {
        let notification = next(&mut terminal).await;
        terminal.acknowledge(&notification).await.unwrap();
        taken = take(&notification);
    }
    for channel in channels {
        let backlog: Vec<_> = came[&channel].iter().copied().filter(|number| *number < waited).collect();
        assert_eq!(backlog, (0..waited).collect::<Vec<_>>(), "the backlog's order");
        let distinct: BTreeSet<_> = came[&channel].iter().collect();
        assert_eq!(distinct.len(), came[&channel].len(), "each once");
    }
    // Answered behind all acknowledgements.
    terminal.ping().await.unwrap();
    terminal.pong().await.unwrap();
    terminal.close().await.unwrap();
    assert_nothing_came(&mut service.again(&hello.uaid).await).await;
}

/// I7, I12: two connections of one terminal that take it from each other lose nothing, and the last one keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn two_connections_that_fight_lose_nothing() {
    let rounds = asked("SIGNALBOX_ROUNDS", 40);
    let data = tempfile::tempdir().unwrap();
    let service: Service = Process::on(data.path()).into();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let mut sender = Sender::new(&service, &server, &app);
    let done = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn({
        let done = done.clone();
        async move {
            while !done.load(Ordering::Relaxed) {
                sender.send().await;
            }
            sender.next
        }
    });
    // What came, and under which version.
    let mut came: BTreeMap<u32, String> = BTreeMap::new();
    let mut take = |notification: &Notification| {
        let version = came.entry(number(notification)).or_insert_with(|| notification.version.clone());
        assert_eq!(*version, notification.version, "one message, one version");
        came.len()
    };
    for _ in 0..rounds {
        // The newer one takes over while the older one is still being posted to.
        let mut newer = service.again(&hello.uaid).await;
        while let Ok(notification) = terminal.next().await {
            take(&notification);
            terminal.acknowledge(&notification).await.ok();
        }
        let notification = next(&mut newer).await;
        take(&notification);
        newer.acknowledge(&notification).await.unwrap();
        terminal = newer;
    }
    done.store(true, Ordering::Relaxed);
    let sent = usize::try_from(sending.await.unwrap()).unwrap();
    terminal.ping().await.unwrap();
    let mut terminal = service.again(&hello.uaid).await;
    let mut distinct = 0;
    while distinct < sent {
        let notification = next(&mut terminal).await;
        distinct = take(&notification);
        terminal.acknowledge(&notification).await.unwrap();
    }
}
