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
    for moment in ["BatchGetItem", "PutItem"] {
        let bed = Bed::new().await;
        let uaid = bed.terminal(A).await;
        let token = bed.token(A, CHANNEL, json!({})).await;
        bed.peers.open(B.id);
        // At that moment of the push the new connection takes over.
        let mut pause = bed.dynamo.pause(moment);
        let takeover = async {
            pause.reached().await;
            let drained = bed.hello(B, Some(&uaid)).await;
            pause.go_on();
            drained
        };
        let (answer, mut posted) = tokio::join!(bed.push(&token, 60), takeover);
        assert_eq!(answer.status(), 201);
        posted.extend(bed.peers.take(B.id));
        assert_eq!(versions(&posted).len(), 1, "when a takeover came at {moment}");
        assert_eq!(versions(&bed.peers.take(A.id)).len(), 0);
    }
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
    // A whole hello at each moment of a push, and a whole push at each moment of a hello.
    for moment in ["BatchGetItem", "PutItem", "UpdateItem"] {
        let bed = Bed::new().await;
        let (uaid, token) = absent_terminal(&bed).await;
        let mut pause = bed.dynamo.pause(moment);
        let hello = async {
            pause.reached().await;
            let posted = bed.hello(B, Some(&uaid)).await;
            pause.go_on();
            posted
        };
        let (answer, posted) = tokio::join!(bed.push(&token, 60), hello);
        assert_delivered(&bed, answer.status().as_u16(), posted, moment);
    }
    for moment in ["PutItem", "UpdateItem", "Query"] {
        let bed = Bed::new().await;
        let (uaid, token) = absent_terminal(&bed).await;
        let mut pause = bed.dynamo.pause(moment);
        let push = async {
            pause.reached().await;
            let answer = bed.push(&token, 60).await;
            pause.go_on();
            answer
        };
        let (posted, answer) = tokio::join!(bed.hello(B, Some(&uaid)), push);
        assert_delivered(&bed, answer.status().as_u16(), posted, moment);
    }
}

async fn absent_terminal(bed: &Bed) -> (String, String) {
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    (uaid, token)
}

fn assert_delivered(bed: &Bed, status: u16, mut posted: Vec<serde_json::Value>, moment: &str) {
    assert_eq!(status, 201);
    posted.extend(bed.peers.take(B.id));
    // I3: nothing before the configuring message.
    assert_eq!(posted[0]["messageType"], "hello", "when they met at {moment}");
    assert!(!versions(&posted).is_empty(), "lost when they met at {moment}");
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
        key: signalbox_domain::MessageKey {
            terminal,
            accepted: signalbox_domain::Acceptance::new(bed.now(), &"late".parse().unwrap()),
            kind: signalbox_domain::MessageKind::Stored,
            receipt: false,
        },
        channel: CHANNEL.parse().unwrap(),
        generation: 0,
        payload: None,
        shared: None,
        urgency: signalbox_domain::Urgency::default(),
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
    let bed = Bed::new().await;
    bed.peers.open(A.id);
    // The update of a new terminal's hello records that its answer is out.
    let mut pause = bed.dynamo.pause("UpdateItem");
    let register = async {
        pause.reached().await;
        assert_eq!(bed.peers.take(A.id)[0]["status"], 200);
        let late = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            pause.go_on();
        };
        tokio::join!(bed.register(A, CHANNEL, json!({})), late).0
    };
    let (_, answer) = tokio::join!(bed.hello(A, None), register);
    assert_eq!(answer["status"], 200);
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
