use std::ops::Add;
use std::time::Duration;

use lambda_http::Response;
use serde_json::{Value, json};
use signalbox::client::encrypt;
use signalbox_wire::base64url;

use crate::bed::many::Ask;
use crate::bed::{Bed, CHANNEL};
use crate::enrolment::By;
use crate::events::{Link, socket};
use crate::keep_alive::due;

/// What is charged for, as counted while the functions ran.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    /// Events, each of which wakes a function.
    pub(crate) invocations: f64,
    /// Requests to the HTTP API.
    pub(crate) requests: f64,
    /// Messages of terminals' connections, both ways.
    pub(crate) messages: f64,
    /// Calls to DynamoDB, and the units that it counted.
    pub(crate) calls: f64,
    pub(crate) reads: f64,
    pub(crate) writes: f64,
    /// Bytes of the messages to terminals.
    pub(crate) bytes: f64,
    /// Requests to the queue: each 64 KB that are sent or received, and each deletion.
    pub(crate) queued: f64,
    /// Of the events those that are pages of fan-outs, which take longer.
    pub(crate) pages: f64,
    /// Bytes of the lines of metrics.
    pub(crate) metrics: f64,
}

impl Work {
    /// So much of it.
    pub(crate) fn times(&self, factor: f64) -> Self {
        Self {
            invocations: self.invocations * factor,
            requests: self.requests * factor,
            messages: self.messages * factor,
            calls: self.calls * factor,
            reads: self.reads * factor,
            writes: self.writes * factor,
            bytes: self.bytes * factor,
            queued: self.queued * factor,
            pages: self.pages * factor,
            metrics: self.metrics * factor,
        }
    }
}

impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            invocations: self.invocations + other.invocations,
            requests: self.requests + other.requests,
            messages: self.messages + other.messages,
            calls: self.calls + other.calls,
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            bytes: self.bytes + other.bytes,
            queued: self.queued + other.queued,
            pages: self.pages + other.pages,
            metrics: self.metrics + other.metrics,
        }
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// How many pieces of that size something is charged as.
fn pieces(bytes: usize, piece: usize) -> f64 {
    count(bytes.div_ceil(piece).max(1))
}

/// What SQS counts as one request.
const QUEUED: usize = 64 * 1024;

/// A bed, and what has been done on it since the last time.
pub(crate) struct Meter {
    pub(crate) bed: Bed,
    work: Work,
}

impl Meter {
    pub(crate) async fn new() -> Self {
        Self { bed: Bed::new().await, work: Work::default() }
    }

    pub(crate) async fn keeping_alive() -> Self {
        Self { bed: Bed::keeping_alive().await, work: Work::default() }
    }

    /// Where new terminals need this enrolment key.
    pub(crate) async fn enrolling(key: &str) -> Self {
        let keys = json!({"1": key}).to_string();
        Self { bed: Bed::enrolling(&keys).await, work: Work::default() }
    }

