//! The table of fan-outs: jobs and their pages are kept, the audience and its members are made up.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::item::{member, member_size, member_sort_key, read_units, shard, shard_bounds, size, write_units};
use super::keyed::key;
use super::{Answer, Inner, table};
use crate::world::Table;

/// A query reads so much at most.
const LARGEST: usize = 1024 * 1024;

/// Jobs, pages, and what has changed of the audience.
#[derive(Debug, Default)]
pub(super) struct Fanouts {
    rows: BTreeMap<(String, String), String>,
    done: HashSet<String>,
    dropped: HashSet<u32>,
}

impl Fanouts {
    pub(super) fn row(&self, pk: &str, sk: &str) -> Option<String> {
        if pk.starts_with("A#") {
            return Some(r#"{"generation":{"N":"0"},"live":{"BOOL":true}}"#.to_owned());
        }
        self.rows.get(&(pk.to_owned(), sk.to_owned())).cloned()
    }

    pub(super) fn done(&self) -> u32 {
        u32::try_from(self.done.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn dropped(&self) -> usize {
        self.dropped.len()
    }
}

/// Where a partition key is: a job with all of its pages in one place, the audience's parts each in another.
pub(super) fn partition(pk: &str) -> u64 {
    if pk.starts_with("M#") { shard(pk).map_or(0, u64::from) } else { 0 }
}

impl Inner {
    /// A job, which must be new, or how far a page is. Or the body that the messages of a job share.
    pub(super) fn put(&self, request: &Value) -> Answer {
        let Some(table) = table(request) else { return Answer::Unknown };
        let item = &request["Item"];
        let (pk, sk) = key(item);
        if !self.world.write(table, partition(pk), write_units(size(item))) {
            return Answer::Throttled;
        }
        if table == Table::Messages {
            // Nobody reads it here: who is absent stays so.
            return Answer::Done("{}".to_owned());
        }
        let mut fanouts = self.fanouts();
        let place = (pk.to_owned(), sk.to_owned());
        if request["ConditionExpression"].is_string()
            && let Some(before) = fanouts.rows.get(&place)
        {
            return Answer::Refused(Some(before.clone()));
        }
        if item["state"]["S"] == "done" && fanouts.done.insert(sk.to_owned()) {
            self.world.meter.page_done();
        }
        fanouts.rows.insert(place, item.to_string());
        Answer::Done("{}".to_owned())
    }

    /// A member drops out.
    pub(super) fn drop_member(&self, request: &Value) -> Answer {
        let (pk, sk) = key(&request["Key"]);
        let id = sk.get(..32).and_then(|id| u128::from_str_radix(id, 16).ok());
        let number = id.and_then(|id| u32::try_from(id & u128::from(u32::MAX)).ok());
        let (Some(Table::Fanout), Some(number)) = (table(request), number) else { return Answer::Unknown };
        if !self.world.write(Table::Fanout, partition(pk), 1.0) {
            return Answer::Throttled;
        }
        self.fanouts().dropped.insert(number);
        Answer::Done("{}".to_owned())
    }

    pub(super) fn query_fanout(&self, request: &Value) -> Answer {
        let values = &request["ExpressionAttributeValues"];
        let text = |name: &str| values[name]["S"].as_str();
        match (text(":members"), text(":job")) {
            (Some(members), _) => self.members(
                request,
                members,
                text(":from").unwrap_or_default(),
                text(":to").unwrap_or_default(),
            ),
            (None, Some(job)) => self.pages(request, job),
            _ => Answer::Unknown,
        }
    }

    /// Members of a part, from the first to the last, a MB and as many as asked for at most; or how many.
    fn members(&self, request: &Value, partition: &str, from: &str, to: &str) -> Answer {
        let all = &self.world.population;
        let bits = |key: &str| u32::from_str_radix(key.get(..8)?, 16).ok();
        let (Some(from), Some(to), Some(shard)) = (bits(from), bits(to), shard(partition)) else {
            return Answer::Unknown;
        };
        // A partition holds its part of all ids.
        let (first, last) = shard_bounds(shard);
        let mut range = all.range(from.max(first), to.min(last));
        if let Some(after) = request["ExclusiveStartKey"]["sk"]["S"].as_str() {
            let id = after.get(..32).and_then(|id| u128::from_str_radix(id, 16).ok()).unwrap_or_default();
            range.start = u32::try_from((id & u128::from(u32::MAX)) + 1).unwrap_or(u32::MAX);
        }
        let most = u32::try_from(LARGEST / member_size(partition)).unwrap_or(u32::MAX);
        let limit = request["Limit"].as_u64().and_then(|limit| u32::try_from(limit).ok());
        let most = most.min(limit.unwrap_or(u32::MAX));
        let end = range.end.min(range.start.saturating_add(most));
        let fanouts = self.fanouts();
        let there = (range.start..end).filter(|number| !fanouts.dropped.contains(number));
        let there: Vec<_> = there.collect();
        let units = read_units(there.len() * member_size(partition));
        if !self.world.read(Table::Fanout, super::fanout::partition(partition), units) {
            return Answer::Throttled;
        }
        let mut body = format!(r#"{{"Count":{}"#, there.len());
        if request["Select"] != "COUNT" {
            let items: Vec<_> = there.iter().map(|number| member(all, *number, partition)).collect();
            let _ = write!(body, r#","Items":[{}]"#, items.join(","));
        }
        if end < range.end {
            let sk = member_sort_key(all, end - 1);
            let _ = write!(body, r#","LastEvaluatedKey":{{"pk":{{"S":"{partition}"}},"sk":{{"S":"{sk}"}}}}"#);
        }
        Answer::Done(body + "}")
    }

    /// The pages of a job, a MB at most.
    fn pages(&self, request: &Value, job: &str) -> Answer {
        let fanouts = self.fanouts();
        let after = request["ExclusiveStartKey"]["sk"]["S"].as_str().unwrap_or("P#");
        let from = (job.to_owned(), after.to_owned());
        let rows = fanouts.rows.range(from..(job.to_owned(), "P$".to_owned()));
        let (mut items, mut bytes, mut last) = (Vec::new(), 0, None);
        for ((_, sk), row) in rows.filter(|((_, sk), _)| sk != after) {
            if bytes + row.len() > LARGEST {
                last = items.last().map(|(sk, _): &(&String, &String)| (*sk).clone());
                break;
            }
            bytes += row.len();
            items.push((sk, row));
        }
        if !self.world.read(Table::Fanout, partition(job), read_units(bytes)) {
            return Answer::Throttled;
        }
        let rows: Vec<_> = items.iter().map(|(_, row)| row.as_str()).collect();
        let mut body = format!(r#"{{"Count":{},"Items":[{}]"#, rows.len(), rows.join(","));
        if let Some(sk) = last {
            let _ = write!(body, r#","LastEvaluatedKey":{{"pk":{{"S":"{job}"}},"sk":{{"S":"{sk}"}}}}"#);
        }
        Answer::Done(body + "}")
    }
}
