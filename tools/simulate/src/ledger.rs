use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::population::{Kind, Population};

/// What each terminal has got, and what is stored for it.
#[derive(Debug)]
pub(crate) struct Ledger {
    seen: Vec<Seen>,
    /// The messages table: by terminal, then by sort key. Each as the JSON that was put.
    rows: HashMap<u32, Vec<(String, String)>>,
}

/// One terminal.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// The first version that came, as a hash; 0 where none has.
    version: u64,
    /// The first message that was stored, likewise.
    message: u64,
    /// Another version or another message.
    doubled: bool,
    frames: u16,
    acknowledged: bool,
    /// Frames after the acknowledgement.
    after: u16,
}

/// What has become of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// There, and have got the notification.
    pub delivered: u64,
    /// There, and have not.
    pub lost: u64,
    /// Have got it under two versions, or two messages were stored for them.
    pub doubled: u64,
    /// Frames beyond the first one: the same version again.
    pub repeated: u64,
    /// Frames that came after their acknowledgement had been taken.
    pub after_acknowledgement: u64,
    /// Messages that wait for terminals that are not there.
    pub waiting: u64,
    /// Messages that wait for terminals that are there.
    pub left_over: u64,
    /// Not there, and nothing waits for them.
    pub missed: u64,
    /// Got something though their sessions have ended.
    pub wronged: u64,
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().max(1)
}

impl Ledger {
    pub(crate) fn new(members: usize) -> Self {
        Self { seen: vec![Seen::default(); members], rows: HashMap::new() }
    }

    /// A frame has reached a terminal.
    pub(crate) fn frame(&mut self, number: u32, version: &str) {
        let (seen, version) = (&mut self.seen[number as usize], hash(version));
        seen.frames = seen.frames.saturating_add(1);
        seen.after += u16::from(seen.acknowledged);
        seen.doubled |= seen.version != 0 && seen.version != version;
        seen.version = version;
    }

    /// A message is stored.
    pub(crate) fn put(&mut self, number: u32, sort_key: &str, item: String) {
        let (seen, message) = (&mut self.seen[number as usize], hash(sort_key));
        seen.doubled |= seen.message != 0 && seen.message != message;
        seen.message = message;
        let rows = self.rows.entry(number).or_default();
        rows.retain(|(sk, _)| sk != sort_key);
        rows.push((sort_key.to_owned(), item));
    }

    /// The acknowledgement of a terminal is taken: nothing waits for it any more. How many messages did.
    pub(crate) fn acknowledge(&mut self, number: u32) -> usize {
        self.seen[number as usize].acknowledged = true;
        self.rows.remove(&number).map_or(0, |rows| rows.len())
    }

    pub(crate) fn row(&self, number: u32, sort_key: &str) -> Option<&str> {
        let rows = self.rows.get(&number)?;
        rows.iter().find(|(sk, _)| sk == sort_key).map(|(_, item)| item.as_str())
    }

    pub(crate) fn outcome(&self, all: &Population) -> Outcome {
        let mut outcome = Outcome::default();
        for ((kind, seen), number) in all.kinds().iter().zip(&self.seen).zip(0..) {
            let (got, waits) = (seen.frames > 0, self.rows.contains_key(&number));
            outcome.doubled += u64::from(seen.doubled);
            outcome.repeated += u64::from(seen.frames.saturating_sub(1));
            outcome.after_acknowledgement += u64::from(seen.after);
            match kind {
                Kind::Connected => {
                    outcome.delivered += u64::from(got);
                    outcome.lost += u64::from(!got);
                    outcome.left_over += u64::from(waits);
                }
                Kind::Absent | Kind::Gone => {
                    outcome.waiting += u64::from(waits);
                    outcome.missed += u64::from(!waits);
                    outcome.wronged += u64::from(got);
                }
                Kind::Ended => outcome.wronged += u64::from(got || waits),
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Setting;

    #[test]
    fn what_is_lost_doubled_or_repeated_is_told_apart() {
        let setting = Setting { members: 5, absent: 0.0, gone: 0.0, ended: 0.0, ..Setting::default() };
        let all = Population::new(&setting);
        let mut ledger = Ledger::new(all.len());
        ledger.frame(0, "a");
        ledger.frame(1, "a");
        ledger.frame(1, "b");
        ledger.frame(2, "a");
        ledger.acknowledge(2);
        ledger.frame(2, "a");
        ledger.frame(3, "a");
        ledger.put(3, "x", "{}".into());
        ledger.put(3, "y", "{}".into());
        let expected = Outcome {
            delivered: 4,
            lost: 1,
            doubled: 2,
            repeated: 2,
            after_acknowledgement: 1,
            left_over: 1,
            ..Outcome::default()
        };
        assert_eq!(ledger.outcome(&all), expected);
        assert_eq!(ledger.acknowledge(3), 2);
    }
}
