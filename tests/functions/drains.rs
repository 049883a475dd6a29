use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local_aws::{Fault, PostError};

use crate::bed::{A, B, Bed, CHANNEL, versions};
use crate::events::Link;

const C: Link = Link { id: "connection-c=", connected: 3_000 };

/// A terminal that is absent, and for which so many messages wait: its uaid and its token.
async fn with_backlog(bed: &Bed, messages: usize) -> (String, String) {
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    for _ in 0..messages {
        bed.deliver(&token, 60_000).await;
    }
    bed.peers.open(B.id);
    (uaid, token)
}

/// The only thing that is owed, and after how many seconds.
fn the_owed(bed: &Bed) -> (String, u64) {
    let mut owed = bed.owed();
    assert_eq!(owed.len(), 1, "{owed:?}");
    owed.remove(0)
}

fn owed_part(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// Every post takes so long.
fn slow(bed: &Bed, each: Duration) {
    let clock = bed.hands();
    bed.posts.intercept(move |_| {
        clock.fetch_add(u64::try_from(each.as_millis()).unwrap(), Ordering::SeqCst);
        None
    });
}

/// I6: `hello` sends the first page; the rest comes by the queue, each message once and in order.
#[tokio::test]
async fn a_long_backlog_goes_on_by_the_queue() {
    let bed = Bed::new().await;
    let (uaid, _) = with_backlog(&bed, 230).await;
    let _ = bed.dynamo.take();
    let mut sent = versions(&bed.hello(B, Some(&uaid)).await);
    assert_eq!(sent.len(), 100);
    let (owed, delay) = the_owed(&bed);
    assert_eq!((owed_part(&owed)["connection"].as_str(), delay), (Some(B.id), 0));
    let _ = bed.dynamo.take();
    assert!(bed.drain(&[owed]).await.is_empty());
    assert_eq!(
        bed.dynamo.take_operations(),
        ["GetItem", "Query", "BatchGetItem", "GetItem", "Query", "BatchGetItem"],
        "a look at the terminal for each page"
    );
    assert!(bed.owed().is_empty());
    sent.extend(versions(&bed.peers.take(B.id)));
    let mut distinct = sent.clone();
    distinct.dedup();
    assert_eq!((sent.len(), distinct.len()), (230, 230));
    bed.peers.open(C.id);
    assert_eq!(versions(&bed.hello(C, Some(&uaid)).await), sent[..100], "the same order on every drain");
}

/// I6: what does not fit the time of a `hello` or of a batch is owed, and the connection lives.
#[tokio::test]
async fn a_drain_out_of_time_goes_on_where_it_was() {
    let bed = Bed::new().await;
    let (uaid, _) = with_backlog(&bed, 150).await;
    slow(&bed, Duration::from_millis(200));
    let mut sent = versions(&bed.hello(B, Some(&uaid)).await);
    assert!((20..30).contains(&sent.len()), "{} were sent in 5 s", sent.len());
    let mut batches = 0;
    while let Some((owed, delay)) = bed.owed().pop() {
        assert_eq!(delay, 0, "nothing has failed");
        assert!(bed.drain(&[owed]).await.is_empty());
        sent.extend(versions(&bed.peers.take(B.id)));
        batches += 1;
    }
    assert_eq!(batches, 2, "17 s of 200 ms each are no 125 messages");
    assert_eq!(sent.len(), 150);
    assert!(!bed.peers.is_closed(B.id));
}

/// I7: a drain ends where another connection has taken over; that one's `hello` drains.
#[tokio::test]
async fn a_drain_ends_with_its_connections_turn() {
    let bed = Bed::new().await;
    let (uaid, _) = with_backlog(&bed, 101).await;
    bed.hello(B, Some(&uaid)).await;
    let (owed, _) = the_owed(&bed);
    bed.peers.open(C.id);
    bed.hello(C, Some(&uaid)).await;
    bed.peers.take(C.id);
    assert!(bed.drain(&[owed]).await.is_empty());
    assert!(bed.peers.take(B.id).is_empty() && bed.peers.take(C.id).is_empty());
}

/// I8: a post that fails costs no connection: the message is owed, and posted later.
#[tokio::test]
async fn a_failed_post_is_made_up_for() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(A.id, PostError::LimitExceeded);
    bed.deliver(&token, 60).await;
    let (owed, delay) = the_owed(&bed);
    assert_eq!(delay, 2);
    assert!(bed.drain(&[owed]).await.is_empty());
    let (owed, delay) = the_owed(&bed);
    assert_eq!(delay, 4, "it failed again");
    assert!(!bed.peers.is_closed(A.id));
    bed.peers.open(A.id);
    let _ = bed.dynamo.take();
    assert!(bed.drain(&[owed]).await.is_empty());
    assert_eq!(bed.dynamo.take_operations(), ["GetItem", "Query", "BatchGetItem"]);
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 1);
    assert!(bed.owed().is_empty());
}

