//! What happened in a history, in the order in which it happened. The rules judge it afterwards.

use std::collections::HashMap;

use serde_json::Value;

use crate::program::{PushOp, Words};

/// A place in the order of all that happened.
pub type Tick = u64;

/// Virtual milliseconds since the Unix epoch.
pub type Millis = u64;

#[derive(Debug, Default)]
pub struct Facts {
    last: Tick,
    pub events: Vec<Event>,
    pub runs: Vec<Run>,
    pub links: Vec<Link>,
    pub frames: Vec<Frame>,
    /// The messages that DynamoDB has taken, by their `mid`.
    pub puts: Vec<(Tick, String)>,
    /// What is wrong whatever the rules say: a panic.
    pub wrong: Vec<String>,
    /// From here on nothing goes wrong any more.
    pub quiet: Option<Quiet>,
    pub final_links: Vec<Final>,
}

/// When all that was under way had come to its end, and before every terminal came a last time.
#[derive(Debug, Clone, Copy)]
pub struct Quiet {
    pub tick: Tick,
    pub at: Millis,
}

/// A terminal's last connections: the first gets all that is owed, the second comes when that is acknowledged.
#[derive(Debug, Clone)]
pub struct Final {
    pub uaid: String,
    pub link: usize,
    pub after_ack: usize,
    pub at: Millis,
}

/// Something sent to the service.
#[derive(Debug, Clone)]
pub struct Event {
    pub what: What,
    /// API Gateway's id of the message or request.
    pub id: String,
    /// API Gateway's time.
    pub at: Millis,
    pub sent: Tick,
    pub runs: Vec<usize>,
    /// Nothing of it is to come any more.
    pub over: Option<Tick>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Hello {
        link: usize,
        uaid: Option<String>,
        minimum: u8,
    },
    Register {
        link: usize,
        channel: usize,
        words: Words,
    },
    Unregister {
        link: usize,
        channel: usize,
    },
    Ack {
        link: usize,
        versions: Vec<String>,
        code: u16,
    },
    Nack {
        link: usize,
        version: String,
    },
    Ping {
        link: usize,
    },
    Disconnect {
        link: usize,
    },
    Push(Push),
    Withdraw {
        push: usize,
        url: String,
    },
    Receipt {
        push: usize,
        url: String,
    },
    Validate {
        token: Token,
        server: usize,
    },
    Revoke {
        token: Token,
        server: usize,
    },
    /// A message of the queue of drains.
    Drain {
        body: String,
    },
}

/// A token, and the `register` that it was issued for.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub text: String,
    pub register: usize,
    pub uaid: String,
    pub channel: usize,
    pub words: Words,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    pub token: Token,
    pub asked: PushOp,
    /// In base64url, as it crosses.
    pub data: String,
}

/// One run of a function.
#[derive(Debug, Clone)]
pub struct Run {
    pub event: usize,
    pub began: Tick,
    pub at: Millis,
    pub ended: Option<Tick>,
    /// Milliseconds that the function's clock is ahead.
    pub skew: i64,
    pub answer: Option<Answer>,
    /// Calls that did not go as asked.
    pub met: u32,
    /// When it began to read a page of what waits.
    pub pages: Vec<Tick>,
    /// It has tried to close a connection.
    pub closes: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Answer {
    /// Of HTTP; 200 of a WebSocket event that was handled, 0 of one that ended in an error.
    pub status: u16,
    pub location: Option<String>,
    pub receipt: Option<String>,
    pub body: String,
}

/// A connection.
#[derive(Debug, Clone)]
pub struct Link {
    pub id: String,
    pub terminal: usize,
    pub connected: Millis,
    /// Of the `hello` on it that was sent.
    pub minimum: u8,
    /// By its `hello`'s answer.
    pub uaid: Option<String>,
    pub opened: Tick,
    /// Its terminal has gone without a word.
    pub vanished: Option<Tick>,
    pub closed: Option<Tick>,
    /// By the service.
    pub by_service: bool,
    /// A post was answered with Gone though it lived.
    pub false_gone: bool,
    /// Attempts to close it that failed.
    pub close_failed: bool,
}

impl Link {
    /// Its terminal is there, as far as that knows.
    pub fn alive(&self) -> bool {
        self.closed.is_none() && self.vanished.is_none()
    }
}

/// What crossed to a terminal.
#[derive(Debug, Clone)]
pub struct Frame {
    pub tick: Tick,
    pub at: Millis,
    pub link: usize,
    pub run: Option<usize>,
    pub body: Value,
}

impl Frame {
    pub fn kind(&self) -> &str {
        self.body["messageType"].as_str().unwrap_or_default()
    }

    pub fn version(&self) -> &str {
        self.body["version"].as_str().unwrap_or_default()
    }
}

impl Facts {
    pub fn tick(&mut self) -> Tick {
        self.last += 1;
        self.last
    }

    pub fn link_of(&self, connection: &str) -> Option<usize> {
        self.links.iter().rposition(|link| link.id == connection)
    }

    /// The answers that an event's runs gave, in the order in which they ended.
    pub fn answers(&self, event: usize) -> Vec<(&Run, &Answer)> {
        let mut answers: Vec<_> = self.events[event]
            .runs
            .iter()
            .filter_map(|&run| Some((&self.runs[run], self.runs[run].answer.as_ref()?)))
            .collect();
        answers.sort_by_key(|(run, _)| run.ended);
        answers
    }

    /// What who sent it was answered, and when: by the first run that came to an end.
    pub fn answered(&self, event: usize) -> Option<(Tick, &Answer)> {
        let (run, answer) = *self.answers(event).first()?;
        Some((run.ended?, answer))
    }

    pub fn pushes(&self) -> impl Iterator<Item = (usize, &Push)> {
        self.events.iter().enumerate().filter_map(|(index, event)| match &event.what {
            What::Push(push) => Some((index, push)),
            _ => None,
        })
    }

    /// The pushes by what they carry.
    pub fn by_data(&self) -> HashMap<&str, usize> {
        self.pushes().map(|(index, push)| (push.data.as_str(), index)).collect()
    }

    /// A message's own name.
    pub fn mid(&self, push: usize) -> String {
        let event = &self.events[push];
        format!("{:012x}-{}", event.at, event.id)
    }
}
