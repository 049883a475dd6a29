//! Rows as DynamoDB's JSON, and what they cost.

use serde_json::Value;
use signalbox_domain::SHARDS;
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
    let (sk, digest) =
        (member_sort_key(all, number), base64url::encode_standard(all.token(number).as_bytes()));
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
    (shard < SHARDS).then_some(shard)
}

/// The first 32 bits of the ids that are kept there, from and to.
pub(super) fn shard_bounds(shard: u32) -> (u32, u32) {
    let width = u32::MAX / SHARDS + 1;
    (shard * width, shard * width + (width - 1))
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

#[cfg(test)]
mod tests {
    use signalbox_domain::HashRange;

    use super::*;
    use crate::setting::Setting;

    #[test]
    fn the_made_up_parts_are_those_of_the_audience() {
        let all = Population::new(&Setting { members: 1_000, ..Setting::default() });
        for number in 0..1_000 {
            let (from, to) = shard_bounds(HashRange::shard_of(&all.terminal(number)));
            assert!(all.range(from, to).contains(&number), "{number}");
        }
    }

    #[test]
    fn an_item_is_counted_with_its_names() {
        let item = serde_json::json!({"pk": {"S": "abc"}, "n": {"N": "1234"}, "b": {"B": "AAAA"}});
        assert_eq!(size(&item), 2 + 3 + 1 + 3 + 1 + 3);
        assert!((write_units(1_025) - 2.0).abs() < 1e-9 && (read_units(4_096) - 1.0).abs() < 1e-9);
    }
}
