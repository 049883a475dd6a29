//! Rows as DynamoDB's JSON, and what they cost.

use serde_json::Value;
use signalbox_domain::HashRange;
use signalbox_wire::base64url;

use crate::population::{Kind, Population};

/// A terminal's own row.
pub(super) fn terminal(all: &Population, number: u32, forgotten: bool) -> String {
    let id = all.terminal(number);
    let there = !forgotten && all.kind(number) != Kind::Absent;
    let connection = if there {
        format!(r#","connection":{{"S":"{}"}}"#, Population::connection(number))
    } else {
        String::new()
    };
    format!(
        r#"{{"pk":{{"S":"{id}"}},"sk":{{"S":"T"}},"state":{{"S":"provisioned"}}{connection},"connectedAt":{{"N":"1999999000000"}},"open":{{"BOOL":{there}}},"waiting":{{"N":"0"}},"urgency":{{"S":"very-low"}},"createdAt":{{"N":"1999000000000"}}}}"#
    )
}

/// Its session's row.
pub(super) fn session(all: &Population, number: u32) -> String {
    let (id, channel) = (all.terminal(number), all.channel(number));
    let key = format!(r#""pk":{{"S":"{id}"}},"sk":{{"S":"S#{channel}"}}"#);
    if all.kind(number) == Kind::Ended {
        return format!(r#"{{{key},"generation":{{"N":"1"}},"endedAt":{{"N":"1999999000000"}}}}"#);
    }
    let digest = base64url::encode_standard(all.token(number).as_bytes());
    format!(
        r#"{{{key},"generation":{{"N":"0"}},"takesIdentity":{{"BOOL":true}},"digest":{{"B":"{digest}"}},"issuedAt":{{"N":"1999000000000"}}}}"#
    )
}

/// Its row as a member of the audience whose partitions begin with this.
pub(super) fn member(all: &Population, number: u32, partition: &str) -> String {
    let (sk, digest) = (member_sort_key(all, number), base64url::encode_standard(all.token(number).as_bytes()));
    format!(r#"{{"pk":{{"S":"{partition}"}},"sk":{{"S":"{sk}"}},"token":{{"B":"{digest}"}}}}"#)
}

pub(super) fn member_sort_key(all: &Population, number: u32) -> String {
    format!("{:032x}#{}", all.id(number), all.channel(number))
}

/// What a member's row is counted as, in bytes: names and values.
pub(super) fn member_size(partition: &str) -> usize {
    "pksktoken".len() + partition.len() + 32 + 1 + 36 + 32
}

/// The part of the audience that a partition holds, by its name's end.
pub(super) fn shard(partition: &str) -> Option<u32> {
    let shard = partition.rsplit('#').next()?.parse().ok()?;
    (shard < signalbox_domain::SHARDS).then_some(shard)
}

/// Whether a member is kept there.
pub(super) fn is_in(all: &Population, number: u32, shard: u32) -> bool {
    HashRange::shard_of(&all.terminal(number)) == shard
}

/// What an item is counted as, in bytes.
pub(super) fn size(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes.map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|typed| typed.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("B", Value::String(text)) => text.len() / 4 * 3,
        ("N", Value::String(text)) => text.len() / 2 + 1,
        (_, Value::String(text)) => text.len(),
        ("L", Value::Array(values)) => 3 + values.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        _ => 1,
    }
}

/// Write units of an item of this size.
#[expect(clippy::cast_precision_loss, reason = "an item has 400 KB at most")]
pub(super) fn write_units(size: usize) -> f64 {
    size.div_ceil(1_024).max(1) as f64
}

/// Units of strong reads of this size.
#[expect(clippy::cast_precision_loss, reason = "an answer has 1 MB at most")]
pub(super) fn read_units(size: usize) -> f64 {
    size.div_ceil(4_096).max(1) as f64
}
