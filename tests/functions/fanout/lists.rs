use lambda_http::http::StatusCode;
use lambda_http::http::header::LOCATION;
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_local_aws::PostError;
use signalbox_wire::base64url;

use super::{
    LINKS, LIST, accepted, counts, job, notifications, sealed, send, subscriber, subscribers, to_all,
};
use crate::bed::many::Ask;
use crate::bed::{Bed, CHANNEL, PUBLIC_URL, body, problem};

const OTHER_CHANNEL: &str = "0a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";

/// R40, R20: one request reaches every session that it lists, byte for byte.
#[tokio::test]
async fn r40_a_list_reaches_every_session() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let answer = send(&bed, to_all(&tokens, 60)).await;
    let told = body(&answer);
    assert_eq!(
        (answer.status(), &told["total"], &told["refused"]),
        (StatusCode::ACCEPTED, &json!(6), &json!([]))
    );
    let location = format!("{PUBLIC_URL}/v1/notifications/{}", job(&told));
    assert_eq!(answer.headers()[LOCATION], location);
    bed.carry_out().await;
    for posted in notifications(&bed) {
        assert_eq!(posted.len(), 1);
        assert_eq!(posted[0]["data"], base64url::encode(b"to all"));
        assert_eq!(posted[0]["headers"], json!({"encoding": "identity"}));
    }
    let progress = bed.progress(job(&told)).await;
    assert_eq!((&progress["state"], counts(&progress)), (&json!("done"), [6, 0, 0, 0, 0, 0]));
}

/// R40: each recipient may get a body of its own, and is named by its token or its endpoint.
#[tokio::test]
async fn r40_each_its_own_body() {
    let bed = Bed::new().await;
    let (first, second) = (subscriber(&bed, LINKS[0]).await.1, subscriber(&bed, LINKS[1]).await.1);
    let subscription = json!({"endpoint": format!("{PUBLIC_URL}/push/{second}"), "expirationTime": null,
        "keys": {"p256dh": "x", "auth": "y"}, "body": sealed(&bed, b"two"), "contentEncoding": "aes128gcm"});
    let list = json!({"ttl": 60, "contentEncoding": "identity", "body": base64url::encode(b"else"), "recipients":
        [{"token": first, "body": base64url::encode(b"one")}, subscription, {"token": first}]});
    accepted(&bed, list).await;
    bed.carry_out().await;
    let posted = notifications(&bed);
    let data = |of: &[Value]| -> Vec<Value> { of.iter().map(|message| message["data"].clone()).collect() };
    let mut firsts = data(&posted[0]);
    firsts.sort_by_key(ToString::to_string);
    assert_eq!(firsts, [json!(base64url::encode(b"else")), json!(base64url::encode(b"one"))]);
    assert_eq!(posted[1][0]["headers"]["encoding"], "aes128gcm");
    assert_ne!(posted[0][0]["version"], posted[0][1]["version"]);
}

/// R40: each token is evaluated as a single notification's is, and one bad recipient costs no other its notification. What the
/// token tells by itself is told at once, the rest by the job.
#[tokio::test]
async fn r40_one_bad_recipient_costs_no_other_its_notification() {
    let bed = Bed::new().await;
    let (good, ended) = (subscriber(&bed, LINKS[0]).await.1, subscriber(&bed, LINKS[1]).await.1);
    bed.unregister(LINKS[1], CHANNEL).await;
    bed.terminal(LINKS[2]).await;
    let explicit = bed.token(LINKS[2], CHANNEL, json!({"app": "mail", "encodings": ["identity"]})).await;
    let other = VapidKey::generate().unwrap();
    let foreign = bed.token(LINKS[2], OTHER_CHANNEL, json!({"key": other.public_key()})).await;
    bed.terminal(LINKS[3]).await;
    let encrypted_only = bed.token(LINKS[3], CHANNEL, json!({})).await;
    let forged = format!("{}A", &good[..good.len() - 1]);
    let tokens = [forged, good, ended, explicit, foreign, encrypted_only];
    let mut list = to_all(&tokens, 60);
    list["recipients"].as_array_mut().unwrap().extend([
        json!({}),
        json!({"token": tokens[1], "body": "*"}),
        json!({"token": tokens[1], "body": "YQ", "contentEncoding": "gzip"}),
        json!({"token": tokens[1], "body": base64url::encode([0; 5_631])}),
    ]);
    let told = accepted(&bed, list).await;
    let refused = |of: &Value| -> Vec<(u64, u64, String)> {
        let one = |refused: &Value| {
            let kind = refused["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
            (refused["index"].as_u64().unwrap(), refused["status"].as_u64().unwrap(), kind)
        };
        let mut all: Vec<_> = of.as_array().unwrap().iter().map(one).collect();
        all.sort();
        all
    };
    let of = |index, status, kind: &str| (index, status, kind.to_owned());
    let at_once = [
        of(0, 404, "token-unknown"),
        of(4, 403, "other-server"),
        of(6, 400, "request-malformed"),
        of(7, 400, "request-malformed"),
        of(8, 415, "encoding-unsupported"),
        of(9, 413, "body-too-large"),
    ];
    assert_eq!((refused(&told["refused"]), &told["total"]), (at_once.to_vec(), &json!(10)));
    bed.carry_out().await;
    let lengths: Vec<_> = notifications(&bed).iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 0, 0, 0, 0, 0]);
    let progress = bed.progress(job(&told)).await;
    assert_eq!((&progress["state"], counts(&progress)), (&json!("done"), [1, 0, 0, 9, 0, 0]));
    let mut all = at_once.to_vec();
    all.extend([of(2, 410, "session-ended"), of(3, 403, "not-validated"), of(5, 415, "encoding-not-asked")]);
    all.sort();
    assert_eq!((refused(&progress["refusals"]), &progress["dead"]), (all, &json!([0, 2])));
}

