use std::time::Duration;

use signalbox_wire::{Notification, Unregister};

use crate::support::{App, Server, Service, assert_nothing_came, next};

/// I2: what is stored comes on every hello, under the same version, until it is acknowledged; then never again, whatever
/// became of its neighbours.
#[tokio::test]
async fn what_waits_comes_again_until_it_is_acknowledged() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    terminal.close().await.unwrap();
    for text in ["a", "b", "c"] {
        service.deliver(&server, &app, text).await;
    }

    let mut terminal = service.again(&hello.uaid).await;
    let first = take(&mut terminal, 3).await;
    assert_eq!(texts(&app, &first), ["a", "b", "c"]);
    terminal.acknowledge(&first[1]).await.unwrap();
    assert_nothing_came(&mut terminal).await;
    terminal.close().await.unwrap();

    let mut terminal = service.again(&hello.uaid).await;
    let second = take(&mut terminal, 2).await;
    assert_eq!(texts(&app, &second), ["a", "c"]);
    assert_eq!((&second[0].version, &second[1].version), (&first[0].version, &first[2].version));
    for notification in &second {
        terminal.acknowledge(notification).await.unwrap();
    }
    assert_nothing_came(&mut terminal).await;
    terminal.close().await.unwrap();
    assert_nothing_came(&mut service.again(&hello.uaid).await).await;
}

/// I2: one delivered live and not acknowledged comes again too.
#[tokio::test]
async fn a_live_notification_that_is_not_acknowledged_comes_again() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    service.deliver(&server, &app, "live").await;
    let live = next(&mut terminal).await;
    terminal.close().await.unwrap();
    let mut terminal = service.again(&hello.uaid).await;
    assert_eq!(next(&mut terminal).await.version, live.version);
}

/// I4, I6: a backlog of more than a page comes whole and in the order of acceptance.
#[tokio::test]
async fn a_long_backlog_comes_in_order() {
    const MESSAGES: usize = 130;
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    terminal.close().await.unwrap();
    for number in 0..MESSAGES {
        service.deliver(&server, &app, &number.to_string()).await;
    }
    let mut terminal = service.again(&hello.uaid).await;
    let came = take(&mut terminal, MESSAGES).await;
    let numbers: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(texts(&app, &came), numbers);
}

/// RFC 8030 section 5.2: what has expired is not delivered.
#[tokio::test]
async fn what_has_expired_does_not_come() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    terminal.close().await.unwrap();
    let mut request = server.sign(app.push("short"), &service.public_url).build().unwrap();
    request.headers_mut().insert("ttl", "1".parse().unwrap());
    assert_eq!(crate::support::http().execute(request).await.unwrap().status(), 201);
    service.deliver(&server, &app, "long").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let mut terminal = service.again(&hello.uaid).await;
    assert_eq!(app.read(&next(&mut terminal).await), "long");
    assert_nothing_came(&mut terminal).await;
}

/// I5: after unregister was answered nothing more of that session comes, its backlog included; the others' does.
#[tokio::test]
async fn the_backlog_of_an_ended_session_does_not_come() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let ends = App::register(&mut terminal, None, None).await;
    let stays = App::register(&mut terminal, None, None).await;
    for app in [&ends, &stays] {
        service.deliver(&server, app, "not acknowledged").await;
        next(&mut terminal).await;
    }
    let ended = terminal.unregister(Unregister { channel: ends.channel, code: None }).await.unwrap();
    assert_eq!(ended.status, 200);
    terminal.close().await.unwrap();
    let mut terminal = service.again(&hello.uaid).await;
    assert_eq!(stays.read(&next(&mut terminal).await), "not acknowledged");
    assert_nothing_came(&mut terminal).await;
}

/// RFC 8030 section 5.4: of a topic the newest waits alone.
#[tokio::test]
async fn a_topic_is_replaced() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    terminal.close().await.unwrap();
    for text in ["first", "second", "third"] {
        let request = server.sign(app.push(text), &service.public_url).header("Topic", "score");
        assert_eq!(request.send().await.unwrap().status(), 201);
    }
    let mut terminal = service.again(&hello.uaid).await;
    assert_eq!(app.read(&next(&mut terminal).await), "third");
    assert_nothing_came(&mut terminal).await;
}

/// RFC 8030 section 6.2: what is withdrawn does not come.
#[tokio::test]
async fn what_is_withdrawn_does_not_come() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    terminal.close().await.unwrap();
    let answer = service.deliver(&server, &app, "withdrawn").await;
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    service.deliver(&server, &app, "stays").await;
    assert_eq!(crate::support::http().delete(location).send().await.unwrap().status(), 204);
    let mut terminal = service.again(&hello.uaid).await;
    assert_eq!(app.read(&next(&mut terminal).await), "stays");
    assert_nothing_came(&mut terminal).await;
}

async fn take(terminal: &mut signalbox::client::Terminal, count: usize) -> Vec<Notification> {
    let mut came = Vec::with_capacity(count);
    while came.len() < count {
        came.push(next(terminal).await);
    }
    came
}

fn texts(app: &App, notifications: &[Notification]) -> Vec<String> {
    notifications.iter().map(|notification| app.read(notification)).collect()
}
