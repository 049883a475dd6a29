use std::time::Duration;

use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::VapidKey;

use crate::bed::{A, B, Bed, CHANNEL, problem, versions};
use crate::events::Link;

const C: Link = Link { id: "connection-c=", connected: 3_000 };

fn header<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

fn receipt_of(answer: &Response<Body>) -> String {
    let link = header(answer, "link");
    let (url, relation) = link.split_once("; ").unwrap();
    assert_eq!(relation, r#"rel="urn:ietf:params:push:receipt""#);
    url.trim_matches(&['<', '>'][..]).to_owned()
}

// Urgency

/// RFC 8030 section 5.3: what is below the terminal's minimum is not delivered, live or drained; it stays, and comes when
/// the minimum falls.
#[tokio::test]
async fn less_urgent_ones_wait_until_the_minimum_falls() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.open(B.id);
    bed.hello_wanting(B, &uaid, "high").await;
    let _ = bed.dynamo.take();
    bed.push_with(&token, 60, &[("urgency", "normal")]).await;
    assert_eq!(bed.dynamo.take_operations(), ["BatchGetItem", "PutItem", "UpdateItem"]);
    bed.push_with(&token, 60, &[("urgency", "very-low")]).await;
    bed.push_with(&token, 0, &[("urgency", "low")]).await;
    bed.push_with(&token, 60, &[("urgency", "high")]).await;
    assert_eq!(versions(&bed.peers.take(B.id)).len(), 1);

    bed.peers.open(C.id);
    assert_eq!(versions(&bed.hello_wanting(C, &uaid, "normal").await).len(), 2);
    let d = Link { id: "d", connected: 4_000 };
    bed.peers.open(d.id);
    assert_eq!(versions(&bed.hello(d, Some(&uaid)).await).len(), 3);
}

/// I12: a minimum that falls while a push is under way is seen by its second look.
#[tokio::test]
async fn a_push_that_meets_a_falling_minimum_is_delivered() {
    for moment in ["BatchGetItem", "PutItem", "UpdateItem"] {
        let bed = Bed::new().await;
        let uaid = bed.terminal(A).await;
        let token = bed.token(A, CHANNEL, json!({})).await;
        bed.peers.open(B.id);
        bed.hello_wanting(B, &uaid, "high").await;
        bed.peers.open(C.id);
        let mut pause = bed.dynamo.pause(moment);
        let falls = async {
            pause.reached().await;
            let posted = bed.hello(C, Some(&uaid)).await;
            pause.go_on();
            posted
        };
        let (answer, mut posted) = tokio::join!(bed.push_with(&token, 60, &[("urgency", "low")]), falls);
        assert_eq!(answer.status(), 201);
        posted.extend(bed.peers.take(C.id));
        assert!(!versions(&posted).is_empty(), "lost when they met at {moment}");
    }
}

#[tokio::test]
async fn a_bad_urgency_is_named() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    for (name, value, kind) in [
        ("urgency", "urgent", "urgency-invalid"),
        ("urgency", "low,high", "urgency-invalid"),
        ("topic", "", "topic-invalid"),
        ("topic", "a b", "topic-invalid"),
    ] {
        let mut event = bed.push_event(&token, 60);
        event["headers"][name] = json!(value);
        assert_eq!(problem(&bed.run_push(&event).await), (400, kind.into()));
    }
    bed.peers.open(B.id);
    let posted = bed.hello_wanting(B, &uaid, "urgent").await;
    assert_eq!(posted[0]["reason"], "malformed");
}

// Topic

/// RFC 8030 section 5.4: a newer message of a topic replaces one that waits; it is not forwarded to the terminal.
#[tokio::test]
async fn a_newer_message_of_a_topic_replaces_the_older() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    let older = bed.push_with(&token, 60, &[("topic", "news"), ("prefer", "respond-async")]).await;
    bed.pass(Duration::from_millis(5));
    bed.push_with(&token, 60, &[("topic", "news")]).await;
    bed.push_with(&token, 60, &[("topic", "weather")]).await;
    bed.deliver(&token, 60).await;
    bed.peers.open(B.id);
    let posted = bed.hello(B, Some(&uaid)).await;
    assert_eq!(versions(&posted).len(), 3);
    assert!(posted.iter().all(|message| message["topic"].is_null() && message["headers"]["topic"].is_null()));
    assert_eq!(problem(&bed.ask("GET", &receipt_of(&older)).await), (410, "given-up".into()));
}

/// I4, I10: an older event that runs again does not come back in place of the newer.
#[tokio::test]
async fn an_older_event_that_runs_again_replaces_nothing() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let mut older = bed.push_event(&token, 60);
    older["headers"]["topic"] = json!("news");
    bed.run_push(&older).await;
    let _ = bed.peers.take(A.id);
    bed.pass(Duration::from_millis(5));
    bed.push_with(&token, 60, &[("topic", "news")]).await;
    let newer = versions(&bed.peers.take(A.id));
    assert_eq!(bed.run_push(&older).await.status(), 201);
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 0);
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await), newer);
}

