use crate::support::{App, Server, Service, assert_nothing_came, http, next};

/// R20: a payload of every size up to the limit comes unchanged.
#[tokio::test]
async fn payloads_cross_unchanged() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    for length in [1, 17, 1000, 3993, 5630 - 103] {
        let text = "x".repeat(length);
        service.deliver(&server, &app, &text).await;
        let notification = next(&mut terminal).await;
        assert_eq!(app.read(&notification), text);
        terminal.acknowledge(&notification).await.unwrap();
    }
}

/// Standards: a notification without a body carries neither data nor headers.
#[tokio::test]
async fn an_empty_notification_has_no_data() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let request = http().post(&app.subscription.endpoint).header("TTL", "60");
    assert_eq!(server.sign(request, &service.public_url).send().await.unwrap().status(), 201);
    let notification = next(&mut terminal).await;
    assert_eq!((notification.data, notification.headers.is_none()), (None, true));
    assert!((1..=128).contains(&notification.version.len()));
}

/// RFC 8030 section 5.2: TTL 0 is delivered now or never.
#[tokio::test]
async fn ttl_0_is_now_or_never() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let now = |text: &str| {
        let request = app.push(text);
        let mut request = server.sign(request, &service.public_url).build().unwrap();
        request.headers_mut().insert("ttl", "0".parse().unwrap());
        http().execute(request)
    };
    let answer = now("now").await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["ttl"]), (201, &"0".parse().unwrap()));
    assert_eq!(app.read(&next(&mut terminal).await), "now");

    terminal.close().await.unwrap();
    assert_eq!(now("never").await.unwrap().status(), 201);
    let mut terminal = service.again(&hello.uaid).await;
    assert_nothing_came(&mut terminal).await;
}

/// RFC 8030 section 5.2: a TTL over 30 days is shortened, and the answer says so.
#[tokio::test]
async fn a_long_ttl_is_shortened() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let request = http().post(&app.subscription.endpoint).header("TTL", "99999999999");
    let answer = server.sign(request, &service.public_url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["ttl"]), (201, &"2592000".parse().unwrap()));
}

/// I2: no two notifications have one version.
#[tokio::test]
async fn versions_differ() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let mut versions = std::collections::HashSet::new();
    for _ in 0..20 {
        service.deliver(&server, &app, "same").await;
        assert!(versions.insert(next(&mut terminal).await.version));
    }
}

/// RFC 8030 sections 5.1 and 6.3: a receipt, polled.
#[tokio::test]
async fn a_receipt_tells_when_it_was_acknowledged() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let request =
        server.sign(app.push("with a receipt"), &service.public_url).header("Prefer", "respond-async");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let link = answer.headers()["link"].to_str().unwrap();
    let receipt = link.split(&['<', '>'][..]).nth(1).unwrap().to_owned();
    assert!(link.ends_with(r#"rel="urn:ietf:params:push:receipt""#), "{link}");
    let ask = async || http().get(&receipt).send().await.unwrap().status().as_u16();
    let notification = next(&mut terminal).await;
    assert_eq!(ask().await, 202);
    terminal.acknowledge(&notification).await.unwrap();
    let mut status = 202;
    for _ in 0..100 {
        status = ask().await;
        if status != 202 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(status, 204);
}

/// RFC 8030 section 5.3: a terminal may state the least urgent that it wants.
#[tokio::test]
async fn a_terminal_is_spared_what_is_less_urgent() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, hello) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    terminal.close().await.unwrap();
    let mut terminal = service.connect().await;
    let wanting = |urgency: &str| signalbox_wire::Hello {
        uaid: Some(hello.uaid.clone()),
        use_webpush: Some(true),
        urgency: Some(urgency.into()),
        enrolment: None,
    };
    terminal.hello_as(wanting("high")).await.unwrap();
    for urgency in ["low", "high"] {
        let request = server.sign(app.push(urgency), &service.public_url).header("Urgency", urgency);
        assert_eq!(request.send().await.unwrap().status(), 201);
    }
    let high = next(&mut terminal).await;
    assert_eq!(app.read(&high), "high");
    terminal.acknowledge(&high).await.unwrap();
    assert_nothing_came(&mut terminal).await;
    terminal.close().await.unwrap();
    let mut terminal = service.connect().await;
    terminal.hello_as(wanting("low")).await.unwrap();
    assert_eq!(app.read(&next(&mut terminal).await), "low");
}
