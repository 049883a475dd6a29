//! What only a host of one's own can be asked: restarts, signals, the data directory.
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
    reason = "nobody uses a test crate; its helpers serve two"
)]

#[path = "../support/mod.rs"]
mod support;

mod applications;
mod broadcast;
mod enrolment;
mod fanout;
mod logs;
mod operator;
mod promises;
mod senders;
mod tls;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use support::{App, Process, Server, Service, assert_nothing_came, http, next};

/// I9: what was answered stays true after the restart, whatever ended the process.
#[tokio::test]
async fn nothing_accepted_is_lost_by_a_restart() {
    for (signal, status) in [("-TERM", Some(0)), ("-INT", Some(0)), ("-KILL", None)] {
        let data = tempfile::tempdir().unwrap();
        let server = Server::new();
        let process = Process::on(data.path());
        let public_url = process.public_url.clone();
        let service = Service::from_urls(&process);
        let (mut terminal, hello) = service.terminal().await;
        let app = App::register(&mut terminal, Some("mail"), None).await;
        let body = serde_json::json!({"token": app.token()});
        assert_eq!(service.validate(&server, body).await.status(), 200);
        service.deliver(&server, &app, "live").await;
        let live = next(&mut terminal).await;
        drop(terminal);
        service.deliver(&server, &app, "absent").await;
        assert_eq!(process.end(signal), status, "{signal}");

        // On the same port again, as the endpoints name it.
        let process = Process::start_again(&public_url, data.path());
        let service = Service::from_urls(&process);
        let mut terminal = service.again(&hello.uaid).await;
        assert_eq!(next(&mut terminal).await.version, live.version, "{signal}");
        assert_eq!(app.read(&next(&mut terminal).await), "absent");
        // Authorized still (R15), and the session's token still counts.
        service.deliver(&server, &app, "after").await;
        assert_eq!(app.read(&next(&mut terminal).await), "after");
    }
}

/// A clean stop closes the terminals' connections and ends with status 0, also with a terminal connected.
#[tokio::test]
async fn a_stop_closes_the_terminals_connections() {
    let process = Process::in_memory();
    let service = Service::from_urls(&process);
    let (mut terminal, _) = service.terminal().await;
    let ended = tokio::task::spawn_blocking(|| process.end("-TERM"));
    assert!(terminal.next().await.is_err());
    drop(terminal);
    assert_eq!(ended.await.unwrap(), Some(0));
}

/// R14: a token of another deployment is refused, whatever its form.
#[tokio::test]
async fn a_token_of_another_deployment_is_refused() {
    let (here, there): (Service, Service) = (Process::in_memory().into(), Process::in_memory().into());
    let (mut terminal, _) = there.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let endpoint = format!("{}/push/{}", here.public_url, app.token());
    let answer = http().post(endpoint).header("TTL", "60").send().await.unwrap();
    assert_eq!(support::problem(answer).await.1, "token-unknown");
}

/// R17: a deployment may set one mode for all sessions.
#[tokio::test]
async fn the_deployment_may_set_the_mode() {
    let server = Server::new();
    let implicit: Service = Process::start(&["--memory", "--authorization", "implicit"]).into();
    let (mut terminal, _) = implicit.terminal().await;
    let app = App::register(&mut terminal, Some("mail"), None).await;
    implicit.deliver(&server, &app, "not validated").await;
    assert_eq!(app.read(&next(&mut terminal).await), "not validated");

    let explicit: Service = Process::start(&["--memory", "--authorization", "explicit"]).into();
    let (mut terminal, _) = explicit.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    assert_eq!(support::problem(explicit.send(&server, &app, "no").await).await.1, "not-validated");
    assert_nothing_came(&mut terminal).await;
}

/// Two hosts on one directory would lose each other's connections: the second is refused, in a sentence.
#[test]
fn a_data_directory_serves_one_host() {
    let data = tempfile::tempdir().unwrap();
    let _first = Process::on(data.path());
    let second = serve_on(data.path());
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another signalbox"));
}

/// The key ring is its owner's alone; one that others can read is refused.
#[test]
fn a_readable_key_ring_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let key_ring = data.path().join("key-ring.json");
    assert_eq!(Process::on(data.path()).end("-TERM"), Some(0));
    let mode = key_ring.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&key_ring, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = serve_on(data.path());
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("chmod 600"));
}

