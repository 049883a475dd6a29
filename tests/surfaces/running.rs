//! A running service does as the documents say.

use std::path::Path;
use std::sync::{Arc, Mutex};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use signalbox::client::TerminalError;
use signalbox_wire::{Register, Unregister};

use crate::support::described::{assert_answer, assert_frame};
use crate::support::{App, PATIENCE, Process, Server, Service, channel, http, next};
use crate::{examples, openapi};

/// Each example of what a terminal may send is taken: answered or ignored, but not refused.
#[tokio::test]
async fn every_example_of_a_terminals_message_is_taken() {
    let service = Service::start();
    for example in examples::taken() {
        let mut terminal = service.connect().await;
        if examples::kind(&example, "ping") != "hello" {
            terminal.hello(None).await.unwrap();
        }
        let frames = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&frames);
        terminal.watch(move |frame| {
            assert_frame(frame);
            seen.lock().unwrap().push(frame.to_owned());
        });
        terminal.send_text(example.to_string()).await.unwrap();
        // Messages of a connection are handled one after the other.
        terminal.ping().await.unwrap();
        loop {
            match terminal.pong().await {
                Ok(()) => break,
                // The answer to the example.
                Err(TerminalError::NotProtocol(_)) => {}
                Err(error) => panic!("{example}: {error}"),
            }
        }
        let frames = frames.lock().unwrap();
        assert!(
            frames.iter().all(|frame| !frame.contains(r#""messageType":"error""#)),
            "{example}: {frames:?}"
        );
    }
}

/// Sends, and compares the answer with what is described of the call.
async fn checked(request: RequestBuilder) -> (u16, String) {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().to_string(), request.url().path().to_owned());
    let answer: Response = client.execute(request).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.text().await.unwrap();
    assert_answer(Some(&method), &path, status, &headers, &body);
    let url = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    (status, url("link").or_else(|| url("location")).unwrap_or(body))
}

/// Each call, answered as it is meant to be, and refused.
#[tokio::test]
async fn every_call_is_answered_as_described() {
    let service = Service::start();
    let (server, other) = (Server::new(), Server::new());
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, Some("demo"), None).await;
    let url = |path: &str| format!("{}{path}", service.public_url);
    let signed = |request| server.sign(request, &service.public_url);
    let of_token = |path: &str| signed(http().post(url(path)).json(&json!({"token": app.token()})));

    assert_eq!(checked(http().get(url("/health"))).await.0, 200);
    assert_eq!(checked(app.push("unsigned")).await.0, 401);
    assert_eq!(checked(signed(app.push("early"))).await.0, 403);
    assert_eq!(checked(of_token("/v1/tokens/revoke")).await.0, 403);
    assert_eq!(checked(http().post(url("/v1/tokens/validate")).json(&json!({}))).await.0, 400);
    assert_eq!(checked(of_token("/v1/tokens/validate")).await.0, 200);
    assert_eq!(checked(other.sign(app.push("foreign"), &service.public_url)).await.0, 403);
    assert_eq!(checked(http().get(&app.subscription.endpoint)).await.0, 405);

    let (status, location) = checked(signed(app.push("a message"))).await;
    assert_eq!(status, 201);
    assert_eq!(checked(http().delete(location)).await.0, 204);
    let (status, link) = checked(signed(app.push("with a receipt").header("Prefer", "respond-async"))).await;
    assert_eq!(status, 202);
    let receipt = link.trim_start_matches('<').split('>').next().unwrap();
    assert_eq!(checked(http().get(receipt)).await.0, 202);
    for _ in 0..2 {
        let notification = next(&mut terminal).await;
        terminal.acknowledge(&notification).await.unwrap();
    }
    terminal.ping().await.unwrap();
    terminal.pong().await.unwrap();
    assert_eq!(checked(http().get(receipt)).await.0, 204);

    assert_eq!(checked(of_token("/v1/tokens/revoke")).await.0, 204);
    let (status, body) = checked(of_token("/v1/tokens/validate")).await;
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &problem["errno"]), (410, &json!(106)));
    assert_eq!(checked(http().delete(url("/messages/x"))).await.0, 404);
    assert_eq!(checked(http().post(url("/v1/tokens/validate")).body(vec![b' '; 70_000])).await.0, 413);
}

