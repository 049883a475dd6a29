//! What was promised to whom, and what came: written down by everybody who takes part.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use signalbox_wire::{ChannelId, Notification};

use crate::body;

/// Moments, in the order in which they were written down.
pub(crate) type Moment = u64;

/// A session that was issued.
pub(crate) struct Session {
    pub(crate) terminal: usize,
    pub(crate) channel: ChannelId,
    pub(crate) endpoint: String,
    pub(crate) end: End,
}

/// Whether a session has been ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Live,
    /// It was asked for; what came of it is not known.
    Asked,
    /// It was answered.
    Answered(Moment),
}

/// A notification.
pub(crate) struct Message {
    pub(crate) session: usize,
    pub(crate) topic: Option<u64>,
    pub(crate) begun: Moment,
    /// Answered with 201 or 202. Where it is not, it may have been stored all the same.
    pub(crate) accepted: Option<Moment>,
    pub(crate) receipt: Option<String>,
    pub(crate) location: Option<String>,
    /// Withdrawal was asked for.
    pub(crate) withdrawn: bool,
    pub(crate) ack: Acked,
    version: Option<String>,
    deliveries: u32,
    /// It is one of those that are taken to wait for its terminal.
    counts: bool,
}

/// How far an acknowledgement has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acked {
    No,
    /// It was sent; the process may have died before it was handled.
    Sent,
    /// It was handled, as a receipt has said.
    Handled(Moment),
}

#[derive(Default)]
pub(crate) struct Book {
    now: Moment,
    pub(crate) sessions: Vec<Session>,
    pub(crate) messages: Vec<Message>,
    versions: HashMap<String, usize>,
    waiting: HashMap<usize, usize>,
    /// What must not be.
    pub(crate) violations: Vec<String>,
    pub(crate) repeated: u64,
    pub(crate) unavailable: u64,
}

#[derive(Default)]
pub(crate) struct Ledger(Mutex<Book>);

impl Ledger {
    pub(crate) fn open(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("nobody has panicked over it")
    }

    pub(crate) fn violation(&self, what: String) {
        self.open().violations.push(what);
    }
}

impl Book {
    pub(crate) fn moment(&mut self) -> Moment {
        self.now += 1;
        self.now
    }

    pub(crate) fn issued(&mut self, terminal: usize, channel: ChannelId, endpoint: String) -> usize {
        self.sessions.push(Session { terminal, channel, endpoint, end: End::Live });
        self.sessions.len() - 1
    }

    pub(crate) fn begin(&mut self, session: usize, topic: Option<u64>) -> usize {
        let begun = self.moment();
        // Of a topic one alone waits.
        let counts = topic.is_none();
        if counts {
            *self.waiting.entry(self.sessions[session].terminal).or_default() += 1;
        }
        self.messages.push(Message {
            session,
            topic,
            begun,
            accepted: None,
            receipt: None,
            location: None,
            withdrawn: false,
            ack: Acked::No,
            version: None,
            deliveries: 0,
            counts,
        });
        self.messages.len() - 1
    }

    /// A notification has come to a terminal, on a connection whose `hello` was sent at that moment: which message it is.
    pub(crate) fn came(
        &mut self,
        terminal: usize,
        hello: Moment,
        notification: &Notification,
    ) -> Option<usize> {
        let problem = match body::read(notification) {
            None => format!("what nobody has sent came to terminal {terminal}"),
            Some(id) => match self.take(id, terminal, hello, notification) {
                Ok(()) => return Some(id),
                Err(problem) => format!("message {id}: {problem}"),
            },
        };
        self.violations.push(problem);
        None
    }

    fn take(&mut self, id: usize, terminal: usize, hello: Moment, came: &Notification) -> Result<(), String> {
        let message = self.messages.get_mut(id).ok_or("nobody has sent it")?;
        let session = &self.sessions[message.session];
        if (session.terminal, session.channel) != (terminal, came.channel) {
            return Err(format!("came to terminal {terminal}, channel {}", came.channel));
        }
        match &message.version {
            None => message.version = Some(came.version.clone()),
            Some(version) if *version != came.version => return Err("came under two versions".to_owned()),
            Some(_) => self.repeated += 1,
        }
        if *self.versions.entry(came.version.clone()).or_insert(id) != id {
            return Err("shares its version with another message".to_owned());
        }
        message.deliveries += 1;
        // On that connection itself it may have been on its way.
        if matches!(message.ack, Acked::Handled(at) if at < hello) {
            return Err("came again though its acknowledgement was handled".to_owned());
        }
        Ok(())
    }

