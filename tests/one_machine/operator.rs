//! What is for the operator alone.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::support::{App, PATIENCE, Process, Server, Service, http, next};

pub fn by_socket(data: &Path) -> Client {
    Client::builder().unix_socket(data.join("operator.sock")).timeout(PATIENCE).build().unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// The samples of a page in Prometheus's text format, by name and labels.
fn samples(page: &str) -> BTreeMap<&str, f64> {
    let mut samples = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert_eq!(samples.insert(name, value.parse().unwrap()), None, "{name} is there twice");
        let described = name.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| described.strip_suffix(end));
        let described = family.unwrap_or(described);
        assert!(page.contains(&format!("# HELP {described} ")), "{described}");
        assert!(page.contains(&format!("# TYPE {described} ")), "{described}");
    }
    samples
}

async fn page(client: &Client, url: &str) -> String {
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.unwrap()
}

/// What an invocation counts in the cloud (`tests/functions/metrics.rs`) is counted here, and what only the host knows.
#[tokio::test]
async fn the_socket_has_the_numbers() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::on(data.path());
    assert_eq!(mode(&data.path().join("operator.sock")), 0o600);
    let service = Service::from_urls(&process);
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    for text in ["one", "two", "three"] {
        service.deliver(&server, &app, text).await;
        let notification = next(&mut terminal).await;
        if text != "three" {
            terminal.acknowledge(&notification).await.unwrap();
        }
    }
    let altered = format!("{}/push/{}", service.public_url, &app.token()[1..]);
    http().post(altered).header("TTL", "60").send().await.unwrap();
    assert_eq!(service.validate(&server, json!({})).await.status(), 400);
    // Its close is answered behind all that it has said: the acknowledgements are counted, and it is absent.
    terminal.close().await.unwrap();
    let client = by_socket(data.path());
    let url = "http://operator/metrics";
    wait_for(&client, url, "signalbox_connections_closed_total", 1.0).await;
    service.deliver(&server, &app, "absent").await;
    let mut mistaken = service.again(&hello.uaid).await;
    for _ in 0..2 {
        next(&mut mistaken).await;
    }
    mistaken.send_text("nonsense".to_owned()).await.unwrap();
    assert!(mistaken.next().await.is_err(), "it is closed");
    let _other = service.terminal().await;
    wait_for(&client, url, "signalbox_connections_closed_total", 2.0).await;

    let page = page(&client, url).await;
    let samples = samples(&page);
    for (name, expected) in [
        ("signalbox_accepted_total", 4.0),
        ("signalbox_stored_total", 4.0),
        ("signalbox_posted_total", 5.0),
        ("signalbox_owed_total", 0.0),
        ("signalbox_acknowledged_total", 2.0),
        ("signalbox_expired_total", 0.0),
        ("signalbox_connections_opened_total", 3.0),
        ("signalbox_connections_closed_total", 2.0),
        ("signalbox_connections", 1.0),
        ("signalbox_drains", 0.0),
        (r#"signalbox_refused_total{reason="token-unknown"}"#, 1.0),
        (r#"signalbox_refused_total{reason="request-malformed"}"#, 1.0),
        (r#"signalbox_terminals_refused_total{reason="malformed"}"#, 1.0),
        ("signalbox_post_latency_seconds_count", 3.0),
        (r#"signalbox_post_latency_seconds_bucket{le="+Inf"}"#, 3.0),
    ] {
        assert_eq!(samples.get(name), Some(&expected), "{name} in\n{page}");
    }
    // Neither more names nor more labels, whatever is sent: no secret, and no list that grows.
    for secret in [app.token(), &hello.uaid, server.key.public_key()] {
        assert!(!page.contains(secret));
    }
    assert_eq!(samples.keys().filter(|name| name.contains("reason=")).count(), 3);
    assert_eq!(client.get("http://operator/").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let public = http().get(format!("{}/metrics", service.public_url)).send().await.unwrap();
    assert_eq!(public.status(), StatusCode::NOT_FOUND, "the service's own listener serves none of it");
}

async fn wait_for(client: &Client, url: &str, name: &str, expected: f64) {
    let come = async {
        while samples(&page(client, url).await).get(name) != Some(&expected) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, come)
        .await
        .unwrap_or_else(|_| panic!("{name} does not become {expected}"));
}

/// A socket that a process has left behind does not stop the next one.
#[tokio::test]
async fn the_socket_is_there_again_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(Process::on(data.path()).end("-KILL"), None);
    let process = Process::on(data.path());
    page(&by_socket(data.path()), "http://operator/metrics").await;
    assert_eq!(process.end("-TERM"), Some(0));
}

/// The listener serves the same, to who has the key.
#[tokio::test]
async fn the_listener_asks_for_the_key() {
    let data = tempfile::tempdir().unwrap();
    let options = ["--data", data.path().to_str().unwrap(), "--admin-listen", "127.0.0.1:0"];
    let process = Process::start(&options);
    let file = data.path().join("operator.key");
    assert_eq!(mode(&file), 0o600);
    let key = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let url = format!("{}metrics", process.operators_url.as_deref().unwrap());
    assert_eq!(http().get(&url).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for wrong in ["", "x", &key[1..]] {
        let answer = http().get(&url).bearer_auth(wrong).send().await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["www-authenticate"]),
            (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
        );
    }
    let unknown = http().get(format!("{url}/x")).send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED, "what there is, is told to nobody else");
    let answer = http().get(&url).bearer_auth(&key).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(samples(&answer.text().await.unwrap()).contains_key("signalbox_connections"));
    assert_eq!(process.end("-TERM"), Some(0));
    // It stays the same.
    drop(Process::start(&options));
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), key);
}

/// A key that others can read, or guess, is none; and without a directory there is no place for one.
#[test]
fn a_listener_without_a_good_key_does_not_start() {
    let refusal = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        let command = command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        let output = command.args(options).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refusal(&["--memory"]).contains("needs a data directory"));
    let data = tempfile::tempdir().unwrap();
    let (options, file) = (["--data", data.path().to_str().unwrap()], data.path().join("operator.key"));
    std::fs::write(&file, "short").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(refusal(&options).contains("must hold a key of 32 to 256"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refusal(&options).contains("can be read by other users"));
}
