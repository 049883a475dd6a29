use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use signalbox_domain::{
    Acceptance, Encoding, KeyId, LegacyHeaders, MessageKey, MessageKind, Payload, StoredMessage, TerminalId,
    Timestamp, TopicMark, Urgency,
};
use signalbox_local_aws::Fault;
use signalbox_store::{Outcome, Putting, Waiting};

use crate::fixture::{Fixture, NOW, TERMINAL, assert_unavailable, channel, number, row, text};

const OTHER: TerminalId = TerminalId::from_bytes([8; 16]);

/// A message accepted so many milliseconds after [`NOW`], by this request.
fn message(millis: u64, request: &str) -> StoredMessage {
    message_for(TERMINAL, millis, request)
}

fn message_for(terminal: TerminalId, millis: u64, request: &str) -> StoredMessage {
    let accepted = NOW.plus(Duration::from_millis(millis));
    StoredMessage {
        key: MessageKey {
            terminal,
            accepted: Acceptance::new(accepted, &request.parse().unwrap()),
            kind: MessageKind::Stored,
            receipt: false,
        },
        channel: channel(1),
        generation: 2,
        payload: Some(Payload::from_stored(b"sealed".to_vec(), Encoding::Aes128Gcm)),
        shared: None,
        urgency: Urgency::Low,
        expires: Timestamp::from_millis(accepted.as_millis() + 60_500),
        sealed_under: KeyId(9),
    }
}

fn message_of_size(bytes: usize) -> StoredMessage {
    let payload = Payload::from_stored(vec![0xff; bytes], Encoding::Aes128Gcm);
    StoredMessage { payload: Some(payload), ..message(0, "r1") }
}

fn of_topic(message: StoredMessage, topic: &str) -> StoredMessage {
    let kind = MessageKind::OfTopic(TopicMark::of(&channel(1), &topic.parse().unwrap()));
    StoredMessage { key: MessageKey { kind, ..message.key }, ..message }
}

fn with_receipt(message: StoredMessage) -> StoredMessage {
    StoredMessage { key: MessageKey { receipt: true, ..message.key }, ..message }
}

async fn given(on: &Fixture, messages: &[StoredMessage]) {
    for message in messages {
        on.beside.put_message(message).await.unwrap();
    }
}

/// All that waits for the terminal.
async fn waiting(on: &Fixture) -> Vec<StoredMessage> {
    let page = on.beside.waiting_page(TERMINAL, Waiting::All, 1000).await.unwrap();
    assert_eq!(page.next, None);
    page.messages
}

// put_message

/// I1, R20: what was accepted is there, byte for byte, and says until when, of which generation and under which key.
#[tokio::test]
async fn a_message_survives_its_row() {
    let on = Fixture::new().await;
    let body = (0..=255).collect();
    let with_payload =
        StoredMessage { payload: Some(Payload::from_stored(body, Encoding::Aes128Gcm)), ..message(0, "r1") };
    let without_payload = StoredMessage { payload: None, ..message(1, "r2") };
    let headers = LegacyHeaders { encryption: "salt=c2FsdA".into(), crypto_key: "dh=ZGg".into() };
    let legacy = StoredMessage {
        payload: Some(Payload::from_stored(b"sealed".to_vec(), Encoding::AesGcm(headers))),
        urgency: Urgency::High,
        ..with_receipt(message(2, "r3"))
    };
    for message in [&with_payload, &without_payload, &legacy] {
        assert_eq!(on.store.put_message(message).await.unwrap(), Putting::Stored);
        on.assert_cost(&[("PutItem", 1.0)]);
    }
    assert_eq!(waiting(&on).await, [with_payload, without_payload, legacy]);
}

/// I10, I9: the same event twice stores one message.
#[tokio::test]
async fn a_message_put_twice_is_one() {
    let on = Fixture::new().await;
    on.lose_one_answer();
    assert_unavailable(on.store.put_message(&message(0, "r1")).await);
    on.store.put_message(&message(0, "r1")).await.unwrap();
    assert_eq!(waiting(&on).await, [message(0, "r1")]);
}

