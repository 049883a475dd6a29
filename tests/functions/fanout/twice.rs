use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_local_aws::Fault;

use super::{LINKS, LIST, accepted, counts, job, notifications, send, subscriber, subscribers, to_all};
use crate::bed::many::Ask;
use crate::bed::{Bed, CHANNEL, body, problem, versions};

fn named<'a>(key: &'a str, list: &Value) -> Ask<'a> {
    Ask { key: Some(key), body: Some(list.clone()), ..Ask::new("POST", LIST) }
}

/// R42: a repetition under the same key is the same job, and its pages run once; another request under that key is refused.
#[tokio::test]
async fn r42_a_repeated_request_is_the_same_job() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let list = to_all(&tokens, 60);
    let first = body(&bed.fan_out(named("k", &list)).await);
    bed.carry_out().await;
    bed.pass(std::time::Duration::from_secs(60));
    let again = bed.fan_out(named("k", &list)).await;
    assert_eq!((again.status(), body(&again)), (StatusCode::ACCEPTED, first.clone()));
    bed.carry_out().await;
    assert!(notifications(&bed).iter().all(|posted| posted.len() == 1));
    assert_eq!(counts(&bed.progress(job(&first)).await), [6, 0, 0, 0, 0, 0]);
    let other = bed.fan_out(named("k", &to_all(&tokens, 61))).await;
    assert_eq!(problem(&other), (409, "idempotency-conflict".to_owned()));
    // Under another key, or of another server, it is another job.
    assert_ne!(job(&body(&bed.fan_out(named("l", &list)).await)), job(&first));
    let stranger = VapidKey::generate().unwrap();
    let theirs = bed.fan_out(Ask { server: Some(&stranger), ..named("k", &list) }).await;
    assert_ne!(job(&body(&theirs)), job(&first));
}

/// R42, I10: a request that was answered 503 can be repeated, wherever it failed; each recipient gets it once.
#[tokio::test]
async fn r42_a_request_that_failed_can_be_repeated() {
    for (operation, at_queue) in [("PutItem", false), ("SendMessageBatch", true)] {
        for fault in [Fault::FailsBefore, Fault::FailsAfter] {
            let bed = Bed::new().await;
            let tokens = subscribers(&bed).await;
            let list = to_all(&tokens, 60);
            let wire = if at_queue { &bed.queues } else { &bed.dynamo };
            wire.intercept(move |asked| (asked == operation).then_some(fault));
            let failed = bed.fan_out(named("k", &list)).await;
            assert_eq!(failed.status(), 503, "{operation} {fault:?}");
            wire.intercept(|_| None);
            assert_eq!(bed.fan_out(named("k", &list)).await.status(), 202);
            bed.carry_out().await;
            let mut all: Vec<_> = notifications(&bed).concat();
            assert!((6..=18).contains(&all.len()), "{}", all.len());
            all.sort_by_key(|message| message["version"].to_string());
            all.dedup_by_key(|message| message["version"].to_string());
            assert_eq!(all.len(), 6, "{operation} {fault:?}: never under another version");
        }
    }
}

