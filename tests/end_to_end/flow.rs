use serde_json::{Value, json};
use signalbox_wire::{Register, Unregister};

use crate::support::{App, Server, Service, assert_nothing_came, channel, next, problem};

/// R39: the whole sequence in order, each step only after the one before.
#[tokio::test]
async fn r39_the_whole_flow() {
    let service = Service::start();
    let server = Server::new();

    // R2 to R4: provisioning request, configuring message.
    let mut terminal = service.connect().await;
    let hello = terminal.hello(None).await.unwrap();
    assert_eq!((hello.status, hello.use_webpush), (200, true));

    // R5, R7, R9: session request, token to the application.
    let request = Register {
        channel: channel(),
        key: None,
        app: Some("org.example.mail".into()),
        encodings: Vec::new(),
    };
    let app = App::register_as(&mut terminal, request.clone()).await;
    assert!(app.subscription.endpoint.starts_with(&format!("{}/push/", service.public_url)));

    // R17: genuine, but nobody is authorized.
    let (status, kind, _) = problem(service.send(&server, &app, "too early").await).await;
    assert_eq!((status, kind.as_str()), (403, "not-validated"));
    assert_nothing_came(&mut terminal).await;

    // R12 to R15: the application hands the token to its server; validation request, authorization.
    let answer = service.validate(&server, json!({"token": app.token()})).await;
    assert_eq!(answer.status(), 200);
    let authorization: Value = answer.json().await.unwrap();
    assert_eq!(authorization["authorized"], json!(true));
    assert_eq!(authorization["channel"], json!(app.channel));
    assert_eq!(authorization["application"], json!("org.example.mail"));

    // R18 to R20, R23, R24: notification in, notification out, several over the one connection.
    for text in ["first", "second"] {
        let answer = service.deliver(&server, &app, text).await;
        assert_eq!(answer.headers()["ttl"], "60");
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(&format!("{}/messages/", service.public_url)), "{location}");
        let notification = next(&mut terminal).await;
        assert_eq!(app.read(&notification), text);
        terminal.acknowledge(&notification).await.unwrap();
    }

    // R34, R36, R37: when the session has ended, both are refused, and nothing crosses.
    let ended = terminal.unregister(Unregister { channel: request.channel, code: Some(200) }).await.unwrap();
    assert_eq!(ended.status, 200);
    let validation = service.validate(&server, json!({"token": app.token()})).await;
    let notification = service.send(&server, &app, "too late").await;
    for answer in [validation, notification] {
        assert_eq!(answer.headers()["cache-control"], "max-age=86400");
        let (status, kind, _) = problem(answer).await;
        assert_eq!((status, kind.as_str()), (410, "session-ended"));
    }
    assert_nothing_came(&mut terminal).await;
}
