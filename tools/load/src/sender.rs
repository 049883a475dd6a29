//! Senders: a connection each, one post at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::task::JoinSet;

use crate::body::Mark;
use crate::ledger::Answer;
use crate::pace::{Pace, Turn};
use crate::roster::Roster;
use crate::service::Service;

/// How many senders connect at a time.
const AT_ONCE: usize = 32;
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// How messages are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) ttl: u32,
    /// So many topics take turns; 0: none has a topic.
    pub(crate) topics: u64,
}

/// How many answers of which kind: by status, or why there was none.
pub(crate) type Answers = BTreeMap<String, u64>;

/// Posts one message after the other.
pub(crate) struct Sender {
    service: Arc<Service>,
    manner: Manner,
    connection: Option<SendRequest<Full<Bytes>>>,
    answers: Answers,
}

impl Sender {
    pub(crate) fn new(service: Arc<Service>, manner: Manner) -> Self {
        Self { service, manner, connection: None, answers: Answers::new() }
    }

    pub(crate) fn into_answers(self) -> Answers {
        self.answers
    }

    /// Connects, if it is not connected. So that a post that is measured need not.
    pub(crate) async fn connect(&mut self) -> std::io::Result<()> {
        if self.connection.as_ref().is_some_and(|connection| !connection.is_closed()) {
            return Ok(());
        }
        self.connection = Some(self.service.connect_sender().await?);
        Ok(())
    }

    /// Posts the next message of this session, and enters its answer. The turn begins when the message is written. False
    /// where there was no connection to post on.
    pub(crate) async fn post(&mut self, roster: &Roster, index: usize, turn: &mut Turn<'_>) -> bool {
        if let Err(error) = self.connect().await {
            self.count(format!("not connected: {:?}", error.kind()));
            return false;
        }
        let Some((connection, session)) = self.connection.as_mut().zip(roster.sessions.get(index)) else {
            return false;
        };
        if connection.ready().await.is_err() {
            self.connection = None;
            self.count("not connected: closed".to_owned());
            return false;
        }
        let number = session.ledger().post(roster.at(turn.begin()));
        let mark = Mark { run: roster.run, session: u32::try_from(index).unwrap_or(u32::MAX), number };
        let mut request = Request::new(Full::new(roster.body.body(mark)));
        self.manner.describe(request.headers_mut(), number, &self.service);
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = session.path.clone();
        let answered = tokio::time::timeout(self.service.answer_within(), status(connection, request)).await;
        let now = roster.now();
        match answered {
            Ok(Ok(status)) => {
                session.ledger().answer(number, meaning(status), now);
                self.count(status.as_str().to_owned());
            }
            failed => {
                session.ledger().answer(number, Answer::Unknown, now);
                self.connection = None;
                let why = if failed.is_err() { "unanswered" } else { "connection failed" };
                self.count(why.to_owned());
            }
        }
        true
    }

    fn count(&mut self, answer: String) {
        *self.answers.entry(answer).or_default() += 1;
    }
}

impl Manner {
    fn describe(self, headers: &mut hyper::HeaderMap, number: u64, service: &Service) {
        const TTL: HeaderName = HeaderName::from_static("ttl");
        const TOPIC: HeaderName = HeaderName::from_static("topic");
        if let Ok(host) = HeaderValue::try_from(&service.endpoints().authority) {
            headers.insert(HOST, host);
        }
        headers.insert(TTL, self.ttl.into());
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(authorization) = service.authorization() {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(topic) = number.checked_rem(self.topics) {
            headers.insert(TOPIC, topic.into());
        }
    }
}

/// The answer's status, once all of the answer is here: the connection is free again by then.
async fn status(
    connection: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<StatusCode> {
    let answer = connection.send_request(request).await?;
    let status = answer.status();
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(status)
}

pub(crate) fn meaning(status: StatusCode) -> Answer {
    match status.as_u16() {
        201 | 202 => Answer::Accepted,
        500.. => Answer::Unknown,
        _ => Answer::Refused,
    }
}

/// As many senders as posts may be under way, each connected: the first post of each need not wait for it. One that finds no
/// connection now tries again when it posts.
pub(crate) async fn connected_senders(service: &Arc<Service>, manner: Manner, count: usize) -> Vec<Sender> {
    let connect = |_| async {
        let mut sender = Sender::new(service.clone(), manner);
        if let Err(error) = sender.connect().await {
            sender.count(format!("not connected: {:?}", error.kind()));
        }
        sender
    };
    stream::iter(0..count).map(connect).buffered(AT_ONCE).collect().await
}

/// Posts to all sessions, each sender to sessions of its own in turns: the next message of a session is posted when the one
/// before is answered.
pub(crate) async fn post_all(senders: Vec<Sender>, roster: &Arc<Roster>, pace: &Arc<Pace>) -> Answers {
    post_to(senders, roster, roster.sessions.len(), pace).await
}

/// Posts to the first so many sessions, in the same manner.
pub(crate) async fn post_to(
    senders: Vec<Sender>,
    roster: &Arc<Roster>,
    sessions: usize,
    pace: &Arc<Pace>,
) -> Answers {
    let count = senders.len();
    let mut tasks = JoinSet::new();
    for (first, sender) in senders.into_iter().enumerate() {
        let (roster, pace) = (roster.clone(), pace.clone());
        tasks.spawn(async move {
            let sessions = (first..sessions).step_by(count);
            post_in_turns(sender, &roster, sessions, &pace).await
        });
    }
    let mut all = Answers::new();
    for answers in tasks.join_all().await {
        merge(&mut all, answers);
    }
    all
}

async fn post_in_turns(
    mut sender: Sender,
    roster: &Roster,
    sessions: impl Iterator<Item = usize> + Clone,
    pace: &Pace,
) -> Answers {
    for index in sessions.cycle() {
        let Some(mut turn) = pace.next().await else { break };
        while !sender.post(roster, index, &mut turn).await && !pace.is_over() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    sender.into_answers()
}

/// Adds answers to others.
pub(crate) fn merge(all: &mut Answers, some: Answers) {
    for (answer, count) in some {
        *all.entry(answer).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_mean_what_the_rfc_says() {
        for (status, answer) in [
            (200, Answer::Refused),
            (201, Answer::Accepted),
            (202, Answer::Accepted),
            (410, Answer::Refused),
            (429, Answer::Refused),
            (500, Answer::Unknown),
            (503, Answer::Unknown),
        ] {
            assert_eq!(meaning(StatusCode::from_u16(status).unwrap()), answer, "{status}");
        }
    }
}