/// R42: a page that is interrupted at any call runs again: nobody is lost, nobody gets another version, who has acknowledged
/// meanwhile gets nothing again, and all are counted once.
#[tokio::test]
async fn r42_an_interrupted_page_runs_again() {
    for at in 0..12 {
        let bed = Bed::new().await;
        let mut tokens = subscribers(&bed).await;
        let (uaid, absent) = (tokens.remove(5), tokens.remove(4));
        drop((uaid, absent));
        let (uaid, absent) = subscriber(&bed, crate::bed::B).await;
        bed.disconnect(crate::bed::B).await;
        tokens.push(absent);
        let told = accepted(&bed, to_all(&tokens, 60)).await;
        let work = bed.paged();
        let mut calls = 0;
        bed.dynamo.intercept(move |_| {
            calls += 1;
            // The client tries three times.
            (calls > at).then_some(Fault::FailsAfter)
        });
        let done = bed.page(&work[0], 1).await;
        bed.dynamo.intercept(|_| None);
        let first: Vec<_> = notifications(&bed);
        for (link, posted) in LINKS.iter().zip(&first) {
            let versions = versions(posted);
            let versions: Vec<_> = versions.iter().map(String::as_str).collect();
            if !versions.is_empty() {
                bed.acknowledge(*link, &versions).await;
            }
        }
        assert!(bed.page(&work[0], 2).await);
        let second: Vec<_> = notifications(&bed);
        for (link, (first, second)) in first.iter().zip(&second).enumerate().take(4) {
            assert_eq!(first.len() + second.len(), 1, "link {link}, interrupted at call {at}, done: {done}");
        }
        let progress = bed.progress(job(&told)).await;
        assert_eq!((&progress["state"], counts(&progress)), (&json!("done"), [4, 1, 0, 0, 0, 0]), "at {at}");
        bed.peers.open("late=");
        let late = crate::events::Link { id: "late=", connected: 9_000 };
        assert_eq!(versions(&bed.hello(late, Some(&uaid)).await).len(), 1);
    }
}

/// I5: what ends between the request and its page gets nothing.
#[tokio::test]
async fn i5_a_session_that_ends_before_its_page_gets_nothing() {
    let bed = Bed::new().await;
    let token = subscriber(&bed, LINKS[0]).await.1;
    let told = accepted(&bed, to_all(&[token], 60)).await;
    bed.unregister(LINKS[0], CHANNEL).await;
    bed.carry_out().await;
    assert!(notifications(&bed).concat().is_empty());
    assert_eq!(bed.progress(job(&told)).await["dead"], json!([0]));
}

/// R41: a page that fails each time ends among the dead letters, and its job ends nevertheless and says so. A page that is
/// malformed goes there too.
#[tokio::test]
async fn a_page_that_always_fails_is_told() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let told = accepted(&bed, to_all(&tokens, 3_600)).await;
    let work = bed.paged();
    bed.dynamo.intercept(|operation| (operation == "BatchWriteItem").then_some(Fault::Throttled));
    for reception in 1..=5 {
        assert!(!bed.page(&work[0], reception).await);
        assert_eq!(bed.progress(job(&told)).await["state"], "running", "the last attempt may be under way");
    }
    bed.pass(std::time::Duration::from_secs(200));
    let progress = bed.progress(job(&told)).await;
    assert_eq!((&progress["state"], counts(&progress)), (&json!("done"), [0, 0, 0, 0, 6, 0]));
    // An operator puts it back into the queue.
    bed.dynamo.intercept(|_| None);
    assert!(bed.page(&work[0], 1).await);
    assert_eq!(counts(&bed.progress(job(&told)).await), [6, 0, 0, 0, 0, 0]);
    assert!(!bed.page("{}", 1).await);
}

/// R42: what a table does not serve at once is tried again in the same run, and not minutes later by the queue.
#[tokio::test]
async fn a_page_that_fails_is_tried_again_while_there_is_time() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let told = accepted(&bed, to_all(&tokens, 60)).await;
    let work = bed.paged();
    let mut calls = 0;
    bed.dynamo.intercept(move |operation| {
        calls += u32::from(operation == "BatchWriteItem");
        // The client tries three times.
        (operation == "BatchWriteItem" && calls <= 3).then_some(Fault::Throttled)
    });
    assert!(bed.page_within(&work[0], 1, std::time::Duration::from_secs(60)).await);
    bed.dynamo.intercept(|_| None);
    assert_eq!(counts(&bed.progress(job(&told)).await), [6, 0, 0, 0, 0, 0]);
    assert!(notifications(&bed).iter().all(|posted| posted.len() == 1));
}