/// R40, RFC 8030 section 5.2: what its terminal is not there for waits; with TTL 0 it is dropped.
#[tokio::test]
async fn absent_terminals_get_what_waits_and_nothing_else() {
    let bed = Bed::new().await;
    let (uaid, absent) = subscriber(&bed, LINKS[0]).await;
    let there = subscriber(&bed, LINKS[1]).await.1;
    bed.disconnect(LINKS[0]).await;
    let tokens = [absent, there];
    let waits = accepted(&bed, to_all(&tokens, 60)).await;
    let missed = accepted(&bed, to_all(&tokens, 0)).await;
    bed.carry_out().await;
    assert_eq!(counts(&bed.progress(job(&waits)).await), [1, 1, 0, 0, 0, 0]);
    assert_eq!(counts(&bed.progress(job(&missed)).await), [1, 0, 1, 0, 0, 0]);
    bed.peers.open(LINKS[2].id);
    let drained = bed.hello(LINKS[2], Some(&uaid)).await;
    assert_eq!((drained.len(), &drained[1]["data"]), (2, &json!(base64url::encode(b"to all"))));
}

/// A long body that is the same for all is stored once, and reaches everybody; also where the ring rotates meanwhile.
#[tokio::test]
async fn a_shared_body_is_stored_once() {
    let bed = Bed::new().await;
    let mut uaids = Vec::new();
    let mut tokens = Vec::new();
    for link in LINKS {
        let (uaid, token) = subscriber(&bed, link).await;
        bed.disconnect(link).await;
        uaids.push(uaid);
        tokens.push(token);
    }
    let text = base64url::encode([7; 4_000]);
    let mut list = to_all(&tokens, 60);
    list["body"] = json!(text);
    accepted(&bed, list).await;
    let _ = bed.dynamo.take();
    bed.carry_out().await;
    let written: usize = bed
        .dynamo
        .take()
        .iter()
        .filter(|call| call.operation == "BatchWriteItem")
        .map(|call| call.request.to_string().len())
        .sum();
    assert!(written < 6 * 1_000, "{written} bytes were written for six messages");
    for (uaid, link) in uaids.iter().zip(LINKS) {
        bed.peers.open(link.id);
        let drained = bed.hello(link, Some(uaid)).await;
        assert_eq!(drained[1]["data"], text);
    }
}

/// I8: a connection that is gone is forgotten, and a post that fails is owed; neither costs another.
#[tokio::test]
async fn what_cannot_be_posted_waits_or_is_owed() {
    let bed = Bed::new().await;
    let (uaid, gone) = subscriber(&bed, LINKS[0]).await;
    let (_, failing) = subscriber(&bed, LINKS[1]).await;
    let (_, good) = subscriber(&bed, LINKS[2]).await;
    bed.peers.fail(LINKS[0].id, PostError::Gone);
    bed.peers.fail(LINKS[1].id, PostError::LimitExceeded);
    let told = accepted(&bed, to_all(&[gone, failing, good], 60)).await;
    let work = bed.paged();
    assert!(bed.page(&work[0], 1).await);
    let owed = bed.owed();
    assert_eq!(owed.len(), 1);
    assert_eq!(counts(&bed.progress(job(&told)).await), [1, 2, 0, 0, 0, 0]);
    bed.peers.open(LINKS[1].id);
    assert!(bed.drain(&[owed[0].0.clone()]).await.is_empty());
    bed.peers.open(LINKS[3].id);
    let drained = bed.hello(LINKS[3], Some(&uaid)).await;
    assert_eq!(drained.len(), 2);
    let lengths: Vec<_> = notifications(&bed).iter().map(Vec::len).collect();
    assert_eq!(lengths, [0, 1, 1, 0, 0, 0]);
}

/// RFC 8030 section 5.4: a newer job's message of a topic replaces the older one's.
#[tokio::test]
async fn a_topic_of_a_job_is_replaced() {
    let bed = Bed::new().await;
    let (uaid, token) = subscriber(&bed, LINKS[0]).await;
    bed.disconnect(LINKS[0]).await;
    for text in ["old", "new"] {
        let mut list = to_all(std::slice::from_ref(&token), 60);
        list["topic"] = json!("score");
        list["body"] = json!(base64url::encode(text));
        accepted(&bed, list).await;
        bed.carry_out().await;
        bed.pass(std::time::Duration::from_millis(5));
    }
    bed.peers.open(LINKS[1].id);
    let drained = bed.hello(LINKS[1], Some(&uaid)).await;
    assert_eq!((drained.len(), &drained[1]["data"]), (2, &json!(base64url::encode("new"))));
}

