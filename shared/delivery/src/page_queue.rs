use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures_util::future::try_join_all;
use signalbox_aws::{describe, is_refused};
use signalbox_domain::Work;

use crate::work::write;

/// SQS's limit for one batch of messages.
const BATCH: usize = 10;
/// SQS's limit for one batch is 1 MiB.
const BATCH_BYTES: usize = 1_000_000;
/// So many batches are sent beside each other.
const AT_ONCE: usize = 8;
/// How often what a batch left undone is tried again.
const ROUNDS: u32 = 3;

/// The queue of pages: what is still to be done for jobs (R40).
#[derive(Debug, Clone)]
pub struct PageQueue {
    queue: Client,
    url: String,
}

/// The queue did not take all of it; some may be in it.
#[derive(Debug, thiserror::Error)]
pub enum NotQueued {
    /// SQS failed or could not be reached, after the SDK's retries.
    #[error("the queue of pages did not take it: {0}")]
    Unavailable(String),
    /// SQS refused it, and would again.
    #[error("the queue of pages refuses: {0}")]
    Refused(String),
}

impl NotQueued {
    /// Whether it may be taken a moment later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl PageQueue {
    /// The queue at this URL.
    #[must_use]
    pub fn new(queue: Client, url: String) -> Self {
        Self { queue, url }
    }

    /// Puts it into the queue, to be done after `delay`. 1 call for every 10 and each MB.
    ///
    /// # Errors
    /// [`NotQueued`].
    pub async fn send(&self, work: &[Work], delay: Duration) -> Result<(), NotQueued> {
        let bodies = work.iter().map(write).collect::<Result<Vec<_>, _>>();
        let bodies = bodies.map_err(|error| NotQueued::Refused(error.to_string()))?;
        let batches = batches(bodies);
        for some in batches.chunks(AT_ONCE) {
            try_join_all(some.iter().map(|batch| self.send_batch(batch, delay))).await?;
        }
        Ok(())
    }

    async fn send_batch(&self, bodies: &[String], delay: Duration) -> Result<(), NotQueued> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        let mut open: Vec<_> = bodies.iter().enumerate().collect();
        for _ in 0..ROUNDS {
            let entries = open.iter().map(|(place, body)| {
                SendMessageBatchRequestEntry::builder()
                    .id(place.to_string())
                    .message_body(*body)
                    .delay_seconds(seconds)
                    .build()
            });
            let entries =
                entries.collect::<Result<Vec<_>, _>>().map_err(|e| NotQueued::Refused(e.to_string()))?;
            let sent =
                self.queue.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
            let failed = sent.map_err(|error| not_queued(&error))?.failed;
            open.retain(|(place, _)| failed.iter().any(|entry| entry.id == place.to_string()));
            if open.is_empty() {
                return Ok(());
            }
        }
        Err(NotQueued::Unavailable(format!(
            "{} messages of a batch were left undone after every retry",
            open.len()
        )))
    }
}

fn not_queued<E: ProvideErrorMetadata>(error: &SdkError<E>) -> NotQueued {
    let told = describe(error);
    if is_refused(error) { NotQueued::Refused(told) } else { NotQueued::Unavailable(told) }
}

/// In order, as many together as a batch takes.
fn batches(bodies: Vec<String>) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for body in bodies {
        match batches.last_mut() {
            Some(last) if last.len() < BATCH && bytes + body.len() <= BATCH_BYTES => {
                bytes += body.len();
                last.push(body);
            }
            _ => {
                bytes = body.len();
                batches.push(vec![body]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_ten_messages_and_a_megabyte() {
        let sizes = |bodies: Vec<usize>| -> Vec<usize> {
            batches(bodies.into_iter().map(|bytes| "x".repeat(bytes)).collect())
                .iter()
                .map(Vec::len)
                .collect()
        };
        assert_eq!(sizes(vec![1; 25]), [10, 10, 5]);
        assert_eq!(sizes(vec![400_000; 5]), [2, 2, 1]);
        assert!(sizes(vec![]).is_empty());
    }
}
