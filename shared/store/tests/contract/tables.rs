use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, KeySchemaElement};
use signalbox_local_aws::{DynamoWire, Fault};
use signalbox_store::{KeepAliveTable, TableNames};

use crate::fixture::{Fixture, arrival, assert_unavailable, client, table_names};

/// What the cloud's tables are made from.
const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// A table, as far as the store depends on it.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    /// Each key attribute with its role, the partition key first.
    key: Vec<(String, String)>,
    /// Each attribute that is declared, with its type.
    attributes: BTreeSet<(String, String)>,
    /// The attribute by which what has expired is deleted.
    ttl: Option<String>,
}

// create

#[tokio::test]
async fn tables_are_made_once() {
    let on = Fixture::without_tables();
    let recorded = client(on.recorder.clone());
    table_names().create(&recorded).await.unwrap();
    on.assert_calls(&["CreateTable", "DescribeTimeToLive", "UpdateTimeToLive"].repeat(5));
    table_names().create(&recorded).await.unwrap();
    on.assert_calls(&["CreateTable", "DescribeTimeToLive"].repeat(5));
}

/// I9: a start that ended between making a table and enabling its expiry is made good by the next.
#[tokio::test]
async fn expiry_is_enabled_after_a_start_that_was_cut_short() {
    let on = Fixture::without_tables();
    let recorded = client(on.recorder.clone());
    on.recorder.intercept(|operation| (operation == "UpdateTimeToLive").then_some(Fault::FailsBefore));
    assert_unavailable(table_names().create(&recorded).await);
    on.recorder.intercept(|_| None);
    let _ = on.recorder.take();
    table_names().create(&recorded).await.unwrap();
    on.assert_calls(&["CreateTable", "DescribeTimeToLive", "UpdateTimeToLive"].repeat(5));
}

/// A start finds what an earlier one has stored.
#[tokio::test]
async fn tables_that_are_there_keep_what_they_hold() {
    let on = Fixture::new().await;
    let before = on.given_provisioned(&arrival("c1", 0, "h1")).await;
    table_names().create(&on.raw).await.unwrap();
    assert_eq!(on.terminal().await, before);
}

#[tokio::test]
async fn a_failure_to_make_tables_is_an_error() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = Fixture::without_tables();
        on.fail(fault);
        assert_unavailable(table_names().create(&client(on.recorder.clone())).await);
    }
}

// The cloud's tables

/// Both homes have the same tables: what the store creates, and what the template deploys.
#[tokio::test]
async fn the_template_deploys_the_tables_that_the_store_creates() {
    let names = TableNames {
        terminals: referred_to("SIGNALBOX_TABLE_TERMINALS"),
        messages: referred_to("SIGNALBOX_TABLE_MESSAGES"),
        connections: referred_to("SIGNALBOX_TABLE_CONNECTIONS"),
        fanout: referred_to("SIGNALBOX_TABLE_FANOUT"),
        applications: referred_to("SIGNALBOX_TABLE_APPLICATIONS"),
    };
    let keep_alive = referred_to("SIGNALBOX_TABLE_KEEP_ALIVE");
    assert_eq!(deployed(), created(&names, &keep_alive).await);
}

/// The tables that the store makes, read back from the engine.
async fn created(names: &TableNames, keep_alive: &str) -> BTreeMap<String, Table> {
    let (engine, ..) = DynamoWire::memory().unwrap();
    let dynamo = client(engine);
    names.create(&dynamo).await.unwrap();
    KeepAliveTable::new(dynamo.clone(), keep_alive.to_owned()).create().await.unwrap();
    let mut tables = BTreeMap::new();
    for (name, key) in names.schema().into_iter().chain([(keep_alive, KeepAliveTable::KEY)]) {
        let table = describe(&dynamo, name).await;
        assert!(table.key.iter().map(|(attribute, _)| attribute).eq(key), "{table:?}");
        tables.insert(name.to_owned(), table);
    }
    tables
}

async fn describe(dynamo: &Client, name: &str) -> Table {
    let table = dynamo.describe_table().table_name(name).send().await.unwrap().table.unwrap();
    let ttl = dynamo.describe_time_to_live().table_name(name).send().await.unwrap();
    let key = |part: &KeySchemaElement| (part.attribute_name.clone(), part.key_type.to_string());
    let attribute =
        |part: &AttributeDefinition| (part.attribute_name.clone(), part.attribute_type.to_string());
    Table {
        key: table.key_schema().iter().map(key).collect(),
        attributes: table.attribute_definitions().iter().map(attribute).collect(),
        ttl: ttl.time_to_live_description.and_then(|ttl| ttl.attribute_name),
    }
}

/// The tables of the template, by their logical ids.
fn deployed() -> BTreeMap<String, Table> {
    let tables = blocks().into_iter().filter(Block::is_table);
    tables.map(|block| (block.id.to_owned(), block.table())).collect()
}

/// The logical id that the functions get as this variable, where they get it.
fn referred_to(variable: &str) -> String {
    let line = TEMPLATE.lines().find_map(|line| line.trim().strip_prefix(variable));
    let reference = line.and_then(|line| line.split_once("!Ref ")).expect("each table has a variable").1;
    reference.split(',').next().unwrap_or_default().to_owned()
}

/// What stands in the template below a key that is indented by two: each resource, among others.
struct Block {
    id: &'static str,
    words: Vec<&'static str>,
}

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in TEMPLATE.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let key = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'));
        match key.filter(|key| key.chars().all(char::is_alphanumeric)) {
            Some(id) => blocks.push(Block { id, words: Vec::new() }),
            None => blocks.last_mut().into_iter().for_each(|block| block.words.extend(words(line))),
        }
    }
    blocks
}

/// Without the signs between them, YAML's short form reads like its long one.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

impl Block {
    fn is_table(&self) -> bool {
        self.words.windows(4).any(|four| four == ["Type", "AWS", "DynamoDB", "Table"])
    }

    fn table(&self) -> Table {
        let ttl = self.attributes_with("Enabled").into_iter().find(|(_, enabled)| enabled == "true");
        Table {
            key: self.attributes_with("KeyType"),
            attributes: self.attributes_with("AttributeType").into_iter().collect(),
            ttl: ttl.map(|(attribute, _)| attribute),
        }
    }

    /// Each attribute that is named with this field, and the field's value.
    fn attributes_with(&self, field: &str) -> Vec<(String, String)> {
        let named = self.words.windows(4).filter(|four| four[0] == "AttributeName" && four[2] == field);
        named.map(|four| (four[1].to_owned(), four[3].to_owned())).collect()
    }
}