/// I12: a terminal that comes between the evaluation and the storing is seen by the second look.
#[tokio::test]
async fn i12_a_hello_in_between_is_seen() {
    let bed = Bed::new().await;
    let (uaid, token) = subscriber(&bed, LINKS[0]).await;
    bed.disconnect(LINKS[0]).await;
    let told = accepted(&bed, to_all(&[token], 60)).await;
    let work = bed.paged();
    let mut pause = bed.dynamo.pause("BatchWriteItem");
    bed.peers.open(LINKS[1].id);
    let hello = async {
        pause.reached().await;
        // Nothing is stored yet, so this drains nothing.
        assert_eq!(bed.hello(LINKS[1], Some(&uaid)).await.len(), 1);
        pause.go_on();
    };
    let (done, ()) = tokio::join!(bed.page(&work[0], 1), hello);
    assert!(done);
    assert_eq!(counts(&bed.progress(job(&told)).await), [1, 0, 0, 0, 0, 0]);
    assert_eq!(notifications(&bed)[1].len(), 1);
}

/// Too much waits for a terminal already: that recipient alone is refused.
#[tokio::test]
async fn i6_the_limit_of_what_waits_counts() {
    let mut bed = Bed::new().await;
    bed.limit_waiting(1);
    let (_, full) = subscriber(&bed, LINKS[0]).await;
    let (_, good) = subscriber(&bed, LINKS[1]).await;
    bed.disconnect(LINKS[0]).await;
    bed.deliver(&full, 60).await;
    let told = accepted(&bed, to_all(&[full, good], 60)).await;
    bed.carry_out().await;
    let progress = bed.progress(job(&told)).await;
    assert_eq!(counts(&progress), [1, 0, 0, 1, 0, 0]);
    assert_eq!(progress["refusals"][0]["type"], "urn:signalbox:problem:too-many-waiting");
    assert_eq!(progress["dead"], json!([]));
}

/// Bad input names the member and the rule, and nothing is accepted.
#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let bed = Bed::new().await;
    let token = subscriber(&bed, LINKS[0]).await.1;
    let good = to_all(&[token], 60);
    let with = |member: &str, value: Value| {
        let mut list = good.clone();
        list[member] = value;
        list
    };
    let table = [
        (with("ttl", json!(-1)), 400, "request-malformed", "`ttl`"),
        (with("ttl", json!("60")), 400, "request-malformed", "`ttl`"),
        (with("urgency", json!("asap")), 400, "urgency-invalid", "very-low"),
        (with("topic", json!("a b")), 400, "topic-invalid", "A-Z"),
        (with("contentEncoding", json!("gzip")), 415, "encoding-unsupported", "gzip"),
        (with("contentEncoding", json!(null)), 400, "encoding-missing", "Content-Encoding"),
        (with("body", json!("*")), 400, "request-malformed", "`body`"),
        (with("body", json!(base64url::encode([0; 5_631]))), 413, "body-too-large", "5630"),
        (with("recipients", json!([])), 400, "request-malformed", "`recipients`"),
        (with("recipients", json!([{"token": 1}])), 400, "request-malformed", "`recipients[0].token`"),
        (with("urgancy", json!("high")), 400, "request-malformed", "urgancy"),
        (json!([]), 400, "request-malformed", "JSON"),
    ];
    for (list, status, kind, named) in table {
        let answer = send(&bed, list).await;
        assert_eq!(problem(&answer), (status, kind.to_owned()), "{:?}", answer.body());
        let detail = body(&answer)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(named), "{detail}");
    }
    let keyed = |key| Ask { key: Some(key), body: Some(good.clone()), ..Ask::new("POST", LIST) };
    assert_eq!(problem(&bed.fan_out(keyed("a b")).await), (400, "idempotency-key-invalid".to_owned()));
    let mut unsigned = bed.fan_out_event(Ask { body: Some(good.clone()), ..Ask::new("POST", LIST) });
    unsigned["headers"]["authorization"] = json!(null);
    unsigned["headers"].as_object_mut().unwrap().remove("authorization");
    assert_eq!(problem(&bed.run_fan_out(&unsigned).await), (401, "vapid-missing".to_owned()));
    assert!(bed.paged().is_empty());
}

/// More than 4 MiB is refused as a whole, and never cut.
#[tokio::test]
async fn more_than_four_mebibytes_are_refused() {
    let bed = Bed::new().await;
    let list = to_all(&vec!["x".repeat(4_096); 1_024], 0);
    let answer = send(&bed, list).await;
    assert_eq!(problem(&answer), (413, "body-too-large".to_owned()));
}
