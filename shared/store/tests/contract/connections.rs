use signalbox_local_aws::Fault;
use signalbox_store::ConnectionEntry;

use crate::fixture::{
    Fixture, NOW, TERMINAL, arrival, assert_malformed, assert_unavailable, connection, connection_row, text,
};

/// I3: before its `hello`, a connection has no entry.
#[tokio::test]
async fn a_connection_has_an_entry_from_its_hello_on() {
    let on = Fixture::new().await;
    assert_eq!(on.store.connection(&connection("c1")).await.unwrap(), None);
    on.assert_cost(&[("GetItem", 1.0)]);
    on.beside.claim_connection(&arrival("c1", 0, "h1"), NOW).await.unwrap();
    let entry = on.store.connection(&connection("c1")).await.unwrap();
    assert_eq!(entry, Some(ConnectionEntry { terminal: TERMINAL }));
    on.assert_cost(&[("GetItem", 1.0)]);
}

/// I10: `$disconnect` may come twice; only the first finds whose connection it was.
#[tokio::test]
async fn a_deleted_entry_is_returned_once() {
    let on = Fixture::new().await;
    on.beside.claim_connection(&arrival("c1", 0, "h1"), NOW).await.unwrap();
    on.beside.claim_connection(&arrival("c2", 0, "h2"), NOW).await.unwrap();
    let deleted = on.store.delete_connection(&connection("c1")).await.unwrap();
    assert_eq!(deleted, Some(ConnectionEntry { terminal: TERMINAL }));
    on.assert_cost(&[("DeleteItem", 1.0)]);
    assert_eq!(on.beside.connection(&connection("c1")).await.unwrap(), None);
    assert!(on.beside.connection(&connection("c2")).await.unwrap().is_some());

    assert_eq!(on.store.delete_connection(&connection("c1")).await.unwrap(), None);
    on.assert_cost(&[("DeleteItem", 1.0)]);
}

#[tokio::test]
async fn an_entry_that_this_version_does_not_write_is_malformed() {
    let on = Fixture::new().await;
    on.beside.claim_connection(&arrival("c1", 0, "h1"), NOW).await.unwrap();
    on.overwrite("connections", connection_row("c1"), "terminal", text("nobody")).await;
    assert_malformed(on.store.connection(&connection("c1")).await, "connections");
    assert_malformed(on.store.delete_connection(&connection("c1")).await, "connections");
}

/// A call that failed is an error, never "has not said hello".
#[tokio::test]
async fn nothing_is_concluded_of_connections_from_a_call_that_failed() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = Fixture::new().await;
        on.fail(fault);
        assert_unavailable(on.store.connection(&connection("c1")).await);
        assert_unavailable(on.store.delete_connection(&connection("c1")).await);
    }
}