    /// What has been done since the last time.
    pub(crate) fn take(&mut self) -> Work {
        for call in self.bed.dynamo.take() {
            self.work.calls += 1.0;
            match call.operation.as_str() {
                "GetItem" | "BatchGetItem" | "Query" => self.work.reads += call.units,
                "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
                    self.work.writes += call.units;
                }
                other => panic!("{other} is neither a read nor a write"),
            }
        }
        for call in self.bed.posts.take() {
            if call.operation == "POST" {
                self.sent(&call.request);
            }
        }
        // With the end of the line.
        let lines = self.bed.take_lines();
        self.work.metrics += lines.iter().map(|line| count(line.to_string().len() + 1)).sum::<f64>();
        assert!(self.bed.queues.take().is_empty(), "nothing of this is owed to the queue");
        std::mem::take(&mut self.work)
    }

    /// A message to the terminal.
    fn sent(&mut self, message: &Value) {
        let bytes = message.to_string().len();
        self.work.bytes += count(bytes);
        self.work.messages += pieces(bytes, 32 * 1024);
    }

    /// A request for many, that is accepted, and all of its pages.
    pub(crate) async fn fan_out(&mut self, ask: Ask<'_>) {
        let bytes = ask.body.as_ref().map_or(0, |body| body.to_string().len());
        let answer = self.bed.fan_out(ask).await;
        self.asked(bytes, 202, &answer);
        loop {
            let bodies = self.queued();
            if bodies.is_empty() {
                return;
            }
            for body in bodies {
                assert!(self.bed.page(&body, 1).await);
                self.work.invocations += 1.0;
                self.work.pages += 1.0;
                // Received and deleted.
                self.work.queued += pieces(body.len(), QUEUED) + 1.0;
            }
        }
    }

    /// What has been put into the queue of pages.
    fn queued(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        for call in self.bed.queues.take() {
            assert_eq!(call.operation, "SendMessageBatch", "nothing of this is owed");
            let entries = call.request["Entries"].as_array().unwrap();
            let bodies: Vec<_> =
                entries.iter().map(|entry| entry["MessageBody"].as_str().unwrap().to_owned()).collect();
            self.work.queued += pieces(bodies.iter().map(String::len).sum(), QUEUED);
            all.extend(bodies);
        }
        all
    }

    /// A change of an audience.
    pub(crate) async fn change_audience(&mut self, ask: Ask<'_>) {
        let bytes = ask.body.as_ref().map_or(0, |body| body.to_string().len());
        let answer = self.bed.fan_out(ask).await;
        self.asked(bytes, 200, &answer);
    }

    /// `$connect` or `$disconnect`, which are no messages.
    pub(crate) async fn link(&mut self, name: &str, link: Link) {
        if name == "connect" {
            self.bed.peers.open(link.id);
        }
        let event = socket(self.bed.source, name, link, &self.bed.event_id(), None);
        assert_eq!(self.bed.run(name, &event).await.0, None);
        self.work.invocations += 1.0;
    }

    /// `$connect` with an enrolment key, that counts.
    pub(crate) async fn connect_with(&mut self, link: Link, key: &str) {
        let event = self.bed.connect_event(link, By::Query, key);
        assert_eq!(self.bed.run("connect", &event).await.0, None);
        self.work.invocations += 1.0;
    }

    /// A message of the terminal; the answer of its route.
    pub(crate) async fn says(&mut self, name: &str, link: Link, body: Value) -> Option<Value> {
        self.work.invocations += 1.0;
        self.work.messages += pieces(body.to_string().len(), 32 * 1024);
        let answer = self.bed.message(name, link, body).await;
        if let Some(answer) = &answer {
            self.sent(answer);
        }
        answer
    }

    /// A wake-up of `keep-alive`, at which this connection is due.
    pub(crate) async fn wake(&mut self, link: Link) {
        let (minute, shard) = due(&self.bed, link.id);
        self.bed.wake(minute, shard, Duration::from_secs(55)).await.unwrap();
        self.work.invocations += 1.0;
    }

    /// `hello`; what has been posted to the terminal then.
    pub(crate) async fn hello(&mut self, link: Link, uaid: Option<&str>) -> Vec<Value> {
        let mut body = json!({"messageType": "hello", "use_webpush": true});
        if let Some(uaid) = uaid {
            body["uaid"] = json!(uaid);
        }
        assert_eq!(self.says("hello", link, body).await, None, "hello is answered by a post");
        self.bed.peers.take(link.id)
    }

    /// One `ack` of all these versions.
    pub(crate) async fn acknowledge(&mut self, link: Link, versions: &[String]) {
        let update = |version| json!({"channelID": CHANNEL, "version": version, "code": 100});
        let updates: Vec<_> = versions.iter().map(update).collect();
        let body = json!({"messageType": "ack", "updates": updates});
        assert_eq!(self.says("ack", link, body).await, None);
    }

    /// A push with a body of that many bytes, that is accepted.
    pub(crate) async fn push(&mut self, token: &str, ttl: u32, bytes: usize) {
        let mut event = self.bed.push_event(token, ttl);
        // What RFC 8188 and 8291 put around a text: 86 bytes of header, a delimiter and a tag.
        let text = vec![b'n'; bytes - 86 - 1 - 16];
        let keys = &self.bed.keys;
        let payload = encrypt(&text, &keys.p256dh().unwrap(), keys.auth()).unwrap();
        assert_eq!(payload.len(), bytes);
        event["body"] = json!(base64url::encode_standard(payload));
        let answer = self.bed.run_push(&event).await;
        self.asked(bytes, 201, &answer);
    }

    pub(crate) async fn validate(&mut self, token: &str) {
        let answer = self.bed.validate(token).await;
        self.asked(token.len(), 200, &answer);
    }

    /// A request to the HTTP API, and what came of it.
    fn asked(&mut self, bytes: usize, expected: u16, answer: &Response<lambda_http::Body>) {
        assert_eq!(answer.status(), expected, "{:?}", answer.body());
        self.work.invocations += 1.0;
        self.work.requests += pieces(bytes, 512 * 1024);
    }
}
