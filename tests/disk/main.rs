//! I1, I9: what becomes of the service, and of what it has accepted, when the disk is full, read-only, or fails. These tests
//! mount filesystems, which needs root: the feature `mounts` asks for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
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

mod filesystem;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use filesystem::Filesystem;
use futures_util::future::join_all;
use support::{App, PATIENCE, Process, Server, Service, http, next, problem};

const ANYWHERE: &str = "127.0.0.1:0";

/// What was accepted: what it says, and its receipt.
type Accepted = BTreeMap<String, String>;

/// Ten pushes at once: those that are accepted are noted; the others are answered 503 `unavailable`. How many those were.
async fn push_ten(service: &Service, server: &Server, app: &App, accepted: &mut Accepted) -> usize {
    let round = accepted.len();
    let pushing = (0..10).map(|number| async move {
        let text = format!("{round}.{number} {}", "x".repeat(3000));
        let push = http()
            .post(&app.subscription.endpoint)
            .header("TTL", "600")
            .header("Prefer", "respond-async")
            .header("Content-Encoding", "aes128gcm")
            .header("Content-Type", "application/octet-stream")
            .body(app.encrypt(&text));
        let answer = server.sign(push, &service.public_url).send().await.unwrap();
        if answer.status() == 202 {
            let link = answer.headers()["link"].to_str().unwrap();
            return Some((text, link[1..link.find('>').unwrap()].to_owned()));
        }
        let (status, kind, _) = problem(answer).await;
        assert_eq!((status, kind.as_str()), (503, "unavailable"));
        None
    });
    let answers: Vec<_> = join_all(pushing).await;
    let refused = answers.iter().filter(|answer| answer.is_none()).count();
    accepted.extend(answers.into_iter().flatten());
    refused
}

/// All that was accepted comes, whatever else does.
async fn assert_all_comes(service: &Service, uaid: &str, app: &App, accepted: &Accepted) {
    let mut terminal = service.again(uaid).await;
    let mut left: Vec<_> = accepted.keys().cloned().collect();
    while !left.is_empty() {
        let text = app.read(&next(&mut terminal).await);
        left.retain(|other| *other != text);
    }
    terminal.close().await.unwrap();
}

/// A service on it, with an authorized session of a terminal that is away.
async fn serve_on(filesystem: &Filesystem) -> (Process, Service, Server, App, String) {
    let process = filesystem.serve(ANYWHERE).expect("it starts");
    let (service, server) = (Service::from_urls(&process), Server::new());
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, Some("mail"), None).await;
    assert_eq!(validate(&service, &server, &app).await, 200);
    terminal.close().await.unwrap();
    (process, service, server, app, hello.uaid)
}

async fn validate(service: &Service, server: &Server, app: &App) -> u16 {
    service.validate(server, serde_json::json!({"token": app.token()})).await.status().as_u16()
}

async fn receipt(url: &str) -> u16 {
    http().get(url).send().await.unwrap().status().as_u16()
}

/// No 201 for what finds no room, nothing lost that was accepted, reads go on, and when there is room so do writes.
#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let filesystem = Filesystem::in_memory(4096);
    let (process, service, server, app, uaid) = serve_on(&filesystem).await;
    let mut accepted = Accepted::new();
    assert_eq!(push_ten(&service, &server, &app, &mut accepted).await, 0);
    filesystem.fill(100);
    let mut rounds = 0;
    while push_ten(&service, &server, &app, &mut accepted).await < 10 {
        rounds += 1;
        assert!(rounds < 50, "the disk does not get full");
    }
    assert_eq!(push_ten(&service, &server, &app, &mut accepted).await, 10);

    assert_eq!(validate(&service, &server, &app).await, 200, "what only reads needs no room");
    for url in accepted.values() {
        assert_eq!(receipt(url).await, 202);
    }
    let log = filesystem.log();
    let said: Vec<_> = log.lines().filter(|line| line.contains("the store fails")).collect();
    assert_eq!(said.len(), 1, "{log}");
    assert!(
        said[0].contains("disk is full") && said[0].contains(filesystem.data().to_str().unwrap()),
        "{log}"
    );

    filesystem.make_room();
    assert_eq!(push_ten(&service, &server, &app, &mut accepted).await, 0, "there is room again");
    assert_all_comes(&service, &uaid, &app, &accepted).await;

    // And so it is on the disk.
    assert_eq!(process.end("-KILL"), None);
    let process = again(&filesystem, &service);
    assert_all_comes(&service, &uaid, &app, &accepted).await;
    drop(process);
}

