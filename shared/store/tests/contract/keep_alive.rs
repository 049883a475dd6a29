use std::time::Duration;

use serde_json::json;
use signalbox_domain::{ConnectionId, Slot, Timestamp};
use signalbox_local_aws::Fault;
use signalbox_store::{KeepAliveTable, SlotPage};

use crate::fixture::{Fixture, Item, NOW, assert_malformed, assert_unavailable, client, connection, text};

const TABLE: &str = "keep-alive";
const END: Timestamp = Timestamp::from_secs(NOW.as_secs() + 7200);

/// The table, made, on the fixture's counting wire.
async fn table(on: &Fixture) -> KeepAliveTable {
    KeepAliveTable::new(on.raw.clone(), TABLE.to_owned()).create().await.unwrap();
    KeepAliveTable::new(client(on.recorder.clone()), TABLE.to_owned())
}

/// So many connections of one slot, in the order of their ids.
fn of_one_slot(many: usize) -> (Slot, Vec<ConnectionId>) {
    let slot = Slot::of(&connection("c0"));
    let ids = (0..).map(|number| connection(&format!("c{number:06}")));
    (slot, ids.filter(|id| Slot::of(id) == slot).take(many).collect())
}

/// What was called, and the units of each. (Its reads decide nothing, and so are not strongly consistent.)
fn cost(on: &Fixture) -> Vec<(String, f64)> {
    on.recorder.take().into_iter().map(|call| (call.operation, call.units)).collect()
}

#[tokio::test]
async fn who_is_registered_is_in_its_slot_until_it_is_removed() {
    let on = Fixture::new().await;
    let table = table(&on).await;
    let (slot, ids) = of_one_slot(30);
    for id in ids.iter().chain(&ids[..1]) {
        table.register(id, END).await.unwrap();
    }
    assert_eq!(cost(&on), vec![("PutItem".to_owned(), 1.0); 31]);
    let page = table.page(slot, None, NOW).await.unwrap();
    assert_eq!(page, SlotPage { connections: ids.clone(), next: None });
    assert_eq!(cost(&on), [("Query".to_owned(), 0.5)], "thirty are far below 4 KB");
    table.remove(&ids[..28]).await.unwrap();
    assert_eq!(cost(&on), [("BatchWriteItem".to_owned(), 25.0), ("BatchWriteItem".to_owned(), 3.0)]);
    assert_eq!(table.page(slot, None, NOW).await.unwrap().connections, ids[28..]);
    table.remove(&[]).await.unwrap();
    assert_eq!(cost(&on).len(), 1);
}

/// DynamoDB deletes late.
#[tokio::test]
async fn who_has_expired_is_not_there() {
    let on = Fixture::new().await;
    let table = table(&on).await;
    let (slot, ids) = of_one_slot(2);
    table.register(&ids[0], END).await.unwrap();
    table.register(&ids[1], END.plus(Duration::from_secs(1))).await.unwrap();
    assert_eq!(table.page(slot, None, END).await.unwrap().connections, ids[1..]);
}

/// A page ends where DynamoDB ends it, and the next begins there.
#[tokio::test]
async fn a_slot_is_read_page_by_page() {
    let on = Fixture::new().await;
    let table = table(&on).await;
    let (slot, ids) = of_one_slot(3);
    for id in &ids {
        table.register(id, END).await.unwrap();
    }
    let key = json!({"pk": {"S": slot.to_string()}, "sk": {"S": ids[0].to_string()}});
    let mut item = key.clone();
    item["expiresAt"] = json!({"N": END.as_secs().to_string()});
    on.wire.answer(200, &json!({"Items": [item], "Count": 1, "LastEvaluatedKey": key}));
    let first = table.page(slot, None, NOW).await.unwrap();
    assert_eq!(first, SlotPage { connections: vec![ids[0].clone()], next: Some(ids[0].clone()) });
    let second = table.page(slot, first.next.as_ref(), NOW).await.unwrap();
    assert_eq!(second, SlotPage { connections: ids[1..].to_vec(), next: None });
}

#[tokio::test]
async fn a_failure_is_an_error_and_so_is_what_this_version_does_not_write() {
    let on = Fixture::new().await;
    let table = table(&on).await;
    let (slot, ids) = of_one_slot(1);
    let key = Item::from([("pk".to_owned(), text(&slot.to_string())), ("sk".to_owned(), text("no id"))]);
    on.overwrite(TABLE, key, "expiresAt", crate::fixture::number(END.as_secs())).await;
    assert_malformed(table.page(slot, None, NOW).await, TABLE);
    on.fail(Fault::FailsBefore);
    assert_unavailable(table.register(&ids[0], END).await);
    assert_unavailable(table.page(slot, None, NOW).await);
    assert_unavailable(table.remove(&ids).await);
}
