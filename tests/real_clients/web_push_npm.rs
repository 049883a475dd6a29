//! `web-push` of the npm registry, which speaks HTTPS only. `npm ci --prefix tests/real_clients/npm` installs it.

use std::path::Path;
use std::process::Command;

use signalbox::client::{Terminal, VapidKey};
use signalbox_wire::{SUBPROTOCOL, Unregister};

use crate::support::{App, Process, Server, assert_nothing_came, next};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/real_clients/npm");

/// Sends as Node does that trusts this CA beside its own; the answer's status.
fn web_push(ca: &Path, app: &App, key: &VapidKey, text: &str, options: &str) -> String {
    assert!(
        Path::new(FOLDER).join("node_modules/web-push").is_dir(),
        "web-push is not installed: run `npm ci --prefix tests/real_clients/npm`"
    );
    let sent = Command::new("node")
        .arg(Path::new(FOLDER).join("send.js"))
        .arg(serde_json::to_string(&app.subscription).unwrap())
        .args([&key.to_json().unwrap(), text, options])
        .env("NODE_EXTRA_CA_CERTS", ca)
        .output()
        .unwrap_or_else(|error| panic!("`node`, which this test needs, does not run: {error}"));
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    String::from_utf8_lossy(&sent.stdout).trim().to_owned()
}

/// As its own page shows it, with the TTL of four weeks and the urgency that it sends where nothing is said, and with
/// others; refused to another server, and when the session has ended.
#[tokio::test]
async fn web_push_for_node_just_works() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(&["--tls", "--data", data.path().to_str().unwrap()]);
    let ca = data.path().join("ca.pem");
    let trusted = std::fs::read_to_string(&ca).unwrap();
    let connected = Terminal::connect_trusting(&process.websocket_url, Some(SUBPROTOCOL), Some(&trusted));
    let mut terminal = connected.await.unwrap();
    assert_eq!(terminal.hello(None).await.unwrap().status, 200);
    let key = Server::new().key;
    let app = App::register(&mut terminal, None, Some(key.public_key())).await;

    assert_eq!(web_push(&ca, &app, &key, "sent by web-push", "{}"), "201");
    assert_eq!(app.read(&next(&mut terminal).await), "sent by web-push");
    assert_eq!(web_push(&ca, &app, &key, "at once", r#"{"TTL":0,"urgency":"high"}"#), "201");
    assert_eq!(app.read(&next(&mut terminal).await), "at once");

    assert_eq!(web_push(&ca, &app, &Server::new().key, "by another server", "{}"), "403");
    terminal.unregister(Unregister { channel: app.channel, code: None }).await.unwrap();
    assert_eq!(web_push(&ca, &app, &key, "too late", "{}"), "410");
    assert_nothing_came(&mut terminal).await;
}
