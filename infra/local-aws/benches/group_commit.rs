//! What durable writes cost on this disk: puts and reads a second through the SDK's client, by how many are under way at
//! once. `cargo bench -p signalbox-local-aws`. Figures are for one machine; compare runs of one machine only.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use signalbox_local_aws::{DynamoWire, config};

const CALLS: u32 = 4000;

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().unwrap();
    let (wire, ..) = DynamoWire::open(&directory.path().join("bench.db")).unwrap();
    let client = Client::new(&config(wire));
    create_table(&client).await;
    for at_once in [1, 4, 32, 128] {
        println!("{at_once:>4} at once: {:>7.0} puts/s", rate(at_once, |n| put(client.clone(), n)).await);
    }
    for at_once in [1, 32] {
        println!("{at_once:>4} at once: {:>7.0} gets/s", rate(at_once, |n| get(client.clone(), n)).await);
    }
}

async fn rate<F: Future<Output = ()> + Send + 'static>(at_once: u32, call: impl Fn(u32) -> F) -> f64 {
    let next = Arc::new(AtomicU32::new(0));
    let (started, mut tasks) = (Instant::now(), tokio::task::JoinSet::new());
    for _ in 0..at_once {
        let calls: Vec<_> =
            (0..CALLS / at_once).map(|_| call(next.fetch_add(1, Ordering::Relaxed))).collect();
        tasks.spawn(async move {
            for call in calls {
                call.await;
            }
        });
    }
    tasks.join_all().await;
    f64::from(CALLS) / started.elapsed().as_secs_f64()
}

fn key(n: u32) -> AttributeValue {
    AttributeValue::S(format!("{n:08}"))
}

async fn put(client: Client, n: u32) {
    let body = AttributeValue::B(Blob::new(vec![7; 300]));
    client.put_item().table_name("bench").item("pk", key(n)).item("body", body).send().await.unwrap();
}

async fn get(client: Client, n: u32) {
    client.get_item().table_name("bench").key("pk", key(n)).consistent_read(true).send().await.unwrap();
}

async fn create_table(client: &Client) {
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    let attribute = AttributeDefinition::builder()
        .attribute_name("pk")
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap();
    let create = client.create_table().table_name("bench").billing_mode(BillingMode::PayPerRequest);
    create.key_schema(key).attribute_definitions(attribute).send().await.unwrap();
}
