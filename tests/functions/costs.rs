use serde_json::{Value, json};
use signalbox_wire::base64url;

use crate::bed::{A, B, Bed, CHANNEL, problem, versions};
use crate::events::{Link, socket};

const OTHER_CHANNEL: &str = "6b7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";

/// What was called since the last time: DynamoDB's operations, its units, and calls to `@connections`.
fn spent(bed: &Bed) -> (Vec<String>, f64, Vec<String>) {
    let calls = bed.dynamo.take();
    let units = calls.iter().map(|call| call.units).sum();
    (calls.into_iter().map(|call| call.operation).collect(), units, bed.posts.take_operations())
}

#[track_caller]
fn assert_spent(bed: &Bed, operations: &[&str], units: f64, posts: &[&str]) {
    let spent = spent(bed);
    assert_eq!(spent.0, operations, "calls to DynamoDB");
    assert!((spent.1 - units).abs() < f64::EPSILON, "{} units, not {units}", spent.1);
    assert_eq!(spent.2, posts, "calls to @connections");
}

#[tokio::test]
async fn connect_costs_nothing() {
    let bed = Bed::new().await;
    bed.run("connect", &socket(bed.source, "connect", A, "e", None)).await;
    assert_spent(&bed, &[], 0.0, &[]);
}

#[tokio::test]
async fn a_ping_costs_nothing() {
    let bed = Bed::new().await;
    assert_eq!(bed.message("default", A, json!({})).await, Some(json!({})));
    assert_spent(&bed, &[], 0.0, &[]);
}

#[tokio::test]
async fn hello_of_a_new_terminal_costs_2_calls() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    assert_spent(&bed, &["TransactWriteItems", "UpdateItem"], 5.0, &["POST"]);
}

#[tokio::test]
async fn hello_of_a_known_terminal_costs_4_calls() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    bed.disconnect(A).await;
    spent(&bed);
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    assert_spent(&bed, &["PutItem", "UpdateItem", "UpdateItem", "Query"], 4.0, &["POST"]);
    // Taking over from a connection that is there closes that one.
    let c = Link { id: "connection-c=", connected: 3_000 };
    bed.peers.open(c.id);
    bed.hello(c, Some(&uaid)).await;
    assert_spent(&bed, &["PutItem", "UpdateItem", "UpdateItem", "Query"], 4.0, &["POST", "DELETE"]);
}

#[tokio::test]
async fn hello_of_an_unknown_terminal_costs_4_calls() {
    let bed = Bed::new().await;
    bed.peers.open(A.id);
    bed.hello(A, Some("0123456789abcdef0123456789abcdef")).await;
    assert_spent(&bed, &["PutItem", "UpdateItem", "TransactWriteItems", "UpdateItem"], 6.0, &["POST"]);
}

#[tokio::test]
async fn register_costs_2_calls() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    spent(&bed);
    bed.token(A, CHANNEL, json!({})).await;
    assert_spent(&bed, &["GetItem", "TransactWriteItems"], 5.0, &[]);
    // A channel that holds a session already costs the look at it too.
    bed.token(A, CHANNEL, json!({})).await;
    assert_eq!(spent(&bed).0, ["GetItem", "TransactWriteItems", "TransactWriteItems"]);
}

#[tokio::test]
async fn unregister_costs_2_calls() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    bed.token(A, CHANNEL, json!({})).await;
    spent(&bed);
    bed.unregister(A, CHANNEL).await;
    assert_spent(&bed, &["GetItem", "UpdateItem"], 2.0, &[]);
}

/// R14: 1,000 forged tokens cause no read, on either call.
#[tokio::test]
async fn a_thousand_forged_tokens_cost_nothing() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    spent(&bed);
    let genuine = base64url::decode(&token).unwrap();
    for number in 0..500 {
        let mut forged = genuine.clone();
        forged[number % genuine.len()] ^= 1 << (number / genuine.len());
        let forged = base64url::encode(forged);
        assert_eq!(problem(&bed.push(&forged, 60).await), (404, "token-unknown".into()));
        assert_eq!(problem(&bed.validate(&forged).await), (404, "token-unknown".into()));
    }
    assert_spent(&bed, &[], 0.0, &[]);
}

