use serde_json::json;

use crate::bed::{A, B, Bed, CHANNEL, problem, versions};
use crate::events::socket;

/// I10: a provisioning request that runs twice makes one terminal.
#[tokio::test]
async fn hello_twice_is_one_terminal() {
    let bed = Bed::new().await;
    bed.peers.open(A.id);
    let hello = socket(bed.source, "hello", A, "the-same", None);
    bed.run("hello", &hello).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.run("hello", &hello).await;
    let posted = bed.peers.take(A.id);
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0]["uaid"], posted[1]["uaid"]);
    assert!(!bed.peers.is_closed(A.id));
    bed.deliver(&token, 60).await;
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 1);
}

/// I10: the same for a known terminal; what waits is sent again under the same version.
#[tokio::test]
async fn hello_twice_drains_under_the_same_versions() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    bed.deliver(&token, 60).await;
    bed.peers.open(B.id);
    let body = json!({"messageType": "hello", "use_webpush": true, "uaid": uaid});
    let hello = socket(bed.source, "hello", B, "the-same", Some(body));
    bed.run("hello", &hello).await;
    bed.run("hello", &hello).await;
    let versions = versions(&bed.peers.take(B.id));
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0], versions[1]);
    assert!(!bed.peers.is_closed(B.id));
}

/// I10: a session request that runs twice gets the same token, and it counts.
#[tokio::test]
async fn register_twice_is_one_token() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let body = json!({"messageType": "register", "channelID": CHANNEL});
    let register = socket(bed.source, "register", A, "the-same", Some(body));
    let (first, _) = bed.run("register", &register).await;
    let (second, _) = bed.run("register", &register).await;
    assert_eq!(first, second);
    let other = bed.register(A, CHANNEL, json!({})).await;
    assert_ne!(first.as_ref(), Some(&other));
    // Late: the channel has a newer token meanwhile; both count.
    let (third, _) = bed.run("register", &register).await;
    assert_eq!(first, third);
    for answer in [third.unwrap(), other] {
        let token = answer["pushEndpoint"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        bed.deliver(&token, 60).await;
    }
}

/// I10, R42's rule for one: a push that runs twice is one message, under one version.
#[tokio::test]
async fn a_push_twice_is_one_message() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let push = bed.push_event(&token, 60);
    let first = bed.run_push(&push).await;
    let second = bed.run_push(&push).await;
    assert_eq!(first.headers()["location"], second.headers()["location"]);
    let live = versions(&bed.peers.take(A.id));
    assert_eq!((live.len(), &live[0]), (2, &live[1]));
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await), live[..1]);
}

/// I10: ended twice is ended once: a session begun anew in between is another.
#[tokio::test]
async fn unregister_and_disconnect_twice_are_once() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    bed.token(A, CHANNEL, json!({})).await;
    for _ in 0..2 {
        assert_eq!(bed.unregister(A, CHANNEL).await.unwrap()["status"], 200);
    }
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.deliver(&token, 60).await;
    for _ in 0..2 {
        bed.disconnect(A).await;
    }
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 1);
}

/// I10: `unregister` and `register` that run again behind later ones of their channel change nothing, and a token that has ended
/// is not answered again: it would be taken for the answer to what came later.
#[tokio::test]
async fn register_and_unregister_run_again_behind_later_ones() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let event =
        |name, id| socket(bed.source, name, A, id, Some(json!({"messageType": name, "channelID": CHANNEL})));
    let (first, _) = bed.run("register", &event("register", "first")).await;
    bed.run("unregister", &event("unregister", "end")).await;
    // The register, behind the end.
    assert_eq!(bed.run("register", &event("register", "first")).await.0, None);
    let ended = first.unwrap()["pushEndpoint"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(problem(&bed.push(&ended, 60).await), (410, "session-ended".into()));
    // The end, behind a later register.
    let token = bed.token(A, CHANNEL, json!({})).await;
    let (again, _) = bed.run("unregister", &event("unregister", "end")).await;
    assert_eq!(again.unwrap()["status"], 200);
    bed.deliver(&token, 60).await;
    assert_eq!(problem(&bed.push(&ended, 60).await), (410, "session-ended".into()));
}

/// I10: an acknowledgement that runs twice takes nothing else with it.
#[tokio::test]
async fn an_ack_twice_is_once() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.deliver(&token, 60).await;
    bed.deliver(&token, 60).await;
    let live = versions(&bed.peers.take(A.id));
    for _ in 0..2 {
        bed.acknowledge(A, &[&live[0]]).await;
    }
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await), live[1..]);
}
