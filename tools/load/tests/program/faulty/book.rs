use std::collections::HashMap;

use signalbox_wire::{ChannelId, Notification, NotificationHeaders, ServiceMessage, base64url};
use tokio::sync::mpsc::UnboundedSender;

use super::Fault;

/// When a fault strikes.
const STRIKE: u64 = 10;
/// Where the highest byte of a message's number is, in a body of the program's.
const NUMBER: usize = 95;

/// Where the frames for a terminal go. Nothing ends its connection.
pub(super) type Line = UnboundedSender<Option<ServiceMessage>>;

/// Everything that the service knows.
pub(super) struct Book {
    pub(super) fault: Fault,
    terminals: Vec<Terminal>,
    /// By the token of the endpoint.
    sessions: HashMap<String, Session>,
    hellos: u64,
    posts: u64,
    /// What is delivered behind the next one of its session.
    held: Option<Delivery>,
}

#[derive(Default)]
struct Terminal {
    line: Option<Line>,
    waiting: Vec<Delivery>,
}

struct Session {
    terminal: usize,
    channel: ChannelId,
    last_version: String,
}

/// A message on its way.
#[derive(Clone)]
struct Delivery {
    terminal: usize,
    channel: ChannelId,
    version: String,
    body: Vec<u8>,
    topic: Option<String>,
    ttl: u64,
}

/// A post, as far as it matters.
pub(super) struct Post {
    pub(super) body: Vec<u8>,
    pub(super) topic: Option<String>,
    pub(super) ttl: u64,
}

/// What a post is answered with; nothing is no answer at all.
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    /// Whether it is the one that a fault strikes.
    pub(super) struck: bool,
}

impl Book {
    pub(super) fn new(fault: Fault) -> Self {
        let (terminals, sessions) = (Vec::new(), HashMap::new());
        Self { fault, terminals, sessions, hellos: 0, posts: 0, held: None }
    }

    /// The terminal with this name, or a new one. None where it gets no answer.
    pub(super) fn hello(&mut self, uaid: Option<&str>) -> Option<usize> {
        self.hellos += 1;
        if self.fault == Fault::NoHello(self.hellos) {
            return None;
        }
        let known = uaid.and_then(|uaid| uaid.parse().ok()).filter(|&index| index < self.terminals.len());
        Some(known.filter(|_| self.fault != Fault::Forget).unwrap_or_else(|| {
            self.terminals.push(Terminal::default());
            self.terminals.len() - 1
        }))
    }

    /// The terminal is here, and gets what waits.
    pub(super) fn connect(&mut self, terminal: usize, line: Line) {
        let Terminal { line: current, waiting } = &mut self.terminals[terminal];
        for delivery in waiting.iter() {
            let _ = line.send(Some(delivery.frame()));
        }
        if self.fault == Fault::HangUp && self.hellos == 2 {
            let _ = line.send(None);
        }
        *current = Some(line);
    }

    /// The terminal has left, unless it has come again meanwhile.
    pub(super) fn disconnect(&mut self, terminal: usize, line: &Line) {
        let current = &mut self.terminals[terminal].line;
        if current.as_ref().is_some_and(|current| current.same_channel(line)) {
            *current = None;
        }
    }

    /// A new session's token.
    pub(super) fn register(&mut self, terminal: usize, channel: ChannelId) -> String {
        let token = format!("token-{}", self.sessions.len());
        self.sessions.insert(token.clone(), Session { terminal, channel, last_version: String::new() });
        token
    }

    pub(super) fn acknowledge(&mut self, terminal: usize, version: &str) {
        self.terminals[terminal].waiting.retain(|delivery| delivery.version != version);
    }

    /// Whether the terminal of this session is there.
    pub(super) fn is_connected(&self, token: &str) -> bool {
        self.sessions.get(token).is_some_and(|session| self.terminals[session.terminal].line.is_some())
    }

    /// Whether the next post is the one that a fault strikes.
    pub(super) fn next_is_struck(&self) -> bool {
        self.posts + 1 == STRIKE
    }

    /// That post is not made at all.
    pub(super) fn skip(&mut self) {
        self.posts += 1;
    }

