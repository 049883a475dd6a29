//! Accesses for many recipients at once.

use std::collections::HashSet;

use signalbox_domain::{
    Acceptance, Encoding, JobId, MessageKey, MessageKind, Payload, Session, StoredMessage, TerminalId,
    Timestamp, Urgency,
};
use signalbox_local_aws::Fault;
use signalbox_store::Waiting;

use crate::fixture::{Fixture, NOW, TERMINAL, arrival, assert_unavailable, channel, session};

fn job() -> JobId {
    "AAECAwQFBgcICQoLDA0ODw".parse().unwrap()
}

fn nobody(number: u8) -> TerminalId {
    TerminalId::from_bytes([number; 16])
}

fn message(number: u32) -> StoredMessage {
    StoredMessage {
        key: MessageKey {
            terminal: TERMINAL,
            accepted: Acceptance::new(NOW, &format!("r{number:04}").parse().unwrap()),
            kind: MessageKind::Stored,
            receipt: false,
        },
        channel: channel(1),
        generation: 0,
        payload: Some(Payload::from_stored(b"sealed".to_vec(), Encoding::Aes128Gcm)),
        shared: None,
        urgency: Urgency::Normal,
        expires: Timestamp::from_secs(NOW.as_secs() + 60),
        sealed_under: signalbox_domain::KeyId(1),
    }
}

fn sharing(number: u32) -> StoredMessage {
    StoredMessage { payload: Some(body()), shared: Some(job()), ..message(number) }
}

fn body() -> Payload {
    Payload::from_stored(vec![7; 4_000], Encoding::Identity)
}

async fn waiting(on: &Fixture) -> Vec<StoredMessage> {
    on.store.waiting_page(TERMINAL, Waiting::All, 100).await.unwrap().messages
}

/// R40: what is there is found, each row read once however often it is named; what is not there is not.
#[tokio::test]
async fn routes_of_many_are_read_by_fifty() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    on.given_session(&channel(1), &session("t1")).await;
    let there = (TERMINAL, channel(1));
    let routes = on.store.routes([there, there, (TERMINAL, channel(2))], NOW).await.unwrap();
    on.assert_cost(&[("BatchGetItem", 3.0)]);
    assert_eq!(routes.terminals.get(&TERMINAL), Some(&on.terminal().await));
    assert_eq!(routes.sessions.len(), 1);
    assert_eq!(routes.sessions.get(&there), Some(&Session::Live(session("t1"))));
    let many = (100..220).map(|number| (nobody(number), channel(1)));
    assert!(on.store.routes(many, NOW).await.unwrap().terminals.is_empty());
    on.assert_calls(&["BatchGetItem"; 3]);
}

#[tokio::test]
async fn terminals_are_read_by_a_hundred() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    let many = (100..250).map(nobody).chain([TERMINAL, TERMINAL]);
    let terminals = on.store.terminals(many, NOW).await.unwrap();
    on.assert_calls(&["BatchGetItem"; 2]);
    assert_eq!(terminals.into_values().collect::<Vec<_>>(), [on.terminal().await]);
}

/// I1: all are there, in order; twice they are one each.
#[tokio::test]
async fn messages_are_stored_by_25() {
    let on = Fixture::new().await;
    let messages: Vec<_> = (0..60).map(message).collect();
    on.store.put_messages(&messages).await.unwrap();
    on.assert_cost(&[("BatchWriteItem", 25.0), ("BatchWriteItem", 25.0), ("BatchWriteItem", 10.0)]);
    on.store.put_messages(&messages).await.unwrap();
    assert_eq!(waiting(&on).await, messages);
}

/// I2: what was acknowledged meanwhile is told from what waits.
#[tokio::test]
async fn which_wait_is_told() {
    let on = Fixture::new().await;
    let messages: Vec<_> = (0..3).map(message).collect();
    on.beside.put_messages(&messages).await.unwrap();
    on.beside.delete_messages(&[messages[1].key.clone()]).await.unwrap();
    let waiting = on.store.which_wait(messages.iter().map(|message| &message.key)).await.unwrap();
    on.assert_calls(&["BatchGetItem"]);
    let name = |at: usize| (TERMINAL, messages[at].key.accepted.to_string());
    assert_eq!(waiting, HashSet::from([name(0), name(2)]));
}

/// A body that is shared is stored once and read once, and each message carries it.
#[tokio::test]
async fn messages_share_a_body() {
    let on = Fixture::new().await;
    on.store.put_shared_body(job(), &body(), NOW).await.unwrap();
    on.assert_cost(&[("PutItem", 4.0)]);
    let messages = [sharing(1), message(2), sharing(3)];
    on.store.put_messages(&messages).await.unwrap();
    on.assert_cost(&[("BatchWriteItem", 3.0)]);
    assert_eq!(waiting(&on).await, messages);
    on.assert_cost(&[("Query", 1.0), ("BatchGetItem", 1.0)]);
    let at = messages[2].key.sort_key();
    let one = on.store.waiting_page(TERMINAL, Waiting::At(&at), 1).await.unwrap();
    assert_eq!(one.messages, messages[2..]);
}

/// I2: a message whose shared body is gone holds up nothing behind it.
#[tokio::test]
async fn a_message_without_its_body_is_left_out() {
    let on = Fixture::new().await;
    on.store.put_messages(&[sharing(1), message(2)]).await.unwrap();
    assert_eq!(waiting(&on).await, [message(2)]);
}

#[tokio::test]
async fn a_failure_is_never_an_absence() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = Fixture::new().await;
        on.fail(fault);
        assert_unavailable(on.store.routes([(TERMINAL, channel(1))], NOW).await);
        assert_unavailable(on.store.terminals([TERMINAL], NOW).await);
        assert_unavailable(on.store.put_messages(&[message(1)]).await);
        assert_unavailable(on.store.which_wait([&message(1).key]).await);
        assert_unavailable(on.store.put_shared_body(job(), &body(), NOW).await);
    }
}
