use signalbox_wire::{Register, Unregister};

use crate::support::{App, PATIENCE, Server, Service, channel, next};

/// R3: each new terminal gets a name of its own, and keeps it.
#[tokio::test]
async fn a_terminal_keeps_its_uaid() {
    let service = Service::start();
    let (first, hello) = service.terminal().await;
    let (_second, other) = service.terminal().await;
    assert_ne!(hello.uaid, other.uaid);
    first.close().await.unwrap();
    service.again(&hello.uaid).await;
}

/// Mozilla's clients expect a new uaid, and no error, where theirs is not known or not ours.
#[tokio::test]
async fn an_unknown_uaid_gets_a_new_one() {
    let service = Service::start();
    let unknown = "0123456789abcdef0123456789abcdef".to_owned();
    for uaid in [unknown, String::new(), "nonsense".into(), "ä".repeat(200)] {
        let hello = service.connect().await.hello(Some(uaid.clone())).await.unwrap();
        assert_eq!(hello.status, 200);
        assert_ne!(hello.uaid, uaid);
    }
}

#[tokio::test]
async fn a_ping_is_answered_and_broadcasts_are_taken() {
    let service = Service::start();
    let (mut terminal, _) = service.terminal().await;
    let subscribe =
        r#"{"messageType":"broadcast_subscribe","broadcasts":{"remote-settings/monitor_changes":"v1"}}"#;
    terminal.send_text(subscribe.into()).await.unwrap();
    for ping in ["{}", r#"{"messageType":"ping"}"#] {
        terminal.send_text(ping.into()).await.unwrap();
        terminal.pong().await.unwrap();
    }
    let nack = r#"{"messageType":"nack","version":"v","code":301}"#;
    terminal.send_text(nack.into()).await.unwrap();
    terminal.ping().await.unwrap();
    terminal.pong().await.unwrap();
}

/// I7: a second connection of one terminal takes over; the first is closed.
#[tokio::test]
async fn the_newer_connection_takes_over() {
    let service = Service::start();
    let server = Server::new();
    let (mut old, hello) = service.terminal().await;
    let app = App::register(&mut old, None, None).await;

    let mut new = service.again(&hello.uaid).await;
    let closed = tokio::time::timeout(PATIENCE, old.next()).await.expect("the old connection is closed");
    assert!(closed.is_err(), "{closed:?}");

    service.deliver(&server, &app, "to the new one").await;
    assert_eq!(app.read(&next(&mut new).await), "to the new one");
}

/// I3: whoever has the configuring message is understood at once.
#[tokio::test]
async fn the_first_message_behind_hello_is_understood() {
    let service = Service::start();
    for _ in 0..10 {
        let (mut terminal, _) = service.terminal().await;
        let request = Register { channel: channel(), key: None, app: None, encodings: Vec::new() };
        assert_eq!(terminal.register(request).await.unwrap().status, 200);
        let unknown = Unregister { channel: channel(), code: None };
        assert_eq!(terminal.unregister(unknown).await.unwrap().status, 200);
    }
}

/// RFC 6455: the subprotocol offered is echoed. (The emulator of the deployed suite does not hand it on.)
#[tokio::test]
async fn the_subprotocol_is_echoed() {
    let service = Service::start();
    if service.is_local() {
        // Fails where it is not taken up.
        signalbox::client::Terminal::connect(&service.websocket_url).await.unwrap();
    } else {
        // Whoever does not insist connects all the same.
        service.connect().await;
    }
}