/// On the port it had; somebody else may have it for a while.
fn again(filesystem: &Filesystem, service: &Service) -> Process {
    let listen = service.public_url.strip_prefix("http://").unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match filesystem.serve(listen) {
            Some(process) => return process,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
            None => panic!("it does not start again: {}", filesystem.log()),
        }
    }
}

/// However little room there is at the first start, it says what is wrong and where; with room it starts.
#[test]
fn a_first_start_without_room_says_so() {
    let filesystem = Filesystem::in_memory(2048);
    let mut refused = 0;
    for leave in [0, 8, 40, 60, 80, 100, 120, 140, 160] {
        filesystem.fill(leave);
        if let Some(process) = filesystem.serve(ANYWHERE) {
            assert_eq!(process.end("-TERM"), Some(0));
            filesystem.make_room();
            break;
        }
        refused += 1;
        let log = filesystem.log();
        let last = log.lines().last().unwrap();
        assert!(
            last.starts_with("signalbox: ") && last.contains(filesystem.data().to_str().unwrap()),
            "{log}"
        );
        assert!(last.contains("No space left on device") || last.contains("disk is full"), "{log}");
        filesystem.make_room();
    }
    assert!(refused > 2, "{refused}");
    assert_eq!(filesystem.serve(ANYWHERE).expect("there is room").end("-TERM"), Some(0));
}

/// A start on a directory that cannot be written names it; nothing is lost by it.
#[tokio::test]
async fn a_start_on_a_read_only_directory_says_so() {
    let filesystem = Filesystem::in_memory(4096);
    let (process, service, server, app, uaid) = serve_on(&filesystem).await;
    let mut accepted = Accepted::new();
    assert_eq!(push_ten(&service, &server, &app, &mut accepted).await, 0);
    assert_eq!(process.end("-TERM"), Some(0));
    filesystem.remount("ro");
    assert!(filesystem.serve(ANYWHERE).is_none());
    let log = filesystem.log();
    assert!(
        log.contains(filesystem.data().to_str().unwrap()) && log.contains("Read-only file system"),
        "{log}"
    );
    filesystem.remount("rw");
    let process = again(&filesystem, &service);
    assert_all_comes(&service, &uaid, &app, &accepted).await;
    drop(process);
}

/// A disk that fails under the service, as a kernel makes a broken one read-only: nothing more is accepted, and what was is
/// there when the disk is.
#[tokio::test]
async fn a_disk_that_fails_takes_nothing_back() {
    let images = tempfile::tempdir().unwrap();
    let image = images.path().join("image");
    let filesystem = Filesystem::on_image(&image);
    let (process, service, server, app, uaid) = serve_on(&filesystem).await;
    let mut accepted = Accepted::new();
    assert_eq!(push_ten(&service, &server, &app, &mut accepted).await, 0);
    let mut connected = service.again(&uaid).await;
    for _ in 0..accepted.len() {
        next(&mut connected).await;
    }

    filesystem.remount("abort");
    let push = server.sign(app.push("into nowhere"), &service.public_url).send().await;
    assert!(push.is_err() || push.is_ok_and(|answer| answer.status() == 503));
    // It ends, as nobody knows what is on the disk, and closes the terminals' connections.
    assert!(tokio::time::timeout(PATIENCE, connected.next()).await.expect("it is closed").is_err());
    let ended = tokio::task::spawn_blocking(|| process.ended());
    assert_eq!(tokio::time::timeout(PATIENCE, ended).await.expect("it ends").unwrap(), Some(1));
    let log = filesystem.log();
    let last = log.lines().last().unwrap();
    assert!(last.starts_with("signalbox: the disk under "), "{log}");
    assert!(last.contains(filesystem.data().to_str().unwrap()), "{log}");
    drop(filesystem);

    let filesystem = Filesystem::on_image(&image);
    let process = again(&filesystem, &service);
    assert_all_comes(&service, &uaid, &app, &accepted).await;
    drop(process);
}