/// I4: the acknowledgement of the older message does not remove the newer.
#[tokio::test]
async fn an_ack_of_a_replaced_message_removes_nothing() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.push_with(&token, 60, &[("topic", "news")]).await;
    let older = versions(&bed.peers.take(A.id));
    bed.pass(Duration::from_millis(5));
    bed.push_with(&token, 60, &[("topic", "news")]).await;
    let newer = versions(&bed.peers.take(A.id));
    bed.acknowledge(A, &[&older[0]]).await;
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await), newer);
    let _ = bed.dynamo.take();
    bed.acknowledge(B, &[&newer[0]]).await;
    assert_eq!(bed.dynamo.take_operations(), ["DeleteItem"]);
    bed.peers.open(C.id);
    assert_eq!(versions(&bed.hello(C, Some(&uaid)).await).len(), 0);
}

/// A terminal that has taken a message which was then replaced has taken it: its sender is told so.
#[tokio::test]
async fn a_late_ack_of_a_replaced_message_still_has_its_receipt() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let older = bed.push_with(&token, 60, &[("topic", "news"), ("prefer", "respond-async")]).await;
    let version = versions(&bed.peers.take(A.id)).remove(0);
    bed.pass(Duration::from_millis(5));
    bed.push_with(&token, 60, &[("topic", "news")]).await;
    bed.acknowledge(A, &[&version]).await;
    assert_eq!(bed.ask("GET", &receipt_of(&older)).await.status(), 204);
}

/// One that is delivered now or never replaces what waits too.
#[tokio::test]
async fn ttl_0_replaces_its_topic() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.push_with(&token, 60, &[("topic", "news")]).await;
    bed.pass(Duration::from_millis(5));
    bed.push_with(&token, 0, &[("topic", "news")]).await;
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 2);
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 0);
}

// Withdrawal

/// RFC 8030 section 6.2: a sender withdraws its message; 204, also when it is gone.
#[tokio::test]
async fn a_withdrawn_message_is_not_delivered() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    let answer = bed.push(&token, 60).await;
    let _ = bed.dynamo.take();
    for _ in 0..2 {
        assert_eq!(bed.ask("DELETE", header(&answer, "location")).await.status(), 204);
        assert_eq!(bed.dynamo.take_operations(), ["DeleteItem"]);
    }
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 0);
}

/// A name that is none, or of another purpose, is unknown, and costs nothing.
#[tokio::test]
async fn a_message_is_known_by_its_own_name_alone() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let answer = bed.push_with(&token, 60, &[("prefer", "respond-async")]).await;
    let version = versions(&bed.peers.take(A.id)).remove(0);
    let id = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let (location, receipt) = (id(header(&answer, "location")), id(&receipt_of(&answer)));
    let _ = bed.dynamo.take();
    let base = crate::bed::PUBLIC_URL;
    for (method, url) in [
        ("DELETE", format!("{base}/messages/{version}")),
        ("DELETE", format!("{base}/messages/{receipt}")),
        ("DELETE", format!("{base}/messages/{token}")),
        ("GET", format!("{base}/receipts/{location}")),
        ("GET", format!("{base}/receipts/x")),
    ] {
        assert_eq!(problem(&bed.ask(method, &url).await), (404, "message-unknown".into()), "{url}");
    }
    assert_eq!(bed.dynamo.take_operations().len(), 0);
    // A sender cannot acknowledge with what it got.
    bed.acknowledge(A, &[&location, &receipt]).await;
    assert_eq!(bed.dynamo.take_operations().len(), 0);
}

// Receipts

/// RFC 8030 sections 5.1 and 6.3: 202 with a link; then 202, and 204 when it is acknowledged.
#[tokio::test]
async fn a_receipt_tells_of_the_acknowledgement() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    for ttl in [60, 0] {
        let answer = bed.push_with(&token, ttl, &[("prefer", "wait=1, respond-async")]).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "ttl")), (202, ttl.to_string().as_str()));
        assert!(header(&answer, "location").starts_with("https://push.example/messages/"));
        let receipt = receipt_of(&answer);
        let version = versions(&bed.peers.take(A.id)).remove(0);
        assert_eq!(bed.ask("GET", &receipt).await.status(), 202);
        let _ = bed.dynamo.take();
        bed.acknowledge(A, &[&version]).await;
        assert_eq!(bed.dynamo.take_operations(), ["BatchWriteItem"]);
        assert_eq!(bed.ask("GET", &receipt).await.status(), 204);
    }
}

/// 410 for what was given up: expired, withdrawn, never delivered, or not readable by its application.
#[tokio::test]
async fn a_receipt_tells_of_what_was_given_up() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let wanted = [("prefer", "respond-async")];

    let unreadable = bed.push_with(&token, 60, &wanted).await;
    let version = versions(&bed.peers.take(A.id)).remove(0);
    let update = json!({"channelID": CHANNEL, "version": version, "code": 101});
    bed.message("ack", A, json!({"messageType": "ack", "updates": [update]})).await;

    let withdrawn = bed.push_with(&token, 60, &wanted).await;
    bed.ask("DELETE", header(&withdrawn, "location")).await;
    let expired = bed.push_with(&token, 60, &wanted).await;
    let transient = bed.push_with(&token, 0, &wanted).await;
    bed.pass(Duration::from_secs(60));
    for answer in [unreadable, withdrawn, expired, transient] {
        assert_eq!(problem(&bed.ask("GET", &receipt_of(&answer)).await), (410, "given-up".into()));
    }
}

