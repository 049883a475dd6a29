use std::time::Duration;

use signalbox_local_aws::Fault;

use crate::fixture::{
    Fixture, NOW, arrival, assert_malformed, assert_unavailable, connection, connection_row, text,
};

/// It counts for its connection, until its time is up, whether or not DynamoDB has deleted it by then.
#[tokio::test]
async fn a_connection_is_enrolled_until_its_time_is_up() {
    let on = Fixture::new().await;
    let ends = NOW.plus(Duration::from_secs(10));
    on.store.enrol(&connection("c1"), ends).await.unwrap();
    on.assert_cost(&[("PutItem", 1.0)]);
    for (id, at, enrolled) in [("c1", NOW, true), ("c1", ends, false), ("c2", NOW, false)] {
        assert_eq!(on.store.is_enrolled(&connection(id), at).await.unwrap(), enrolled, "{id} {at:?}");
        on.assert_cost(&[("GetItem", 1.0)]);
    }
}

/// I10: `$connect` that runs twice leaves one row.
#[tokio::test]
async fn an_enrolment_that_is_noted_twice_is_one() {
    let on = Fixture::new().await;
    for seconds in [10, 20] {
        on.store.enrol(&connection("c1"), NOW.plus(Duration::from_secs(seconds))).await.unwrap();
    }
    assert_eq!(on.raw.scan().table_name("connections").send().await.unwrap().count(), 1);
}

/// The connection's entry, by whose conditions a second `hello` is told, is another row: it comes and goes by itself.
#[tokio::test]
async fn an_enrolment_is_no_entry_and_an_entry_no_enrolment() {
    let on = Fixture::new().await;
    on.store.enrol(&connection("c1"), NOW.plus(Duration::from_secs(10))).await.unwrap();
    assert_eq!(on.store.connection(&connection("c1")).await.unwrap(), None);
    assert_eq!(on.store.delete_connection(&connection("c1")).await.unwrap(), None);
    assert!(on.store.is_enrolled(&connection("c1"), NOW).await.unwrap());

    on.store.claim_connection(&arrival("c2", 0, "h1"), NOW.plus(Duration::from_secs(10))).await.unwrap();
    assert!(!on.store.is_enrolled(&connection("c2"), NOW).await.unwrap());
}

#[tokio::test]
async fn a_row_of_enrolment_that_this_version_does_not_write_is_malformed() {
    let on = Fixture::new().await;
    on.store.enrol(&connection("c1"), NOW.plus(Duration::from_secs(10))).await.unwrap();
    on.overwrite("connections", connection_row("E#c1"), "expiresAt", text("soon")).await;
    assert_malformed(on.store.is_enrolled(&connection("c1"), NOW).await, "connections");
}

/// A call that failed is an error, never "not enrolled".
#[tokio::test]
async fn nothing_is_concluded_of_enrolments_from_a_call_that_failed() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = Fixture::new().await;
        on.fail(fault);
        assert_unavailable(on.store.enrol(&connection("c1"), NOW).await);
        assert_unavailable(on.store.is_enrolled(&connection("c1"), NOW).await);
    }
}
