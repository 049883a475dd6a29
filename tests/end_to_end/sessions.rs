use std::collections::HashSet;

use serde_json::json;
use signalbox_wire::Register;

use crate::support::{App, Server, Service, assert_nothing_came, channel, http, next, problem};

/// R6, R10, R22: applications are told apart, each by a token of its own.
#[tokio::test]
async fn each_application_has_its_own_token() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let mut apps = Vec::new();
    for _ in 0..5 {
        apps.push(App::register(&mut terminal, None, None).await);
    }
    let tokens: HashSet<_> = apps.iter().map(App::token).collect();
    assert_eq!(tokens.len(), apps.len());
    assert!(tokens.iter().all(|token| token.len() < 135));
    for (index, app) in apps.iter().enumerate() {
        service.deliver(&server, app, &format!("to {index}")).await;
        assert_eq!(app.read(&next(&mut terminal).await), format!("to {index}"));
    }
}

/// Standards: to register a channel again is no conflict; the old endpoint is still valid.
#[tokio::test]
async fn a_channel_registered_again_gets_a_new_token_and_the_old_one_counts_on() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let request = Register { channel: channel(), key: None, app: Some("mail".into()), encodings: Vec::new() };
    let first = App::register_as(&mut terminal, request.clone()).await;
    assert_eq!(service.validate(&server, json!({"token": first.token()})).await.status(), 200);
    let second = App::register_as(&mut terminal, request).await;
    assert_ne!(first.token(), second.token());
    for app in [&first, &second] {
        service.deliver(&server, app, "hello").await;
        assert_eq!(app.read(&next(&mut terminal).await), "hello");
    }
}

/// R17, R22: in implicit mode the named key is the right, and where none is named the token alone.
#[tokio::test]
async fn an_implicit_session_takes_its_named_server_alone() {
    let service = Service::start();
    let (server, other) = (Server::new(), Server::new());
    let (mut terminal, _) = service.terminal().await;
    let named = App::register(&mut terminal, None, Some(server.key.public_key())).await;
    let open = App::register(&mut terminal, None, None).await;

    service.deliver(&server, &named, "signed").await;
    assert_eq!(named.read(&next(&mut terminal).await), "signed");
    let unsigned = named.push("unsigned").send().await.unwrap();
    assert_eq!(unsigned.headers()["www-authenticate"], "vapid");
    assert_eq!(problem(unsigned).await.1, "vapid-missing");
    assert_eq!(problem(service.send(&other, &named, "foreign").await).await.1, "other-server");
    assert_nothing_came(&mut terminal).await;

    assert_eq!(open.push("unsigned").send().await.unwrap().status(), 201);
    assert_eq!(open.read(&next(&mut terminal).await), "unsigned");
    service.deliver(&other, &open, "signed by anybody").await;
    assert_eq!(open.read(&next(&mut terminal).await), "signed by anybody");
}

/// R15, R16, R22: the first server that validates is authorized, and no other ever is.
#[tokio::test]
async fn one_server_is_authorized_for_an_explicit_session() {
    let service = Service::start();
    let (first, second) = (Server::new(), Server::new());
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, Some("mail"), None).await;
    let whole = serde_json::to_value(&app.subscription).unwrap();
    for _ in 0..2 {
        assert_eq!(service.validate(&first, whole.clone()).await.status(), 200);
        let (status, kind, _) = problem(service.validate(&second, whole.clone()).await).await;
        assert_eq!((status, kind.as_str()), (403, "other-server"));
        assert_eq!(problem(service.send(&second, &app, "no").await).await.1, "other-server");
    }
    service.deliver(&first, &app, "yes").await;
    assert_eq!(app.read(&next(&mut terminal).await), "yes");
}

/// R14, R36, R37: the server that a session is bound to may end it.
#[tokio::test]
async fn a_server_revokes_its_session() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, Some("mail"), None).await;
    let revoke = async |by: &Server| {
        let request = http()
            .post(format!("{}/v1/tokens/revoke", service.public_url))
            .json(&json!({"token": app.token()}));
        by.sign(request, &service.public_url).send().await.unwrap()
    };
    assert_eq!(service.validate(&server, json!({"token": app.token()})).await.status(), 200);
    assert_eq!(problem(revoke(&Server::new()).await).await.1, "other-server");
    assert_eq!(revoke(&server).await.status(), 204);
    assert_eq!(problem(service.send(&server, &app, "late").await).await.1, "session-ended");
    assert_nothing_came(&mut terminal).await;
}
