//! A host that asks new terminals for an enrolment key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use signalbox::client::{Terminal, TerminalError};
use signalbox_wire::Hello;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{App, Process, Server, Service, enrolment_key_in, next};

const WRONG: &str = "an-example-of-a-key.that~does_not_count";

fn enrolling(data: &Path) -> Process {
    Process::start(&["--data", data.to_str().unwrap(), "--enrolment"])
}

/// The terminal's reason to be refused.
fn reason<T: std::fmt::Debug>(answer: Result<T, TerminalError>) -> String {
    match answer {
        Err(TerminalError::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// The status by which the handshake is refused.
fn status<T: std::fmt::Debug>(error: Result<T, tungstenite::Error>) -> u16 {
    match error {
        Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The handshake with this key in the header.
async fn handshake(url: &str, key: &str) -> Result<(), tungstenite::Error> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("x-signalbox-enrolment", key.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.map(drop)
}

#[tokio::test]
async fn from_outside_a_key_makes_a_terminal_and_nothing_else_does() {
    let data = tempfile::tempdir().unwrap();
    let process = enrolling(data.path());
    let (service, url) = (Service::from_urls(&process), process.websocket_url.clone());
    let key = enrolment_key_in(data.path());
    let hello = |enrolment: Option<&str>| Hello { enrolment: enrolment.map(Into::into), ..Hello::default() };

    // In the URL, as Firefox does; then as any terminal.
    let mut firefox = Terminal::connect(&format!("{url}?enrolment={key}")).await.unwrap();
    let uaid = firefox.hello(None).await.unwrap().uaid;
    let app = App::register(&mut firefox, None, None).await;
    service.deliver(&Server::new(), &app, "enrolled").await;
    assert_eq!(app.read(&next(&mut firefox).await), "enrolled");

    handshake(&url, &key).await.unwrap();
    let mut other = service.connect().await;
    assert_ne!(other.hello_as(hello(Some(&key))).await.unwrap().uaid, uaid);

    assert_eq!(status(handshake(&url, WRONG).await), 403);
    let in_url = tokio_tungstenite::connect_async(format!("{url}?a=b&enrolment={WRONG}")).await;
    assert_eq!(status(in_url.map(drop)), 403);
    for (enrolment, unknown) in [(None, None), (Some(WRONG), None), (None, Some("0".repeat(32)))] {
        let mut stranger = service.connect().await;
        let hello = Hello { uaid: unknown, ..hello(enrolment) };
        assert_eq!(reason(stranger.hello_as(hello).await), "not-enrolled");
        assert!(matches!(stranger.next().await, Err(TerminalError::Closed | TerminalError::Connection(_))));
    }

    // A known one comes without.
    drop(firefox);
    drop(service.again(&uaid).await);
    // So it does after a restart, and the key stays the same.
    assert_eq!(process.end("-TERM"), Some(0));
    let process = enrolling(data.path());
    assert_eq!(enrolment_key_in(data.path()), key);
    drop(Service::from_urls(&process).again(&uaid).await);
}

/// What the header carries makes a terminal too.
#[tokio::test]
async fn a_key_in_the_header_makes_a_terminal() {
    use futures_util::{SinkExt as _, StreamExt as _};
    let data = tempfile::tempdir().unwrap();
    let process = enrolling(data.path());
    let mut request = process.websocket_url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("x-signalbox-enrolment", enrolment_key_in(data.path()).parse().unwrap());
    let (mut stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = r#"{"messageType":"hello","use_webpush":true}"#;
    stream.send(tungstenite::Message::text(hello)).await.unwrap();
    let answer = stream.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(answer.contains(r#""status":200"#), "{answer}");
}

/// The file is made for its owner alone, and what others can read, or is no set of keys, is not started on; without a directory
/// there is no place for one.
#[test]
fn enrolment_keys_are_their_owners_alone() {
    let refusal = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        let output = command.args(["serve", "--listen", "127.0.0.1:0", "--enrolment"]).args(options).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refusal(&["--memory"]).contains("enrolment needs a data directory"));
    let data = tempfile::tempdir().unwrap();
    let (options, file) =
        (["--data", data.path().to_str().unwrap()], data.path().join("enrolment-keys.json"));
    drop(enrolling(data.path()));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refusal(&options).contains("can be read by other users"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, r#"{"1":"short-secret"}"#).unwrap();
    let refused = refusal(&options);
    assert!(refused.contains("the enrolment key 1") && !refused.contains("short-secret"), "{refused}");
}

/// `signalbox terminal` brings the key from its environment.
#[test]
fn the_terminal_of_the_command_line_enrols() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let process = enrolling(&data);
    let terminal = |client: &str, key: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command
            .args(["terminal", "--url", &process.websocket_url])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env("SIGNALBOX_CLIENT", folder.path().join(client)).env_remove("SIGNALBOX_ENROLMENT_KEY");
        command.envs(key.map(|key| ("SIGNALBOX_ENROLMENT_KEY", key))).spawn().unwrap()
    };
    let mut enrolled = terminal("enrolled", Some(&enrolment_key_in(&data)));
    let mut lines = BufReader::new(enrolled.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "provisioned as a new terminal");
    enrolled.kill().unwrap();
    enrolled.wait().unwrap();
    let refused = terminal("refused", None).wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not-enrolled"), "{refused:?}");
}