fn serve_on(data: &std::path::Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
        .output()
        .unwrap()
}

/// Bad options are named with their rule.
#[test]
fn bad_options_are_named() {
    for (option, value, says) in [
        ("--listen", "nonsense", "--listen"),
        ("--public-url", "nonsense", "absolute http or https URL"),
        ("--authorization", "nonsense", "implicit, explicit"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_signalbox")).args([option, value]).output().unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{option}");
    }
}

/// Endpoints keep the origin that they began with, and their senders sign for it: it is accepted beside the service's own.
#[tokio::test]
async fn an_earlier_origin_is_accepted() {
    let process = Process::start(&["--memory", "--earlier-origin", "https://old.example"]);
    let service: Service = process.into();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    for (audience, status) in
        [(service.public_url.as_str(), 201), ("https://old.example", 201), ("https://other.example", 401)]
    {
        let answer = server.sign(app.push("hello"), audience).send().await.unwrap();
        assert_eq!(answer.status(), status, "{audience}");
    }
}

/// No request panics the service, whatever it says of itself.
#[tokio::test]
async fn odd_requests_are_answered() {
    let service: Service = Process::in_memory().into();
    let get = |path: &str| http().get(format!("{}{path}", service.public_url));
    for proto in ["1", "https, http", ""] {
        let answer =
            get("/health").header("X-Forwarded-Proto", proto).header("X-Forwarded-Host", proto).send().await;
        assert_eq!(answer.unwrap().status(), 200, "{proto}");
    }
    assert_eq!(get(&format!("/health?{}", "q".repeat(60_000))).send().await.unwrap().status(), 414);
    let large = http().post(format!("{}/push/x", service.public_url)).body(vec![0; 100_000]);
    assert_eq!(large.send().await.unwrap().status(), 413);
}

/// I6: a terminal that acknowledges while its backlog is sent is neither cut nor left waiting, nor is one that asks for
/// something else meanwhile.
#[tokio::test]
async fn a_drain_holds_up_nothing() {
    const MESSAGES: usize = 1500;
    let service: Service = Process::in_memory().into();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    terminal.close().await.unwrap();
    let authorization = server.key.authorization(&service.public_url).unwrap();
    let http = reqwest::Client::new();
    for _ in 0..MESSAGES {
        let push = http
            .post(&app.subscription.endpoint)
            .header("TTL", "600")
            .header("Authorization", &authorization);
        assert_eq!(push.send().await.unwrap().status(), 201);
    }
    let mut terminal = service.again(&hello.uaid).await;
    for number in 0..MESSAGES {
        let notification = next(&mut terminal).await;
        terminal.acknowledge(&notification).await.unwrap();
        if number == 100 {
            // Answered while the rest is still to come.
            App::register(&mut terminal, None, None).await;
        }
    }
    assert_nothing_came(&mut terminal).await;
    terminal.close().await.unwrap();
    assert_nothing_came(&mut service.again(&hello.uaid).await).await;
}

/// RFC 6455 section 5.5.1: a terminal's close is answered by one.
#[tokio::test]
async fn a_terminals_close_is_answered() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    let service: Service = Process::in_memory().into();
    let (mut stream, _) = tokio_tungstenite::connect_async(&service.websocket_url).await.unwrap();
    stream.send(Message::Close(None)).await.unwrap();
    let answer = stream.next().await;
    assert!(matches!(answer, Some(Ok(Message::Close(_)))), "{answer:?}");
}

/// A page of any origin may send: the preflight allows what Web Push needs, and the answer shows what came of it.
#[tokio::test]
async fn pages_of_any_origin_may_send() {
    let service: Service = Process::in_memory().into();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let asked = "authorization,content-encoding,content-type,crypto-key,encryption,prefer,topic,ttl,urgency";
    let preflight = http()
        .request(reqwest::Method::OPTIONS, &app.subscription.endpoint)
        .header("Origin", "https://page.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", asked)
        .send()
        .await
        .unwrap();
    assert!(preflight.status().is_success());
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(asked.split(',').all(|name| allowed.split(',').any(|other| other.trim() == name)), "{allowed}");

    let answer = app.push("from a page").header("Origin", "https://page.example").send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("location") && exposed.contains("ttl") && exposed.contains("link"), "{exposed}");
    assert_eq!(app.read(&next(&mut terminal).await), "from a page");
}
