//! API Gateway: posts to connections, and what terminals answer, through one quota.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use signalbox_local_aws::{Connections, PostError, PostFuture};
use tokio::time::sleep;

use crate::dice::{Latency, derive};
use crate::population::{Kind, Population};
use crate::world::{Table, World};

const POST: Latency = Latency { usual: (8.0, 15.0), tail: (0.01, 200.0) };
const REFUSAL: Latency = Latency { usual: (2.0, 5.0), tail: (0.0, 5.0) };
/// From a post until the terminal's acknowledgement is at API Gateway: the network twice, and the application.
const ANSWER: Latency = Latency { usual: (40.0, 400.0), tail: (0.02, 3_000.0) };
/// A terminal whose acknowledgement was refused sends it again after so long.
const AGAIN: Latency = Latency { usual: (200.0, 1_000.0), tail: (0.0, 1_000.0) };
/// Before its function tries a throttled write again.
const WRITE_AGAIN: Latency = Latency { usual: (25.0, 100.0), tail: (0.0, 100.0) };
/// What an acknowledgement's run takes, as the page of costs has it.
const ACK_RUN: Duration = Duration::from_millis(20);

pub(crate) struct Gateway {
    world: Arc<World>,
    dice: Arc<Mutex<Rng>>,
}

impl Gateway {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let dice = Rng::with_seed(derive(world.setting.seed, 5));
        Self { world, dice: Arc::new(Mutex::new(dice)) }
    }

    fn draw(&self, latency: Latency) -> Duration {
        draw(&self.dice, latency)
    }

    /// What comes of a post, and after how long.
    fn take(&self, connection: &str, frame: &[u8]) -> (Result<(), PostError>, Duration) {
        let world = &self.world;
        world.meter.call("api-gateway", "post");
        if !world.request() {
            world.meter.second(|second| second.refused_posts += 1);
            return (Err(PostError::LimitExceeded), self.draw(REFUSAL));
        }
        let after = self.draw(POST);
        let Some(number) = Population::of_connection(connection) else {
            return (Err(PostError::Gone), after);
        };
        if world.population.kind(number) == Kind::Gone {
            return (Err(PostError::Gone), after);
        }
        world.meter.second(|second| second.posts += 1);
        world.meter.sent(frame.len());
        world.ledger().frame(number, version(frame));
        world.acks.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(acknowledge(world.clone(), self.dice.clone(), number, after));
        (Ok(()), after)
    }
}

impl Connections for Gateway {
    fn post(&self, connection: &str, frame: Bytes) -> PostFuture<'_> {
        let (answer, after) = self.take(connection, &frame);
        Box::pin(async move {
            sleep(after).await;
            answer
        })
    }

    fn close(&self, _: &str) -> PostFuture<'_> {
        self.world.meter.call("api-gateway", "close");
        let answer = if self.world.request() { Ok(()) } else { Err(PostError::LimitExceeded) };
        Box::pin(async move { answer })
    }
}

fn draw(dice: &Mutex<Rng>, latency: Latency) -> Duration {
    latency.draw(&mut dice.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The terminal's answer: one request, sent until it is taken; its function then deletes what was stored.
async fn acknowledge(world: Arc<World>, dice: Arc<Mutex<Rng>>, number: u32, delivered: Duration) {
    sleep(delivered + draw(&dice, ANSWER)).await;
    loop {
        world.meter.call("api-gateway", "ack");
        if world.request() {
            break;
        }
        world.meter.second(|second| second.refused_acks += 1);
        sleep(draw(&dice, AGAIN)).await;
    }
    world.meter.second(|second| second.acks += 1);
    world.meter.counts().socket_messages += 1;
    world.meter.run("connection", |runs| {
        runs.count += 1;
        runs.time += ACK_RUN;
    });
    if world.setting.ttl > 0 {
        loop {
            world.meter.call("dynamodb", "BatchWriteItem");
            if world.write(Table::Messages, World::partition(number), 1.0) {
                break;
            }
            sleep(draw(&dice, WRITE_AGAIN)).await;
        }
    }
    world.ledger().acknowledge(number);
    world.meter.counts().acknowledged = world.meter.elapsed();
    world.acks.fetch_sub(1, Ordering::SeqCst);
}

/// The version that a frame carries.
fn version(frame: &[u8]) -> &str {
    const NAME: &str = "\"version\":\"";
    let text = std::str::from_utf8(frame).unwrap_or_default();
    let behind = text.find(NAME).and_then(|at| text.get(at + NAME.len()..)).unwrap_or_default();
    behind.split('"').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_names_its_version() {
        let frame = br#"{"messageType":"notification","channelID":"c","version":"v1-_","data":"x"}"#;
        assert_eq!(version(frame), "v1-_");
    }
}
