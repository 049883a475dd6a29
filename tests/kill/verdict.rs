//! What must be true at the end, when all is quiet.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use signalbox::client::{Terminal, TerminalError};
use signalbox_wire::Notification;

use crate::ledger::{Acked, Book, End, Moment};
use crate::server::receipt;
use crate::support::PATIENCE;
use crate::terminal::{Member, acknowledge};
use crate::world::World;

/// Acknowledged at once.
const FRAME: usize = 12;
/// Receipts asked for at once.
const AT_ONCE: usize = 16;

/// Everything that waits comes, in order, nothing else does, and the receipts say so.
pub(crate) async fn all_that_waits_comes(world: &Arc<World>, member: &mut Member) -> usize {
    let number = member.number;
    let (mut terminal, hello) = member.arrive(world).await.expect("the service is there");
    let expected: HashSet<usize> = {
        let book = world.ledger.open();
        let its = |id: &usize| book.sessions[book.messages[*id].session].terminal == number;
        (0..book.messages.len()).filter(its).filter(|id| book.must_wait(*id)).collect()
    };
    let came = drain(world, &mut terminal, number, hello, &expected).await;
    let lost: Vec<_> = expected.iter().filter(|id| !came.iter().any(|(came, _)| came == *id)).collect();
    let mut problems = Vec::new();
    if !lost.is_empty() {
        problems.push(format!("terminal {number} lacks {} of {}: {lost:?}", lost.len(), expected.len()));
    }
    {
        let book = world.ledger.open();
        for (id, _) in &came {
            problems.extend(book.must_not_come(*id, hello).map(|why| format!("message {id} came: {why}")));
        }
        problems.extend(out_of_order(&book, &came));
    }
    problems.extend(receipts(world, number, &expected).await);
    world.ledger.open().violations.append(&mut problems);
    empty(world, terminal, member, came).await;
    expected.len()
}

/// What comes, each once, until all of what is expected is there and nothing more comes.
async fn drain(
    world: &World,
    terminal: &mut Terminal,
    number: usize,
    hello: Moment,
    expected: &HashSet<usize>,
) -> Vec<(usize, Notification)> {
    let mut came: Vec<(usize, Notification)> = Vec::new();
    let mut seen = HashSet::new();
    loop {
        let left = expected.iter().any(|id| !seen.contains(id));
        let patience = if left { PATIENCE } else { Duration::from_millis(300) };
        let Ok(next) = tokio::time::timeout(patience, terminal.next()).await else { return came };
        let next = next.expect("the connection holds");
        if let Some(id) = world.ledger.open().came(number, hello, &next)
            && seen.insert(id)
        {
            came.push((id, next));
        }
    }
}

/// I4: what was begun after another of its session was answered comes behind it; topics come apart.
fn out_of_order(book: &Book, came: &[(usize, Notification)]) -> Vec<String> {
    let mut latest: HashMap<usize, (Moment, usize)> = HashMap::new();
    let mut problems = Vec::new();
    for (id, _) in came {
        let message = &book.messages[*id];
        if message.topic.is_some() {
            continue;
        }
        let (begun, before) = latest.get(&message.session).copied().unwrap_or_default();
        if message.accepted.is_some_and(|accepted| accepted < begun) {
            problems.push(format!("message {id} came behind {before}, which began after it was accepted"));
        }
        if message.begun > begun {
            latest.insert(message.session, (message.begun, *id));
        }
    }
    problems
}

/// 202 for what waits, 204 for what was acknowledged, and never 204 for what was not.
async fn receipts(world: &World, number: usize, waiting: &HashSet<usize>) -> Vec<String> {
    let asked: Vec<_> = {
        let book = world.ledger.open();
        let its = |id: &usize| {
            let session = &book.sessions[book.messages[*id].session];
            session.terminal == number && session.end == End::Live && !book.messages[*id].withdrawn
        };
        let receipt = |id: usize| {
            let message = &book.messages[id];
            // What of a topic was replaced is given up.
            let sure = message.topic.is_none() || waiting.contains(&id);
            message.receipt.clone().filter(|_| sure).map(|url| (id, url, message.ack))
        };
        (0..book.messages.len()).filter(its).filter_map(receipt).collect()
    };
    let answers: Vec<_> = stream::iter(asked)
        .map(|(id, url, ack)| async move { (id, ack, receipt(world, &url).await.unwrap_or_default()) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut problems = Vec::new();
    for (id, ack, status) in answers {
        let right = match ack {
            Acked::No => status == 202,
            Acked::Sent => matches!(status, 202 | 204),
            Acked::Handled(_) => status == 204,
        };
        if !right {
            problems.push(format!("the receipt of message {id} answers {status}"));
        }
    }
    problems
}

/// All of it acknowledged, nothing comes any more.
async fn empty(
    world: &Arc<World>,
    mut terminal: Terminal,
    member: &mut Member,
    mut came: Vec<(usize, Notification)>,
) {
    let began = Instant::now();
    let ids: Vec<_> = came.iter().map(|(id, _)| *id).collect();
    while !came.is_empty() {
        let rest = came.split_off(came.len().min(FRAME));
        acknowledge(world, &mut terminal, came).await.expect("the connection holds");
        came = rest;
    }
    // Nothing is on its way to it any more, so that its messages are handled one after the other: an answer to a later one
    // says that the ones before are.
    terminal.ping().await.expect("the connection holds");
    // Hundreds of them may take longer than one answer may.
    let mut pong = terminal.pong().await;
    while matches!(pong, Err(TerminalError::Unanswered)) && began.elapsed() < 3 * PATIENCE {
        pong = terminal.pong().await;
    }
    pong.expect("the connection holds");
    let acknowledged = {
        let book = world.ledger.open();
        let receipt = |id: &usize| book.messages[*id].receipt.clone().map(|url| (*id, url));
        ids.iter().filter_map(receipt).collect::<Vec<_>>()
    };
    for (id, url) in acknowledged {
        let status = receipt(world, &url).await;
        if status != Some(204) {
            world.ledger.violation(format!("message {id} was acknowledged, its receipt answers {status:?}"));
        }
    }
    terminal.close().await.expect("it closes");
    let (mut terminal, _) = member.arrive(world).await.expect("the service is there");
    let moment = world.ledger.open().moment();
    let again = drain(world, &mut terminal, member.number, moment, &HashSet::new()).await;
    if !again.is_empty() {
        world.ledger.violation(format!("{} that were acknowledged at last came again", again.len()));
    }
    terminal.close().await.expect("it closes");
}