/// What a permission is missing for goes back to the queue at once: the next minute brings none, and a worker is paid for waiting.
#[tokio::test]
async fn a_page_that_is_refused_is_not_tried_again() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let told = accepted(&bed, to_all(&tokens, 60)).await;
    let work = bed.paged();
    let _ = bed.dynamo.take();
    bed.dynamo.intercept(|operation| (operation == "BatchWriteItem").then_some(Fault::Denied));
    // The bed's clock stands, so that trying again would have no end.
    let minute = std::time::Duration::from_secs(60);
    let given_back = tokio::time::timeout(minute / 6, bed.page_within(&work[0], 1, minute)).await;
    assert!(!given_back.expect("it is given back at once"));
    let calls = bed.dynamo.take_operations();
    assert_eq!(calls.iter().filter(|operation| *operation == "BatchWriteItem").count(), 1, "{calls:?}");
    bed.dynamo.intercept(|_| None);
    assert!(bed.page(&work[0], 2).await);
    assert_eq!(counts(&bed.progress(job(&told)).await), [6, 0, 0, 0, 0, 0]);
}

/// R41: a job ends also where the last attempt dies behind the storing, between its posts.
#[tokio::test]
async fn a_last_attempt_that_dies_after_it_has_stored_is_told() {
    let bed = Bed::new().await;
    let (mut tokens, absent) = (subscribers(&bed).await, subscriber(&bed, crate::bed::B).await.1);
    bed.disconnect(crate::bed::B).await;
    tokens.push(absent);
    let told = accepted(&bed, to_all(&tokens, 3_600)).await;
    let work = bed.paged();
    let mut stored = false;
    bed.dynamo.intercept(move |operation| {
        stored |= operation == "BatchWriteItem";
        // The second look.
        (stored && operation == "BatchGetItem").then_some(Fault::FailsBefore)
    });
    assert!(!bed.page(&work[0], 5).await);
    assert_eq!(bed.progress(job(&told)).await["state"], "running");
    bed.pass(std::time::Duration::from_secs(200));
    let progress = bed.progress(job(&told)).await;
    assert_eq!((&progress["state"], counts(&progress)), (&json!("done"), [0, 0, 0, 0, 7, 0]));
}

/// I10: the same event twice is one job, also without a key.
#[tokio::test]
async fn i10_an_event_that_runs_twice_is_one_job() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let event = bed.fan_out_event(Ask { body: Some(to_all(&tokens, 60)), ..Ask::new("POST", LIST) });
    let (first, second) = (bed.run_fan_out(&event).await, bed.run_fan_out(&event).await);
    assert_eq!(body(&first), body(&second));
    bed.carry_out().await;
    assert!(notifications(&bed).iter().all(|posted| posted.len() == 1));
    assert_eq!(send(&bed, to_all(&tokens, 60)).await.status(), 202);
}

/// RFC 8030 section 5.2: a page that is carried out only after the TTL delivers nothing, and says so.
#[tokio::test]
async fn a_page_that_comes_too_late_delivers_nothing() {
    for (ttl, late, expected) in [
        (60, 59, [6, 0, 0, 0, 0, 0]),
        (60, 60, [0, 0, 6, 0, 0, 0]),
        (0, 599, [6, 0, 0, 0, 0, 0]),
        (0, 600, [0, 0, 6, 0, 0, 0]),
    ] {
        let bed = Bed::new().await;
        let tokens = subscribers(&bed).await;
        let told = accepted(&bed, to_all(&tokens, ttl)).await;
        bed.pass(std::time::Duration::from_secs(late));
        bed.carry_out().await;
        let progress = bed.progress(job(&told)).await;
        assert_eq!(
            (&progress["state"], counts(&progress)),
            (&json!("done"), expected),
            "TTL {ttl}, {late} s"
        );
        assert_eq!(notifications(&bed).concat().len(), usize::try_from(expected[0]).unwrap());
    }
}
