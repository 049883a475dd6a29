use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::kept::Message;

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: String,
    /// What was sent.
    pub body: String,
    /// How often it has been received, this time included, since the process started.
    pub receptions: u32,
}

/// A message and when it can be received.
pub(super) struct Due {
    pub(super) message: Message,
    pub(super) at: Instant,
}

impl Due {
    /// What was left by the process before: its delay counts on, and what was hidden is visible.
    pub(super) fn after_restart(message: Message, now: Instant) -> Self {
        let at = now + message.delay_left();
        Self { message, at }
    }
}

/// Which messages are there, and when each can be received.
#[derive(Default)]
pub(super) struct State {
    messages: HashMap<String, Entry>,
    /// By time, then in the order of sending, which the ids have.
    order: BTreeSet<(Instant, String)>,
}

struct Entry {
    body: String,
    at: Instant,
    receptions: u32,
}

impl State {
    pub(super) fn new(messages: impl Iterator<Item = Due>) -> Self {
        let mut state = Self::default();
        messages.for_each(|message| state.add(message));
        state
    }

    pub(super) fn add(&mut self, Due { message, at }: Due) {
        self.order.insert((at, message.id.clone()));
        self.messages.insert(message.id, Entry { body: message.body, at, receptions: 0 });
    }

    /// Up to `most` messages that can be received now, hidden from here on for `visibility`.
    pub(super) fn take(&mut self, most: usize, now: Instant, visibility: Duration) -> Vec<Received> {
        let ready: Vec<_> = self.order.iter().take(most).take_while(|(at, _)| *at <= now).cloned().collect();
        let mut received = Vec::with_capacity(ready.len());
        for (_, id) in ready {
            self.show(&id, now + visibility);
            if let Some(entry) = self.messages.get_mut(&id) {
                entry.receptions += 1;
                received.push(Received { body: entry.body.clone(), receptions: entry.receptions, id });
            }
        }
        received
    }

    /// Moves a message in time; one that is gone stays gone.
    pub(super) fn show(&mut self, id: &str, at: Instant) {
        if let Some(entry) = self.messages.get_mut(id) {
            self.order.remove(&(entry.at, id.to_owned()));
            entry.at = at;
            self.order.insert((at, id.to_owned()));
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some(entry) = self.messages.remove(id) {
            self.order.remove(&(entry.at, id.to_owned()));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// When the next one can be received.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }
}