// Legacy

/// Old senders: `aesgcm` with its headers, and the VAPID of the drafts; terminals get the headers cleaned.
#[tokio::test]
async fn legacy_senders_are_served() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({"key": bed.server.public_key()})).await;
    let authorization = bed.server.authorization(crate::bed::PUBLIC_URL).unwrap();
    let jwt = authorization.split(&['=', ','][..]).nth(1).unwrap();
    let mut event = bed.push_event(&token, 60);
    event["headers"]["content-encoding"] = json!("aesgcm");
    event["headers"]["encryption"] = json!(r#"keyid="p"; salt="c2FsdHNhbHRzYWx0c2FsdA=="; rs=4096"#);
    let key = bed.server.public_key();
    for (scheme, crypto_key) in [
        ("WebPush", format!(r#"keyid="p"; dh="ZGg="; p256ecdsa="{key}""#)),
        ("Bearer", format!("keyid=p;dh=ZGg,p256ecdsa={key}=")),
    ] {
        event["headers"]["authorization"] = json!(format!("{scheme} {jwt}"));
        event["headers"]["crypto-key"] = json!(crypto_key);
        event["requestContext"]["requestId"] = json!(bed.event_id());
        let answer = bed.run_push(&event).await;
        assert_eq!(answer.status(), 201, "{:?}", answer.body());
        let headers: Value = bed.peers.take(A.id)[0]["headers"].clone();
        let expected = json!({
            "encoding": "aesgcm",
            "encryption": "keyid=p;salt=c2FsdHNhbHRzYWx0c2FsdA;rs=4096",
            "crypto_key": "keyid=p;dh=ZGg",
        });
        assert_eq!(headers, expected);
    }
}

/// An endpoint that is not sent to says what it is.
#[tokio::test]
async fn an_endpoint_takes_post_alone() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let _ = bed.dynamo.take();
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let mut event = bed.push_event(&token, 60);
        event["routeKey"] = json!("ANY /push/{token}");
        event["requestContext"]["routeKey"] = json!("ANY /push/{token}");
        event["requestContext"]["http"]["method"] = json!(method);
        let answer = bed.run_push(&event).await;
        assert_eq!(problem(&answer), (405, "not-a-post".into()));
        assert_eq!(header(&answer, "allow"), "POST");
    }
    assert_eq!(bed.dynamo.take_operations().len(), 0);
}

// Revocation

/// R14, R36, R37: the server that a session is bound to ends it; from then on its token is refused.
#[tokio::test]
async fn a_server_revokes_its_own_session() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    for extra in [json!({"app": "mail"}), json!({"key": bed.server.public_key()})] {
        let token = bed.token(A, CHANNEL, extra).await;
        assert_eq!(bed.validate(&token).await.status(), 200);
        bed.deliver(&token, 60).await;
        let _ = bed.dynamo.take();
        assert_eq!(bed.revoke(&token, &bed.server).await.status(), 204);
        assert_eq!(bed.dynamo.take_operations(), ["BatchGetItem", "UpdateItem"]);
        for answer in
            [bed.push(&token, 60).await, bed.validate(&token).await, bed.revoke(&token, &bed.server).await]
        {
            assert_eq!(problem(&answer), (410, "session-ended".into()));
        }
    }
    // I5: the backlog is dead too.
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 0);
}

/// R22: nobody else ends it; a session that is bound to no server is its terminal's alone.
#[tokio::test]
async fn nobody_else_revokes_a_session() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let other = VapidKey::generate().unwrap();
    let unbound = bed.token(A, CHANNEL, json!({})).await;
    assert_eq!(problem(&bed.revoke(&unbound, &other).await), (403, "session-unbound".into()));
    let not_validated = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    assert_eq!(problem(&bed.revoke(&not_validated, &other).await), (403, "not-validated".into()));
    assert_eq!(bed.validate(&not_validated).await.status(), 200);
    assert_eq!(problem(&bed.revoke(&not_validated, &other).await), (403, "other-server".into()));
    bed.deliver(&not_validated, 60).await;
}

// Limits

/// I6, RFC 8030 section 7.1: above a stated number waiting for a terminal its senders get 429, until it has been there.
#[tokio::test]
async fn too_many_waiting_are_refused_until_the_terminal_comes() {
    let mut bed = Bed::new().await;
    bed.limit_waiting(3);
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    for _ in 0..3 {
        bed.deliver(&token, 60).await;
    }
    let refused = bed.push(&token, 60).await;
    assert_eq!(problem(&refused), (429, "too-many-waiting".into()));
    assert_eq!(header(&refused, "retry-after"), "300");
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 3);
    bed.deliver(&token, 60).await;
}