    /// Takes a message, and delivers it or what the fault makes of it.
    pub(super) fn post(&mut self, token: &str, post: Post) -> Answer {
        self.posts += 1;
        let struck = self.posts == STRIKE;
        let answer = |status| Answer { status: Some(status), struck };
        let Some(session) = self.sessions.get_mut(token) else { return answer(404) };
        let (terminal, channel) = (session.terminal, session.channel);
        let version = format!("version-{}", self.posts);
        let before = std::mem::replace(&mut session.last_version, version.clone());
        let Post { body, topic, ttl } = post;
        let faithful = Delivery { terminal, channel, version, body, topic, ttl };
        match self.fault {
            Fault::Refuse(status) if self.posts.is_multiple_of(5) => return answer(status),
            Fault::LeaveUnanswered if struck => return Answer { status: None, struck },
            _ => {}
        }
        for delivery in if struck { self.spoilt(faithful, before) } else { self.with_held(faithful) } {
            self.deliver(delivery);
        }
        match self.fault {
            Fault::RefuseAndDeliver(status) if struck => answer(status),
            _ => answer(201),
        }
    }

    /// What becomes of a message that the fault strikes.
    fn spoilt(&mut self, faithful: Delivery, version_before: String) -> Vec<Delivery> {
        let mut other = faithful.clone();
        match self.fault {
            Fault::Lose => vec![],
            Fault::Twice => vec![faithful, other],
            Fault::TwoVersions => {
                other.version.push_str("-again");
                vec![faithful, other]
            }
            Fault::VersionOfAnother => {
                other.version = version_before;
                vec![other]
            }
            Fault::OutOfOrder => {
                self.held = Some(faithful);
                vec![]
            }
            Fault::Mangle => {
                *other.body.last_mut().unwrap() ^= 1;
                vec![other]
            }
            Fault::MangleWholly => {
                other.body.fill(0xAA);
                vec![other]
            }
            Fault::Invent => {
                other.body[NUMBER] = 0xFF;
                other.version.push_str("-invented");
                vec![faithful, other]
            }
            Fault::InventBody => {
                other.body.fill(0xAA);
                other.version.push_str("-invented");
                vec![faithful, other]
            }
            Fault::WrongTerminal => {
                let connected =
                    |&index: &usize| index != faithful.terminal && self.terminals[index].line.is_some();
                other.terminal = (0..self.terminals.len()).find(connected).unwrap();
                vec![other]
            }
            Fault::WrongChannel => {
                let mut of_terminal =
                    self.sessions.values().filter(|session| session.terminal == other.terminal);
                other.channel =
                    of_terminal.find(|session| session.channel != faithful.channel).unwrap().channel;
                vec![other]
            }
            Fault::KeepTtl0 => {
                other.ttl = 60;
                vec![other]
            }
            _ => vec![faithful],
        }
    }

    /// A message, and behind it the one of its session that is held, if there is one.
    fn with_held(&mut self, faithful: Delivery) -> Vec<Delivery> {
        let held = self.held.take_if(|held| held.channel == faithful.channel);
        [Some(faithful), held].into_iter().flatten().collect()
    }

    /// To the terminal if it is there; kept until it is acknowledged, if there is time.
    fn deliver(&mut self, delivery: Delivery) {
        let keep_older = self.fault == Fault::KeepOlderOfTopic;
        let Terminal { line, waiting } = &mut self.terminals[delivery.terminal];
        if let Some(line) = line {
            let _ = line.send(Some(delivery.frame()));
        }
        if delivery.ttl == 0 {
            return;
        }
        if delivery.topic.is_some() {
            let place = (delivery.channel, delivery.topic.as_ref());
            if keep_older && waiting.iter().any(|older| (older.channel, older.topic.as_ref()) == place) {
                return;
            }
            waiting.retain(|older| (older.channel, older.topic.as_ref()) != place);
        }
        waiting.push(delivery);
    }
}

impl Delivery {
    fn frame(&self) -> ServiceMessage {
        let headers =
            NotificationHeaders { encoding: "aes128gcm".to_owned(), encryption: None, crypto_key: None };
        ServiceMessage::Notification(Notification {
            channel: self.channel,
            version: self.version.clone(),
            data: Some(base64url::encode(&self.body)),
            headers: Some(headers),
        })
    }
}
