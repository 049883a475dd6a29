//! What the queues have been sent, and what they wake.

use std::time::Duration;

use super::Bed;
use crate::events::{drain_event, page_event};

impl Bed {
    /// What has been sent to the queue of drains since the last time: bodies, and the seconds until each is received.
    pub fn owed(&self) -> Vec<(String, u64)> {
        let sent = self.queues.take().into_iter().map(|call| {
            let body = call.request["MessageBody"].as_str().unwrap().to_owned();
            (body, call.request["DelaySeconds"].as_u64().unwrap_or_default())
        });
        sent.collect()
    }

    /// Runs the function `drain` on these bodies: the ids of those that are to come again.
    pub async fn drain(&self, bodies: &[String]) -> Vec<String> {
        let event = drain_event(bodies, self.now().plus(Duration::from_secs(29)));
        let answer = self.drain.handle(event).await.unwrap();
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    /// What has been sent to the queue of pages since the last time.
    pub fn paged(&self) -> Vec<String> {
        let calls = self.queues.take().into_iter();
        let entries = calls.flat_map(|call| call.request["Entries"].as_array().cloned().unwrap_or_default());
        entries.map(|entry| entry["MessageBody"].as_str().unwrap().to_owned()).collect()
    }

    /// Runs the function `fanout-page` on this body, out of the queue for the `receptions`th time and with time for one try:
    /// whether it is done.
    pub async fn page(&self, body: &str, receptions: u32) -> bool {
        self.page_within(body, receptions, Duration::from_secs(20)).await
    }

    /// Likewise, with so much time.
    pub async fn page_within(&self, body: &str, receptions: u32, time: Duration) -> bool {
        let event = page_event(body, receptions, self.now().plus(time));
        self.fanout_page.handle(event).await.unwrap().batch_item_failures.is_empty()
    }

    /// Carries out everything that is in the queue of pages, and what that puts there.
    pub async fn carry_out(&self) {
        loop {
            let work = self.paged();
            if work.is_empty() {
                return;
            }
            for body in work {
                assert!(self.page(&body, 1).await, "{body}");
            }
        }
    }
}
