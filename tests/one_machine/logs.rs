use std::fs::File;
use std::process::Command;

use serde_json::json;
use signalbox::client::Terminal;
use signalbox_wire::Hello;

use crate::support::{App, Process, Server, Service, enrolment_key_in, next};

/// I11: the host's own log holds no secret either, its listener's and its libraries' lines included, however much is logged.
#[tokio::test]
async fn no_secret_is_in_the_hosts_log() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.stderr(File::create(&log).unwrap());
    let options = ["--data", data.to_str().unwrap(), "--enrolment", "--log", "trace"];
    let process = Process::start_as(command, &options).expect("it starts");
    let service = Service::from_urls(&process);

    let server = Server::new();
    let enrolment = enrolment_key_in(&data);
    let with_key = format!("{}?enrolment={enrolment}", service.websocket_url);
    let mut terminal = Terminal::connect(&with_key).await.unwrap();
    let hello = terminal.hello(None).await.unwrap();
    let mut other = service.connect().await;
    let with_key = Hello { enrolment: Some(enrolment.clone()), ..Hello::default() };
    other.hello_as(with_key).await.unwrap();
    let app = App::register(&mut terminal, Some("mail"), None).await;
    let validated = service.validate(&server, json!({"token": app.token()})).await;
    assert_eq!(validated.status(), 200);
    let answer = service.deliver(&server, &app, "a secret text").await;
    let notification = next(&mut terminal).await;
    terminal.acknowledge(&notification).await.unwrap();
    service.deliver(&server, &app, "another secret text").await;
    let _ = next(&mut terminal).await;
    terminal.send_text(format!("{{\"messageType\": \"{}\"", hello.uaid)).await.unwrap();
    drop(terminal);
    let mut again = service.again(&hello.uaid).await;
    let _ = next(&mut again).await;
    let altered = server.sign(app.push("altered"), &service.public_url).header("TTL", app.token());
    let _ = altered.send().await.unwrap();
    assert_eq!(process.end("-TERM"), Some(0));

    let log = std::fs::read_to_string(&log).unwrap();
    for expected in [
        "enrolled",
        "provisioned",
        "token issued",
        "validated",
        "accepted",
        "acknowledged",
        "arrived",
        "stopped",
    ] {
        assert!(log.contains(expected), "nothing is said of what is {expected}:\n{log}");
    }
    let ring: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(data.join("key-ring.json")).unwrap()).unwrap();
    let ring = ring[ring["encrypt"].as_str().unwrap()].as_str().unwrap();
    let location = answer.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let payload = notification.data.as_deref().unwrap();
    // The head is the same in each JWT of these clients.
    let header = server.key.authorization(&service.public_url).unwrap();
    let jwt = header.split(&['=', '.'][..]).nth(1).unwrap();
    assert!(jwt.starts_with("eyJ"), "{jwt}");
    let secrets = [&hello.uaid, app.token(), &notification.version, &location, payload, ring, &enrolment];
    for line in log.lines() {
        for secret in secrets.into_iter().chain([server.key.private_key(), jwt, "/push/", "secret text"]) {
            assert!(!line.contains(secret), "{secret} is in {line}");
        }
    }
}
