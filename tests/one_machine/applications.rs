//! The registry of applications, by the operator's socket, listener and command.

use std::path::Path;
use std::process::{Command, Output};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::operator::by_socket;
use crate::support::{App, Process, Server, Service, http, next, problem};

fn application(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.env_remove("SIGNALBOX_DATA").arg("application").args(arguments).output().unwrap()
}

/// What the command says where it succeeds.
fn said(arguments: &[&str]) -> String {
    let output = application(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What it says where it does not.
fn complained(arguments: &[&str]) -> String {
    let output = application(arguments);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    String::from_utf8(output.stderr).unwrap()
}

fn plain(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// R22: an operator registers an application by the command; from then on its servers alone validate and notify, by whatever keys
/// they have, also after a restart.
#[tokio::test]
async fn an_application_is_registered_by_the_command() {
    let directory = tempfile::tempdir().unwrap();
    let data = plain(directory.path());
    let process = Process::on(directory.path());
    let service = Service::from_urls(&process);
    let (old, new, stranger) = (Server::new(), Server::new(), Server::new());
    let registered = said(&["register", "mail", "--key", old.key.public_key(), "--data", data]);
    let registered: Value = serde_json::from_str(&registered).unwrap();
    assert_eq!(registered["serverKeys"], json!([old.key.public_key()]));
    assert_eq!(said(&["list", "--data", data]), "mail\n");

    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, Some("mail"), None).await;
    let refused = problem(service.validate(&stranger, json!({"token": app.token()})).await).await;
    assert_eq!((refused.0, refused.1.as_str()), (403, "other-server"));
    assert_eq!(service.validate(&old, json!({"token": app.token()})).await.status(), StatusCode::OK);
    service.deliver(&old, &app, "by the old key").await;
    assert_eq!(app.read(&next(&mut terminal).await), "by the old key");

    said(&["add-key", "mail", new.key.public_key(), "--data", data]);
    service.deliver(&old, &app, "by the old key still").await;
    assert_eq!(app.read(&next(&mut terminal).await), "by the old key still");
    let both: Value =
        serde_json::from_str(&said(&["add-key", "mail", new.key.public_key(), "--data", data])).unwrap();
    assert_eq!(both["serverKeys"], json!([old.key.public_key(), new.key.public_key()]));
    said(&["remove-key", "mail", old.key.public_key(), "--data", data]);
    let refused = complained(&["remove-key", "mail", stranger.key.public_key(), "--data", data]);
    assert!(refused.contains("is none of the keys of mail"), "{refused}");
    let refused = complained(&["remove-key", "mail", new.key.public_key(), "--data", data]);
    assert!(refused.contains("`serverKeys` must have 1 to 20 keys"), "{refused}");
    assert_eq!(problem(service.send(&old, &app, "no more").await).await.0, 403);
    drop(terminal);
    let public_url = process.public_url.clone();
    assert_eq!(process.end("-KILL"), None);
    let process = Process::start_again(&public_url, directory.path());
    let service = Service::from_urls(&process);
    let mut terminal = service.again(&hello.uaid).await;
    // What was accepted by the old key, and not acknowledged, is the terminal's.
    for text in ["by the old key", "by the old key still"] {
        assert_eq!(app.read(&next(&mut terminal).await), text);
    }
    service.deliver(&new, &app, "by the new key").await;
    assert_eq!(app.read(&next(&mut terminal).await), "by the new key");
    let shown: Value = serde_json::from_str(&said(&["show", "mail", "--data", data])).unwrap();
    assert_eq!(shown["serverKeys"], json!([new.key.public_key()]));

    assert_eq!(said(&["remove", "mail", "--data", data]), "");
    assert_eq!(said(&["list", "--data", data]), "");
    assert!(
        complained(&["show", "mail", "--data", data]).contains("urn:signalbox:problem:application-unknown")
    );
    let refused = complained(&["register", "mail", "--key", "x", "--data", data]);
    assert!(refused.contains("`serverKeys[0]` is not base64url"), "{refused}");
    assert_eq!(process.end("-TERM"), Some(0));
    assert!(complained(&["list", "--data", plain(&directory.path().join("none"))]).contains("is not there"));
}

/// The service's own listener has none of it; the socket and the listener for operators have the same.
#[tokio::test]
async fn the_registry_is_the_operators_alone() {
    let directory = tempfile::tempdir().unwrap();
    let data = plain(directory.path());
    let process = Process::start(&["--data", data, "--admin-listen", "127.0.0.1:0"]);
    let server = Server::new();
    let registration = json!({"serverKeys": [server.key.public_key()]});
    for path in ["/v1/applications", "/v1/applications/mail"] {
        let public = http().put(format!("{}{path}", process.public_url)).json(&registration);
        assert_eq!(public.send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
        let url = format!("{}{}", process.operators_url.as_deref().unwrap(), &path[1..]);
        let without_key = http().put(url).json(&registration).send().await.unwrap();
        assert_eq!(without_key.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let by_listener = ["--admin-url", process.operators_url.as_deref().unwrap(), "--data", data];
    assert_eq!(said(&[&["list"], &by_listener[..]].concat()), "");
    said(&[&["register", "mail", "--key", server.key.public_key()], &by_listener[..]].concat());
    let listed = by_socket(directory.path()).get("http://operator/v1/applications").send().await.unwrap();
    assert_eq!(listed.json::<Value>().await.unwrap(), json!({"applications": ["mail"], "next": null}));
    let posted = by_socket(directory.path()).post("http://operator/v1/applications/mail").send().await;
    assert_eq!(
        posted.unwrap().status(),
        StatusCode::NOT_FOUND,
        "as API Gateway says of a route that there is not"
    );
}
