//! Items that have been read in batches, as they are told: what is read again and again is neither looked up nor written out
//! anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use dynoxide::actions::batch_get_item::{BatchGetItemRequest, BatchGetItemResponse, KeysAndAttributes};
use dynoxide::actions::batch_write_item::BatchWriteItemRequest;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::{AttributeValue, DynoxideError, Item};
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::dispatch::told;

/// So much is kept, in bytes: the two items of some 30,000 terminals.
const CAPACITY: u64 = 32 << 20;
/// Beside its key and its text, an item takes about so many bytes.
const OVERHEAD: u64 = 96;
/// DynamoDB's limit for one batch.
const KEYS: usize = 100;
/// An answer of more bytes is left to the engine, which holds to DynamoDB's limit of 16 MB.
const ANSWER: usize = 4 << 20;

/// A cache of what the engine answers to `BatchGetItem`, and always the same as it.
///
/// It can be so because one process has the store: whatever is written goes by [`forget_item`](Self::forget_item) and its like
/// before the engine does it, and whoever holds this cache meanwhile keeps every other call out. Answers only plain requests,
/// which name keys of text and nothing but a consistency; all else is the engine's.
pub(super) struct ReadCache {
    items: Cache<Box<str>, Option<ToldItem>, Bytes>,
    /// The names of the key's attributes of each table of which something is kept, in order.
    keys: HashMap<String, Vec<String>>,
}

#[derive(Clone, Copy)]
struct Bytes;

impl Weighter<Box<str>, Option<ToldItem>> for Bytes {
    fn weight(&self, key: &Box<str>, item: &Option<ToldItem>) -> u64 {
        let text = item.as_ref().map_or(0, |item| item.0.get().len());
        OVERHEAD + (key.len() + text) as u64
    }
}

/// A `BatchGetItem` that this cache answers. What does not read as one (another parameter, an escape, a key that is not text) is
/// left to the engine, also to be refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'b> {
    #[serde(rename = "RequestItems", borrow)]
    tables: HashMap<&'b str, PlainKeys<'b>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainKeys<'b> {
    #[serde(rename = "Keys", borrow)]
    keys: Vec<PlainKey<'b>>,
    /// Makes no difference here: every read is consistent.
    #[serde(rename = "ConsistentRead", default)]
    _consistent: bool,
}

/// The attributes of a key by name.
type PlainKey<'b> = BTreeMap<&'b str, Text<'b>>;

#[derive(Deserialize, PartialEq, Eq, Hash)]
#[serde(deny_unknown_fields)]
struct Text<'b> {
    #[serde(rename = "S")]
    text: &'b str,
}

/// An item as it is told.
#[derive(Clone)]
struct ToldItem(Arc<RawValue>);

impl Serialize for ToldItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// An object without members.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a> {
    responses: HashMap<&'a str, Vec<ToldItem>>,
    unprocessed_keys: Nothing,
}

impl Default for ReadCache {
    fn default() -> Self {
        Self::of(CAPACITY)
    }
}

impl ReadCache {
    /// Which keeps so many bytes.
    fn of(capacity: u64) -> Self {
        const ABOUT: u64 = 512;
        let items = usize::try_from(capacity / ABOUT).unwrap_or(usize::MAX);
        Self { items: Cache::with_weighter(items, capacity, Bytes), keys: HashMap::new() }
    }

    /// The answer to a `BatchGetItem`, for which only what is not kept is read of the engine; none where all of it is for
    /// the engine to answer.
    pub(super) fn batch_get(
        &mut self,
        body: &[u8],
        read: impl FnOnce(BatchGetItemRequest) -> Result<BatchGetItemResponse, DynoxideError>,
    ) -> Option<Result<String, DynoxideError>> {
        let Plain { tables } = serde_json::from_slice(body).ok()?;
        let count: usize = tables.values().map(|of| of.keys.len()).sum();
        if count > KEYS || tables.values().any(|of| is_odd(&of.keys)) {
            return None;
        }
        let mut responses = HashMap::with_capacity(tables.len());
        let mut missing = HashMap::new();
        let mut name = String::new();
        for (table, PlainKeys { keys, .. }) in &tables {
            let mut kept = Vec::with_capacity(keys.len());
            for key in keys {
                match self.items.get(named(&mut name, table, key.iter().map(|(k, v)| (*k, v.text)))) {
                    Some(item) => kept.extend(item.clone()),
                    None => missing.entry(*table).or_insert_with(Vec::new).push(key),
                }
            }
            responses.insert(*table, kept);
        }
        if !missing.is_empty() {
            let answer = match read(request(&missing)) {
                Ok(answer) if answer.unprocessed_keys.is_empty() => answer,
                Ok(_) => return None,
                Err(error) => return Some(Err(error)),
            };
            if let Err(error) = self.keep(&missing, answer, &mut responses) {
                return Some(Err(error));
            }
        }
        let size: usize = responses.values().flatten().map(|item| item.0.get().len()).sum();
        (size <= ANSWER).then(|| told(&Told { responses, unprocessed_keys: Nothing {} }))
    }

