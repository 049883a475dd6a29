//! One request for many sessions (R40 to R42).

use reqwest::{Method, Response};
use serde_json::{Value, json};
use signalbox_wire::{Register, base64url};
use uuid::Uuid;

use crate::support::{App, Server, Service, assert_nothing_came, channel, http, next, problem};

/// A session that reads what is not encrypted.
fn plain() -> Register {
    Register { channel: channel(), key: None, app: None, encodings: vec!["identity".into()] }
}

async fn call(
    service: &Service,
    server: &Server,
    (method, path): (Method, &str),
    body: Option<&Value>,
) -> Response {
    let mut request = http().request(method, format!("{}{path}", service.public_url));
    if let Some(body) = body {
        request = request.json(body);
    }
    server.sign(request, &service.public_url).send().await.expect("the service answers")
}

/// A job's last words.
async fn done(service: &Service, server: &Server, job: &Value) -> Value {
    let path = format!("/v1/notifications/{}?wait=20", job.as_str().expect("a name"));
    let answer = call(service, server, (Method::GET, &path), None).await;
    assert_eq!(answer.status(), 200);
    let progress: Value = answer.json().await.unwrap();
    assert_eq!((&progress["state"], &progress["pending"]), (&json!("done"), &json!(0)), "{progress}");
    progress
}

/// R40 to R42: a list with encrypted bodies, one for each, and one body for all the others; who is absent gets it later, who is
/// forged is told at once, and the repeated request sends nothing twice.
#[tokio::test]
async fn r40_r41_r42_a_list() {
    let (service, server) = (Service::start(), Server::new());
    let (mut one, _) = service.terminal().await;
    let sealed = App::register(&mut one, None, None).await;
    let (mut two, _) = service.terminal().await;
    let open = App::register_as(&mut two, plain()).await;
    let (mut three, absent) = service.terminal().await;
    let waits = App::register_as(&mut three, plain()).await;
    drop(three);
    let own = json!({"endpoint": sealed.subscription.endpoint, "contentEncoding": "aes128gcm",
        "body": base64url::encode(sealed.encrypt("for one"))});
    let list = json!({"ttl": 300, "contentEncoding": "identity", "body": base64url::encode("for all"),
        "recipients": [own, {"token": open.token()}, {"token": "forged"}, {"endpoint": waits.subscription.endpoint}]});
    let key = Uuid::new_v4().to_string();
    let send = async || {
        let request = http().post(format!("{}/v1/notifications", service.public_url)).json(&list);
        let request = request.header("Idempotency-Key", &key);
        let answer = server.sign(request, &service.public_url).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let told: Value = answer.json().await.unwrap();
        assert_eq!(
            location,
            format!("{}/v1/notifications/{}", service.public_url, told["job"].as_str().unwrap())
        );
        told
    };
    let told = send().await;
    let forged = json!([{"index": 2, "status": 404, "type": "urn:signalbox:problem:token-unknown"}]);
    assert_eq!((&told["total"], &told["refused"]), (&json!(4), &forged));
    assert_eq!(sealed.read(&next(&mut one).await), "for one");
    let notification = next(&mut two).await;
    assert_eq!(notification.data, Some(base64url::encode("for all")));
    let progress = done(&service, &server, &told["job"]).await;
    assert_eq!((&progress["refused"], &progress["dead"]), (&json!(1), &json!([2])));
    let reached = progress["posted"].as_u64().unwrap() + progress["stored"].as_u64().unwrap();
    assert_eq!((reached, &progress["total"]), (3, &json!(4)));

    assert_eq!(send().await, told);
    done(&service, &server, &told["job"]).await;
    assert_nothing_came(&mut one).await;
    assert_nothing_came(&mut two).await;
    let mut three = service.again(&absent.uaid).await;
    assert_eq!(next(&mut three).await.data, Some(base64url::encode("for all")));

    let path = format!("/v1/notifications/{}", told["job"].as_str().unwrap());
    let stranger = call(&service, &Server::new(), (Method::GET, &path), None).await;
    assert_eq!(problem(stranger).await.1, "job-unknown");
}

/// R40: an audience: made, notified, left by a session that ends, and deleted.
#[tokio::test]
async fn r40_an_audience() {
    let (service, server) = (Service::start(), Server::new());
    let path = format!("/v1/audiences/news-{}", Uuid::new_v4().simple());
    let (mut terminals, mut apps) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (mut terminal, _) = service.terminal().await;
        apps.push(App::register_as(&mut terminal, plain()).await);
        terminals.push(terminal);
    }
    let members: Vec<_> = apps.iter().map(|app| &app.subscription.endpoint).collect();
    let answer = call(&service, &server, (Method::PATCH, &path), Some(&json!({"add": members}))).await;
    let changed: Value = answer.json().await.unwrap();
    assert_eq!(changed, json!({"added": 3, "removed": 0, "refused": []}));
    let news = json!({"ttl": 300, "contentEncoding": "identity", "body": base64url::encode("news")});
    let notify = async || -> Value {
        let path = format!("{path}/notifications");
        let answer = call(&service, &server, (Method::POST, &path), Some(&news)).await;
        assert_eq!(answer.status(), 202);
        answer.json().await.unwrap()
    };
    let told = notify().await;
    for terminal in &mut terminals {
        let notification = next(terminal).await;
        assert_eq!(notification.data, Some(base64url::encode("news")));
        terminal.acknowledge(&notification).await.unwrap();
    }
    assert_eq!(done(&service, &server, &told["job"]).await["total"], 3);

    let ended = signalbox_wire::Unregister { channel: apps[0].channel, code: None };
    assert_eq!(terminals[0].unregister(ended).await.unwrap().status, 200);
    let told = notify().await;
    let progress = done(&service, &server, &told["job"]).await;
    assert_eq!((&progress["refused"], progress["dead"].as_array().unwrap().len()), (&json!(1), 1));
    assert_nothing_came(&mut terminals[0]).await;
    for terminal in &mut terminals[1..] {
        next(terminal).await;
    }
    let size = async || call(&service, &server, (Method::GET, &path), None).await;
    assert_eq!(size().await.json::<Value>().await.unwrap()["size"], 2);
    assert_eq!(call(&service, &server, (Method::DELETE, &path), None).await.status(), 204);
    assert_eq!(problem(size().await).await.1, "audience-unknown");
}
