//! What nobody outside can bring about: refusals of a suspended terminal, of one that was overtaken in the middle, and of a
//! service whose tables cannot be reached.

use serde_json::{Value, json};
use signalbox_domain::{TerminalId, Uaid};
use signalbox_local_aws::Fault;

use crate::bed::{A, B, Bed, CHANNEL, versions};

/// R1: nothing is issued or delivered to a suspended terminal, which keeps its uaid.
#[tokio::test]
async fn a_suspended_terminal_is_told_so() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.set_state(TerminalId::of(&uaid.parse::<Uaid>().unwrap()), "suspended").await;

    let answer = bed.register(A, CHANNEL, json!({})).await;
    assert_eq!((&answer["status"], &answer["pushEndpoint"]), (&json!(403), &Value::Null));
    assert_eq!(answer["detail"], "the terminal is suspended");

    bed.peers.open(B.id);
    let posted = bed.hello(B, Some(&uaid)).await;
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!((&posted[0]["status"], &posted[0]["uaid"]), (&json!(403), &json!(uaid)));
    bed.push(&token, 60).await;
    assert_eq!(versions(&bed.peers.take(B.id)).len(), 0);
}

/// R5: the connection is still there and its terminal is on another one: no token, and it is told to connect again.
#[tokio::test]
async fn an_overtaken_connection_gets_no_token() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    // As if its end had not come through yet.
    bed.peers.open(A.id);
    let register = json!({"messageType": "register", "channelID": CHANNEL});
    assert_eq!(bed.message("register", A, register).await, None);
    let posted = bed.peers.take(A.id);
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!(
        (&posted[0]["messageType"], &posted[0]["reason"]),
        (&json!("error"), &json!("not-provisioned"))
    );
    assert!(bed.peers.is_closed(A.id));
}

/// The protocol's own status says that the session has not been ended.
#[tokio::test]
async fn a_failed_unregister_has_status_500() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    for failing in ["GetItem", "UpdateItem"] {
        bed.dynamo.intercept(move |operation| (operation == failing).then_some(Fault::Throttled));
        let answer = bed.unregister(A, CHANNEL).await.expect("an answer");
        assert_eq!((&answer["channelID"], &answer["status"]), (&json!(CHANNEL), &json!(500)), "{failing}");
        assert!(!bed.peers.is_closed(A.id));
    }
    bed.dynamo.intercept(|_| None);
    bed.deliver(&token, 60).await;
}

/// Whatever an application server asks that needs the tables: 503 with Mozilla's number and a time to come again, and not a
/// word about the token or the message.
#[tokio::test]
async fn every_call_is_unavailable_where_the_tables_are() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({"key": bed.server.public_key()})).await;
    let accepted = bed.push_with(&token, 60, &[("prefer", "respond-async")]).await;
    let header = |name: &str| accepted.headers()[name].to_str().unwrap();
    let receipt = header("link").split(&['<', '>'][..]).nth(1).unwrap();
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        bed.dynamo.intercept(move |_| Some(fault));
        for (call, answer) in [
            ("push", bed.push(&token, 60).await),
            ("validate", bed.validate(&token).await),
            ("revoke", bed.revoke(&token, &bed.server).await),
            ("withdraw", bed.ask("DELETE", header("location")).await),
            ("receipt", bed.ask("GET", receipt).await),
        ] {
            let problem: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(answer.status(), 503, "{call}: {problem}");
            assert_eq!(problem["type"], "urn:signalbox:problem:unavailable", "{call}");
            assert_eq!(problem["errno"], 201, "{call}");
            assert_eq!(answer.headers()["retry-after"], "5", "{call}");
        }
    }
}
