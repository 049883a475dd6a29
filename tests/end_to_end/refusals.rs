use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::RequestBuilder;
use reqwest::header::AUTHORIZATION;
use serde_json::json;
use signalbox_wire::base64url;

use crate::support::{App, Server, Service, assert_nothing_came, http, next, problem};

/// R18, R21: each mistake has its status and its type, and nothing at all crosses to the terminal.
#[tokio::test]
async fn every_bad_push_is_named_and_delivers_nothing() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, Some(server.key.public_key())).await;
    let bare = || server.sign(http().post(&app.subscription.endpoint), &service.public_url);
    let body = || app.encrypt("never");
    let encoded = |request: RequestBuilder| request.header("Content-Encoding", "aes128gcm");
    let mut reused = body();
    reused.splice(21..86, base64url::decode(server.key.public_key()).unwrap());
    let cases = [
        (encoded(bare()).body(body()), (400, "ttl-missing")),
        (encoded(bare()).header("TTL", "-1").body(body()), (400, "ttl-invalid")),
        (encoded(bare()).header("TTL", "soon").body(body()), (400, "ttl-invalid")),
        (bare().header("TTL", "60").body(body()), (400, "encoding-missing")),
        (
            bare().header("TTL", "60").header("Content-Encoding", "gzip").body(body()),
            (415, "encoding-unsupported"),
        ),
        (
            bare().header("TTL", "60").header("Content-Encoding", "aesgcm").body(body()),
            (400, "encryption-missing"),
        ),
        (encoded(bare()).header("TTL", "60").body(vec![1; 200]), (400, "body-malformed")),
        (encoded(bare()).header("TTL", "60").body(reused), (400, "body-malformed")),
        (encoded(bare()).header("TTL", "60").body(vec![1; 6000]), (413, "body-too-large")),
        (encoded(bare()).header("TTL", "60").header("Topic", "a b").body(body()), (400, "topic-invalid")),
        (encoded(bare()).header("TTL", "60").header("Urgency", "now").body(body()), (400, "urgency-invalid")),
    ];
    for (index, (request, expected)) in cases.into_iter().enumerate() {
        let (status, kind, detail) = problem(request.send().await.unwrap()).await;
        assert_eq!((status, kind.as_str()), expected, "case {index}: {detail}");
    }
    assert_nothing_came(&mut terminal).await;
}

/// VAPID: the refusal names the claim, what came and what was expected.
#[tokio::test]
async fn every_bad_vapid_is_named() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, Some(server.key.public_key())).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let origin = url::Url::parse(&service.public_url).unwrap().origin().ascii_serialization();
    let with = |claims| server.key.sign(&claims).unwrap();
    let good = with(json!({"aud": origin, "exp": now + 60}));
    let cases = [
        (
            with(json!({"aud": "https://a.example", "exp": now + 60})),
            "vapid-audience",
            format!("aud is https://a.example, this service is {origin}"),
        ),
        (with(json!({"exp": now + 60})), "vapid-audience", "aud is missing".into()),
        (with(json!({"aud": origin})), "vapid-expiry", "exp is missing".into()),
        (with(json!({"aud": origin, "exp": now - 600})), "vapid-expiry", "has passed".into()),
        (with(json!({"aud": origin, "exp": now + 100_000})), "vapid-expiry", "more than 24 h ahead".into()),
        (
            good.replace(server.key.public_key(), Server::new().key.public_key()),
            "vapid-signature",
            "k".into(),
        ),
        (good.replace(", k=", ", x="), "vapid-header", "k is missing".into()),
        ("Bearer abc".into(), "vapid-header", "p256ecdsa is missing".into()),
        ("Basic abc".into(), "vapid-header", "vapid t=".into()),
    ];
    for (header, expected, says) in cases {
        let answer = app.push("never").header(AUTHORIZATION, header).send().await.unwrap();
        let (status, kind, detail) = problem(answer).await;
        assert_eq!((status, kind.as_str()), (401, expected), "{detail}");
        assert!(detail.contains(&says), "{detail}");
    }
    assert_nothing_came(&mut terminal).await;
    assert_eq!(app.push("good").header(AUTHORIZATION, good).send().await.unwrap().status(), 201);
    assert_eq!(app.read(&next(&mut terminal).await), "good");
}

/// R14, R19: good, bad, good is delivered, refused, delivered; altered by one bit, cut or foreign is all the same.
#[tokio::test]
async fn the_token_is_evaluated_on_every_notification() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    service.deliver(&server, &app, "good").await;
    assert_eq!(app.read(&next(&mut terminal).await), "good");

    let token = app.token();
    let altered = |at: usize| {
        let mut bytes = base64url::decode(token).unwrap();
        bytes[at] ^= 1;
        base64url::encode(bytes)
    };
    let mut forged: Vec<_> = [0, 1, 2, 14, 50, 93].map(altered).to_vec();
    forged.extend([
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        "A".repeat(126),
        "x".to_owned(),
    ]);
    for token in forged {
        let endpoint = format!("{}/push/{token}", service.public_url);
        let request = http().post(endpoint).header("TTL", "60");
        let answer = server.sign(request, &service.public_url).send().await.unwrap();
        let (status, kind, _) = problem(answer).await;
        assert_eq!((status, kind.as_str()), (404, "token-unknown"), "{token}");
    }
    assert_nothing_came(&mut terminal).await;

    service.deliver(&server, &app, "good again").await;
    assert_eq!(app.read(&next(&mut terminal).await), "good again");
}

#[tokio::test]
async fn health_is_told_and_what_is_not_there_is_not_found() {
    let service = Service::start();
    let health = http().get(format!("{}/health", service.public_url)).send().await.unwrap();
    assert_eq!(health.status(), 200);
    for path in ["/v1/tokens", "/v1/notifications", "/receipts"] {
        let answer = http().get(format!("{}{path}", service.public_url)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

/// Whoever opens an endpoint, a message or a receipt by a name that is none is told so.
#[tokio::test]
async fn other_resources_say_what_they_are() {
    let service = Service::start();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    let endpoint = http().get(&app.subscription.endpoint).send().await.unwrap();
    assert_eq!(endpoint.headers()["allow"], "POST");
    assert_eq!(problem(endpoint).await.1, "not-a-post");
    let message = http().delete(format!("{}/messages/x", service.public_url)).send().await.unwrap();
    assert_eq!(problem(message).await.1, "message-unknown");
    let receipt = http().get(format!("{}/receipts/x", service.public_url)).send().await.unwrap();
    assert_eq!(problem(receipt).await.1, "message-unknown");
}
