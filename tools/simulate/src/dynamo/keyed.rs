//! Calls that name the rows they want: terminals, sessions, messages, jobs and pages.

use serde_json::{Value, json};

use super::item::{read_units, session, size, terminal, write_units};
use super::{Answer, Inner, table};
use crate::world::{Table, World};

/// The key that an item or a key has.
pub(super) fn key(of: &Value) -> (&str, &str) {
    let text = |name| of[name]["S"].as_str().unwrap_or_default();
    (text("pk"), text("sk"))
}

/// What reading a row comes to.
enum Read {
    Throttled,
    Nothing,
    Row(String),
}

impl Inner {
    pub(super) fn batch_get(&self, request: &Value) -> Answer {
        let Some((name, keys)) = request["RequestItems"].as_object().and_then(|tables| tables.iter().next())
        else {
            return Answer::Unknown;
        };
        let (Some(table), Some(keys)) = (Table::of(name), keys["Keys"].as_array()) else {
            return Answer::Unknown;
        };
        let (mut rows, mut left) = (Vec::with_capacity(keys.len()), Vec::new());
        for key in keys {
            match self.read(table, key) {
                Read::Row(row) => rows.push(row),
                Read::Nothing => {}
                Read::Throttled => left.push(key),
            }
        }
        if left.len() == keys.len() {
            return Answer::Throttled;
        }
        let left =
            if left.is_empty() { json!({}) } else { json!({ name: {"Keys": left, "ConsistentRead": true} }) };
        Answer::Done(format!(r#"{{"Responses":{{"{name}":[{}]}},"UnprocessedKeys":{left}}}"#, rows.join(",")))
    }

    pub(super) fn get(&self, request: &Value) -> Answer {
        let Some(table) = table(request) else { return Answer::Unknown };
        match self.read(table, &request["Key"]) {
            Read::Throttled => Answer::Throttled,
            Read::Nothing => Answer::Done("{}".to_owned()),
            Read::Row(row) => Answer::Done(format!(r#"{{"Item":{row}}}"#)),
        }
    }

    fn read(&self, table: Table, wanted: &Value) -> Read {
        let (pk, sk) = key(wanted);
        let world = &self.world;
        if table == Table::Fanout {
            let row = self.fanouts().row(pk, sk);
            let units = row.as_ref().map_or(1.0, |row| read_units(row.len()));
            return match row {
                _ if !world.read(table, super::fanout::partition(pk), units) => Read::Throttled,
                None => Read::Nothing,
                Some(row) => Read::Row(row),
            };
        }
        let number = world.population.number(pk);
        // Rows of terminals and messages have less than 4 KB.
        if !world.read(table, World::partition(number.unwrap_or_default()), 1.0) {
            return Read::Throttled;
        }
        let Some(number) = number else { return Read::Nothing };
        let row = match table {
            Table::Messages => world.ledger().row(number, sk).map(ToOwned::to_owned),
            _ if sk == "T" => Some(terminal(&world.population, number, self.forgotten()[number as usize])),
            _ => (sk.strip_prefix("S#") == Some(&world.population.channel(number).to_string()))
                .then(|| session(&world.population, number)),
        };
        row.map_or(Read::Nothing, Read::Row)
    }

    /// Puts messages.
    pub(super) fn batch_write(&self, request: &Value) -> Answer {
        let Some((name, writes)) =
            request["RequestItems"].as_object().and_then(|tables| tables.iter().next())
        else {
            return Answer::Unknown;
        };
        let (Some(Table::Messages), Some(writes)) = (Table::of(name), writes.as_array()) else {
            return Answer::Unknown;
        };
        let mut left = Vec::new();
        for write in writes {
            let item = &write["PutRequest"]["Item"];
            let (pk, sk) = key(item);
            let Some(number) = self.world.population.number(pk) else { return Answer::Unknown };
            if self.world.write(Table::Messages, World::partition(number), write_units(size(item))) {
                self.world.ledger().put(number, sk, item.to_string());
            } else {
                left.push(write);
            }
        }
        if left.len() == writes.len() {
            return Answer::Throttled;
        }
        let left = if left.is_empty() { json!({}) } else { json!({ name: left }) };
        Answer::Done(format!(r#"{{"UnprocessedItems":{left}}}"#))
    }

    /// A terminal's connection is no more, if it is this one: the only update that a fan-out makes.
    pub(super) fn forget(&self, request: &Value) -> Answer {
        let number = self.world.population.number(key(&request["Key"]).0);
        let (Some(Table::Terminals), Some(number)) = (table(request), number) else { return Answer::Unknown };
        if !self.world.write(Table::Terminals, World::partition(number), 1.0) {
            return Answer::Throttled;
        }
        let row = terminal(&self.world.population, number, self.forgotten()[number as usize]);
        let named = request["ExpressionAttributeValues"][":connection"]["S"].as_str().unwrap_or_default();
        if !row.contains(&format!(r#""connection":{{"S":"{named}"}}"#)) {
            return Answer::Refused(Some(row));
        }
        self.forgotten()[number as usize] = true;
        Answer::Done("{}".to_owned())
    }

    /// One message, by its terminal and its place.
    pub(super) fn query_message(&self, request: &Value) -> Answer {
        let values = &request["ExpressionAttributeValues"];
        let text = |name: &str| values[name]["S"].as_str().unwrap_or_default();
        let Some(number) = self.world.population.number(text(":terminal")) else { return Answer::Unknown };
        if !self.world.read(Table::Messages, World::partition(number), 1.0) {
            return Answer::Throttled;
        }
        let ledger = self.world.ledger();
        let row = ledger.row(number, text(":at")).unwrap_or_default();
        Answer::Done(format!(r#"{{"Items":[{row}],"Count":{}}}"#, u8::from(!row.is_empty())))
    }
}