/// A body is kept as it is, so that a kilobyte of it is a unit to write: keys and the rest take less than half of one.
#[tokio::test]
async fn a_message_costs_a_unit_for_each_kilobyte() {
    for (bytes, units) in [(0, 1.0), (512, 1.0), (1024, 2.0), (3 * 1024 + 512, 4.0), (4096, 5.0), (5630, 6.0)]
    {
        let on = Fixture::new().await;
        on.store.put_message(&message_of_size(bytes)).await.unwrap();
        on.assert_cost(&[("PutItem", units)]);
        on.store.delete_messages(&[message_of_size(bytes).key]).await.unwrap();
        on.assert_cost(&[("BatchWriteItem", units)]);
    }
}

/// DynamoDB deletes a message when it has expired, and not in the second before.
#[tokio::test]
async fn a_message_outlives_its_last_millisecond() {
    let on = Fixture::new().await;
    let message = message(0, "r1");
    given(&on, std::slice::from_ref(&message)).await;
    let item = on.item("messages", row(&TERMINAL.to_string(), &message.key.sort_key())).await.unwrap();
    assert_eq!(item["expires"], number(message.expires.as_millis()));
    assert_eq!(item["expiresAt"], number(NOW.as_secs() + 61));
}

// waiting_page

/// I4: in the order of acceptance, and within a millisecond in that of the requests; nobody else's.
#[tokio::test]
async fn what_waits_is_read_in_the_order_of_acceptance() {
    let on = Fixture::new().await;
    let order = [message(0, "z"), message(1, "a"), message(1, "b"), message(256, "a")];
    for message in [&order[3], &order[1], &order[0], &order[2]] {
        on.beside.put_message(message).await.unwrap();
    }
    given(&on, &[message_for(OTHER, 0, "a")]).await;
    let page = on.store.waiting_page(TERMINAL, Waiting::All, 100).await.unwrap();
    on.assert_cost(&[("Query", 1.0)]);
    assert_eq!(page.messages, order);
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn nothing_waits_on_an_empty_page() {
    let on = Fixture::new().await;
    let page = on.store.waiting_page(TERMINAL, Waiting::All, 100).await.unwrap();
    on.assert_cost(&[("Query", 1.0)]);
    assert!(page.messages.is_empty());
    assert_eq!(page.next, None);
}

/// I6: page after page brings each message once, in order; the last page says that it is.
#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let on = Fixture::new().await;
    let all: Vec<_> = (0..5).map(|millis| message(millis, "r")).collect();
    given(&on, &all).await;
    let mut read = Vec::new();
    let mut after: Option<String> = None;
    for size in [2, 2, 1] {
        let page = on
            .store
            .waiting_page(TERMINAL, after.as_deref().map_or(Waiting::All, Waiting::After), 2)
            .await
            .unwrap();
        on.assert_cost(&[("Query", 1.0)]);
        assert_eq!(page.messages.len(), size);
        read.extend(page.messages);
        after = page.next;
    }
    assert_eq!(read, all);
    assert_eq!(after, None);
}

/// I8: one message by its place; none where it is gone.
#[tokio::test]
async fn one_message_is_read_by_its_place() {
    let on = Fixture::new().await;
    let all: Vec<_> = (0..3).map(|millis| message(millis, "r")).collect();
    given(&on, &all).await;
    let place = all[1].key.sort_key();
    let page = on.store.waiting_page(TERMINAL, Waiting::At(&place), 1).await.unwrap();
    on.assert_cost(&[("Query", 1.0)]);
    assert_eq!(page.messages, [all[1].clone()]);
    on.beside.delete_messages(&[all[1].key.clone()]).await.unwrap();
    assert!(on.store.waiting_page(TERMINAL, Waiting::At(&place), 1).await.unwrap().messages.is_empty());
}

/// I6: a page goes on behind its predecessor even where that has been acknowledged and deleted meanwhile.
#[tokio::test]
async fn a_page_goes_on_behind_what_is_deleted() {
    let on = Fixture::new().await;
    let all: Vec<_> = (0..4).map(|millis| message(millis, "r")).collect();
    given(&on, &all).await;
    let first = on.store.waiting_page(TERMINAL, Waiting::All, 2).await.unwrap();
    on.beside.delete_messages(&[all[0].key.clone(), all[1].key.clone()]).await.unwrap();
    let second =
        on.store.waiting_page(TERMINAL, Waiting::After(first.next.as_deref().unwrap()), 100).await.unwrap();
    assert_eq!(second.messages, all[2..]);
}

