use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::dispatch::Answer;

/// A store that goes on failing is told of once in a while, not at each call.
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// On a disk that is nearly full small writes succeed between those that fail.
const WELL_AFTER: Duration = Duration::from_secs(5);

/// Whether the store takes what is written, as far as its log is concerned.
pub(super) struct Health {
    store: PathBuf,
    trouble: Option<Trouble>,
}

struct Trouble {
    said: Instant,
    last: Instant,
    /// Since it was said.
    failed: u64,
}

impl Health {
    /// Of the store in this file.
    pub(super) fn of(store: PathBuf) -> Self {
        Self { store, trouble: None }
    }

    /// Notes how a call ended; says so where it is news.
    pub(super) fn note(&mut self, operation: &str, writes: bool, answer: &Answer, now: Instant) {
        if answer.0 >= 500 {
            if let Some(failed) = self.failed(now) {
                let error = reason(answer);
                tracing::error!(
                    store = %self.store.display(), operation, error, failed,
                    "the store fails; what it does not take is refused"
                );
            }
        } else if writes && answer.0 == 200 && self.well(now) {
            tracing::warn!(store = %self.store.display(), "the store works again");
        }
    }

    /// How many calls have failed since that was said, where it is to be said now.
    fn failed(&mut self, now: Instant) -> Option<u64> {
        let Some(trouble) = &mut self.trouble else {
            self.trouble = Some(Trouble { said: now, last: now, failed: 0 });
            return Some(1);
        };
        trouble.failed += 1;
        trouble.last = now;
        if now.duration_since(trouble.said) < SAY_AGAIN {
            return None;
        }
        trouble.said = now;
        Some(std::mem::take(&mut trouble.failed))
    }

    /// Whether trouble has ended with this.
    fn well(&mut self, now: Instant) -> bool {
        self.trouble.take_if(|trouble| now.duration_since(trouble.last) >= WELL_AFTER).is_some()
    }
}

/// The engine's own words.
fn reason(answer: &Answer) -> String {
    let error: Value = serde_json::from_str(&answer.1).unwrap_or_default();
    error["message"].as_str().unwrap_or_default().trim_start_matches("backend: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_said_once_in_a_while_and_its_end_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut health = Health::of("store".into());
        assert!(!health.well(at(0)), "there was no trouble");
        assert_eq!(health.failed(at(1)), Some(1));
        assert_eq!(health.failed(at(2)), None);
        assert_eq!(health.failed(at(60)), None);
        assert_eq!(health.failed(at(61)), Some(3));
        assert!(!health.well(at(63)), "a small write that found room is not the end");
        assert_eq!(health.failed(at(64)), None);
        assert!(health.well(at(70)));
        assert!(!health.well(at(71)));
        assert_eq!(health.failed(at(72)), Some(1));
    }

    #[test]
    fn the_reason_is_the_engines() {
        let answer = (500, r#"{"__type":"x","message":"backend: database or disk is full"}"#.to_owned());
        assert_eq!(reason(&answer), "database or disk is full");
    }
}