/// The calls for many sessions, each answered as it is meant to be, and refused.
#[tokio::test]
async fn every_call_for_many_is_answered_as_described() {
    let service = Service::start();
    let (server, other) = (Server::new(), Server::new());
    let (mut terminal, _) = service.terminal().await;
    let request =
        Register { channel: channel(), key: None, app: None, encodings: vec!["identity".to_owned()] };
    let app = App::register_as(&mut terminal, request).await;
    let encrypted_only = App::register(&mut terminal, None, None).await;
    let url = |path: &str| format!("{}{path}", service.public_url);
    let signed = |request| server.sign(request, &service.public_url);
    let post = |path: &str, body: &Value| http().post(url(path)).json(body);
    let read = |(status, body): (u16, String)| (status, serde_json::from_str::<Value>(&body).unwrap());

    let recipients = json!([
        {"token": app.token()},
        app.subscription,
        {"token": encrypted_only.token()},
        {"token": "forged"},
    ]);
    let list =
        json!({"ttl": 60, "contentEncoding": "identity", "body": "eyJhIjoxfQ", "recipients": recipients});
    assert_eq!(checked(post("/v1/notifications", &list)).await.0, 401);
    let keyed = |body: &Value| signed(post("/v1/notifications", body)).header("Idempotency-Key", "one");
    let (status, location) = checked(keyed(&list)).await;
    assert_eq!(status, 202);
    assert_eq!(checked(keyed(&list)).await, (202, location.clone()));
    assert_eq!(checked(keyed(&json!({"ttl": 60, "recipients": recipients}))).await.0, 409);
    assert_eq!(checked(signed(post("/v1/notifications", &json!({"ttl": 60})))).await.0, 400);

    let (status, progress) = read(checked(signed(http().get(format!("{location}?wait=20")))).await);
    assert_eq!((status, &progress["state"], &progress["posted"]), (200, &json!("done"), &json!(2)));
    assert_eq!((&progress["refused"], &progress["dead"]), (&json!(2), &json!([3])));
    assert_eq!(checked(other.sign(http().get(&location), &service.public_url)).await.0, 404);
    assert_eq!(checked(signed(http().get(format!("{location}?after=x")))).await.0, 400);

    let audience = "/v1/audiences/news";
    let everyone = "/v1/audiences/news/notifications";
    assert_eq!(checked(signed(http().get(url(audience)))).await.0, 404);
    assert_eq!(checked(signed(post(everyone, &json!({"ttl": 0})))).await.0, 404);
    let change = json!({"add": [app.token(), app.subscription, "forged"], "remove": ["forged"]});
    assert_eq!(checked(signed(http().patch(url(audience)).json(&change))).await.0, 200);
    assert_eq!(
        read(checked(signed(http().get(url(audience)))).await),
        (200, json!({"name": "news", "size": 1}))
    );
    assert_eq!(checked(signed(http().get(url("/v1/audiences/.news")))).await.0, 400);
    let (status, location) = checked(signed(post(everyone, &json!({"ttl": 0})))).await;
    assert_eq!(status, 202);
    let (_, progress) = read(checked(signed(http().get(format!("{location}?wait=20")))).await);
    assert_eq!((&progress["posted"], &progress["total"]), (&json!(1), &json!(1)));
    // Dead by the time of the next job, and named by its token's digest.
    terminal.unregister(Unregister { channel: app.channel, code: None }).await.unwrap();
    let (_, location) = checked(signed(post(everyone, &json!({"ttl": 0})))).await;
    let (_, progress) = read(checked(signed(http().get(format!("{location}?wait=20")))).await);
    assert_eq!(progress["dead"][0], progress["refusals"][0]["member"]);
    assert_eq!(checked(signed(http().delete(url(audience)))).await.0, 204);
    assert_eq!(checked(http().delete(url(audience))).await.0, 401);
}

