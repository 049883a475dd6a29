use std::time::Duration;

use serde_json::json;
use signalbox::client::VapidKey;
use signalbox_local_aws::PostError;

use crate::bed::{A, B, Bed, CHANNEL, problem, versions};
use crate::events::Link;

/// I7: a late `$disconnect` of the old connection does not mark the terminal absent.
#[tokio::test]
async fn a_late_disconnect_of_the_old_connection_changes_nothing() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    assert!(bed.peers.is_closed(A.id));
    bed.disconnect(A).await;
    bed.deliver(&token, 60).await;
    assert_eq!(versions(&bed.peers.take(B.id)).len(), 1);
}

/// I7: the newer connection wins by API Gateway's time, also when the older one's hello comes last.
#[tokio::test]
async fn an_older_connection_does_not_take_over() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    let older = Link { id: "older", connected: 1_500 };
    bed.peers.open(older.id);
    let posted = bed.hello(older, Some(&uaid)).await;
    assert_eq!(posted[0]["reason"], "superseded");
    assert!(bed.peers.is_closed(older.id) && !bed.peers.is_closed(B.id));
    bed.deliver(&token, 60).await;
    assert_eq!(versions(&bed.peers.take(B.id)).len(), 1);
}

/// I8: a post that finds the connection closed goes to the one that has taken over meanwhile.
#[tokio::test]
async fn a_push_that_meets_a_takeover_goes_to_the_newer_connection() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    // The push has read the old connection; before it posts, the new one takes over.
    let bed = std::sync::Arc::new(bed);
    bed.peers.open(B.id);
    let meanwhile = bed.clone();
    let (met, meets) = tokio::sync::oneshot::channel();
    let mut met = Some(met);
    bed.dynamo.intercept(move |operation| {
        if operation == "PutItem"
            && let Some(met) = met.take()
        {
            let _ = met.send(());
        }
        None
    });
    let takeover = tokio::spawn(async move {
        meets.await.unwrap();
        meanwhile.hello(B, Some(&uaid)).await
    });
    bed.deliver(&token, 60).await;
    let drained = takeover.await.unwrap();
    let (old, new) = (bed.peers.take(A.id), bed.peers.take(B.id));
    let came = versions(&drained).len() + versions(&new).len();
    assert!(came >= 1, "lost between {old:?} and {drained:?} {new:?}");
}

/// I8: false news of a closed connection does not hurt the terminal: what is stored comes with its next hello.
#[tokio::test]
async fn a_false_410_loses_nothing() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(A.id, PostError::Gone);
    bed.deliver(&token, 60).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 1);
}

/// I12: a push that stored before a hello looked is found by its drain; one that looks after it posts.
#[tokio::test]
async fn a_push_and_a_hello_cross_in_every_order() {
    for moment in ["BatchGetItem", "PutItem", "UpdateItem"] {
        let bed = std::sync::Arc::new(Bed::new().await);
        let uaid = bed.terminal(A).await;
        let token = bed.token(A, CHANNEL, json!({})).await;
        bed.disconnect(A).await;
        bed.peers.open(B.id);
        // At that moment of the push a whole hello runs.
        let (reached, at_moment) = std::sync::mpsc::channel();
        let (done, go_on) = std::sync::mpsc::channel::<()>();
        let mut first = Some((reached, go_on));
        bed.dynamo.intercept(move |operation| {
            if operation == moment
                && let Some((reached, go_on)) = first.take()
            {
                reached.send(()).unwrap();
                let _ = go_on.recv_timeout(Duration::from_millis(50));
            }
            None
        });
        let pushing = bed.clone();
        let pushing_token = token.clone();
        let push = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(pushing.push(&pushing_token, 60)).status()
        });
        at_moment.recv().unwrap();
        let mut posted = bed.hello(B, Some(&uaid)).await;
        let _ = done.send(());
        assert_eq!(push.join().unwrap(), 201);
        posted.extend(bed.peers.take(B.id));
        assert_eq!(posted[0]["messageType"], "hello");
        assert!(!versions(&posted).is_empty(), "lost when a hello came at {moment}");
    }
}

