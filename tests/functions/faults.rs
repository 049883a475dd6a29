use std::time::Duration;

use serde_json::json;
use signalbox_local_aws::{Fault, PostError};

use crate::bed::{A, B, Bed, CHANNEL, problem, versions};

/// A read that fails says nothing about the token: 503, never 404 or 410, which senders take for the end.
#[tokio::test]
async fn a_failed_read_is_a_503() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        bed.dynamo.intercept(move |operation| (operation == "BatchGetItem").then_some(fault));
        for answer in [bed.push(&token, 60).await, bed.validate(&token).await] {
            assert_eq!(problem(&answer), (503, "unavailable".into()));
            assert_eq!(answer.headers()["retry-after"], "5");
        }
    }
}

/// I1: what could not be stored is not accepted.
#[tokio::test]
async fn a_failed_write_is_no_201() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.dynamo.intercept(|operation| (operation == "PutItem").then_some(Fault::FailsBefore));
    assert_eq!(problem(&bed.push(&token, 60).await), (503, "unavailable".into()));
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 0);
    // One failure is ridden out by the SDK's retries.
    let mut once = true;
    bed.dynamo.intercept(move |_| std::mem::take(&mut once).then_some(Fault::Throttled));
    bed.deliver(&token, 60).await;
    // Stored, but the answer was lost: the retry stores the same message again.
    let mut once = true;
    bed.dynamo.intercept(move |operation| {
        (operation == "PutItem" && std::mem::take(&mut once)).then_some(Fault::FailsAfter)
    });
    bed.deliver(&token, 60).await;
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 2);
}

/// A hello that fails never says a new uaid, on which a terminal would drop its sessions: the connection is closed.
#[tokio::test]
async fn a_failed_hello_closes_the_connection() {
    for failing in ["UpdateItem", "PutItem"] {
        let bed = Bed::new().await;
        let uaid = bed.terminal(A).await;
        bed.disconnect(A).await;
        bed.peers.open(B.id);
        bed.dynamo.intercept(move |operation| (operation == failing).then_some(Fault::Throttled));
        let posted = bed.hello(B, Some(&uaid)).await;
        assert_eq!(posted.last().unwrap()["reason"], "unavailable", "{failing}");
        assert!(posted.iter().all(|message| message["uaid"].is_null() || message["uaid"] == uaid.as_str()));
        assert!(bed.peers.is_closed(B.id));
    }
}

/// R4: a terminal whose configuring message could not be delivered is not provisioned.
#[tokio::test]
async fn an_undelivered_configuring_message_provisions_nobody() {
    let bed = Bed::new().await;
    bed.peers.fail(A.id, PostError::Gone);
    assert_eq!(bed.hello(A, None).await.len(), 0);
    // Nothing but the making of it, and the forgetting of its connection.
    assert_eq!(bed.dynamo.take_operations(), ["TransactWriteItems", "DeleteItem", "UpdateItem"]);
}

/// I1: TTL 0 is accepted only when it is handed over, or the terminal is absent.
#[tokio::test]
async fn a_failed_post_of_ttl_0_is_no_201() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(A.id, PostError::Internal);
    assert_eq!(problem(&bed.push(&token, 0).await), (503, "unavailable".into()));
}

/// An acknowledgement that could not be kept closes the connection: the terminal gets it again, and acknowledges again.
#[tokio::test]
async fn a_failed_ack_closes_the_connection() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.deliver(&token, 60).await;
    let live = versions(&bed.peers.take(A.id));
    bed.dynamo.intercept(|operation| (operation == "BatchWriteItem").then_some(Fault::Throttled));
    bed.acknowledge(A, &[&live[0]]).await;
    assert_eq!(bed.peers.take(A.id)[0]["reason"], "unavailable");
    assert!(bed.peers.is_closed(A.id));
    bed.dynamo.intercept(|_| None);
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await), live);
}

/// The protocol's own status says that a session request failed.
#[tokio::test]
async fn a_failed_register_has_status_500() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    bed.dynamo.intercept(|operation| (operation == "TransactWriteItems").then_some(Fault::Throttled));
    let answer = bed.register(A, CHANNEL, json!({})).await;
    assert_eq!((&answer["status"], answer["pushEndpoint"].is_null()), (&json!(500), true));
}

/// RFC 8030 section 5.2: what has expired is not delivered, though DynamoDB has not deleted it yet, and it is cleared.
#[tokio::test]
async fn what_has_expired_is_cleared_and_not_delivered() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    bed.deliver(&token, 60).await;
    bed.deliver(&token, 600).await;
    bed.pass(Duration::from_secs(60));
    let _ = bed.dynamo.take();
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 1);
    assert_eq!(bed.dynamo.take_operations().last().map(String::as_str), Some("BatchWriteItem"));
}

/// A write that meets a transaction on its item is tried again; the SDK would not by itself.
#[tokio::test]
async fn a_write_that_meets_a_transaction_is_tried_again() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    for meeting in ["PutItem", "UpdateItem"] {
        let mut once = true;
        bed.dynamo.intercept(move |operation| {
            (operation == meeting && std::mem::take(&mut once)).then_some(Fault::Conflict)
        });
        let _ = bed.dynamo.take();
        bed.deliver(&token, 60).await;
        let attempts =
            bed.dynamo.take_operations().into_iter().filter(|operation| operation == meeting).count();
        assert_eq!(attempts, 2, "{meeting}");
    }
}

/// I7: a connection that took over and was gone before its answer leaves nobody behind: the one before is closed too, so that
/// its terminal comes again.
#[tokio::test]
async fn a_takeover_that_fails_still_closes_the_loser() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(B.id, PostError::Gone);
    bed.hello(B, Some(&uaid)).await;
    assert!(bed.peers.is_closed(A.id));
    bed.deliver(&token, 60).await;
    let c = crate::events::Link { id: "c", connected: 3_000 };
    bed.peers.open(c.id);
    assert_eq!(versions(&bed.hello(c, Some(&uaid)).await).len(), 1);
}
