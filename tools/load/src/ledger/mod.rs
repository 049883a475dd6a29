//! What was posted to one session and what came of it: the checker of loss, doubles and order.

mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use verdict::{Expectation, Faults, Tolerance, Verdict};

/// Not known, or longer than an hour.
const NEVER: u32 = u32::MAX;

/// The messages of one session, in the order in which they were posted. Who posts them waits for each answer before the
/// next one, or order means nothing.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    messages: Vec<Message>,
    /// The highest number that has arrived; what arrives for the first time below it is out of order.
    newest: Option<u64>,
    order_unchecked: bool,
    out_of_order: u64,
    /// Arrived under a number that was never posted.
    invented: u64,
    /// Accepted and not here yet.
    owed: u64,
    arrived: u64,
}

/// 32 bytes: there may be millions.
#[derive(Debug, Clone, Copy)]
struct Message {
    /// Microseconds since the run began. In an open loop when it was due, which is earlier than its post.
    posted: u64,
    /// Of the first arrival; 0 where there was none.
    version: u64,
    answered_after: u32,
    arrived_after: u32,
    answer: Answer,
    /// More arrivals under the same version.
    repeats: u16,
    /// Arrivals under another version.
    doubles: u16,
}

/// What a post was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 201 or 202.
    Accepted,
    /// Any other status below 500.
    Refused,
    /// None, or 5xx: it may have been taken all the same.
    Unknown,
}

/// What an arrival was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    First,
    /// Again under the version that it had.
    Repeat,
    /// Again under another version.
    Double,
    /// Never posted.
    Invented,
}

impl Ledger {
    /// A message is about to be posted, and its times count from then on: its number.
    pub(crate) fn post(&mut self, now: u64) -> u64 {
        let number = self.messages.len() as u64;
        self.messages.push(Message {
            posted: now,
            version: 0,
            answered_after: NEVER,
            arrived_after: NEVER,
            answer: Answer::Unknown,
            repeats: 0,
            doubles: 0,
        });
        number
    }

    /// Its post was answered.
    pub(crate) fn answer(&mut self, number: u64, answer: Answer, now: u64) {
        let Some(message) = message(&mut self.messages, number) else { return };
        message.answer = answer;
        message.answered_after = after(message.posted, now);
        if answer == Answer::Accepted && !message.has_arrived() {
            self.owed += 1;
        }
    }

    /// A notification with this number has arrived, under a version.
    pub(crate) fn arrive(&mut self, number: u64, version: u64, now: u64) -> Arrival {
        let Some(message) = message(&mut self.messages, number) else {
            self.invented += 1;
            return Arrival::Invented;
        };
        if message.has_arrived() {
            if message.version == version {
                message.repeats = message.repeats.saturating_add(1);
                return Arrival::Repeat;
            }
            message.doubles = message.doubles.saturating_add(1);
            return Arrival::Double;
        }
        message.version = version;
        message.arrived_after = after(message.posted, now);
        self.arrived += 1;
        if message.answer == Answer::Accepted {
            self.owed -= 1;
        }
        match self.newest {
            Some(newest) if number < newest => self.out_of_order += u64::from(!self.order_unchecked),
            _ => self.newest = Some(number),
        }
        Arrival::First
    }

    /// The terminal has lost its connection while messages were posted: live ones may overtake what is drained now.
    pub(crate) fn leave_order_unchecked(&mut self) {
        self.order_unchecked = true;
    }

    /// How many were accepted and have not arrived.
    pub(crate) fn owed(&self) -> u64 {
        self.owed
    }

    /// How many have arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// From post to answer, in microseconds, for each accepted message.
    pub(crate) fn answer_times(&self) -> Vec<u64> {
        let accepted = self.messages.iter().filter(|message| message.answer == Answer::Accepted);
        accepted.map(|message| message.answered_after.into()).collect()
    }

    /// From post to arrival, in microseconds, for each message that has arrived.
    pub(crate) fn arrival_times(&self) -> Vec<u64> {
        let arrived = self.messages.iter().filter(|message| message.has_arrived());
        arrived.map(|message| message.arrived_after.into()).collect()
    }

    /// From answer to arrival, in microseconds, for each accepted message that has arrived; 0 where it came first.
    pub(crate) fn delivery_times(&self) -> Vec<u64> {
        let arrived = self.messages.iter().filter(|message| message.has_arrived());
        let accepted = arrived.filter(|message| message.answer == Answer::Accepted);
        accepted.map(|message| message.arrived_after.saturating_sub(message.answered_after).into()).collect()
    }

    /// From post to arrival of one message, in microseconds, if it has arrived.
    pub(crate) fn arrival_time(&self, number: u64) -> Option<u64> {
        let message = self.messages.get(usize::try_from(number).ok()?)?;
        message.has_arrived().then(|| message.arrived_after.into())
    }
}

impl Message {
    fn has_arrived(&self) -> bool {
        self.arrived_after != NEVER
    }
}

fn message(messages: &mut [Message], number: u64) -> Option<&mut Message> {
    messages.get_mut(usize::try_from(number).ok()?)
}

/// Microseconds, an hour and more shortened to it.
fn after(from: u64, to: u64) -> u32 {
    u32::try_from(to.saturating_sub(from)).unwrap_or(NEVER).min(NEVER - 1)
}
