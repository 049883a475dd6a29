use std::time::Duration;

use aws_sdk_sqs::Client;
use signalbox_aws::describe;
use signalbox_telemetry::{Count, Metrics};

use crate::Owed;

/// Failures after which the pauses grow no more.
const DOUBLINGS: u32 = 5;

/// The queue of drains: what is owed to terminals, until it has been posted (I8, I12).
#[derive(Debug, Clone)]
pub struct DrainQueue {
    queue: Client,
    url: String,
    metrics: Metrics,
}

/// What is owed could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("the queue of drains did not take it: {0}")]
pub struct NotOwed(String);

impl DrainQueue {
    /// The queue at this URL; what is put into it is counted there.
    #[must_use]
    pub fn new(queue: Client, url: String, metrics: Metrics) -> Self {
        Self { queue, url, metrics }
    }

    /// Counts there from now on.
    #[must_use]
    pub fn counting(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Owes it: at once where nothing has failed yet, else after a pause that doubles from 2 s to a minute. 1 call.
    ///
    /// # Errors
    /// [`NotOwed`].
    pub async fn owe(&self, owed: &Owed) -> Result<(), NotOwed> {
        let body = serde_json::to_string(owed).map_err(|error| NotOwed(error.to_string()))?;
        let seconds = i32::try_from(pause(owed.failures).as_secs()).unwrap_or(i32::MAX);
        let sent =
            self.queue.send_message().queue_url(&self.url).message_body(body).delay_seconds(seconds).send();
        sent.await.map_err(|error| NotOwed(describe(&error)))?;
        self.metrics.one(Count::Owed);
        Ok(())
    }
}

fn pause(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        _ => Duration::from_secs(2 << (failures - 1).min(DOUBLINGS)).min(Duration::from_secs(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pauses = [0, 1, 2, 3, 5, 6, 7, 1000].map(|failures| pause(failures).as_secs());
        assert_eq!(pauses, [0, 2, 4, 8, 32, 60, 60, 60]);
    }
}
