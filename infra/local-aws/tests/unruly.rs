//! Wires that misbehave do it as they are told, and otherwise not.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, DeleteRequest, KeySchemaElement, KeyType,
    ScalarAttributeType, WriteRequest,
};
use signalbox_local_aws::{Habits, InlineDynamo, Scope, Unruly, config};

const TABLE: &str = "things";

async fn store() -> Client {
    let engine = InlineDynamo::memory(|| 0).unwrap();
    let client = Client::new(&config(Unruly::dynamo(engine, InlineDynamo::memory(|| 0).unwrap())));
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    let attribute =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S);
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key)
        .attribute_definitions(attribute.build().unwrap())
        .send()
        .await
        .unwrap();
    client
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

async fn put(client: &Client, key: &str) -> bool {
    client.put_item().table_name(TABLE).item("pk", text(key)).send().await.is_ok()
}

async fn is_there(client: &Client, key: &str, consistent: bool) -> bool {
    let get = client.get_item().table_name(TABLE).key("pk", text(key)).consistent_read(consistent);
    get.send().await.unwrap().item.is_some()
}

fn scope(habits: Habits, dies_at: u32) -> Arc<Scope> {
    Scope::new(0, habits, 7, dies_at)
}

#[tokio::test(start_paused = true)]
async fn a_read_that_does_not_ask_for_consistency_may_be_stale() {
    let client = store().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(put(&client, "new").await);
    assert!(is_there(&client, "new", false).await, "outside of a scope nothing is stale");
    let scope = scope(Habits { stale: 1.0, ..Habits::default() }, 0);
    let looks = async { (is_there(&client, "new", false).await, is_there(&client, "new", true).await) };
    assert_eq!(scope.run(looks).await, Some((false, true)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(scope.run(is_there(&client, "new", false)).await, Some(true), "after a while it is seen");
    assert_eq!(scope.met(), 0, "that explains no failure");
}

#[tokio::test(start_paused = true)]
async fn a_call_fails_before_or_after_its_effect() {
    let client = store().await;
    for (habits, took_effect) in [
        (Habits { fails_before: 1.0, ..Habits::default() }, false),
        (Habits { fails_after: 1.0, ..Habits::default() }, true),
        (Habits { breaks_before: 1.0, ..Habits::default() }, false),
        (Habits { breaks_after: 1.0, ..Habits::default() }, true),
        (Habits { throttled: 1.0, ..Habits::default() }, false),
        (Habits { conflict: 1.0, ..Habits::default() }, false),
    ] {
        let key = format!("{habits:?}");
        let scope = scope(habits, 0);
        assert_eq!(scope.run(put(&client, &key)).await, Some(false), "{key}");
        assert_eq!(is_there(&client, &key, true).await, took_effect, "{key}");
        assert!(scope.met() > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_takes_effect() {
    let client = store().await;
    let scope = scope(Habits { hangs: 1.0, ..Habits::default() }, 0);
    let given_up = tokio::time::timeout(Duration::from_secs(1), scope.run(put(&client, "late"))).await;
    assert!(given_up.is_err());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(is_there(&client, "late", true).await);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_left_partly_undone_and_says_so() {
    const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let client = store().await;
    for key in KEYS {
        assert!(put(&client, key).await);
    }
    let deletions = KEYS.map(|key| {
        let delete = DeleteRequest::builder().key("pk", text(key)).build().unwrap();
        WriteRequest::builder().delete_request(delete).build()
    });
    let scope = scope(Habits { unprocessed: 1.0, ..Habits::default() }, 0);
    let answer = scope.run(client.batch_write_item().request_items(TABLE, deletions.to_vec()).send()).await;
    let left = answer.unwrap().unwrap().unprocessed_items.unwrap().remove(TABLE).unwrap();
    assert!((1..6).contains(&left.len()), "{left:?}");
    let there = client.scan().table_name(TABLE).send().await.unwrap().count();
    assert_eq!(there, i32::try_from(left.len()).unwrap());
}

/// Each call has two steps, before and after its effect.
#[tokio::test(start_paused = true)]
async fn work_dies_at_its_step() {
    let client = store().await;
    for (dies_at, first, second) in [(1, false, false), (2, true, false), (3, true, false), (4, true, true)] {
        let (a, b) = (format!("{dies_at}-a"), format!("{dies_at}-b"));
        let work = async {
            put(&client, &a).await;
            put(&client, &b).await
        };
        assert_eq!(scope(Habits::default(), dies_at).run(work).await, None);
        assert_eq!((is_there(&client, &a, true).await, is_there(&client, &b, true).await), (first, second));
    }
    assert_eq!(scope(Habits::default(), 3).run(put(&client, "one")).await, Some(true));
}

/// The same seed meets the same.
#[tokio::test(start_paused = true)]
async fn a_seed_repeats_itself() {
    let habits = Habits { fails_before: 0.5, latency: 9, slow: 0.2, ..Habits::default() };
    let mut told = Vec::new();
    for run in 0..2 {
        // The clients share a quota of retries by region.
        let client = store().await;
        let region = aws_sdk_dynamodb::config::Region::new(format!("seed-{run}"));
        let client = Client::from_conf(client.config().to_builder().region(region).build());
        let began = tokio::time::Instant::now();
        let work = async {
            let mut answers = Vec::new();
            for key in 0..20 {
                answers.push((put(&client, &key.to_string()).await, began.elapsed()));
            }
            answers
        };
        told.push(scope(habits.clone(), 0).run(work).await);
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].as_ref().unwrap().iter().any(|(done, _)| !done));
}
