//! The command line's part of a fan-out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};
use signalbox::client::{Terminal, VapidKey};
use signalbox_wire::{Register, base64url};

use crate::support::{self, App, PATIENCE, Process, Service, http, next};

/// A session that takes what is not encrypted.
async fn subscriber(terminal: &mut Terminal) -> App {
    let encodings = vec!["identity".to_owned()];
    let request = Register { channel: support::channel(), key: None, app: None, encodings };
    App::register_as(terminal, request).await
}

/// The program with these arguments, its files in this directory, and this on its standard input.
fn signalbox(service: &Service, home: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(arguments)
        .env("SIGNALBOX_CLIENT", home)
        .env("SIGNALBOX_SERVICE", &service.public_url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The lines of JSON on its standard output; it has ended well.
fn told(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    lines.filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// R40, R41: a file of tokens and endpoints is notified, and followed to its end; the job can be asked for again.
#[tokio::test]
async fn a_list_is_notified_and_followed() {
    let (home, service): (_, Service) = (tempfile::tempdir().unwrap(), Process::in_memory().into());
    let (mut terminal, _) = service.terminal().await;
    let (first, second) = (subscriber(&mut terminal).await, subscriber(&mut terminal).await);
    let list = home.path().join("list");
    let lines = [first.token(), "", &second.subscription.endpoint, "forged"].join("\n");
    std::fs::write(&list, lines).unwrap();

    let to = list.to_str().unwrap();
    let output = signalbox(&service, home.path(), &["broadcast", "to all", "--to", to, "--follow"], "");
    let lines = told(&output);
    assert_eq!((&lines[0]["total"], &lines[0]["refused"][0]["index"]), (&json!(3), &json!(2)));
    assert_eq!(
        (&lines[1]["state"], &lines[1]["posted"], &lines[1]["dead"]),
        (&json!("done"), &json!(2), &json!([2]))
    );
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(shown.lines().any(|line| line == "3 of 3: 2 posted, 1 refused"), "{shown}");
    for _ in 0..2 {
        let notification = next(&mut terminal).await;
        assert_eq!(notification.data, Some(base64url::encode("to all")));
    }

    let job = lines[0]["job"].as_str().unwrap();
    let again = told(&signalbox(&service, home.path(), &["jobs", job], ""));
    assert_eq!(again, [lines[1].clone()]);
    let unknown = signalbox(&service, home.path(), &["jobs", "AAAAAAAAAAAAAAAAAAAAAA"], "");
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("job-unknown"));
}

/// R42: said again with the same key it is the same job. Tokens come by standard input too.
#[tokio::test]
async fn the_same_key_is_the_same_job() {
    let (home, service): (_, Service) = (tempfile::tempdir().unwrap(), Process::in_memory().into());
    let (mut terminal, _) = service.terminal().await;
    let app = subscriber(&mut terminal).await;
    let say = |text: &str| {
        let arguments = ["broadcast", text, "--to", "-", "--idempotency-key", "monday", "--follow"];
        signalbox(&service, home.path(), &arguments, app.token())
    };
    let first = told(&say("once"));
    assert_eq!(told(&say("once")), first);
    let other = say("twice");
    assert!(String::from_utf8_lossy(&other.stderr).contains("idempotency-conflict"));
    next(&mut terminal).await;
    support::assert_nothing_came(&mut terminal).await;
    let empty = signalbox(&service, home.path(), &["broadcast", "--to", "-"], "\n\n");
    assert!(String::from_utf8_lossy(&empty.stderr).contains("no token and no endpoint"));
}

/// R40: an audience is notified, and the terminal of the command line shows what is not encrypted as such.
#[tokio::test]
async fn an_audience_is_notified() {
    let (home, service): (_, Service) = (tempfile::tempdir().unwrap(), Process::in_memory().into());
    let terminal = Shown::start(&service, home.path());
    let endpoint = terminal.behind("waiting for notifications to ");
    // The first one makes the key.
    let arguments = ["broadcast", "to one", "--to", "-"];
    told(&signalbox(&service, home.path(), &arguments, &endpoint));
    assert_eq!(terminal.behind("notification, not encrypted: "), "to one");

    let key = std::fs::read_to_string(home.path().join("vapid.json")).unwrap();
    let authorization = VapidKey::from_json(&key).unwrap().authorization(&service.public_url).unwrap();
    let change = http()
        .patch(format!("{}/v1/audiences/news", service.public_url))
        .header("Authorization", authorization)
        .json(&json!({"add": [endpoint]}));
    assert_eq!(change.send().await.unwrap().status(), 200);
    let arguments = ["broadcast", "to the audience", "--audience", "news", "--follow"];
    let lines = told(&signalbox(&service, home.path(), &arguments, ""));
    assert_eq!((&lines[1]["state"], &lines[1]["posted"]), (&json!("done"), &json!(1)));
    assert_eq!(terminal.behind("notification, not encrypted: "), "to the audience");
    let nobody = signalbox(&service, home.path(), &["broadcast", "to nobody"], "");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("--to"));
}

/// `signalbox terminal --plain`, and what it prints.
struct Shown {
    child: Child,
    lines: Receiver<String>,
}

impl Shown {
    fn start(service: &Service, home: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
            .args(["terminal", "--plain", "--url", &service.websocket_url])
            .env("SIGNALBOX_CLIENT", home)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { child, lines }
    }

    /// What stands behind a label in the next line that has it.
    fn behind(&self, label: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if let Some(behind) = line.strip_prefix(label) {
                return behind.to_owned();
            }
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