/// Who asks on the operator's socket.
fn operator(data: &Path) -> Client {
    let socket = data.join("operator.sock");
    Client::builder().unix_socket(socket).pool_max_idle_per_host(0).timeout(PATIENCE).build().unwrap()
}

/// The operator's calls, each answered as it is meant to be, and refused.
#[tokio::test]
async fn every_call_of_the_operator_is_answered_as_described() {
    let data = tempfile::tempdir().unwrap();
    let _process = Process::on(data.path());
    let operator = operator(data.path());
    let (server, other) = (Server::new(), Server::new());
    let url = |of: &str| format!("http://operator/v1/applications{of}");
    let get = |of: &str| operator.get(url(of));
    let put = |of: &str, keys: &[&Server]| {
        let keys: Vec<_> = keys.iter().map(|server| server.key.public_key()).collect();
        operator.put(url(of)).json(&json!({"serverKeys": keys, "authorization": "explicit"}))
    };
    assert_eq!(checked(get("/mail")).await.0, 404);
    assert_eq!(checked(put("/mail", &[&server])).await.0, 201);
    assert_eq!(checked(put("/mail", &[&server])).await.0, 200);
    assert_eq!(checked(put("/mail", &[&server, &other])).await.0, 200);
    assert_eq!(checked(put("/chat", &[&other])).await.0, 409);
    assert_eq!(checked(put("/mail", &[])).await.0, 400);
    assert_eq!(checked(put("/-mail", &[&server])).await.0, 400);
    let too_large = operator.put(url("/mail")).body(vec![b' '; 70_000]);
    assert_eq!(checked(too_large).await.0, 413);
    let (status, mail) = checked(get("/mail")).await;
    let mail: Value = serde_json::from_str(&mail).unwrap();
    assert_eq!((status, &mail["serverKeys"][1]), (200, &json!(other.key.public_key())));
    // Without a mode of its own, and told so.
    let plain = operator.put(url("/mail")).json(&json!({"serverKeys": [server.key.public_key()]}));
    let (status, mail) = checked(plain).await;
    let mail: Value = serde_json::from_str(&mail).unwrap();
    assert_eq!((status, &mail["authorization"]), (200, &json!(null)));
    let (status, listed) = checked(get("")).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((status, listed), (200, json!({"applications": ["mail"], "next": null})));
    assert_eq!(checked(get("?after=mail")).await.0, 200);
    assert_eq!(checked(get("?after=-")).await.0, 400);
    for _ in 0..2 {
        assert_eq!(checked(operator.delete(url("/mail"))).await.0, 204);
    }
}

/// Each path of the document is served by the methods that are described, where it is said to be, and nowhere else: the
/// operator's on the operator's socket alone.
#[tokio::test]
async fn each_call_is_served_where_it_is_described() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::on(data.path());
    let operator = operator(data.path());
    let document = openapi::document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let of_operators = item["servers"].is_array();
        let filled: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let filled = filled.join("/");
        for method in [Method::DELETE, Method::GET, Method::PATCH, Method::POST, Method::PUT] {
            let described = item[method.as_str().to_lowercase()].is_object();
            let to_operators = operator.request(method.clone(), format!("http://operator{filled}"));
            let to_all = http().request(method.clone(), format!("{}{filled}", process.public_url));
            let served = (is_served(to_operators).await, is_served(to_all).await);
            assert_eq!(served, (described && of_operators, described && !of_operators), "{method} {path}");
        }
    }
}

/// Whether there is such a route: the gateway's 404 is no problem.
async fn is_served(request: RequestBuilder) -> bool {
    let answer = request.send().await.unwrap();
    let is_json = answer.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    let no_route = answer.status() == 404 && is_json;
    if no_route {
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({"message": "Not Found"}));
    }
    !no_route
}
