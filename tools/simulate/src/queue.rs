//! SQS: at least once, in no order worth the name. What was received and not deleted comes again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::dice::{Latency, derive, share};
use crate::dynamo::response;
use crate::meter::Meter;

const CALL: Latency = Latency { usual: (4.0, 15.0), tail: (0.01, 100.0) };
/// What comes twice comes again within so many seconds.
const AGAIN: f64 = 10.0;

/// How a queue is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) seed: u64,
    pub(crate) visibility: Duration,
    /// After so many receptions a message is put aside.
    pub(crate) receptions: u32,
    /// The share that comes twice.
    pub(crate) twice: f64,
}

/// A queue.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Inner>);

struct Inner {
    name: &'static str,
    rules: Rules,
    meter: Meter,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    messages: HashMap<u64, Message>,
    /// When a message can be received.
    order: BTreeMap<(Instant, u64), u64>,
    count: u64,
    dead: u64,
    dice: Option<Rng>,
}

struct Message {
    body: Arc<str>,
    receptions: u32,
}

/// A message that was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) id: u64,
    pub(crate) body: Arc<str>,
    pub(crate) receptions: u32,
}

impl State {
    fn show(&mut self, id: u64, at: Instant) {
        self.count += 1;
        self.order.insert((at, self.count), id);
    }

    /// What can be received now, hidden from here on; else when something can.
    fn take(&mut self, rules: &Rules) -> Result<Received, Option<Instant>> {
        let now = Instant::now();
        loop {
            let Some((&(at, place), &id)) = self.order.first_key_value() else { return Err(None) };
            if at > now {
                return Err(Some(at));
            }
            self.order.remove(&(at, place));
            let Some(message) = self.messages.get_mut(&id) else { continue };
            if message.receptions == rules.receptions {
                self.messages.remove(&id);
                self.dead += 1;
                continue;
            }
            message.receptions += 1;
            let received = Received { id, body: message.body.clone(), receptions: message.receptions };
            if received.receptions == 1 && share(rules.seed, id) < rules.twice {
                let after = AGAIN * share(rules.seed ^ 1, id);
                self.show(id, now + Duration::from_secs_f64(after));
            }
            self.show(id, now + rules.visibility);
            return Ok(received);
        }
    }
}

impl Queue {
    pub(crate) fn new(name: &'static str, rules: Rules, meter: Meter) -> Self {
        let dice = Some(Rng::with_seed(derive(rules.seed, 9)));
        let state = Mutex::new(State { dice, ..State::default() });
        Self(Arc::new(Inner { name, rules, meter, state, arrived: Notify::new() }))
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name
    }

    fn send(&self, body: &str, delay: Duration) {
        let mut state = self.state();
        let id = state.count;
        state.messages.insert(id, Message { body: body.into(), receptions: 0 });
        state.show(id, Instant::now() + delay);
        self.0.arrived.notify_waiters();
    }

    /// Waits for a message. 1 call, and another one to delete it.
    pub(crate) async fn receive(&self) -> Received {
        loop {
            let arrived = self.0.arrived.notified();
            let next = match self.state().take(&self.0.rules) {
                Ok(received) => {
                    self.0.meter.call("sqs", "ReceiveMessage");
                    return received;
                }
                Err(next) => next,
            };
            match next {
                Some(next) => tokio::select! {
                    () = arrived => {}
                    () = sleep_until(next) => {}
                },
                None => arrived.await,
            }
        }
    }

    pub(crate) fn delete(&self, id: u64) {
        self.0.meter.call("sqs", "DeleteMessage");
        self.state().messages.remove(&id);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().messages.is_empty()
    }

    /// How many messages were put aside.
    pub(crate) fn dead(&self) -> u64 {
        self.state().dead
    }

    /// How long a call takes.
    pub(crate) fn latency(&self) -> Duration {
        self.state().dice.as_mut().map_or(Duration::ZERO, |dice| CALL.draw(dice))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wire of SQS, as far as senders need it.
#[derive(Debug, Clone)]
pub(crate) struct Queues(pub(crate) Vec<Queue>);

impl Queues {
    fn answer(&self, operation: &str, request: &Value) -> Option<(Value, Duration)> {
        let name = request["QueueUrl"].as_str()?.rsplit('/').next()?;
        let queue = self.0.iter().find(|queue| queue.name() == name)?;
        queue.0.meter.call("sqs", operation);
        let delay = |entry: &Value| Duration::from_secs(entry["DelaySeconds"].as_u64().unwrap_or_default());
        let answer = match operation {
            "SendMessage" => {
                queue.send(request["MessageBody"].as_str()?, delay(request));
                json!({"MessageId": "m"})
            }
            "SendMessageBatch" => {
                let entries = request["Entries"].as_array()?;
                for entry in entries {
                    queue.send(entry["MessageBody"].as_str()?, delay(entry));
                }
                let sent = entries.iter();
                let sent =
                    sent.map(|entry| json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": ""}));
                json!({"Successful": sent.collect::<Vec<_>>(), "Failed": []})
            }
            _ => return None,
        };
        Some((answer, queue.latency()))
    }
}

impl HttpConnector for Queues {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let answer = self.answer(operation, &body);
        HttpConnectorFuture::new(async move {
            let Some((answer, after)) = answer else {
                return response(
                    400,
                    json!({"__type": "com.amazonaws.sqs#UnsupportedOperation"}).to_string(),
                );
            };
            sleep(after).await;
            response(200, answer.to_string())
        })
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(twice: f64) -> Queue {
        let rules = Rules { seed: 1, visibility: Duration::from_secs(60), receptions: 2, twice };
        Queue::new("queue", rules, Meter::new())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_deleted_comes_again_and_is_put_aside_in_the_end() {
        let queue = queue(0.0);
        queue.send("a", Duration::from_secs(5));
        let began = Instant::now();
        for (reception, after) in [(1, 5), (2, 65)] {
            let received = queue.receive().await;
            assert_eq!((&*received.body, received.receptions), ("a", reception));
            assert_eq!(began.elapsed().as_secs(), after);
        }
        assert!(tokio::time::timeout(Duration::from_secs(600), queue.receive()).await.is_err());
        assert!(queue.is_empty() && queue.dead() == 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_deleted_may_come_once_more_but_only_before() {
        let queue = queue(1.0);
        queue.send("a", Duration::ZERO);
        let (first, second) = (queue.receive().await, queue.receive().await);
        assert_eq!((first.id, second.receptions), (second.id, 2));
        queue.delete(first.id);
        queue.delete(second.id);
        assert!(tokio::time::timeout(Duration::from_secs(600), queue.receive()).await.is_err());
        assert_eq!(queue.dead(), 0);
    }
}
