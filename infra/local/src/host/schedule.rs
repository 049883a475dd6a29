//! Functions that are woken by the clock.

use std::time::Duration;

use signalbox_domain::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

const MINUTE: u64 = 60_000;

/// The minutes as they begin. One that is missed, as the machine slept or the one before took too long, is left out.
pub(super) struct Minutes {
    clock: Clock,
    last: Timestamp,
}

impl Minutes {
    pub(super) fn new(clock: Clock) -> Self {
        let last = clock.now();
        Self { clock, last }
    }

    /// Waits for the next one to begin, and says which it is; none where the host stops before.
    pub(super) async fn next(&mut self, stop: &CancellationToken) -> Option<Timestamp> {
        let now = self.clock.now();
        // Not the same one twice, should the clock be a little behind the timer.
        let minute = Timestamp::from_millis((now.max(self.last).as_millis() / MINUTE + 1) * MINUTE);
        let until_then = Duration::from_millis(minute.as_millis() - now.as_millis());
        if tokio::time::timeout(until_then, stop.cancelled()).await.is_ok() {
            return None;
        }
        self.last = minute;
        Some(minute)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Minutes past the hour, and when each came.
    async fn woken(takes: &[u64]) -> Vec<(u64, u64)> {
        let begun = Instant::now();
        // Half past a minute, and then by tokio's own time, which the test runtime lets pass at once.
        let at = move || 30_000 + u64::try_from(begun.elapsed().as_millis()).unwrap();
        let mut minutes = Minutes::new(Clock::new(move || Timestamp::from_millis(at())));
        let (stop, mut woken) = (CancellationToken::new(), Vec::new());
        for seconds in takes {
            let minute = minutes.next(&stop).await.unwrap();
            woken.push((minute.as_millis() / MINUTE, at() / 1000));
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
        }
        stop.cancel();
        assert_eq!(minutes.next(&stop).await, None);
        woken
    }

    #[tokio::test(start_paused = true)]
    async fn each_minute_comes_once_at_its_beginning() {
        assert_eq!(woken(&[0, 59, 1, 0]).await, [(1, 60), (2, 120), (3, 180), (4, 240)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_that_was_missed_is_left_out() {
        assert_eq!(woken(&[0, 100, 0]).await, [(1, 60), (2, 120), (4, 240)]);
    }
}
