//! HTTPS and WSS on the one listener.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use signalbox::client::{Sender, SenderError, Terminal, TerminalError, VapidKey};
use signalbox_wire::SUBPROTOCOL;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::{Connector, MaybeTlsStream, client_async_tls_with_config};

use crate::support::{App, PATIENCE, Process, Server, next};

fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A service with a CA of its own, and the CA.
fn own_ca(data: &Path) -> (Process, String) {
    let process = Process::start(&["--tls", "--data", plain(data)]);
    let ca = std::fs::read_to_string(data.join("ca.pem")).expect("a CA");
    (process, ca)
}

async fn connect(process: &Process, ca: &str) -> Result<Terminal, TerminalError> {
    Terminal::connect_trusting(&process.websocket_url, Some(SUBPROTOCOL), Some(ca)).await
}

/// A provisioned terminal.
async fn terminal(process: &Process, ca: &str) -> Terminal {
    let mut terminal = connect(process, ca).await.expect("the terminal connects");
    assert_eq!(terminal.hello(None).await.expect("hello is answered").status, 200);
    terminal
}

/// Both doors by one listener: registered over WSS, validated and sent over HTTPS, delivered over WSS.
#[tokio::test]
async fn who_trusts_the_ca_is_served() {
    let data = tempfile::tempdir().unwrap();
    let (process, ca) = own_ca(data.path());
    assert!(process.websocket_url.starts_with("wss://127.0.0.1:"), "{}", process.websocket_url);
    assert!(process.public_url.starts_with("https://127.0.0.1:"), "{}", process.public_url);

    let mut terminal = terminal(&process, &ca).await;
    let app = App::register(&mut terminal, Some("mail"), None).await;
    assert!(app.subscription.endpoint.starts_with(&process.public_url));
    let server = Sender::trusting(VapidKey::generate().unwrap(), &ca).unwrap();
    assert!(server.validate(&app.subscription.endpoint).await.unwrap().authorized);
    let accepted = server.push(&app.subscription, "by TLS", 60).await.unwrap();
    assert!(accepted.location.starts_with(&process.public_url));
    assert_eq!(app.read(&next(&mut terminal).await), "by TLS");
}

/// A client that trusts what the system trusts, or another CA, turns away; and says why.
#[tokio::test]
async fn who_does_not_trust_the_ca_turns_away() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (process, ca) = own_ca(data.path());
    let (_, another_ca) = own_ca(other.path());
    let mut trusting = terminal(&process, &ca).await;
    let app = App::register(&mut trusting, None, None).await;

    let by_default = Terminal::connect(&process.websocket_url).await.err().unwrap();
    assert!(by_default.to_string().contains("certificate"), "{by_default}");
    let by_another = connect(&process, &another_ca).await.err().unwrap();
    assert!(by_another.to_string().contains("UnknownIssuer"), "{by_another}");
    let server = Sender::new(VapidKey::generate().unwrap());
    let unsent = server.push(&app.subscription, "no", 60).await.unwrap_err();
    assert!(
        matches!(unsent, SenderError::Unreached(_)) && unsent.to_string().contains("UnknownIssuer"),
        "{unsent}"
    );
    assert!(matches!(connect(&process, "nonsense").await, Err(TerminalError::Ca(_))));
    let nothing = Sender::trusting(VapidKey::generate().unwrap(), "nonsense");
    assert!(matches!(nothing, Err(SenderError::Ca(_))));
}

/// Who has trusted the CA once need not do it again. The key is its owner's alone.
#[tokio::test]
async fn the_ca_is_kept_as_the_data_are() {
    let data = tempfile::tempdir().unwrap();
    let (process, ca) = own_ca(data.path());
    let mut connected = terminal(&process, &ca).await;
    for (file, mode) in [("ca.pem", 0o644), ("ca.key", 0o600)] {
        let found = data.path().join(file).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{file}");
    }
    let ended = tokio::task::spawn_blocking(|| process.end("-TERM"));
    assert!(matches!(connected.next().await, Err(TerminalError::Closed)));
    drop(connected);
    assert_eq!(ended.await.unwrap(), Some(0));

    let (process, kept) = own_ca(data.path());
    assert_eq!(kept, ca);
    terminal(&process, &ca).await;
}

/// A given certificate is all that it takes, also without a data directory; it has no CA of ours.
#[tokio::test]
async fn a_given_certificate_is_used() {
    let files = tempfile::tempdir().unwrap();
    let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    let ca = certificate(&cert, &key);
    let process = Process::start(&["--memory", "--cert", plain(&cert), "--key", plain(&key)]);
    assert!(process.public_url.starts_with("https://"), "{}", process.public_url);
    let mut terminal = terminal(&process, &ca).await;
    let app = App::register(&mut terminal, None, None).await;
    let server = Sender::trusting(VapidKey::generate().unwrap(), &ca).unwrap();
    server.push(&app.subscription, "by a given certificate", 60).await.unwrap();
    assert_eq!(app.read(&next(&mut terminal).await), "by a given certificate");
}

/// Writes a self-signed certificate and its key; what is to be trusted is itself.
fn certificate(cert: &Path, key: &Path) -> String {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert: made, signing_key } = generate_simple_self_signed(names).unwrap();
    std::fs::write(cert, made.pem()).unwrap();
    std::fs::write(key, signing_key.serialize_pem()).unwrap();
    made.pem()
}

