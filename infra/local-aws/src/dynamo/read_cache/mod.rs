//! Items that have been read in batches, as they are told: what is read again and again is neither looked up nor written out
//! anew.

#[cfg(test)]
mod tests;

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

/// About so much is kept, in bytes: the two items of some 25,000 terminals.
const CAPACITY: u64 = 32 << 20;
/// Beside its key and its text, an item takes about so many bytes: its places in the cache's tables, and what two allocations cost.
const OVERHEAD: u64 = 128;
/// DynamoDB's limit for one batch.
const KEYS: usize = 100;
/// An answer of more bytes is left to the engine, which holds to DynamoDB's limit of 16 MB.
const ANSWER: usize = 4 << 20;

/// A cache of what the engine answers to `BatchGetItem`, and always the same as it.
///
/// It can be so because one process has the store: whatever is written goes by [`forget_item`](Self::forget_item) and its like
/// before the engine does it, and whoever holds this cache meanwhile keeps every other call out. The sweep alone writes beside
/// it, and [suspends](Self::suspend) it. Answers only plain requests, which name keys of text and nothing but a consistency;
/// all else is the engine's.
pub(super) struct ReadCache {
    /// The engine is changed beside it: nothing is answered, and nothing kept.
    suspended: bool,
    capacity: u64,
    items: Kept,
    /// The names of the key's attributes of each table of which something is kept, in order.
    keys: HashMap<String, Vec<String>>,
}

/// Items by their names, also that there is none.
pub(super) type Kept = Cache<Box<str>, Option<ToldItem>, Bytes>;

#[derive(Clone, Copy)]
pub(super) struct Bytes;

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
pub(super) struct ToldItem(Arc<RawValue>);

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
        Self { suspended: false, capacity, items: empty(capacity), keys: HashMap::new() }
    }

    /// The answer to a `BatchGetItem`, for which only what is not kept is read of the engine; none where all of it is for
    /// the engine to answer.
    pub(super) fn batch_get(
        &mut self,
        body: &[u8],
        read: impl FnOnce(BatchGetItemRequest) -> Result<BatchGetItemResponse, DynoxideError>,
    ) -> Option<Result<String, DynoxideError>> {
        if self.suspended {
            return None;
        }
        let Plain { tables } = serde_json::from_slice(body).ok()?;
        let count: usize = tables.values().map(|of| of.keys.len()).sum();
        if tables.is_empty() || count > KEYS || tables.values().any(|of| is_odd(&of.keys)) {
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

    /// From now on the engine is changed beside this.
    pub(super) fn suspend(&mut self) {
        self.suspended = true;
    }

    /// From now on it no longer is. Where it has been, everything is forgotten: what was kept is handed out, as it takes a while
    /// to drop.
    pub(super) fn resume(&mut self, changed: bool) -> Option<Kept> {
        self.suspended = false;
        changed.then(|| std::mem::replace(&mut self.items, empty(self.capacity)))
    }
}

fn empty(capacity: u64) -> Kept {
    const ABOUT: u64 = 512;
    Cache::with_weighter(usize::try_from(capacity / ABOUT).unwrap_or(usize::MAX), capacity, Bytes)
}

/// What DynamoDB refuses: no key, or one twice.
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