#[tokio::test]
async fn a_page_costs_a_unit_for_each_four_kilobytes() {
    let on = Fixture::new().await;
    for millis in 0..4 {
        let message = StoredMessage { key: message(millis, "r").key, ..message_of_size(4096) };
        given(&on, &[message]).await;
    }
    on.store.waiting_page(TERMINAL, Waiting::All, 100).await.unwrap();
    on.assert_cost(&[("Query", 5.0)]);
}

/// What has expired may be on the page: its reader decides, by the clock that it delivers by.
#[tokio::test]
async fn a_page_may_hold_what_has_expired() {
    let on = Fixture::new().await;
    let expired = StoredMessage { expires: Timestamp::from_millis(1), ..message(0, "r1") };
    given(&on, std::slice::from_ref(&expired)).await;
    let page = on.store.waiting_page(TERMINAL, Waiting::All, 100).await.unwrap();
    assert_eq!(page.messages, [expired]);
}

/// I2: an item that cannot be read holds up nothing beside it.
#[tokio::test]
async fn a_message_that_this_version_does_not_write_is_left_out() {
    let key = row(&TERMINAL.to_string(), &message(0, "r1").key.sort_key());
    for (attribute, value) in [
        ("channel", text("mail")),
        ("encoding", text("rot13")),
        ("generation", text("first")),
        ("keyId", number(256)),
        ("expires", AttributeValue::Null(true)),
    ] {
        let on = Fixture::new().await;
        given(&on, &[message(0, "r1")]).await;
        on.overwrite("messages", key.clone(), attribute, value).await;
        given(&on, &[message(1, "r2")]).await;
        let page = on.store.waiting_page(TERMINAL, Waiting::All, 100).await.unwrap();
        assert_eq!(page.messages, [message(1, "r2")], "{attribute}");
    }
}

#[tokio::test]
async fn a_message_under_another_key_is_left_out() {
    for sort_key in ["", "receipt", "0123456789ab", "0123456789xy-r1"] {
        let on = Fixture::new().await;
        given(&on, &[message(0, "r1")]).await;
        let stored = row(&TERMINAL.to_string(), &message(0, "r1").key.sort_key());
        let mut item = on.item("messages", stored).await.unwrap();
        item.insert("sk".to_owned(), text(&format!("0{sort_key}")));
        on.raw.put_item().table_name("messages").set_item(Some(item)).send().await.unwrap();
        let page = on.store.waiting_page(TERMINAL, Waiting::All, 100).await.unwrap();
        assert_eq!(page.messages, [message(0, "r1")], "{sort_key}");
    }
}

// delete_messages

/// I2: what was acknowledged is gone, and nothing else.
#[tokio::test]
async fn acknowledged_messages_are_deleted() {
    let on = Fixture::new().await;
    let all: Vec<_> = (0..3).map(|millis| message(millis, "r")).collect();
    given(&on, &all).await;
    given(&on, &[message_for(OTHER, 0, "r")]).await;
    on.store.delete_messages(&[all[2].key.clone(), all[0].key.clone()]).await.unwrap();
    on.assert_cost(&[("BatchWriteItem", 2.0)]);
    assert_eq!(waiting(&on).await, [all[1].clone()]);
    assert_eq!(on.beside.waiting_page(OTHER, Waiting::All, 100).await.unwrap().messages.len(), 1);
}

/// DynamoDB refuses a batch that names an item twice, and one of more than 25.
#[tokio::test]
async fn sixty_messages_are_deleted_in_three_calls_however_often_each_is_named() {
    let on = Fixture::new().await;
    let all: Vec<_> = (0..60).map(|millis| message(millis, "r")).collect();
    given(&on, &all).await;
    let keys: Vec<_> = all.iter().chain(&all).map(|message| message.key.clone()).collect();
    on.store.delete_messages(&keys).await.unwrap();
    on.assert_cost(&[("BatchWriteItem", 25.0), ("BatchWriteItem", 25.0), ("BatchWriteItem", 10.0)]);
    assert!(on.is_empty("messages").await);
}

