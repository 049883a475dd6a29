use serde_json::json;
use signalbox_domain::TerminalState;

use crate::bed::{A, B, Bed, CHANNEL, versions};
use crate::events::{SOURCES, fan_out, http, http_request, recorded, socket};

/// Every route's event in API Gateway's form and in the emulator's is understood.
#[tokio::test]
async fn the_flow_runs_on_recorded_events() {
    for source in SOURCES {
        let bed = Bed::on(source).await;
        bed.peers.open(A.id);
        let connect = socket(source, "connect", A, &bed.event_id(), None);
        assert_eq!(bed.run("connect", &connect).await.0, None);
        let hello = bed.run("hello", &socket(source, "hello", A, &bed.event_id(), hello_body(source))).await;
        assert_eq!(hello.0, None);
        let posted = bed.peers.take(A.id);
        assert_eq!(posted[0]["messageType"], "hello", "{source:?}: {posted:?}");

        let token = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
        assert_eq!(bed.validate(&token).await.status(), 200);
        bed.deliver(&token, 60).await;
        let version = versions(&bed.peers.take(A.id)).remove(0);
        bed.acknowledge(A, &[&version]).await;
        assert_eq!(bed.message("nack", A, json!({"messageType": "nack", "version": version})).await, None);
        assert_eq!(bed.message("default", A, json!({})).await, Some(json!({})));
        assert_eq!(bed.unregister(A, CHANNEL).await.unwrap()["status"], 200);
        bed.disconnect(A).await;
        assert!(!bed.peers.is_closed(A.id));
        let health = http_request(&http(source, "health", "r", bed.now()));
        assert_eq!(signalbox_notify::Notify::new(bed.context.clone()).handle(health).await.status(), 200);
    }
}

/// A fan-out's events as they are recorded: the request is understood as a whole, and so is the page, whose job is not there.
#[tokio::test]
async fn a_fan_out_runs_on_recorded_events() {
    let bed = Bed::new().await;
    let mut event = fan_out(&bed.event_id(), bed.now());
    event["headers"]["authorization"] = json!(bed.server.authorization(crate::bed::PUBLIC_URL).unwrap());
    let answer = bed.run_fan_out(&event).await;
    assert_eq!(answer.status(), 202, "{:?}", answer.body());
    let told = crate::bed::body(&answer);
    assert_eq!((&told["total"], &told["refused"][0]["status"]), (&json!(1), &json!(404)));
    // Named by its key, not by the event.
    let again = bed.run_fan_out(&event).await;
    assert_eq!(crate::bed::body(&again), told);
    let recorded: serde_json::Value =
        serde_json::from_str(include_str!("../events/aws/fanout-page.json")).unwrap();
    let _ = bed.dynamo.take();
    assert!(bed.page(recorded["Records"][0]["body"].as_str().unwrap(), 1).await);
    assert_eq!(bed.dynamo.take_operations(), ["BatchGetItem"]);
}

/// The emulator's recorded `hello` carries a probe's body.
fn hello_body(source: crate::events::Source) -> Option<serde_json::Value> {
    match source {
        crate::events::Source::Aws => None,
        crate::events::Source::Emulator => Some(json!({"messageType": "hello", "use_webpush": true})),
    }
}

/// RFC 6455 section 4.2.2: the subprotocol is echoed if it is offered, alone or among others, and only then.
#[tokio::test]
async fn connect_echoes_the_subprotocol() {
    let bed = Bed::new().await;
    let mut event = recorded(bed.source, "connect");
    let (_, headers) = bed.run("connect", &event).await;
    assert_eq!(headers["sec-websocket-protocol"], "push-notification");
    for (offered, echoed) in
        [("chat, push-notification", true), ("chat", false), ("push-notification2", false)]
    {
        event["headers"]["Sec-WebSocket-Protocol"] = json!(offered);
        event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = json!([offered]);
        let (_, headers) = bed.run("connect", &event).await;
        assert_eq!(headers["sec-websocket-protocol"].is_string(), echoed, "{offered}");
    }
}

/// A terminal that names `$disconnect` in its message is not disconnected by it.
#[tokio::test]
async fn the_stage_of_an_event_is_not_the_terminals_to_choose() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let mut event =
        socket(bed.source, "default", A, &bed.event_id(), Some(json!({"messageType": "$disconnect"})));
    event["requestContext"]["routeKey"] = json!("$disconnect");
    bed.run("default", &event).await;
    assert_eq!(bed.peers.take(A.id)[0]["reason"], "unknown-message");
    let terminal = signalbox_domain::TerminalId::of(&uaid.parse().unwrap());
    let terminal = bed.context.store.terminal(terminal, bed.now()).await.unwrap().unwrap();
    assert_eq!(terminal.connection.unwrap().as_str(), A.id);
}

/// R1, R11: a terminal's state can be read back while it is offline.
#[tokio::test]
async fn a_terminals_state_is_read_back() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    bed.disconnect(A).await;
    let id = signalbox_domain::TerminalId::of(&uaid.parse().unwrap());
    let terminal = bed.context.store.terminal(id, bed.now()).await.unwrap().unwrap();
    assert_eq!((terminal.state, terminal.connection), (TerminalState::Provisioned, None));
}

/// R5: no token, and nothing stored, for a connection that has not said hello.
#[tokio::test]
async fn a_session_request_before_hello_stores_nothing() {
    let bed = Bed::new().await;
    bed.peers.open(B.id);
    let body = json!({"messageType": "register", "channelID": CHANNEL});
    assert_eq!(bed.message("register", B, body).await, None);
    assert_eq!(bed.dynamo.take_operations(), ["GetItem"]);
    assert_eq!(bed.peers.take(B.id)[0]["reason"], "no-hello");
    assert!(bed.peers.is_closed(B.id));
}
