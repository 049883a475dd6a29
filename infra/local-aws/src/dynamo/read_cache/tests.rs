use dynoxide::Database;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::dynamo::dispatch::Dispatch;

const TABLES: [&str; 2] = ["one", "other"];
const KEYS: [&str; 5] = ["a", "b", "1:c", "", "a\"b"];

/// A table with one attribute for a key, and one with two.
fn store() -> (Dispatch, Database) {
    let database = Database::memory().unwrap();
    let dispatch = Dispatch::to(database.clone());
    let attribute = |name| json!({"AttributeName": name, "AttributeType": "S"});
    let key = |name, kind| json!({"AttributeName": name, "KeyType": kind});
    for (table, attributes, keys) in [
        ("one", vec![attribute("pk")], vec![key("pk", "HASH")]),
        ("other", vec![attribute("pk"), attribute("sk")], vec![key("pk", "HASH"), key("sk", "RANGE")]),
    ] {
        let request = json!({"TableName": table, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes, "KeySchema": keys});
        asked(&dispatch, "CreateTable", &request);
    }
    (dispatch, database)
}

fn asked(dispatch: &Dispatch, operation: &str, request: &Value) -> Value {
    let (_, answer) = dispatch.answer(operation, request.to_string().as_bytes());
    serde_json::from_str(&answer).unwrap()
}

/// The key of the `n`th item of a table.
fn key(table: &str, n: usize) -> Value {
    let sort = KEYS[n % KEYS.len()];
    match table {
        "one" => json!({"pk": {"S": format!("{sort}x")}}),
        _ => json!({"pk": {"S": "p"}, "sk": {"S": format!("{sort}x")}}),
    }
}

fn item(table: &str, n: usize, value: u8) -> Value {
    let mut item = key(table, n);
    item["value"] = json!({"N": value.to_string()});
    item["more"] = json!({"M": {"text": {"S": "\u{e9}\n\""}, "set": {"SS": ["x", "y"]}}});
    item
}

#[derive(Debug, Clone)]
enum Act {
    Put(u8),
    Refused,
    Update(u8),
    Delete,
    BatchPut(u8),
    BatchDelete,
    TransactPut(u8),
    TransactUpdate(u8),
    TransactDelete,
    Read,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => any::<u8>().prop_map(Act::Put),
        1 => Just(Act::Refused),
        1 => any::<u8>().prop_map(Act::Update),
        1 => Just(Act::Delete),
        1 => any::<u8>().prop_map(Act::BatchPut),
        1 => Just(Act::BatchDelete),
        1 => any::<u8>().prop_map(Act::TransactPut),
        1 => any::<u8>().prop_map(Act::TransactUpdate),
        1 => Just(Act::TransactDelete),
        6 => Just(Act::Read),
    ]
}

/// The call, of the `n`th item of a table.
fn call(act: &Act, table: &str, n: usize) -> (&'static str, Value) {
    let key = key(table, n);
    let set = |value: u8| {
        json!({"TableName": table, "Key": key, "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": {"N": value.to_string()}}})
    };
    let batch = |write: Value| json!({"RequestItems": {table: [write]}});
    let transact = |write: Value| json!({"TransactItems": [write]});
    match act {
        Act::Put(value) => ("PutItem", json!({"TableName": table, "Item": item(table, n, *value)})),
        Act::Refused => (
            "PutItem",
            json!({"TableName": table, "Item": item(table, n, 0), "ConditionExpression": "attribute_exists(nothing)"}),
        ),
        Act::Update(value) => ("UpdateItem", set(*value)),
        Act::Delete => ("DeleteItem", json!({"TableName": table, "Key": key})),
        Act::BatchPut(value) => {
            ("BatchWriteItem", batch(json!({"PutRequest": {"Item": item(table, n, *value)}})))
        }
        Act::BatchDelete => ("BatchWriteItem", batch(json!({"DeleteRequest": {"Key": key}}))),
        Act::TransactPut(value) => (
            "TransactWriteItems",
            transact(json!({"Put": {"TableName": table, "Item": item(table, n, *value)}})),
        ),
        Act::TransactUpdate(value) => ("TransactWriteItems", transact(json!({"Update": set(*value)}))),
        Act::TransactDelete => {
            ("TransactWriteItems", transact(json!({"Delete": {"TableName": table, "Key": key}})))
        }
        Act::Read => unreachable!("it writes nothing"),
    }
}