    /// Keeps what has been read for these keys, also that there is nothing, and adds it to what is told.
    fn keep<'b>(
        &mut self,
        missing: &HashMap<&'b str, Vec<&PlainKey<'b>>>,
        mut answer: BatchGetItemResponse,
        responses: &mut HashMap<&'b str, Vec<ToldItem>>,
    ) -> Result<(), DynoxideError> {
        for (table, keys) in missing {
            let names: Vec<_> =
                keys.iter().take(1).flat_map(|key| key.keys().map(|k| (*k).to_owned())).collect();
            let mut found = HashMap::with_capacity(keys.len());
            for item in answer.responses.remove(*table).unwrap_or_default() {
                let text = serde_json::value::to_raw_value(&item)
                    .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
                let text = ToldItem(text.into());
                responses.entry(table).or_default().push(text.clone());
                if let Some(name) = name_of(table, &names, &item) {
                    found.insert(name, text);
                }
            }
            for key in keys {
                let mut name = String::new();
                named(&mut name, table, key.iter().map(|(k, v)| (*k, v.text)));
                let item = found.remove(&name);
                self.items.insert(name.into(), item);
            }
            self.keys.entry((*table).to_owned()).or_insert(names);
        }
        Ok(())
    }

    /// Forgets the item that is about to be written: of this table, with these attributes, its key's among them.
    pub(super) fn forget_item(&mut self, table: &str, attributes: &Item) {
        let Some(names) = self.keys.get(table) else { return };
        if let Some(name) = name_of(table, names, attributes) {
            self.items.remove(name.as_str());
        }
    }

    /// As [`forget_item`](Self::forget_item), of each that a batch writes.
    pub(super) fn forget_batch(&mut self, request: &BatchWriteItemRequest) {
        for (table, writes) in &request.request_items {
            for write in writes {
                let put = write.put_request.as_ref().map(|put| &put.item);
                let deleted = write.delete_request.as_ref().map(|delete| &delete.key);
                put.into_iter().chain(deleted).for_each(|attributes| self.forget_item(table, attributes));
            }
        }
    }

    /// As [`forget_item`](Self::forget_item), of each that a transaction writes.
    pub(super) fn forget_transaction(&mut self, request: &TransactWriteItemsRequest) {
        for item in &request.transact_items {
            let put = item.put.as_ref().map(|put| (&put.table_name, &put.item));
            let updated = item.update.as_ref().map(|update| (&update.table_name, &update.key));
            let deleted = item.delete.as_ref().map(|delete| (&delete.table_name, &delete.key));
            for (table, attributes) in [put, updated, deleted].into_iter().flatten() {
                self.forget_item(table, attributes);
            }
        }
    }

    /// Forgets everything.
    pub(super) fn forget_all(&mut self) {
        self.items.clear();
    }
}

/// What DynamoDB refuses.
fn is_odd(keys: &[PlainKey<'_>]) -> bool {
    keys.is_empty() || keys.iter().collect::<HashSet<_>>().len() < keys.len()
}

/// The name of an item: of its table and of its key's attributes, in the order of their names. No two items share one.
fn named<'n, 'a>(
    name: &'n mut String,
    table: &str,
    key: impl Iterator<Item = (&'a str, &'a str)>,
) -> &'n str {
    name.clear();
    for part in std::iter::once(table).chain(key.flat_map(|(name, value)| [name, value])) {
        // That nothing but a length comes before the colon is what keeps the parts apart.
        let _ = write!(name, "{}:", part.len());
        name.push_str(part);
    }
    name
}

/// None where an attribute of the key is not text, or not there: nothing is kept of such.
fn name_of(table: &str, names: &[String], attributes: &Item) -> Option<String> {
    let key: Option<Vec<_>> = names
        .iter()
        .map(|name| match attributes.get(name)? {
            AttributeValue::S(value) => Some((name.as_str(), value.as_str())),
            _ => None,
        })
        .collect();
    let mut name = String::new();
    named(&mut name, table, key?.into_iter());
    Some(name)
}

fn request(missing: &HashMap<&str, Vec<&PlainKey<'_>>>) -> BatchGetItemRequest {
    let text =
        |(name, value): (&&str, &Text<'_>)| ((*name).to_owned(), AttributeValue::S(value.text.to_owned()));
    let of_table = |keys: &Vec<&PlainKey<'_>>| KeysAndAttributes {
        keys: keys.iter().map(|key| key.iter().map(text).collect()).collect(),
        ..KeysAndAttributes::default()
    };
    BatchGetItemRequest {
        request_items: missing.iter().map(|(table, keys)| ((*table).to_owned(), of_table(keys))).collect(),
        ..BatchGetItemRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use dynoxide::Database;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::dispatch::Dispatch;
    use super::*;

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
        let hundred: Vec<_> =
            (0..101).map(|n| json!({"pk": {"S": "p"}, "sk": {"S": n.to_string()}})).collect();
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
        let request = json!({"RequestItems": {"none": {"Keys": [known]}, "other": {"Keys": [known]}}});
        assert_eq!(asked(&dispatch, "BatchGetItem", &request), by_engine(&database, &request));
        let request =
            json!({"RequestItems": {"other": {"Keys": [known]}}, "ReturnConsumedCapacity": "TOTAL"});
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
        let expire = json!({"TableName": "one", "TimeToLiveSpecification": {"AttributeName": "value", "Enabled": true}});
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
}