/// I5: a push that had read the session before it ended stores in vain.
#[tokio::test]
async fn a_push_that_meets_an_unregister_delivers_nothing() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let terminal = signalbox_domain::TerminalId::of(&uaid.parse().unwrap());
    // What the push would store, stored after the session has ended.
    let message = signalbox_domain::StoredMessage {
        key: signalbox_domain::MessageKey::new(
            terminal,
            bed.now(),
            &"late".parse().unwrap(),
            signalbox_domain::MessageKind::Stored,
        ),
        channel: CHANNEL.parse().unwrap(),
        generation: 0,
        payload: None,
        expires: bed.now().plus(Duration::from_secs(60)),
        sealed_under: bed.context.keys.current().sealing_key(),
    };
    bed.unregister(A, CHANNEL).await;
    bed.context.store.put_message(&message).await.unwrap();
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 0);
    // It is gone for good, also when the channel lives again.
    let token_again = bed.token(B, CHANNEL, json!({})).await;
    assert_ne!(token, token_again);
    bed.disconnect(B).await;
    let c = Link { id: "c", connected: 3_000 };
    bed.peers.open(c.id);
    assert_eq!(versions(&bed.hello(c, Some(&uaid)).await).len(), 0);
}

/// R15, R22: of many servers that validate at once, one is authorized.
#[tokio::test]
async fn twenty_servers_race_for_one_session() {
    let bed = std::sync::Arc::new(Bed::new().await);
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    let racing: Vec<_> = (0..20)
        .map(|_| {
            let (bed, token) = (bed.clone(), token.clone());
            tokio::spawn(async move {
                let server = VapidKey::generate().unwrap();
                bed.run_validate(&bed.validate_event(&token, &server)).await
            })
        })
        .collect();
    let mut authorized = 0;
    for race in racing {
        let answer = race.await.unwrap();
        match answer.status().as_u16() {
            200 => authorized += 1,
            _ => assert_eq!(problem(&answer), (403, "other-server".into())),
        }
    }
    assert_eq!(authorized, 1);
}

/// I3: a session request that comes before the answer to hello is recorded waits for it.
#[tokio::test]
async fn register_waits_for_the_configuring_message_to_be_recorded() {
    let bed = std::sync::Arc::new(Bed::new().await);
    bed.peers.open(A.id);
    let registering = bed.clone();
    let (answered, is_answered) = tokio::sync::oneshot::channel();
    let mut answered = Some(answered);
    // The second write of hello opens the gate; by then the terminal has its answer.
    bed.dynamo.intercept(move |operation| {
        if operation == "UpdateItem"
            && let Some(answered) = answered.take()
        {
            let _ = answered.send(());
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    });
    let register = tokio::spawn(async move {
        is_answered.await.unwrap();
        registering.register(A, CHANNEL, json!({})).await
    });
    bed.hello(A, None).await;
    assert_eq!(register.await.unwrap()["status"], 200);
}

/// I7: a second hello on a connection is refused before it moves the terminal that it names.
#[tokio::test]
async fn a_second_hello_steals_no_terminal() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.terminal(B).await;
    let posted = bed.hello(B, Some(&uaid)).await;
    assert_eq!(posted[0]["reason"], "second-hello");
    assert!(bed.peers.is_closed(B.id) && !bed.peers.is_closed(A.id));
    bed.deliver(&token, 60).await;
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 1);
}

/// I8: where the newer connection fails too, it is that one which is closed, so that its terminal comes and is drained.
#[tokio::test]
async fn a_failed_post_after_a_takeover_closes_the_newer_connection() {
    let bed = std::sync::Arc::new(Bed::new().await);
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.open(B.id);
    // When the push has read the old connection, the new one takes over, and then fails.
    let (reached, at_moment) = std::sync::mpsc::channel();
    let (done, go_on) = std::sync::mpsc::channel::<()>();
    let mut first = Some((reached, go_on));
    bed.dynamo.intercept(move |operation| {
        if operation == "PutItem"
            && let Some((reached, go_on)) = first.take()
        {
            reached.send(()).unwrap();
            let _ = go_on.recv_timeout(Duration::from_secs(5));
        }
        None
    });
    let pushing = bed.clone();
    let push = std::thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(pushing.push(&token, 60)).status()
    });
    at_moment.recv().unwrap();
    bed.dynamo.intercept(|_| None);
    bed.hello(B, Some(&uaid)).await;
    bed.peers.fail(B.id, PostError::Internal);
    let _ = done.send(());
    assert_eq!(push.join().unwrap(), 201);
    assert!(bed.peers.is_closed(B.id));
}