/// Messages of two terminals under one sort key are two.
#[tokio::test]
async fn messages_of_several_terminals_are_deleted_together() {
    let on = Fixture::new().await;
    let two = [message(0, "r"), message_for(OTHER, 0, "r")];
    given(&on, &two).await;
    on.store.delete_messages(&two.map(|message| message.key)).await.unwrap();
    on.assert_cost(&[("BatchWriteItem", 2.0)]);
    assert!(on.is_empty("messages").await);
}

/// I10: an acknowledgement may run twice.
#[tokio::test]
async fn messages_that_are_gone_are_deleted_again() {
    let on = Fixture::new().await;
    given(&on, &[message(0, "r1")]).await;
    for _run in 0..2 {
        on.store.delete_messages(&[message(0, "r1").key]).await.unwrap();
        on.assert_cost(&[("BatchWriteItem", 1.0)]);
    }
}

#[tokio::test]
async fn deleting_nothing_asks_nothing() {
    let on = Fixture::new().await;
    on.store.delete_messages(&[]).await.unwrap();
    on.assert_cost(&[]);
}

// Every access

/// I1: a call that failed is an error: no 201, and never "nothing waits".
#[tokio::test]
async fn nothing_is_concluded_of_messages_from_a_call_that_failed() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = Fixture::new().await;
        on.fail(fault);
        assert_unavailable(on.store.put_message(&message(0, "r1")).await);
        assert_unavailable(on.store.waiting_page(TERMINAL, Waiting::All, 100).await);
        assert_unavailable(on.store.delete_messages(&[message(0, "r1").key]).await);
    }
}

// topics

/// RFC 8030 section 5.4, I4: a newer message of a topic replaces the older one, and the older one never the newer; those
/// of other topics and of none stay.
#[tokio::test]
async fn a_topic_holds_its_newest_message() {
    let on = Fixture::new().await;
    let (older, newer) = (of_topic(message(5, "r1"), "news"), of_topic(message(6, "r2"), "news"));
    let (other, plain) = (of_topic(message(7, "r3"), "weather"), message(1, "r4"));
    for message in [&older, &other, &plain, &newer] {
        assert_eq!(on.store.put_message(message).await.unwrap(), Putting::Stored);
        on.assert_cost(&[("PutItem", 1.0)]);
    }
    assert_eq!(on.store.put_message(&older).await.unwrap(), Putting::Superseded);
    on.assert_calls(&["PutItem"]);
    // I10: the same event again.
    assert_eq!(on.store.put_message(&newer).await.unwrap(), Putting::Stored);
    let waiting = waiting(&on).await;
    assert_eq!(waiting.len(), 3);
    assert!(waiting.contains(&newer) && waiting.contains(&other) && !waiting.contains(&older));
    // Those with a topic come first.
    assert_eq!(waiting[2], plain);
}

/// I4: neither the acknowledgement nor the withdrawal of the older message removes the newer one.
#[tokio::test]
async fn what_is_replaced_takes_nothing_with_it() {
    let on = Fixture::new().await;
    let (older, newer) = (of_topic(message(5, "r1"), "news"), of_topic(message(6, "r2"), "news"));
    given(&on, std::slice::from_ref(&newer)).await;
    on.store.acknowledge(std::slice::from_ref(&older.key), NOW).await.unwrap();
    on.store.delete_messages(std::slice::from_ref(&older.key)).await.unwrap();
    on.store.withdraw(&older.key).await.unwrap();
    on.store.clear_topic(&older.key).await.unwrap();
    on.assert_calls(&["DeleteItem"; 4]);
    assert_eq!(waiting(&on).await, std::slice::from_ref(&newer));
    // Named beside the one that is there, in one acknowledgement, it hides nothing either.
    on.store.acknowledge(&[older.key, newer.key], NOW).await.unwrap();
    on.assert_cost(&[("DeleteItem", 0.0), ("DeleteItem", 1.0)]);
    assert_eq!(waiting(&on).await, []);
}