    /// Whether it must wait for its terminal now: it was accepted, and there is nothing that may have taken it away.
    pub(crate) fn must_wait(&self, id: usize) -> bool {
        let message = &self.messages[id];
        message.accepted.is_some()
            && message.ack == Acked::No
            && !message.withdrawn
            && self.sessions[message.session].end == End::Live
            && !self
                .topic_mates(id)
                .any(|mate| Some(mate.begun) > message.accepted || concurrent(mate, message))
    }

    /// Whether its receipt tells of its acknowledgement alone: nothing else can have taken it away.
    pub(crate) fn tells(&self, id: usize) -> bool {
        let message = &self.messages[id];
        message.topic.is_none() && !message.withdrawn && self.sessions[message.session].end == End::Live
    }

    /// Why it must not come on a connection whose `hello` was sent at that moment, where it must not.
    pub(crate) fn must_not_come(&self, id: usize, hello: Moment) -> Option<&'static str> {
        let message = &self.messages[id];
        let replaced = |mate: &Message| {
            mate.accepted.is_some() && message.accepted.is_some_and(|accepted| mate.begun > accepted)
        };
        if matches!(message.ack, Acked::Handled(at) if at < hello) {
            Some("its acknowledgement was handled")
        } else if matches!(self.sessions[message.session].end, End::Answered(_)) {
            Some("its session has ended")
        } else if self.topic_mates(id).any(replaced) {
            Some("a newer one of its topic was accepted")
        } else {
            None
        }
    }

    /// The others of its topic.
    fn topic_mates(&self, id: usize) -> impl Iterator<Item = &Message> {
        let message = &self.messages[id];
        self.messages.iter().enumerate().filter_map(move |(other, mate)| {
            let same = (mate.session, mate.topic) == (message.session, message.topic);
            (message.topic.is_some() && same && other != id).then_some(mate)
        })
    }

    /// Messages that have come although they were sent after their session's end was answered.
    pub(crate) fn came_after_the_end(&self) -> usize {
        let late = |message: &&Message| match self.sessions[message.session].end {
            End::Answered(at) => message.begun > at && (message.deliveries > 0 || message.accepted.is_some()),
            _ => false,
        };
        self.messages.iter().filter(late).count()
    }

    /// How much may wait for a terminal.
    pub(crate) fn waiting(&self, terminal: usize) -> usize {
        self.waiting.get(&terminal).copied().unwrap_or_default()
    }

    /// It was acknowledged or withdrawn, its session has ended, or nobody knows whether it was ever stored. Were those
    /// counted on, a terminal would be taken to have a backlog for ever, and no more be sent to.
    pub(crate) fn waits_no_more(&mut self, id: usize) {
        if std::mem::take(&mut self.messages[id].counts) {
            let terminal = self.sessions[self.messages[id].session].terminal;
            self.waiting.entry(terminal).and_modify(|count| *count -= 1);
        }
    }

    /// An acknowledgement is about to be sent.
    pub(crate) fn acknowledging(&mut self, id: usize) {
        if self.messages[id].ack == Acked::No {
            self.messages[id].ack = Acked::Sent;
            self.waits_no_more(id);
        }
    }

    /// A session's end is asked for, or answered. What waited of it waits no more.
    pub(crate) fn ends(&mut self, session: usize, end: End) {
        if self.sessions[session].end == End::Live {
            let its = |id: &usize| self.messages[*id].session == session;
            let its: Vec<_> = (0..self.messages.len()).filter(its).collect();
            for id in its {
                self.waits_no_more(id);
            }
        }
        self.sessions[session].end = end;
    }
}

/// Neither was answered before the other began, or it is not known.
fn concurrent(one: &Message, other: &Message) -> bool {
    let before = |first: &Message, second: &Message| first.accepted.is_some_and(|at| at < second.begun);
    !before(one, other) && !before(other, one)
}
