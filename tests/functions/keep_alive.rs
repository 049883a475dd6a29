//! Connections that are kept alive: which, when, and at what cost.

use std::time::Duration;

use lambda_runtime::{Context, Error, LambdaEvent};
use serde_json::{Value, json};
use signalbox_domain::{ConnectionId, Slot, Timestamp};
use signalbox_keep_alive::{KeepAlive, Wake};
use signalbox_local_aws::{Fault, PostError};
use signalbox_provision::Provision;
use signalbox_startup::Keyless;
use signalbox_store::KeepAliveTable;

use crate::bed::{A, B, Bed, CHANNEL, versions};
use crate::events::Link;

const FUNCTION_TIME: Duration = Duration::from_secs(55);
const PERIOD: u64 = Slot::MINUTES as u64;

impl Bed {
    /// Connections are kept alive.
    pub async fn keeping_alive() -> Self {
        let mut bed = Self::new().await;
        let table = KeepAliveTable::new(bed.tables.clone(), "keep-alive".to_owned());
        table.create().await.unwrap();
        let _ = bed.dynamo.take();
        bed.context.keep_alive = Some(table);
        bed.provision = Provision::new(bed.context.clone());
        bed.keep_alive = Keyless::of(&bed.context).map(KeepAlive::new);
        bed
    }

    /// Runs the function `keep-alive`, as the schedule wakes it at this time, with so long until its deadline.
    pub async fn wake(&self, time: Timestamp, shard: u8, left: Duration) -> Result<(), Error> {
        let mut context = Context::default();
        context.deadline = self.now().plus(left).as_millis();
        let function = self.keep_alive.as_ref().expect("connections are kept alive");
        function.handle(LambdaEvent::new(Wake::new(time, shard), context)).await
    }
}

/// The minute within the next period at which a connection is due, and its shard.
pub(crate) fn due(bed: &Bed, connection: &str) -> (Timestamp, u8) {
    let connection: ConnectionId = connection.parse().unwrap();
    let minutes = (1..=PERIOD).map(|minute| Timestamp::from_secs((bed.now().as_secs() / 60 + minute) * 60));
    minutes
        .flat_map(|minute| Slot::SHARDS.map(move |shard| (minute, shard)))
        .find(|(minute, shard)| Slot::due(*minute, *shard).unwrap() == Slot::of(&connection))
        .unwrap()
}

/// Wakes all shards at each minute of the period that begins behind now.
async fn a_period(bed: &Bed) {
    for _ in 0..PERIOD {
        bed.pass(Duration::from_secs(60));
        for shard in Slot::SHARDS {
            bed.wake(bed.now(), shard, FUNCTION_TIME).await.unwrap();
        }
    }
}

async fn wake_for(bed: &Bed, connection: &str) {
    let (minute, shard) = due(bed, connection);
    bed.wake(minute, shard, FUNCTION_TIME).await.unwrap();
}

/// What was called since the last time: DynamoDB's operations, its units, and calls to `@connections`.
fn spent(bed: &Bed) -> (Vec<String>, f64, usize) {
    let calls = bed.dynamo.take();
    let units = calls.iter().map(|call| call.units).sum();
    (calls.into_iter().map(|call| call.operation).collect(), units, bed.posts.take_operations().len())
}

fn assert_units(is: f64, expected: f64) {
    assert!((is - expected).abs() < f64::EPSILON, "{is} units, not {expected}");
}

fn connection(number: usize) -> Link {
    let id: &'static str = Box::leak(format!("connection-{number}=").into_boxed_str());
    Link { id, connected: 1_000 }
}

#[tokio::test]
async fn each_connection_gets_one_keep_alive_in_a_period_and_nothing_is_scanned() {
    let bed = Bed::keeping_alive().await;
    let links: Vec<_> = (0..50).map(connection).collect();
    // The gateway's clock, which says when a connection was made, is the bed's.
    let connected = bed.now().as_millis();
    for link in &links {
        bed.terminal(Link { connected, ..*link }).await;
    }
    for _ in 0..2 {
        spent(&bed);
        a_period(&bed).await;
        for link in &links {
            assert_eq!(bed.peers.take(link.id), [json!({})], "{}", link.id);
        }
        let (operations, _, posts) = spent(&bed);
        assert!(operations.iter().all(|operation| operation == "Query"), "{operations:?}");
        assert_eq!((operations.len() as u64, posts), (PERIOD * 4, 50));
    }
}

#[tokio::test]
async fn it_costs_a_write_at_hello_and_half_a_read_for_a_slots_page() {
    let bed = Bed::keeping_alive().await;
    let now = Link { connected: bed.now().as_millis(), ..A };
    let uaid = bed.terminal(now).await;
    let (operations, units, _) = spent(&bed);
    assert_eq!(operations, ["TransactWriteItems", "UpdateItem", "PutItem"]);
    assert_units(units, 6.0);
    bed.disconnect(now).await;
    assert_eq!(spent(&bed).0, ["DeleteItem", "UpdateItem"], "no more than without");
    bed.peers.open(B.id);
    bed.hello(Link { connected: bed.now().as_millis(), ..B }, Some(&uaid)).await;
    let (operations, units, _) = spent(&bed);
    assert_eq!(operations, ["PutItem", "UpdateItem", "UpdateItem", "PutItem", "Query"]);
    assert_units(units, 5.0);
    wake_for(&bed, B.id).await;
    let (operations, units, posts) = spent(&bed);
    assert_eq!((operations, posts), (vec!["Query".to_owned()], 1));
    assert_units(units, 0.5);
    let lines = bed.take_lines();
    assert_eq!(lines.last().unwrap()["KeptAlive"], 1);
}