/// I8: what was owed is posted where the terminal is now; where it is absent, its next `hello` finds it.
#[tokio::test]
async fn an_owed_message_follows_its_terminal() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.open(B.id);
    let mut pause = bed.dynamo.pause("PutItem");
    let takeover = async {
        pause.reached().await;
        // It has seen the terminal on A, and stores after the drain of B has looked.
        bed.hello(B, Some(&uaid)).await;
        bed.peers.open(A.id);
        bed.peers.fail(A.id, PostError::Internal);
        pause.go_on();
    };
    let (answer, ()) = tokio::join!(bed.push(&token, 60), takeover);
    assert_eq!(answer.status(), 201);
    let (owed, _) = the_owed(&bed);
    let bodies = [owed];
    assert!(bed.drain(&bodies).await.is_empty());
    assert_eq!(versions(&bed.peers.take(B.id)).len(), 1);
    bed.disconnect(B).await;
    assert!(bed.drain(&bodies).await.is_empty());
    assert!(bed.owed().is_empty());
}

/// I5: what is owed of a session that has ended is not posted, and gone.
#[tokio::test]
async fn an_owed_message_of_an_ended_session_is_dropped() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(A.id, PostError::Internal);
    bed.deliver(&token, 60).await;
    let (owed, _) = the_owed(&bed);
    bed.peers.open(A.id);
    bed.unregister(A, CHANNEL).await;
    assert!(bed.drain(&[owed]).await.is_empty());
    assert!(bed.peers.take(A.id).is_empty());
}

/// I8: a connection that cannot be posted to for minutes is closed, so that its terminal comes again.
#[tokio::test]
async fn what_fails_too_often_closes_the_connection() {
    let bed = Bed::new().await;
    let (uaid, _) = with_backlog(&bed, 1).await;
    let mut configured = false;
    bed.posts.intercept(move |operation| {
        // The answer to hello goes out; the notification does not.
        (operation == "POST" && std::mem::replace(&mut configured, true)).then_some(Fault::FailsBefore)
    });
    bed.hello(B, Some(&uaid)).await;
    let mut waited = 0;
    while let Some((owed, delay)) = bed.owed().pop() {
        assert!(!bed.peers.is_closed(B.id));
        waited += delay;
        assert!(bed.drain(&[owed]).await.is_empty());
    }
    assert!(bed.peers.is_closed(B.id));
    assert_eq!(waited, 2 + 4 + 8 + 16 + 32 + 60 + 60);
}

/// I8, I12: where the queue fails too, the connection is closed; its terminal comes again.
#[tokio::test]
async fn without_the_queue_a_failed_post_closes_the_connection() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.queues.intercept(|_| Some(Fault::FailsBefore));
    bed.peers.fail(A.id, PostError::Internal);
    bed.deliver(&token, 60).await;
    assert!(bed.peers.is_closed(A.id));
    for _ in 0..101 {
        bed.deliver(&token, 60).await;
    }
    bed.peers.open(B.id);
    let posted = bed.hello(B, Some(&uaid)).await;
    assert_eq!(posted.last().unwrap()["reason"], "unavailable");
    assert!(bed.peers.is_closed(B.id));
}

/// What fails is owed again, and where that fails it comes out of the queue again; beside it the others are dealt with.
#[tokio::test]
async fn a_batch_names_what_is_to_come_again() {
    let bed = Bed::new().await;
    let (uaid, _) = with_backlog(&bed, 101).await;
    bed.hello(B, Some(&uaid)).await;
    bed.peers.take(B.id);
    let (owed, _) = the_owed(&bed);
    let bodies = ["no JSON".to_owned(), owed];
    assert_eq!(bed.drain(&bodies).await, ["0"], "malformed");
    assert_eq!(versions(&bed.peers.take(B.id)).len(), 1);
    bed.dynamo.intercept(|operation| (operation == "Query").then_some(Fault::FailsBefore));
    assert_eq!(bed.drain(&bodies).await, ["0"]);
    assert_eq!(the_owed(&bed).1, 2);
    bed.queues.intercept(|_| Some(Fault::FailsBefore));
    assert_eq!(bed.drain(&bodies).await, ["0", "1"]);
}