/// Of these items of each table.
fn batch(read: &[usize]) -> Value {
    let keys = |table| json!({"Keys": read.iter().map(|n| key(table, *n)).collect::<Vec<_>>(), "ConsistentRead": true});
    json!({"RequestItems": {"one": keys("one"), "other": keys("other")}})
}

/// As the engine tells it without a cache.
fn by_engine(database: &Database, request: &Value) -> Value {
    match database.batch_get_item(serde_json::from_value(request.clone()).unwrap()) {
        Ok(answer) => serde_json::to_value(&answer).unwrap(),
        Err(error) => serde_json::from_str(&error.to_json()).unwrap(),
    }
}

/// The order in which items are told is nobody's business.
fn sorted(mut answer: Value) -> Value {
    for items in answer["Responses"].as_object_mut().into_iter().flat_map(|tables| tables.values_mut()) {
        items.as_array_mut().unwrap().sort_by_key(Value::to_string);
    }
    answer
}

proptest! {
    /// I1, I5: whatever is written, and by which call, a batch is told what the engine has.
    #[test]
    fn a_batch_is_told_what_the_engine_has(
        acts in proptest::collection::vec((act(), 0..2_usize, 0..KEYS.len()), 1..60),
        small: bool,
    ) {
        let (mut dispatch, database) = store();
        if small {
            dispatch.keep_reads(ReadCache::of(1_000));
        }
        let all: Vec<_> = (0..KEYS.len()).collect();
        for (act, table, n) in acts {
            if matches!(act, Act::Read) {
                // Also in part, so that a later one finds some of it.
                for read in [&all[n / 2..=n], &all[..=n], &all[n..]] {
                    let request = batch(read);
                    prop_assert_eq!(sorted(asked(&dispatch, "BatchGetItem", &request)), sorted(by_engine(&database, &request)));
                }
            } else {
                let (operation, request) = call(&act, TABLES[table], n);
                dispatch.answer(operation, request.to_string().as_bytes());
            }
        }
    }
}

/// What is not a plain request is answered as the engine does, refused or not, also where all of it is kept.
#[test]
fn what_is_not_plain_is_the_engines() {
    let (dispatch, database) = store();
    for n in 0..KEYS.len() {
        let (operation, request) = call(&Act::Put(1), "other", n);
        asked(&dispatch, operation, &request);
    }
    let (known, swapped) = (key("other", 0), json!({"pk": {"S": "ax"}, "sk": {"S": "p"}}));
    let hundred: Vec<_> = (0..101).map(|n| json!({"pk": {"S": "p"}, "sk": {"S": n.to_string()}})).collect();
    // All of it is kept.
    for known in [&hundred[..100], &hundred[100..], std::slice::from_ref(&known)] {
        asked(&dispatch, "BatchGetItem", &json!({"RequestItems": {"other": {"Keys": known}}}));
    }
    for of_table in [
        json!({"Keys": [known], "ProjectionExpression": "value"}),
        json!({"Keys": [known], "AttributesToGet": ["more"]}),
        json!({"Keys": [known, known]}),
        json!({"Keys": []}),
        json!({"Keys": hundred}),
        json!({"Keys": [swapped]}),
        json!({"Keys": [{"pk": {"S": "p"}}]}),
        json!({"Keys": [{"pk": {"S": "p"}, "sk": {"N": "1"}}]}),
        json!({"Keys": [{"pk": {"S": "p"}, "sk": {"S": "ax"}, "more": {"S": "p"}}]}),
        json!({"Keys": [{"PK": {"S": "p"}, "sk": {"S": "ax"}}]}),
        json!({"Keys": [known], "ConsistentRead": false}),
    ] {
        let request = json!({"RequestItems": {"other": of_table}});
        assert_eq!(
            sorted(asked(&dispatch, "BatchGetItem", &request)),
            sorted(by_engine(&database, &request)),
            "{request}"
        );
    }
    let nothing = json!({"RequestItems": {}});
    assert_eq!(asked(&dispatch, "BatchGetItem", &nothing), by_engine(&database, &nothing));
    let request = json!({"RequestItems": {"none": {"Keys": [known]}, "other": {"Keys": [known]}}});
    assert_eq!(asked(&dispatch, "BatchGetItem", &request), by_engine(&database, &request));
    let request = json!({"RequestItems": {"other": {"Keys": [known]}}, "ReturnConsumedCapacity": "TOTAL"});
    let answer = asked(&dispatch, "BatchGetItem", &request);
    assert_eq!(answer, by_engine(&database, &request));
    assert!(answer["ConsumedCapacity"].is_array());
}