/// A connection that has ended is posted to once more, in vain, and drops out; its terminal may be on another one.
#[tokio::test]
async fn what_has_ended_drops_out() {
    let bed = Bed::keeping_alive().await;
    let links: Vec<_> = (0..60).map(connection).collect();
    let connected = bed.now().as_millis();
    for link in &links {
        bed.terminal(Link { connected, ..*link }).await;
        bed.peers.fail(link.id, PostError::Gone);
    }
    spent(&bed);
    a_period(&bed).await;
    let (operations, units, posts) = spent(&bed);
    let removals = operations.iter().filter(|operation| *operation == "BatchWriteItem").count();
    assert_eq!((operations.len() - removals, posts), (32, 60));
    assert!((1..=32).contains(&removals), "one for each slot that had any: {removals}");
    assert_units(units, 32.0 * 0.5 + 60.0);
    a_period(&bed).await;
    assert_eq!(
        (spent(&bed).2, bed.take_lines().iter().filter(|line| line.get("KeptAlive").is_some()).count()),
        (0, 0)
    );
}

/// Nothing else of a connection's end depends on it: who was found gone by it gets what waits on its next `hello`.
#[tokio::test]
async fn what_waits_comes_all_the_same() {
    let bed = Bed::keeping_alive().await;
    let uaid = bed.terminal(Link { connected: bed.now().as_millis(), ..A }).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(A.id, PostError::Gone);
    wake_for(&bed, A.id).await;
    bed.deliver(&token, 60).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 1);
}

/// API Gateway ends a connection after two hours: from then on it is not posted to, though DynamoDB deletes its row late.
#[tokio::test]
async fn a_connection_past_its_longest_life_is_passed_over() {
    let bed = Bed::keeping_alive().await;
    bed.terminal(Link { connected: bed.now().as_millis(), ..A }).await;
    bed.peers.take(A.id);
    bed.pass(Duration::from_secs(2 * 3600 - 600));
    a_period(&bed).await;
    assert_eq!(bed.peers.take(A.id).len(), 1);
    bed.pass(Duration::from_secs(120));
    spent(&bed);
    a_period(&bed).await;
    assert_eq!(spent(&bed).2, 0);
}

/// Whatever fails by waiting is left for the next time; the others are kept alive.
#[tokio::test]
async fn one_that_cannot_be_posted_to_holds_up_no_other() {
    let bed = Bed::keeping_alive().await;
    let connected = bed.now().as_millis();
    let links: Vec<_> = (0..3).map(connection).collect();
    for link in &links {
        bed.terminal(Link { connected, ..*link }).await;
    }
    bed.peers.fail(links[1].id, PostError::Internal);
    let taken = |link: &Link| bed.peers.take(link.id).iter().filter(|frame| **frame == json!({})).count();
    for link in &links {
        bed.peers.take(link.id);
    }
    a_period(&bed).await;
    assert_eq!(links.iter().map(taken).collect::<Vec<_>>(), [1, 0, 1]);
    bed.peers.open(links[1].id);
    a_period(&bed).await;
    assert_eq!(links.iter().map(taken).collect::<Vec<_>>(), [1, 1, 1]);
}

/// A slot that cannot be read is a failure, which Lambda repeats: the same event, for the same slot, however late.
#[tokio::test]
async fn a_slot_that_could_not_be_read_is_worked_on_again() {
    let bed = Bed::keeping_alive().await;
    bed.terminal(Link { connected: bed.now().as_millis(), ..A }).await;
    bed.peers.take(A.id);
    let (minute, shard) = due(&bed, A.id);
    bed.dynamo.intercept(|operation| (operation == "Query").then_some(Fault::FailsBefore));
    assert!(bed.wake(minute, shard, FUNCTION_TIME).await.is_err());
    bed.dynamo.intercept(|_| None);
    bed.pass(Duration::from_secs(90));
    for _ in 0..2 {
        bed.wake(minute, shard, FUNCTION_TIME).await.unwrap();
    }
    assert_eq!(bed.peers.take(A.id), [json!({}), json!({})], "twice does no harm");
}

/// What does not fit the function's time is not begun.
#[tokio::test]
async fn it_ends_in_time() {
    let bed = Bed::keeping_alive().await;
    bed.terminal(Link { connected: bed.now().as_millis(), ..A }).await;
    bed.peers.take(A.id);
    let (minute, shard) = due(&bed, A.id);
    bed.wake(minute, shard, Duration::from_secs(12)).await.unwrap();
    assert_eq!(bed.peers.take(A.id), Vec::<Value>::new());
}

/// That it fails costs no `hello`.
#[tokio::test]
async fn without_its_row_a_hello_goes_on() {
    let bed = Bed::keeping_alive().await;
    bed.dynamo.intercept(|operation| (operation == "PutItem").then_some(Fault::FailsBefore));
    bed.terminal(A).await;
    bed.token(A, CHANNEL, json!({})).await;
}