/// What cannot be used is named, with what is wrong with it; also where it was given by the environment.
#[test]
fn bad_certificates_are_named() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name);
    let (cert, key, other_key) = (path("cert.pem"), path("key.pem"), path("other.pem"));
    certificate(&path("other-cert.pem"), &other_key);
    certificate(&cert, &key);
    std::fs::write(path("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    let (cert, key, other_key) = (plain(&cert), plain(&key), plain(&other_key));
    let (missing, broken) = (path("missing.pem"), path("broken.pem"));
    let (missing, broken) = (plain(&missing), plain(&broken));

    let pairs = [
        (missing, key, missing, "No such file"),
        (cert, missing, missing, "No such file"),
        (key, key, key, "no certificate in it"),
        (cert, cert, cert, "no private key in it"),
        (broken, key, broken, "its first certificate cannot be used"),
        (cert, other_key, other_key, "is not the key of the first certificate in"),
    ];
    for (cert, key, named, reason) in pairs {
        let by_option = says(&refused(&["--memory", "--cert", cert, "--key", key], &[]));
        let by_variable = says(&refused(&["--memory"], &[("SIGNALBOX_CERT", cert), ("SIGNALBOX_KEY", key)]));
        assert!(by_option.contains(named) && by_option.contains(reason), "{by_option}");
        assert_eq!(by_option, by_variable);
    }
    let half = says(&refused(&["--memory", "--cert", cert], &[]));
    assert!(half.contains("--cert needs --key"), "{half}");
    let half = says(&refused(&["--memory"], &[("SIGNALBOX_KEY", key)]));
    assert!(half.contains("--key needs --cert"), "{half}");
    let nowhere = says(&refused(&["--memory"], &[("SIGNALBOX_TLS", "1")]));
    assert!(nowhere.contains("give --cert and --key"), "{nowhere}");
}

fn refused(options: &[&str], variables: &[(&str, &str)]) -> Output {
    let output = signalbox()
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(options)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(!output.status.success());
    output
}

fn signalbox() -> Command {
    Command::new(env!("CARGO_BIN_EXE_signalbox"))
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Handshakes that do not go on, or fail, keep nobody waiting.
#[tokio::test]
async fn a_silent_client_holds_up_nobody() {
    let data = tempfile::tempdir().unwrap();
    let (process, ca) = own_ca(data.path());
    let address = process.websocket_url.trim_start_matches("wss://").trim_end_matches('/').to_owned();
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(&address).await.unwrap());
        let mut plain = TcpStream::connect(&address).await.unwrap();
        plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    }
    let served = tokio::time::timeout(PATIENCE / 4, terminal(&process, &ca));
    served.await.expect("the others are not waited for");
    drop(silent);
}

/// A client that offers HTTP/2 gets it, and its push is as good; one that offers both may still upgrade to a WebSocket.
#[tokio::test]
async fn a_client_may_offer_both_versions_of_http() {
    let data = tempfile::tempdir().unwrap();
    let (process, ca) = own_ca(data.path());
    let mut terminal = terminal(&process, &ca).await;
    let app = App::register(&mut terminal, None, None).await;
    let root = reqwest::Certificate::from_pem(ca.as_bytes()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
    let push = http
        .post(&app.subscription.endpoint)
        .header("TTL", "60")
        .header("Content-Encoding", "aes128gcm")
        .body(app.encrypt("by HTTP/2"));
    let answer = Server::new().sign(push, &process.public_url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (201, reqwest::Version::HTTP_2));
    assert_eq!(app.read(&next(&mut terminal).await), "by HTTP/2");

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let address = process.websocket_url.trim_start_matches("wss://").trim_end_matches('/');
    let tcp = TcpStream::connect(address).await.unwrap();
    let connector = Connector::Rustls(Arc::new(config));
    let url = process.websocket_url.as_str();
    let (stream, answer) = client_async_tls_with_config(url, tcp, None, Some(connector)).await.unwrap();
    assert_eq!(answer.status().as_u16(), 101);
    let MaybeTlsStream::Rustls(stream) = stream.get_ref() else { panic!("TLS is spoken") };
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The README's walk with `--ca`, or its variable.
#[test]
fn the_commands_take_the_ca() {
    let data = tempfile::tempdir().unwrap();
    let (process, _) = own_ca(data.path());
    let (ca, client) = (data.path().join("ca.pem"), data.path().join("client"));
    let terminal = signalbox()
        .args(["terminal", "--url", &process.websocket_url, "--app", "demo"])
        .args(["--ca", plain(&ca), "--client", plain(&client)])
        .stdout(Stdio::piped())
        .spawn();
    let mut terminal = Running(terminal.unwrap());
    let mut lines = BufReader::new(terminal.0.stdout.take().unwrap()).lines();
    let mut line_of = |beginning: &str| {
        loop {
            let line = lines.next().expect("the terminal goes on").unwrap();
            assert!(!line.contains("trying again"), "{line}");
            if line.starts_with(beginning) {
                return line;
            }
        }
    };
    line_of("waiting for notifications to https://");

    let sender = |command: &[&str]| {
        let mut sender = signalbox();
        sender.args(command).args(["--client", plain(&client)]).env("SIGNALBOX_CA", &ca);
        sender
    };
    for command in [["validate"].as_slice(), &["push", "hello"]] {
        let output = sender(command).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", says(&output));
    }
    assert_eq!(line_of("notification: "), "notification: hello");

    let without = sender(&["push", "hello"]).env_remove("SIGNALBOX_CA").output().unwrap();
    assert!(!without.status.success() && says(&without).contains("UnknownIssuer"), "{}", says(&without));
    let missing = sender(&["push", "hello"]).env("SIGNALBOX_CA", "missing.pem").output().unwrap();
    assert!(!missing.status.success() && says(&missing).contains("missing.pem is not there"));
}
