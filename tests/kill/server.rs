use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{AUTHORIZATION, HeaderMap, LINK, LOCATION};

use crate::body;
use crate::chance::Chance;
use crate::ledger::End;
use crate::support::Server;
use crate::world::World;

/// More than that need not wait for one terminal; it is drained anew after each kill.
const BACKLOG: usize = 250;
/// Between two notifications.
const PACE: Duration = Duration::from_millis(2);
/// When nobody answers.
const AGAIN: Duration = Duration::from_millis(20);

/// An application server, which sends to whatever session there is.
pub(crate) async fn run(world: Arc<World>, number: u64) {
    let mut chance = Chance::new(world.seed, 1000 + number);
    let authorization = Server::new().key.authorization(&world.public_url).expect("a header");
    while !world.quiet() {
        let target = target(&world, &mut chance);
        let Some(session) = target else {
            tokio::time::sleep(PACE).await;
            continue;
        };
        let topic = chance.percent(15).then(|| chance.between(0, 2));
        let receipt = chance.percent(40);
        let accepted = send(&world, &authorization, session, topic, receipt).await;
        if let Some(id) = accepted.filter(|_| chance.percent(3)) {
            withdraw(&world, id).await;
        }
        tokio::time::sleep(if accepted.is_some() { PACE } else { AGAIN }).await;
    }
}

/// A session to send to: of a terminal that has no backlog yet, where there is one, else any; now and then an ended one.
fn target(world: &World, chance: &mut Chance) -> Option<usize> {
    let book = world.ledger.open();
    let picked = match world.short_of_backlog(&book) {
        Some(terminal) => book.sessions.iter().position(|session| session.terminal == terminal)?,
        None if book.sessions.is_empty() => return None,
        None => chance.pick(book.sessions.len()),
    };
    let session = &book.sessions[picked];
    let useful = session.end == End::Live || chance.percent(5);
    (useful && book.waiting(session.terminal) < BACKLOG).then_some(picked)
}

/// The message, where it was accepted.
pub(crate) async fn send(
    world: &World,
    authorization: &str,
    session: usize,
    topic: Option<u64>,
    receipt: bool,
) -> Option<usize> {
    let (id, endpoint) = {
        let mut book = world.ledger.open();
        (book.begin(session, topic), book.sessions[session].endpoint.clone())
    };
    let mut push = world
        .http
        .post(endpoint)
        .header(AUTHORIZATION, authorization)
        .header("TTL", "86400")
        .header("Content-Encoding", "aes128gcm")
        .header("Content-Type", "application/octet-stream")
        .body(body::write(id));
    if let Some(topic) = topic {
        push = push.header("Topic", format!("topic{topic}"));
    }
    if receipt {
        push = push.header("Prefer", "respond-async");
    }
    // Nobody knows what became of it where there is no answer.
    if let Ok(answer) = push.send().await {
        note(world, id, &answer);
    }
    let mut book = world.ledger.open();
    let accepted = book.messages[id].accepted.map(|_| id);
    if accepted.is_none() {
        book.waits_no_more(id);
    }
    accepted
}

fn note(world: &World, id: usize, answer: &Response) {
    let mut book = world.ledger.open();
    let now = book.moment();
    let session = book.messages[id].session;
    match answer.status().as_u16() {
        201 | 202 => {
            let message = &mut book.messages[id];
            message.accepted = Some(now);
            message.location = header(answer.headers(), LOCATION.as_str());
            message.receipt = header(answer.headers(), LINK.as_str())
                .map(|link| link.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned());
        }
        410 if book.sessions[session].end != End::Live => {}
        503 => book.unavailable += 1,
        status => book.violations.push(format!("message {id} was answered with {status}")),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}

async fn withdraw(world: &World, id: usize) {
    let location = {
        let mut book = world.ledger.open();
        book.messages[id].withdrawn = true;
        book.waits_no_more(id);
        book.messages[id].location.clone()
    };
    let Some(location) = location else {
        return world.ledger.violation(format!("message {id} has no Location"));
    };
    if let Ok(answer) = world.http.delete(location).send().await
        && !matches!(answer.status().as_u16(), 204 | 503)
    {
        world.ledger.violation(format!("the withdrawal of {id} was answered with {}", answer.status()));
    }
}

/// What a receipt answers; none where nobody does.
pub(crate) async fn receipt(world: &World, url: &str) -> Option<u16> {
    world.http.get(url).send().await.ok().map(|answer| answer.status().as_u16())
}
