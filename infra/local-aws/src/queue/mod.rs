mod kept;
mod state;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::DynamoWire;
use kept::Kept;
use state::{Due, State};

pub use state::Received;
pub use wire::QueuesWire;

/// A queue could not keep or give back its messages.
#[derive(Debug, thiserror::Error)]
#[error("the queue {queue} failed: {reason}")]
pub struct QueueError {
    /// Its name.
    pub queue: String,
    /// What the store under it said.
    pub reason: String,
}

/// How a queue behaves.
#[derive(Debug, Clone, Copy)]
pub struct QueueOptions {
    /// How long a message that was received stays hidden, unless it is deleted.
    pub visibility: Duration,
    /// After so many receptions a message that comes again goes to the dead-letter queue.
    pub receptions: u32,
}

/// A standard queue as SQS has it: at least once, no order promised, delays, a dead-letter queue. Its messages are in the
/// embedded store: what was sent is on disk, and is there after a restart. What is hidden, and how often it was received, is
/// in memory alone, so that after a restart everything is visible.
#[derive(Clone)]
pub struct LocalQueue(Arc<Inner>);

struct Inner {
    kept: Kept,
    dead: Kept,
    options: QueueOptions,
    state: Mutex<State>,
    arrived: Notify,
}

impl LocalQueue {
    /// The queue `name`, with what was left in it. Its dead letters are in the queue `<name>-dead`.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn open(store: DynamoWire, name: &str, options: QueueOptions) -> Result<Self, QueueError> {
        let (kept, dead) =
            (Kept::new(store.clone(), name.to_owned()), Kept::new(store, format!("{name}-dead")));
        kept.make_table().await?;
        let now = Instant::now();
        let state = State::new(kept.all().await?.into_iter().map(|message| Due::after_restart(message, now)));
        let inner = Inner { kept, dead, options, state: Mutex::new(state), arrived: Notify::new() };
        Ok(Self(Arc::new(inner)))
    }

    /// Its name, the last part of its URL.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.kept.queue
    }

    /// Sends a message, to be received after `delay`; its id, once it is on disk.
    ///
    /// # Errors
    /// [`QueueError`]: it is not known whether it was sent.
    pub async fn send(&self, body: String, delay: Duration) -> Result<String, QueueError> {
        let message = self.0.kept.put(body, delay).await?;
        let id = message.id.clone();
        self.state().add(Due { message, at: Instant::now() + delay });
        self.0.arrived.notify_one();
        Ok(id)
    }

    /// Waits until there is something to receive: up to `most` messages, which are hidden until they are deleted, released,
    /// or their time is up.
    pub async fn receive(&self, most: usize) -> Vec<Received> {
        loop {
            let arrived = self.0.arrived.notified();
            let now = Instant::now();
            let (received, next) = {
                let mut state = self.state();
                (state.take(most, now, self.0.options.visibility), state.next())
            };
            let live = self.bury(received).await;
            if !live.is_empty() {
                // Others may wait for what this one left.
                self.0.arrived.notify_one();
                return live;
            }
            tokio::select! {
                () = arrived => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Deletes a message: it has been dealt with. Where that fails it comes again.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn delete(&self, id: &str) -> Result<(), QueueError> {
        self.0.kept.delete(id).await?;
        self.state().remove(id);
        Ok(())
    }

    /// Shows a message again after `delay`: it could not be dealt with.
    pub fn release(&self, id: &str, delay: Duration) {
        self.state().show(id, Instant::now() + delay);
        self.0.arrived.notify_one();
    }

    /// How many messages it holds, those included that are delayed or under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts aside what has been received too often.
    async fn bury(&self, received: Vec<Received>) -> Vec<Received> {
        let mut live = Vec::with_capacity(received.len());
        for message in received {
            if message.receptions <= self.0.options.receptions {
                live.push(message);
                continue;
            }
            tracing::error!(
                queue = self.name(),
                message = message.id,
                "a message goes to the dead-letter queue"
            );
            let buried = async {
                self.0.dead.put(message.body, Duration::ZERO).await?;
                self.delete(&message.id).await
            };
            if let Err(error) = buried.await {
                // It stays hidden for a while, and is tried again.
                tracing::error!(%error, "a message could not be put into the dead-letter queue");
            }
        }
        live
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For ever where there is no time.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl std::fmt::Debug for LocalQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LocalQueue").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: QueueOptions = QueueOptions { visibility: Duration::from_secs(60), receptions: 2 };
    const NOW: Duration = Duration::ZERO;

    async fn queue(store: &DynamoWire) -> LocalQueue {
        LocalQueue::open(store.clone(), "queue", OPTIONS).await.unwrap()
    }

    fn bodies(received: &[Received]) -> Vec<&str> {
        received.iter().map(|message| message.body.as_str()).collect()
    }

    /// Nothing within `time`.
    async fn assert_nothing(queue: &LocalQueue, time: Duration) {
        assert!(tokio::time::timeout(time, queue.receive(10)).await.is_err());
    }

    #[tokio::test]
    async fn a_message_is_received_until_it_is_deleted() {
        let (store, ..) = DynamoWire::memory().unwrap();
        let queue = queue(&store).await;
        queue.send("a".into(), NOW).await.unwrap();
        let received = queue.receive(10).await;
        assert_eq!(bodies(&received), ["a"]);
        assert_nothing(&queue, Duration::from_millis(20)).await;
        queue.release(&received[0].id, NOW);
        let again = queue.receive(10).await;
        assert_eq!((bodies(&again), again[0].receptions), (vec!["a"], 2));
        queue.delete(&again[0].id).await.unwrap();
        queue.release(&again[0].id, NOW);
        assert_nothing(&queue, Duration::from_millis(20)).await;
    }

    #[tokio::test]
    async fn a_delay_is_kept_and_a_receiver_that_waits_is_woken() {
        let (store, ..) = DynamoWire::memory().unwrap();
        let queue = queue(&store).await;
        queue.send("late".into(), Duration::from_millis(80)).await.unwrap();
        assert_eq!(queue.len(), 1, "what is delayed is there");
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.receive(10).await }
        });
        tokio::task::yield_now().await;
        queue.send("soon".into(), NOW).await.unwrap();
        assert_eq!(bodies(&waiting.await.unwrap()), ["soon"]);
        assert_eq!(bodies(&queue.receive(10).await), ["late"]);
    }

    /// I9: what was sent is there after a restart, hidden or not; what was deleted is not.
    #[tokio::test]
    async fn what_was_sent_survives() {
        let (store, ..) = DynamoWire::memory().unwrap();
        let before = queue(&store).await;
        for body in ["done", "under way", "open"] {
            before.send(body.into(), NOW).await.unwrap();
        }
        let received = before.receive(2).await;
        assert_eq!(bodies(&received), ["done", "under way"]);
        before.delete(&received[0].id).await.unwrap();
        drop(before);
        let after = queue(&store).await;
        assert_eq!(bodies(&after.receive(10).await), ["under way", "open"]);
    }

    #[tokio::test]
    async fn what_comes_too_often_goes_to_the_dead_letters() {
        let (store, ..) = DynamoWire::memory().unwrap();
        let queue = queue(&store).await;
        queue.send("poison".into(), NOW).await.unwrap();
        for _ in 0..OPTIONS.receptions {
            let received = queue.receive(10).await;
            queue.release(&received[0].id, NOW);
        }
        assert_nothing(&queue, Duration::from_millis(20)).await;
        let dead = LocalQueue::open(store, "queue-dead", OPTIONS).await.unwrap();
        assert_eq!(bodies(&dead.receive(10).await), ["poison"]);
    }
}
