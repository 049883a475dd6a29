use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So long a time without turns is made up for: what a worker needs between the posts of one page and those of the next, to
/// read, to store and to come by it.
const MADE_UP: Duration = Duration::from_millis(250);

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

    /// Waits for a turn. What was not used for a moment before comes now, at once; what was not used for longer is lost: a
    /// quarter of a second's turns is the largest burst.
    pub async fn turn(&self) {
        let now = Instant::now();
        let earliest = now.checked_sub(MADE_UP).unwrap_or(now);
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*next).max(earliest);
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

    /// So many turns, and how many milliseconds they take.
    async fn turns(pace: &Pace, count: u32) -> u128 {
        let began = Instant::now();
        for _ in 0..count {
            pace.turn().await;
        }
        began.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_a_share_of_a_second_apart() {
        let pace = Pace::new(NonZeroU32::new(100).unwrap());
        assert_eq!(turns(&pace, 51).await, 500);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_time_without_turns_is_not_saved_up() {
        let pace = Pace::new(NonZeroU32::new(100).unwrap());
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(turns(&pace, 26).await, 0);
        assert_eq!(turns(&pace, 50).await, 500);
    }

    /// A worker's pages, with the time between them, come to its rate.
    #[tokio::test(start_paused = true)]
    async fn what_is_missed_between_two_pages_is_made_up_for() {
        let pace = Pace::new(NonZeroU32::new(250).unwrap());
        let began = Instant::now();
        for _ in 0..10 {
            turns(&pace, 200).await;
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        assert!((8.0..8.13).contains(&seconds), "{seconds}");
    }
}
