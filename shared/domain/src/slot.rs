use std::fmt;

use aws_lc_rs::digest;

use crate::{ConnectionId, Timestamp};

/// A connection is kept alive once in so many minutes. API Gateway ends one after 10 without a message; a wake-up may come up
/// to a minute late, and what it does takes a part of another.
const PERIOD: u8 = 8;
/// A minute's connections are in so many parts, which are worked on beside each other.
const SHARDS: u8 = 4;

/// When a connection is kept alive, and by which part of the work: chosen by the connection's id alone. So nothing is looked
/// up to know it, connections that came together are spread over all slots, and writing it down twice is once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    minute: u8,
    shard: u8,
}

/// There are not so many shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {SHARDS} shards, and no {0}")]
pub struct NoSuchShard(pub u8);

impl Slot {
    /// So many minutes are between two of a connection's keep-alives.
    pub const MINUTES: u8 = PERIOD;
    /// The shards that there are.
    pub const SHARDS: std::ops::Range<u8> = 0..SHARDS;

    /// The slot of a connection.
    #[must_use]
    pub fn of(connection: &ConnectionId) -> Self {
        let hash = digest::digest(&digest::SHA256, connection.as_str().as_bytes());
        // Both numbers divide 256: all slots are as likely.
        match hash.as_ref() {
            [first, second, ..] => Self { minute: first % PERIOD, shard: second % SHARDS },
            _ => Self { minute: 0, shard: 0 },
        }
    }

    /// The slot that this shard works on at the minute which is nearest.
    ///
    /// # Errors
    /// Where there is no such shard.
    pub fn due(at: Timestamp, shard: u8) -> Result<Self, NoSuchShard> {
        if !Self::SHARDS.contains(&shard) {
            return Err(NoSuchShard(shard));
        }
        let minute = (at.as_secs() + 30) / 60 % u64::from(PERIOD);
        Ok(Self { minute: u8::try_from(minute).unwrap_or_default(), shard })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.minute, self.shard)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000;
    /// API Gateway's limit.
    const IDLE: u64 = 10 * MINUTE;

    fn any_connection() -> impl Strategy<Value = ConnectionId> {
        "[A-Za-z0-9_=-]{1,40}".prop_map(|id| id.parse().unwrap())
    }

    /// The slots that are due at this time.
    fn due(at: u64) -> Vec<Slot> {
        Slot::SHARDS.map(|shard| Slot::due(Timestamp::from_millis(at), shard).unwrap()).collect()
    }

    proptest! {
        /// Within each period, from whichever minute on, a connection's slot is due at one minute, in one shard.
        #[test]
        fn each_connection_is_due_once_in_each_period(connection in any_connection(), minute in 0..100_000_000_u64) {
            let slot = Slot::of(&connection);
            let minutes = (minute..minute + u64::from(PERIOD)).map(|minute| due(minute * MINUTE));
            let times = minutes.flatten().filter(|due| *due == slot).count();
            prop_assert_eq!(times, 1);
        }

        /// A wake-up is for its minute also where its time is half a minute off.
        #[test]
        fn a_wake_up_a_little_off_is_for_its_minute(minute in 1..100_000_000_u64, off in 0..60_000_u64) {
            prop_assert_eq!(due(minute * MINUTE), due(minute * MINUTE + off - 30_000));
        }

        /// No connection is silent for as long as API Gateway bears, whenever it has said `hello`, where each wake-up comes up
        /// to a minute late and has not yet come to it for up to 50 s more.
        #[test]
        fn no_connection_is_idle_for_too_long(
            connection in any_connection(),
            hello in 0..(100 * MINUTE),
            late in proptest::collection::vec(0..110_000_u64, 30),
        ) {
            let slot = Slot::of(&connection);
            let first = hello / MINUTE;
            let mut last = hello;
            for (minute, late) in (first..).zip(late) {
                let at = minute * MINUTE + late;
                if due(minute * MINUTE).contains(&slot) && at > hello {
                    prop_assert!(at - last < IDLE, "{} s", (at - last) / 1000);
                    last = at;
                }
            }
            prop_assert!(last > hello);
        }
    }

    #[test]
    fn connections_are_spread_over_all_slots() {
        const EACH: usize = 1_000;
        let slots = usize::from(PERIOD) * usize::from(SHARDS);
        let mut members = HashMap::new();
        for number in 0..slots * EACH {
            let connection = format!("connection-{number}=").parse().unwrap();
            *members.entry(Slot::of(&connection)).or_insert(0_usize) += 1;
        }
        assert_eq!(members.len(), slots);
        // Six standard deviations of a fair choice; these ids are always the same.
        assert!(members.values().all(|count| count.abs_diff(EACH) < 190), "{members:?}");
    }

    #[test]
    fn slots_have_different_names_and_there_is_no_fifth_shard() {
        let names: std::collections::HashSet<_> = (0..u64::from(PERIOD))
            .flat_map(|minute| due(minute * MINUTE))
            .map(|slot| slot.to_string())
            .collect();
        assert_eq!(names.len(), usize::from(PERIOD) * usize::from(SHARDS));
        assert_eq!(Slot::due(Timestamp::default(), SHARDS), Err(NoSuchShard(SHARDS)));
    }
}