/// RFC 8030 section 5.4: one that is not stored itself replaces too.
#[tokio::test]
async fn a_topic_is_cleared_by_what_replaces_it() {
    let on = Fixture::new().await;
    let (older, newer) = (of_topic(message(5, "r1"), "news"), of_topic(message(6, "r2"), "news"));
    given(&on, std::slice::from_ref(&older)).await;
    on.store.clear_topic(&newer.key).await.unwrap();
    on.assert_cost(&[("DeleteItem", 1.0)]);
    assert_eq!(waiting(&on).await, []);
}

// withdraw

#[tokio::test]
async fn a_withdrawn_message_is_gone() {
    let on = Fixture::new().await;
    given(&on, &[message(0, "r1"), message(1, "r2")]).await;
    on.store.withdraw(&message(0, "r1").key).await.unwrap();
    on.assert_cost(&[("DeleteItem", 1.0)]);
    // Also when it is gone already.
    on.store.withdraw(&message(0, "r1").key).await.unwrap();
    on.assert_calls(&["DeleteItem"]);
    assert_eq!(waiting(&on).await, [message(1, "r2")]);
}

// acknowledge and outcome

/// RFC 8030 section 6.3: waiting, acknowledged, or neither.
#[tokio::test]
async fn a_receipt_says_what_became_of_a_message() {
    let on = Fixture::new().await;
    let (taken, left) = (with_receipt(message(0, "r1")), with_receipt(message(1, "r2")));
    given(&on, &[taken.clone(), left.clone()]).await;
    for message in [&taken, &left] {
        assert_eq!(on.store.outcome(&message.key, NOW).await.unwrap(), Outcome::Waiting);
        on.assert_cost(&[("BatchGetItem", 2.0)]);
    }
    on.store.acknowledge(std::slice::from_ref(&taken.key), NOW).await.unwrap();
    on.assert_cost(&[("BatchWriteItem", 2.0)]);
    assert_eq!(on.store.outcome(&taken.key, NOW).await.unwrap(), Outcome::Acknowledged);
    assert_eq!(on.store.outcome(&left.key, NOW).await.unwrap(), Outcome::Waiting);
    assert_eq!(on.store.outcome(&left.key, left.expires).await.unwrap(), Outcome::Neither);
    on.store.withdraw(&left.key).await.unwrap();
    assert_eq!(on.store.outcome(&left.key, NOW).await.unwrap(), Outcome::Neither);
}

/// A replaced message was given up; its topic's newer one is another.
#[tokio::test]
async fn a_replaced_message_waits_no_longer() {
    let on = Fixture::new().await;
    let older = with_receipt(of_topic(message(5, "r1"), "news"));
    let newer = with_receipt(of_topic(message(6, "r2"), "news"));
    given(&on, &[older.clone(), newer.clone()]).await;
    assert_eq!(on.store.outcome(&older.key, NOW).await.unwrap(), Outcome::Neither);
    assert_eq!(on.store.outcome(&newer.key, NOW).await.unwrap(), Outcome::Waiting);
}

/// I10, and the cost: deletions and receipts share their batches, and nothing is named twice.
#[tokio::test]
async fn an_acknowledgement_of_many_is_batched() {
    let on = Fixture::new().await;
    let messages: Vec<_> = (0..20).map(|millis| with_receipt(message(millis, "r"))).collect();
    given(&on, &messages).await;
    let mut keys: Vec<_> = messages.iter().map(|message| message.key.clone()).collect();
    keys.extend(keys.clone());
    for _ in 0..2 {
        on.store.acknowledge(&keys, NOW).await.unwrap();
        on.assert_calls(&["BatchWriteItem"; 2]);
    }
    assert_eq!(waiting(&on).await, []);
    assert_eq!(on.store.outcome(&keys[19], NOW).await.unwrap(), Outcome::Acknowledged);
}

/// TTL 0: nothing is stored, but a receipt may be wanted.
#[tokio::test]
async fn a_transient_message_may_have_a_receipt() {
    let on = Fixture::new().await;
    let key = MessageKey { kind: MessageKind::Transient, ..with_receipt(message(0, "r1")).key };
    assert_eq!(on.store.outcome(&key, NOW).await.unwrap(), Outcome::Neither);
    on.store.acknowledge(std::slice::from_ref(&key), NOW).await.unwrap();
    let _ = on.recorder.take();
    assert_eq!(on.store.outcome(&key, NOW).await.unwrap(), Outcome::Acknowledged);
}