/// R22: neither does another server's key, bad VAPID, or whatever else the request tells by itself.
#[tokio::test]
async fn what_the_request_tells_by_itself_costs_nothing() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let named = signalbox::client::VapidKey::generate().unwrap();
    let token = bed.token(A, CHANNEL, json!({"key": named.public_key()})).await;
    spent(&bed);
    assert_eq!(problem(&bed.push(&token, 60).await), (403, "other-server".into()));
    assert_eq!(problem(&bed.validate(&token).await), (403, "other-server".into()));
    let with = |header: &str, value: Value| {
        let mut event = bed.push_event(&token, 60);
        event["headers"]["authorization"] = json!(named.authorization(crate::bed::PUBLIC_URL).unwrap());
        event["headers"][header] = value;
        event
    };
    for (event, expected) in [
        (with("authorization", json!("vapid t=a.b.c, k=d")), 401),
        (with("ttl", json!("-1")), 400),
        (with("content-encoding", json!("gzip")), 415),
        (with("topic", json!("not a topic")), 400),
        (with("urgency", json!("urgent")), 400),
    ] {
        assert_eq!(bed.run_push(&event).await.status(), expected);
    }
    assert_spent(&bed, &[], 0.0, &[]);
}

#[tokio::test]
async fn validate_costs_1_read_and_the_first_time_1_write() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    spent(&bed);
    // Terminal, session, and whether the application is registered.
    assert_eq!(problem(&bed.push(&token, 60).await), (403, "not-validated".into()));
    assert_spent(&bed, &["BatchGetItem"], 3.0, &[]);
    assert_eq!(bed.validate(&token).await.status(), 200);
    assert_spent(&bed, &["BatchGetItem", "UpdateItem"], 4.0, &[]);
    assert_eq!(bed.validate(&token).await.status(), 200);
    assert_spent(&bed, &["BatchGetItem"], 3.0, &[]);
}

#[tokio::test]
async fn a_push_to_a_connected_terminal_costs_1_read_1_write_1_post() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    spent(&bed);
    bed.deliver(&token, 60).await;
    assert_spent(&bed, &["BatchGetItem", "PutItem"], 3.0, &["POST"]);
    bed.deliver(&token, 0).await;
    assert_spent(&bed, &["BatchGetItem"], 2.0, &["POST"]);
}

#[tokio::test]
async fn a_push_to_an_absent_terminal_costs_1_read_2_writes() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    spent(&bed);
    bed.deliver(&token, 60).await;
    assert_spent(&bed, &["BatchGetItem", "PutItem", "UpdateItem"], 4.0, &[]);
    bed.deliver(&token, 0).await;
    assert_spent(&bed, &["BatchGetItem"], 2.0, &[]);
}

#[tokio::test]
async fn a_push_to_a_closed_connection_costs_1_write_more() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(A.id, signalbox_local_aws::PostError::Gone);
    spent(&bed);
    bed.deliver(&token, 60).await;
    assert_spent(&bed, &["BatchGetItem", "PutItem", "UpdateItem"], 4.0, &["POST"]);
}

/// A session that has ended is told by the one read.
#[tokio::test]
async fn a_push_to_an_ended_session_costs_1_read() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.unregister(A, CHANNEL).await;
    spent(&bed);
    assert_eq!(problem(&bed.push(&token, 60).await), (410, "session-ended".into()));
    assert_spent(&bed, &["BatchGetItem"], 2.0, &[]);
}

#[tokio::test]
async fn an_ack_of_n_costs_a_call_for_every_25() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    for _ in 0..30 {
        bed.deliver(&token, 60).await;
    }
    bed.deliver(&token, 0).await;
    let versions = versions(&bed.peers.take(A.id));
    assert_eq!(versions.len(), 31);
    spent(&bed);
    let mut all: Vec<_> = versions.iter().map(String::as_str).collect();
    // Twice the same, and unknown ones, cost nothing more.
    all.extend([all[0], "unknown", &token]);
    bed.acknowledge(A, &all).await;
    assert_spent(&bed, &["BatchWriteItem", "BatchWriteItem"], 30.0, &[]);
    bed.acknowledge(A, &versions[30..].iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_spent(&bed, &[], 0.0, &[]);
}

#[tokio::test]
async fn disconnect_costs_2_calls_and_before_hello_1() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    spent(&bed);
    bed.disconnect(A).await;
    assert_spent(&bed, &["DeleteItem", "UpdateItem"], 2.0, &[]);
    bed.disconnect(B).await;
    assert_spent(&bed, &["DeleteItem"], 1.0, &[]);
}

/// What waits is read by the page, and its sessions by one read for all of them.
#[tokio::test]
async fn a_drain_costs_a_read_of_the_page_and_one_of_its_sessions() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let one = bed.token(A, CHANNEL, json!({})).await;
    let other = bed.token(A, OTHER_CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    for token in [&one, &other, &one] {
        bed.deliver(token, 60).await;
    }
    spent(&bed);
    bed.peers.open(B.id);
    assert_eq!(bed.hello(B, Some(&uaid)).await.len(), 4);
    let expected = ["PutItem", "UpdateItem", "UpdateItem", "Query", "BatchGetItem"];
    assert_spent(&bed, &expected, 6.0, &["POST"; 4]);
}
