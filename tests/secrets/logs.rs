use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use signalbox_local_aws::{Fault, PostError};
use signalbox_wire::base64url;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::bed::{A, B, Bed, CHANNEL, PUBLIC_URL, versions};
use crate::events::{Link, socket};
use crate::known::Known;
use crate::leaks::leak;

const OTHER_CHANNEL: &str = "6b7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";
const C: Link = Link { id: "connection-c=", connected: 3_000 };
const D: Link = Link { id: "connection-d=", connected: 4_000 };

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// I11: through everything that the functions do, its refusals and its faults, no line of the log holds a secret, however
/// much is logged: neither one that has crossed nor anything that looks like one.
#[tokio::test]
async fn no_secret_is_logged() {
    let lines = Lines::default();
    let json = tracing_subscriber::fmt::layer().json().with_writer(lines.clone());
    tracing_subscriber::registry().with(signalbox_startup::log_filter(Some("trace"))).with(json).init();

    let bed = Bed::new().await;
    let mut known = Known::of(&bed);
    let token = flow(&bed, &mut known).await;
    refusals(&bed, &mut known, &token).await;
    faults(&bed, &mut known, &token).await;
    known.posted(&bed);
    Box::pin(enrolment(&mut known)).await;

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "provisioned",
        "enrolled",
        "not admitted",
        "token issued",
        "accepted",
        "acknowledged",
        "drained a page",
        "refused",
        "is owed",
    ] {
        assert!(log.contains(expected), "nothing is said of what is {expected}:\n{log}");
    }
    assert!(known.iter().count() > 30, "{}", known.iter().count());
    let metrics = bed.lines.lock().unwrap().clone();
    assert!(metrics.len() > 20, "{metrics:?}");
    for line in log.lines().chain(metrics.iter().map(String::as_str)) {
        assert_eq!(leak(line), None, "{line}");
        for secret in known.iter() {
            assert!(!line.contains(secret), "{secret} is in {line}");
        }
        // Of the libraries underneath, which show whole requests there.
        let ours = line.contains(r#""target":"signalbox_"#) || line.contains(r#""_aws""#);
        assert!(ours || !(line.contains(r#""DEBUG""#) || line.contains(r#""TRACE""#)), "{line}");
    }
}

/// A push, with what it holds and what it was answered with.
async fn push(
    bed: &Bed,
    known: &mut Known,
    token: &str,
    ttl: u32,
    headers: &[(&str, &str)],
) -> Option<String> {
    let mut event = bed.push_event(token, ttl);
    for (name, value) in headers {
        event["headers"][*name] = json!(value);
    }
    known.members(&event);
    let answer = bed.run_push(&event).await;
    known.answer(&answer);
    answer.headers().get("location").map(|url| url.to_str().unwrap().to_owned())
}

/// Everything that goes well: an explicit session's token.
async fn flow(bed: &Bed, known: &mut Known) -> String {
    let uaid = bed.terminal(A).await;
    known.add(&uaid);
    let token = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    let other = bed.token(A, OTHER_CHANNEL, json!({})).await;
    known.add(&token);
    known.add(&other);
    push(bed, known, &token, 60, &[]).await;
    let validation = bed.validate_event(&token, &bed.server);
    known.members(&validation);
    assert_eq!(bed.run_validate(&validation).await.status(), 200);
    for (ttl, headers) in
        [(60, &[][..]), (0, &[]), (60, &[("topic", "secret-topic")]), (60, &[("prefer", "respond-async")])]
    {
        assert!(push(bed, known, &token, ttl, headers).await.is_some());
    }
    known.posted(bed);
    let live = versions(&bed.peers.take(A.id));
    bed.acknowledge(A, &[&live[0], &live[1]]).await;
    let nack = json!({"messageType": "nack", "version": live[2], "code": 301});
    bed.message("nack", A, nack).await;
    bed.disconnect(A).await;
    let withdrawn = push(bed, known, &other, 60, &[("prefer", "respond-async")]).await.unwrap();
    assert_eq!(bed.ask("DELETE", &withdrawn).await.status(), 204);
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    known.posted(bed);
    assert_eq!(bed.revoke(&token, &bed.server).await.status(), 204);
    bed.unregister(B, OTHER_CHANNEL).await;
    bed.token(B, CHANNEL, json!({"key": bed.server.public_key()})).await
}

/// Secrets where they do not belong, altered ones and what is malformed around them.
async fn refusals(bed: &Bed, known: &mut Known, token: &str) {
    known.add(token);
    bed.push(&token[1..], 60).await;
    bed.validate(&format!("{token}A")).await;
    bed.ask("DELETE", &format!("{PUBLIC_URL}/messages/{token}")).await;
    bed.ask("GET", &format!("{PUBLIC_URL}/receipts/{token}")).await;
    for headers in [
        ("authorization", token),
        ("ttl", token),
        ("urgency", token),
        ("topic", token),
        ("content-encoding", token),
        ("crypto-key", token),
        ("x-request-id", token),
        ("x-amzn-trace-id", token),
        ("x-amzn-trace-id", &format!("Root={token}")),
    ] {
        push(bed, known, token, 60, &[headers]).await;
    }
    let jwt = bed.server.authorization("https://another.example").unwrap();
    push(bed, known, token, 60, &[("authorization", &jwt)]).await;
    let mut malformed = bed.validate_event(token, &bed.server);
    malformed["body"] = json!(format!("{{\"token\": \"{token}\""));
    bed.run_validate(&malformed).await;
    for (name, body) in [
        ("hello", json!({"messageType": "hello", "uaid": [token]})),
        ("hello", json!({"messageType": "hello", "use_webpush": true, "urgency": token})),
        ("register", json!({"messageType": "register", "channelID": token})),
        ("register", json!({"messageType": "register", "channelID": CHANNEL, "key": token})),
        ("unregister", json!({"messageType": "unregister", "channelID": token})),
        ("ack", json!({"messageType": "ack", "updates": token})),
        ("nack", json!({"messageType": "nack", "version": {"is": token}})),
        ("default", json!({"messageType": token})),
        ("default", json!(token)),
    ] {
        bed.peers.open(C.id);
        bed.message(name, C, body).await;
    }
}

/// Every call fails in every way, and so does the queue; then what is owed is tried again.
async fn faults(bed: &Bed, known: &mut Known, token: &str) {
    bed.peers.open(A.id);
    let uaid = bed.hello(A, None).await[0]["uaid"].as_str().unwrap().to_owned();
    known.add(&uaid);
    let own = bed.token(A, CHANNEL, json!({})).await;
    known.add(&own);
    push(bed, known, &own, 60, &[]).await;
    known.posted(bed);
    let version = versions(&bed.peers.take(A.id)).remove(0);
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter, Fault::Conflict] {
        bed.dynamo.intercept(move |_| Some(fault));
        push(bed, known, &own, 60, &[]).await;
        bed.validate(token).await;
        bed.register(A, CHANNEL, json!({})).await;
        bed.unregister(A, CHANNEL).await;
        bed.acknowledge(A, &[&version]).await;
        bed.peers.open(D.id);
        bed.hello(D, Some(&uaid)).await;
        bed.peers.open(A.id);
    }
    bed.dynamo.intercept(|_| None);
    bed.peers.fail(A.id, PostError::Internal);
    push(bed, known, &own, 60, &[]).await;
    let owed: Vec<_> = bed.owed().into_iter().map(|(body, _)| body).collect();
    assert_eq!(owed.len(), 1, "{owed:?}");
    bed.drain(&[owed[0].clone(), own.clone()]).await;
    bed.queues.intercept(|_| Some(Fault::FailsBefore));
    push(bed, known, &own, 60, &[]).await;
    // A ring that cannot be read, asked for by a name under a key that it does not have.
    bed.set_key_ring(r#"{"encrypt":"1","2":"not to be read, and long enough for a key"}"#);
    bed.push(&unknown_key(&own), 60).await;
}

/// Keys that count and keys that do not, where they belong and where they do not; while the set can be read and while not.
async fn enrolment(known: &mut Known) {
    const KEY: &str = "an.example~enrolment_key-which-is-long";
    const WRONG: &str = "another.example~enrolment_key-as-long-x";
    known.add(KEY);
    known.add(WRONG);
    let bed = Box::pin(Bed::enrolling(&format!(r#"{{"1":"{KEY}"}}"#))).await;
    for (number, set) in [None, Some(WRONG), Some("{}"), Some(r#"{"1":7}"#)].into_iter().enumerate() {
        if let Some(set) = set {
            bed.set_enrolment_keys(set);
            bed.pass(Duration::from_secs(11 * 60));
        }
        for key in [KEY, WRONG, &format!("{KEY} {WRONG}")] {
            let mut connect = socket(bed.source, "connect", A, &format!("connect-{number}"), None);
            connect["queryStringParameters"] = json!({"enrolment": key});
            bed.answer("connect", &connect).await;
            connect["headers"]["x-signalbox-enrolment"] = json!(key);
            bed.answer("connect", &connect).await;
            for more in [json!(key), json!([key])] {
                bed.peers.open(A.id);
                let hello = json!({"messageType": "hello", "enrolment": more});
                bed.message("hello", A, hello).await;
            }
            bed.peers.open(A.id);
            bed.message("hello", A, json!({"messageType": "hello", "uaid": key})).await;
        }
    }
}

/// The token, as if sealed under another key.
fn unknown_key(token: &str) -> String {
    let mut bytes = base64url::decode(token).unwrap();
    bytes[1] = 9;
    base64url::encode(bytes)
}
