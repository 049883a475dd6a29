//! I1, I2, I4, I9: `signalbox serve` is killed again and again under load, and nothing that was accepted is lost.
//!
//! `SIGNALBOX_KILLS` says how often, `SIGNALBOX_SEED` what the load decides by chance. When a kill hits is up to the
//! machine's clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests"
)]
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "nobody uses a test crate; its helpers serve several"
)]

#[path = "../support/mod.rs"]
mod support;

mod body;
mod chance;
mod ledger;
mod server;
mod terminal;
mod verdict;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chance::Chance;
use futures_util::future::join_all;
use support::{PATIENCE, Process};
use terminal::{Habits, Member};
use world::World;

const SERVERS: u64 = 12;
/// Stays, and takes what comes.
const PRESENT: Habits =
    Habits { sessions: 2, acknowledges: 70, stays_for: u64::MAX / 2, leaves_for: 0, restless: false };
/// Ends sessions and begins new ones.
const RESTLESS: Habits = Habits { restless: true, stays_for: 400, leaves_for: 50, ..PRESENT };
/// Is away most of the time, and leaves in the middle of a drain.
const ABSENT: Habits =
    Habits { sessions: 1, acknowledges: 30, stays_for: 500, leaves_for: 800, restless: false };
const TERMINALS: [Habits; 6] = [PRESENT, PRESENT, PRESENT, RESTLESS, ABSENT, ABSENT];
/// The absent ones, by their numbers, are those that a backlog is made for first.
const ABSENT_ONES: [usize; 2] = [4, 5];
/// From one start to the next kill, in milliseconds.
const LIFE: (u64, u64) = (100, 1400);
/// A start takes a fraction of it.
const START: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_by_kills() {
    let kills = number("SIGNALBOX_KILLS").unwrap_or(3);
    let seed = number("SIGNALBOX_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("SIGNALBOX_KILLS={kills} SIGNALBOX_SEED={seed}");
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::on(data.path());
    let world = World::new(&process.websocket_url, &process.public_url, seed, ABSENT_ONES.to_vec());
    let servers: Vec<_> =
        (0..SERVERS).map(|number| tokio::spawn(server::run(world.clone(), number))).collect();
    let members = TERMINALS.iter().enumerate().map(|(number, habits)| Member::new(number, *habits, seed));
    let members: Vec<_> = members.map(|member| tokio::spawn(member.run(world.clone()))).collect();

    let began = Instant::now();
    backlog(&world).await;
    let mut chance = Chance::new(seed, u64::MAX);
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(chance.between(LIFE.0, LIFE.1))).await;
        let start;
        (process, start) = kill(&world, process, data.path().to_owned()).await;
        slowest = slowest.max(start);
    }
    tokio::time::sleep(Duration::from_millis(LIFE.1)).await;
    world.hush();
    for server in servers {
        server.await.unwrap();
    }
    let judging = members.into_iter().map(|member| async {
        let mut member = member.await.unwrap();
        Box::pin(verdict::all_that_waits_comes(&world, &mut member)).await
    });
    let waited = join_all(judging).await.into_iter().sum();
    report(&world, kills, waited, slowest);
    println!("{:?} in all", began.elapsed());
    drop(process);
}

/// Waits until more than a page waits for each terminal that is mostly away: their drains go on by queue.
async fn backlog(world: &World) {
    let deadline = Instant::now() + 2 * PATIENCE;
    while world.short_of_backlog(&world.ledger.open()).is_some() {
        assert!(Instant::now() < deadline, "no backlog comes together");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Kills it, and starts it again where it was; how long that took.
async fn kill(world: &Arc<World>, process: Process, data: PathBuf) -> (Process, Duration) {
    world.turn();
    let public_url = world.public_url.clone();
    let again = tokio::task::spawn_blocking(move || {
        assert_eq!(process.end("-KILL"), None, "it has ended by itself");
        let started = Instant::now();
        (Process::start_again(&public_url, &data), started.elapsed())
    });
    let (process, start) = again.await.unwrap();
    assert!(start < START, "a start took {start:?}");
    world.turn();
    (process, start)
}

fn report(world: &World, kills: u64, waited: usize, slowest: Duration) {
    let book = world.ledger.open();
    let accepted = book.messages.iter().filter(|message| message.accepted.is_some()).count();
    let unknown = book.messages.len() - accepted;
    let handled =
        book.messages.iter().filter(|message| matches!(message.ack, ledger::Acked::Handled(_))).count();
    println!(
        "{kills} kills: {accepted} accepted, {unknown} without an answer or refused, {handled} acknowledged for sure, \
         {} repeated, {waited} waited at the end; {} answers 503; {} sessions; slowest start {slowest:?}",
        book.repeated,
        book.unavailable,
        book.sessions.len(),
    );
    assert_eq!(book.came_after_the_end(), 0, "messages of ended sessions came");
    assert!(book.violations.is_empty(), "{:#?}", book.violations);
    assert!(accepted > 0 && handled > 0 && waited > 0, "there was no load");
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}
