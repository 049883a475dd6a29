use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A rate at which something may be done, whoever does it: one function's share of what the account may post (API Gateway's
/// requests a second, which the terminals' acknowledgements use too).
#[derive(Debug)]
pub struct Pace {
    between: Duration,
    /// When the next turn is.
    next: Mutex<Instant>,
}

impl Pace {
    /// So many turns a second.
    #[must_use]
    pub fn new(a_second: NonZeroU32) -> Self {
        let between = Duration::from_secs(1) / a_second.get();
        Self { between, next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn. What was not used before is lost: there are no bursts.
    pub async fn turn(&self) {
        let now = Instant::now();
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*next).max(now);
            *next = at + self.between;
            at
        };
        if at > now {
            tokio::time::sleep_until(at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_a_share_of_a_second_apart_and_are_not_saved_up() {
        let pace = Pace::new(NonZeroU32::new(100).unwrap());
        tokio::time::sleep(Duration::from_secs(5)).await;
        let began = Instant::now();
        for _ in 0..51 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed().as_millis(), 500);
    }
}