/// No two items have one name.
#[test]
fn an_item_is_not_taken_for_another() {
    let (dispatch, database) = store();
    let item = |pk: &str, sk: &str| json!({"pk": {"S": pk}, "sk": {"S": sk}});
    asked(&dispatch, "PutItem", &json!({"TableName": "other", "Item": item("a", "skb")}));
    for key in [item("a", "skb"), item("ask", "b")] {
        let request = json!({"RequestItems": {"other": {"Keys": [key]}}});
        assert_eq!(asked(&dispatch, "BatchGetItem", &request), by_engine(&database, &request));
    }
}

/// What is kept is not read again, and no more is kept than there is room for.
#[test]
fn what_is_kept_is_not_read_again() {
    let (_, database) = store();
    let mut reads = ReadCache::of(CAPACITY);
    let mut asked = Vec::new();
    let mut get = |reads: &mut ReadCache, keys: &[usize]| {
        let body = json!({"RequestItems": {"one": {"Keys": keys.iter().map(|n| key("one", *n)).collect::<Vec<_>>()}}});
        let mut missing = 0;
        let answer = reads.batch_get(body.to_string().as_bytes(), |request| {
            missing = request.request_items["one"].keys.len();
            database.batch_get_item(request)
        });
        answer.unwrap().unwrap();
        asked.push(missing);
    };
    get(&mut reads, &[0, 1]);
    get(&mut reads, &[0, 1]);
    get(&mut reads, &[1, 2]);
    let mut none = ReadCache::of(0);
    get(&mut none, &[0]);
    get(&mut none, &[0]);
    assert_eq!(asked, [2, 0, 1, 1, 1]);
}

/// What is swept is not told any longer.
#[test]
fn what_is_swept_is_forgotten() {
    let (dispatch, database) = store();
    let expire =
        json!({"TableName": "one", "TimeToLiveSpecification": {"AttributeName": "value", "Enabled": true}});
    asked(&dispatch, "UpdateTimeToLive", &expire);
    let (operation, request) = call(&Act::Put(1), "one", 0);
    asked(&dispatch, operation, &request);
    let request = json!({"RequestItems": {"one": {"Keys": [key("one", 0)]}}});
    let told = asked(&dispatch, "BatchGetItem", &request);
    assert_eq!(told["Responses"]["one"].as_array().unwrap().len(), 1);
    assert_eq!(dispatch.sweep().unwrap(), 1);
    let told = asked(&dispatch, "BatchGetItem", &request);
    assert_eq!(told, by_engine(&database, &request));
    assert_eq!(told["Responses"]["one"].as_array().unwrap().len(), 0);
}

/// What a sweep deletes is gone for a batch as soon as for everybody else, also before the sweep has ended; and what is read
/// meanwhile is not kept.
#[test]
fn nothing_is_told_that_a_sweep_has_deleted() {
    let (dispatch, database) = store();
    let [first, second] = [0, 1].map(|n| json!({"RequestItems": {"one": {"Keys": [key("one", n)]}}}));
    for n in 0..2 {
        let (operation, request) = call(&Act::Put(1), "one", n);
        asked(&dispatch, operation, &request);
    }
    let told = |request: &Value| asked(&dispatch, "BatchGetItem", request);
    let is_told_as_it_is = |request: &Value| assert_eq!(told(request), by_engine(&database, request));
    let delete = |n| {
        let delete = json!({"TableName": "one", "Key": key("one", n)});
        database.delete_item(serde_json::from_value(delete).unwrap()).unwrap();
    };
    told(&first);
    let sweeping = dispatch.sweeping();
    delete(0);
    is_told_as_it_is(&first);
    is_told_as_it_is(&second);
    delete(1);
    drop(sweeping);
    is_told_as_it_is(&first);
    is_told_as_it_is(&second);
}

/// A sweep that finds nothing leaves what is kept.
#[test]
fn a_sweep_without_effect_forgets_nothing() {
    let (dispatch, database) = store();
    let (operation, request) = call(&Act::Put(1), "one", 0);
    asked(&dispatch, operation, &request);
    let request = json!({"RequestItems": {"one": {"Keys": [key("one", 0)]}}});
    let before = asked(&dispatch, "BatchGetItem", &request);
    assert_eq!(dispatch.sweep().unwrap(), 0);
    // Behind its back: only what is kept can tell it still.
    let delete = json!({"TableName": "one", "Key": key("one", 0)});
    database.delete_item(serde_json::from_value(delete).unwrap()).unwrap();
    assert_eq!(asked(&dispatch, "BatchGetItem", &request), before);
}
