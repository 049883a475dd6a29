use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::{Deserialize, Serialize};
use signalbox_domain::{NoSuchShard, Slot, Timestamp};

/// What the schedule says each minute, once to each shard: `{"time":"2026-11-24T18:12:00Z","shard":0}`. The time is the
/// schedule's and not that of the run, so that one that is late or repeated still works on its own slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    time: String,
    shard: u8,
}

/// It is not what the schedule says.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWake {
    /// The time.
    #[error("time {0:?} is no date and time")]
    Time(String),
    /// The shard.
    #[error(transparent)]
    Shard(#[from] NoSuchShard),
}

impl Wake {
    /// As the schedule says it.
    #[must_use]
    pub fn new(time: Timestamp, shard: u8) -> Self {
        let time = i64::try_from(time.as_secs()).ok().map(DateTime::from_secs);
        let time = time.and_then(|time| time.fmt(Format::DateTime).ok()).unwrap_or_default();
        Self { time, shard }
    }

    pub(crate) fn slot(&self) -> Result<Slot, InvalidWake> {
        let time = DateTime::from_str(&self.time, Format::DateTime);
        let seconds = time.ok().and_then(|time| u64::try_from(time.secs()).ok());
        let seconds = seconds.ok_or_else(|| InvalidWake::Time(self.time.clone()))?;
        Ok(Slot::due(Timestamp::from_secs(seconds), self.shard)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_schedule_says_names_a_slot() {
        let wake: Wake = serde_json::from_str(r#"{"time":"2026-11-24T18:12:00Z","shard":3}"#).unwrap();
        let time = Timestamp::from_secs(1_795_543_920);
        assert_eq!(wake.slot().unwrap(), Slot::due(time, 3).unwrap());
        assert_eq!(wake, Wake::new(time, 3));
    }

    #[test]
    fn anything_else_names_none() {
        for (time, shard) in [("", 0), ("yesterday", 0), ("1795543920", 0), ("2026-11-24T18:12:00Z", 4)] {
            let wake = Wake { time: time.to_owned(), shard };
            assert!(wake.slot().is_err(), "{wake:?}");
        }
    }
}
