use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use signalbox_domain::{
    Authorization, EndedSession, EventMark, LiveSession, PreviousToken, RecentEvents, Session,
    SessionRequest, TerminalState, Timestamp, TokenDigest,
};
use signalbox_local_aws::Fault;
use signalbox_store::{Held, Issuing, Route, StoreError};
use signalbox_wire::ChannelId;

use crate::fixture::{
    Fixture, NOW, TERMINAL, arrival, assert_malformed, assert_unavailable, channel, connection, number,
    server, session, session_row, terminal_row, text,
};

/// For so long an ended session's server is told that it has ended.
const TOMBSTONE: Duration = Duration::from_secs(31 * 24 * 3600);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A store whose terminal is provisioned and on `c1`.
pub(crate) async fn provisioned() -> Fixture {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    on
}

/// The request of `c1` for a session on channel 1.
pub(crate) async fn issue(on: &Fixture, expected: Option<&Session>, session: &LiveSession) -> Issuing {
    try_issue(on, expected, session).await.unwrap()
}

async fn try_issue(
    on: &Fixture,
    expected: Option<&Session>,
    session: &LiveSession,
) -> Result<Issuing, StoreError> {
    let none = RecentEvents::default();
    let held = expected.map(|session| Held { session: session.clone(), events: none });
    let issuing = (session, &event("register"));
    on.store.issue_session((TERMINAL, &connection("c1")), &channel(1), held.as_ref(), issuing, NOW).await
}

/// An event of `c1`.
pub(crate) fn event(id: &str) -> EventMark {
    EventMark::of(&connection("c1"), &id.parse().unwrap())
}

/// What an [`Issuing`] says that the channel holds.
#[track_caller]
pub(crate) fn changed_to(issuing: Issuing) -> Option<Session> {
    let Issuing::Changed(held) = issuing else { panic!("{issuing:?}") };
    held.map(|held| held.session)
}

/// A session with everything that one can have: a name, a named key, a token in its overlap, an authorized server.
pub(crate) fn full_session() -> LiveSession {
    LiveSession {
        generation: 3,
        request: SessionRequest {
            application: Some("org.example.mail".parse().unwrap()),
            named_key: Some(server(1)),
            takes_identity: true,
        },
        token: TokenDigest::of("t2"),
        issued: NOW,
        previous: Some(PreviousToken {
            token: TokenDigest::of("t1"),
            issued: Timestamp::from_millis(1),
            until: NOW.plus(SECOND),
        }),
        authorization: Some(Authorization { of_application: true, ..given_to(1, NOW) }),
    }
}

pub(crate) fn given_to(server_number: u8, since: Timestamp) -> Authorization {
    Authorization { server: server(server_number), since, of_application: false }
}

pub(crate) fn ended(generation: u64) -> Session {
    Session::Ended(EndedSession { generation, ended: NOW })
}

// issue_session

/// R7, R8, R11: the session is recorded.
#[tokio::test]
async fn a_session_is_issued_on_a_new_channel() {
    let on = provisioned().await;
    assert_eq!(issue(&on, None, &session("t1")).await, Issuing::Issued);
    on.assert_cost(&[("TransactWriteItems", 4.0)]);
    assert_eq!(on.session(&channel(1)).await, Some(Session::Live(session("t1"))));
}

/// R8: what is recorded is read back whole.
#[tokio::test]
async fn a_session_survives_its_row() {
    let on = provisioned().await;
    assert_eq!(issue(&on, None, &full_session()).await, Issuing::Issued);
    on.assert_cost(&[("TransactWriteItems", 4.0)]);
    assert_eq!(on.session(&channel(1)).await, Some(Session::Live(full_session())));
}

/// A terminal with a session is kept for good, and otherwise as it was.
#[tokio::test]
async fn a_session_keeps_its_terminal() {
    let on = provisioned().await;
    let before = on.terminal().await;
    assert!(on.item("terminals", terminal_row()).await.unwrap().contains_key("expiresAt"));
    issue(&on, None, &session("t1")).await;
    let row = on.item("terminals", terminal_row()).await.unwrap();
    assert!(!row.contains_key("expiresAt"), "{row:?}");
    assert_eq!(row["seenAt"], number(NOW.as_millis()));
    assert_eq!(on.terminal().await, before);
}

/// R5: a terminal that is not provisioned gets no session, and nothing is stored.
#[tokio::test]
async fn a_terminal_that_is_not_provisioned_gets_no_session() {
    for state in [TerminalState::Configuring, TerminalState::Suspended, TerminalState::Retired] {
        let on = provisioned().await;
        on.overwrite("terminals", terminal_row(), "state", text(state.as_str())).await;
        let terminal = on.terminal().await;
        let refused = issue(&on, None, &session("t1")).await;
        assert_eq!(refused, Issuing::NotProvisioned(Some(terminal.clone())));
        on.assert_calls(&["TransactWriteItems"]);
        assert_eq!(on.session(&channel(1)).await, None);
        assert_eq!(on.terminal().await, terminal);
    }
}

/// R5, I7: a connection that has lost the terminal asks in vain, and so does one that is known to be closed.
#[tokio::test]
async fn a_connection_that_does_not_have_the_terminal_gets_no_session() {
    let on = provisioned().await;
    on.beside.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap();
    on.beside.open_gate(TERMINAL, &connection("c2")).await.unwrap();
    let taken_over = on.terminal().await;
    let refused = issue(&on, None, &session("t1")).await;
    assert_eq!(refused, Issuing::NotProvisioned(Some(taken_over)));

    on.beside.forget_connection(TERMINAL, &connection("c2"), NOW).await.unwrap();
    let absent = on.terminal().await;
    assert_eq!(issue(&on, None, &session("t1")).await, Issuing::NotProvisioned(Some(absent)));
    assert_eq!(on.session(&channel(1)).await, None);
}

#[tokio::test]
async fn a_vanished_terminal_gets_no_session_and_is_not_made() {
    let on = Fixture::new().await;
    assert_eq!(issue(&on, None, &session("t1")).await, Issuing::NotProvisioned(None));
    on.assert_calls(&["TransactWriteItems"]);
    assert!(on.is_empty("terminals").await);
}

/// What has expired is not shown as the terminal that is not provisioned.
#[tokio::test]
async fn an_expired_terminal_is_none_that_is_not_provisioned() {
    let on = Fixture::new().await;
    on.given_configuring(&arrival("c1", 0, "h1")).await;
    on.overwrite("terminals", terminal_row(), "expiresAt", number(NOW.as_secs())).await;
    assert_eq!(issue(&on, None, &session("t1")).await, Issuing::NotProvisioned(None));
}

/// Where the terminal may not and the channel has changed, the terminal is what counts.
#[tokio::test]
async fn the_terminals_right_comes_before_the_channels_content() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    on.beside.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap();
    let refused = issue(&on, None, &session("t2")).await;
    assert!(matches!(refused, Issuing::NotProvisioned(Some(_))), "{refused:?}");
    assert_eq!(on.session(&channel(1)).await, Some(Session::Live(session("t1"))));
}

/// What was expected is there: it is replaced.
#[tokio::test]
async fn an_expected_session_is_replaced() {
    let on = provisioned().await;
    on.given_session(&channel(1), &full_session()).await;
    let expected = Session::Live(full_session());
    let next = LiveSession { generation: 4, ..session("t3") };
    assert_eq!(issue(&on, Some(&expected), &next).await, Issuing::Issued);
    on.assert_cost(&[("TransactWriteItems", 4.0)]);
    assert_eq!(on.session(&channel(1)).await, Some(Session::Live(next)));
}

/// I5: a session begun anew over a remembered one has the next generation, and does not expire with the memory.
#[tokio::test]
async fn an_ended_session_is_begun_anew() {
    let on = provisioned().await;
    on.given_session(&channel(1), &full_session()).await;
    on.beside.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
    let anew = LiveSession { generation: 4, ..session("t3") };
    assert_eq!(issue(&on, Some(&ended(4)), &anew).await, Issuing::Issued);
    assert_eq!(on.session(&channel(1)).await, Some(Session::Live(anew)));
    let row = on.item("terminals", session_row(&channel(1))).await.unwrap();
    assert!(!row.contains_key("expiresAt") && !row.contains_key("endedAt"), "{row:?}");
}

/// Two requests at once behave as if one came first: the second one learns what the first has made.
#[tokio::test]
async fn a_channel_that_holds_another_session_is_not_overwritten() {
    let held = Session::Live(full_session());
    let other_token = Session::Live(LiveSession { token: TokenDigest::of("t9"), ..full_session() });
    let other_generation = Session::Live(LiveSession { generation: 2, ..full_session() });
    for expected in [None, Some(&other_token), Some(&other_generation), Some(&ended(3))] {
        let on = provisioned().await;
        on.given_session(&channel(1), &full_session()).await;
        assert_eq!(changed_to(issue(&on, expected, &session("t3")).await), Some(held.clone()));
        on.assert_calls(&["TransactWriteItems"]);
        assert_eq!(on.session(&channel(1)).await, Some(held.clone()));
    }
}

/// I5: what has ended is not revived by a request that had seen it live, or ended once less.
#[tokio::test]
async fn a_channel_whose_session_has_ended_is_not_overwritten() {
    for expected in [None, Some(&Session::Live(full_session())), Some(&ended(3))] {
        let on = provisioned().await;
        on.given_session(&channel(1), &full_session()).await;
        on.beside.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
        assert_eq!(changed_to(issue(&on, expected, &session("t3")).await), Some(ended(4)));
        assert_eq!(on.session(&channel(1)).await, Some(ended(4)));
    }
}

#[tokio::test]
async fn a_channel_that_holds_nothing_is_not_what_was_expected() {
    for expected in [Session::Live(session("t1")), ended(1)] {
        let on = provisioned().await;
        assert_eq!(changed_to(issue(&on, Some(&expected), &session("t2")).await), None);
        assert_eq!(on.session(&channel(1)).await, None);
    }
}

/// I10: a second run finds the session that the first has made, and can tell it by its token.
#[tokio::test]
async fn a_session_is_issued_once_by_an_event() {
    let on = provisioned().await;
    on.lose_one_answer();
    assert_unavailable(try_issue(&on, None, &session("t1")).await);
    let mine = Session::Live(session("t1"));
    assert_eq!(changed_to(issue(&on, None, &session("t1")).await), Some(mine.clone()));
    assert_eq!(on.session(&channel(1)).await, Some(mine));
}

fn cancelled(codes: [&str; 2]) -> Value {
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": codes.map(|code| json!({"Code": code})),
    })
}

/// A transaction that lost against another one is tried again, which the SDK does not do by itself.
#[tokio::test]
async fn a_transaction_in_conflict_is_tried_again() {
    let on = provisioned().await;
    on.wire.answer(400, &cancelled(["TransactionConflict", "None"]));
    assert_eq!(issue(&on, None, &session("t1")).await, Issuing::Issued);
    on.assert_cost(&[("TransactWriteItems", 0.0), ("TransactWriteItems", 4.0)]);
    assert_eq!(on.session(&channel(1)).await, Some(Session::Live(session("t1"))));
}

/// One that is always in conflict is given up.
#[tokio::test]
async fn a_transaction_always_in_conflict_is_given_up() {
    let on = provisioned().await;
    for _ in 0..20 {
        on.wire.answer(400, &cancelled(["None", "TransactionConflict"]));
    }
    tokio::time::pause();
    assert_unavailable(try_issue(&on, None, &session("t1")).await);
    on.assert_calls(&["TransactWriteItems"; 6]);
}

/// So is one that was throttled, which says nothing of terminal or channel.
#[tokio::test]
async fn a_throttled_transaction_is_tried_again() {
    for reason in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
        let on = provisioned().await;
        on.wire.answer(400, &cancelled([reason, "None"]));
        assert_eq!(issue(&on, None, &session("t1")).await, Issuing::Issued);
        on.assert_calls(&["TransactWriteItems"; 2]);
    }
}

/// One cancelled for another reason is neither refused nor tried again.
#[tokio::test]
async fn a_transaction_cancelled_otherwise_is_an_error() {
    let on = provisioned().await;
    on.wire.answer(400, &cancelled(["ItemCollectionSizeLimitExceeded", "None"]));
    assert_unavailable(try_issue(&on, None, &session("t1")).await);
    on.assert_calls(&["TransactWriteItems"]);
}

// end_session

/// I5, R34: the generation ends with the session, and no token is left.
#[tokio::test]
async fn an_ended_session_has_no_token_and_the_next_generation() {
    let on = provisioned().await;
    on.given_session(&channel(1), &full_session()).await;
    on.given_session(&channel(2), &session("t1")).await;
    on.store.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
    on.assert_cost(&[("UpdateItem", 1.0)]);
    assert_eq!(on.session(&channel(1)).await, Some(ended(4)));
    let row = on.item("terminals", session_row(&channel(1))).await.unwrap();
    for gone in [
        "digest",
        "previousDigest",
        "previousIssuedAt",
        "previousUntil",
        "authorizedKey",
        "authorizedAt",
        "ofApplication",
    ] {
        assert!(!row.contains_key(gone), "{gone}");
    }
    assert_eq!(row["expiresAt"], number(NOW.plus(TOMBSTONE).as_secs()));
    // R38: others are untouched.
    assert_eq!(on.session(&channel(2)).await, Some(Session::Live(session("t1"))));
}

/// I10: the second run raises nothing and puts off nothing.
#[tokio::test]
async fn a_session_ends_once() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    on.lose_one_answer();
    assert_unavailable(on.store.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await);
    let row = on.item("terminals", session_row(&channel(1))).await;
    on.calls();
    for later in [NOW, NOW.plus(SECOND)] {
        on.store.end_session(TERMINAL, &channel(1), &event("unregister"), later).await.unwrap();
        on.assert_calls(&["UpdateItem"]);
    }
    assert_eq!(on.session(&channel(1)).await, Some(ended(1)));
    assert_eq!(on.item("terminals", session_row(&channel(1))).await, row);
}

/// A second `unregister` raises nothing and puts off nothing either; that it is through is remembered.
#[tokio::test]
async fn what_has_ended_is_not_ended_again() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    on.store.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
    let expires = on.item("terminals", session_row(&channel(1))).await.unwrap()["expiresAt"].clone();
    on.calls();
    on.store.end_session(TERMINAL, &channel(1), &event("second"), NOW.plus(SECOND)).await.unwrap();
    on.assert_cost(&[("UpdateItem", 0.0), ("UpdateItem", 1.0)]);
    assert_eq!(on.session(&channel(1)).await, Some(ended(1)));
    assert_eq!(on.item("terminals", session_row(&channel(1))).await.unwrap()["expiresAt"], expires);
    // Who only ever ends sessions makes no endless row.
    for number in 0..40 {
        let again = event(&format!("again-{number}"));
        on.store.end_session(TERMINAL, &channel(1), &again, NOW).await.unwrap();
    }
    let row = on.item("terminals", session_row(&channel(1))).await.unwrap();
    assert!(row["events"].as_l().unwrap().len() <= 16, "{row:?}");
}

/// I10: an `unregister` that runs again behind a later `register` does not end that one's session, whatever its first run had
/// found: a session, the end of one, or nothing.
#[tokio::test]
async fn an_end_that_runs_again_ends_nothing_that_came_later() {
    for found in ["session", "end", "nothing"] {
        let on = provisioned().await;
        if found != "nothing" {
            on.given_session(&channel(1), &session("t1")).await;
        }
        if found == "end" {
            on.store.end_session(TERMINAL, &channel(1), &event("earlier"), NOW).await.unwrap();
        }
        on.store.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
        let Issuing::Changed(Some(held)) = issue(&on, None, &session("t2")).await else {
            panic!("an end is remembered, {found}");
        };
        let anew =
            Session::issue(Some(&held.session), &SessionRequest::default(), TokenDigest::of("t2"), NOW);
        let on_c1 = (TERMINAL, &connection("c1"));
        let issuing =
            on.store.issue_session(on_c1, &channel(1), Some(&held), (&anew, &event("later")), NOW).await;
        assert_eq!(issuing.unwrap(), Issuing::Issued);
        on.store.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
        assert_eq!(on.session(&channel(1)).await, Some(Session::Live(anew)), "{found}");
        on.store.end_session(TERMINAL, &channel(1), &event("another"), NOW).await.unwrap();
        assert!(matches!(on.session(&channel(1)).await, Some(Session::Ended(_))));
    }
}

/// I5: a memory that DynamoDB has yet to delete counts: its generation must not come again.
#[tokio::test]
async fn an_ended_session_is_remembered_until_its_row_is_deleted() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    on.beside.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
    let long_after = NOW.plus(2 * TOMBSTONE);
    let route = on.store.route(TERMINAL, &channel(1), None, long_after).await.unwrap();
    assert_eq!(route.session, Some(ended(1)));
}

// route

/// R14: absence is certain only where both rows were read; each is a unit.
#[tokio::test]
async fn a_route_is_what_is_there() {
    let on = Fixture::new().await;
    assert_route(&on, Route { terminal: None, session: None, application: None }).await;

    let terminal = Some(on.given_provisioned(&arrival("c1", 0, "h1")).await);
    assert_route(&on, Route { terminal: terminal.clone(), session: None, application: None }).await;

    on.given_session(&channel(1), &full_session()).await;
    on.given_session(&channel(2), &session("t9")).await;
    let session = Some(Session::Live(full_session()));
    assert_route(&on, Route { terminal, session: session.clone(), application: None }).await;

    on.raw.delete_item().table_name("terminals").set_key(Some(terminal_row())).send().await.unwrap();
    assert_route(&on, Route { terminal: None, session, application: None }).await;
}

async fn assert_route(on: &Fixture, expected: Route) {
    assert_eq!(on.store.route(TERMINAL, &channel(1), None, NOW).await.unwrap(), expected);
    on.assert_cost(&[("BatchGetItem", 2.0)]);
}

#[tokio::test]
async fn a_route_leads_to_no_expired_terminal() {
    let on = provisioned().await;
    on.overwrite("terminals", terminal_row(), "expiresAt", number(NOW.as_secs())).await;
    assert_eq!(on.store.route(TERMINAL, &channel(1), None, NOW).await.unwrap().terminal, None);
}

// sessions

#[tokio::test]
async fn the_sessions_asked_for_are_read_one_unit_each() {
    let on = provisioned().await;
    for number in 1..=3 {
        on.given_session(&channel(number), &session(&format!("t{number}"))).await;
    }
    on.beside.end_session(TERMINAL, &channel(2), &event("unregister"), NOW).await.unwrap();
    let asked = [channel(1), channel(2), channel(4)];
    let sessions = on.store.sessions(TERMINAL, &asked).await.unwrap();
    on.assert_cost(&[("BatchGetItem", 3.0)]);
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[&channel(1)], Session::Live(session("t1")));
    assert_eq!(sessions[&channel(2)], ended(1));
}

#[tokio::test]
async fn a_call_reads_a_hundred_sessions() {
    let on = provisioned().await;
    let channels: Vec<ChannelId> = (0..201).map(channel).collect();
    for asked in [0, 100, 200] {
        on.given_session(&channels[asked], &session("t1")).await;
    }
    let sessions = on.store.sessions(TERMINAL, &channels).await.unwrap();
    on.assert_cost(&[("BatchGetItem", 100.0), ("BatchGetItem", 100.0), ("BatchGetItem", 1.0)]);
    assert_eq!(sessions.len(), 3);

    assert!(on.store.sessions(TERMINAL, &[]).await.unwrap().is_empty());
    on.assert_cost(&[]);
}

// Every access

/// A row that this version does not write is an error wherever it is read, never "there is no session".
#[tokio::test]
async fn a_session_that_this_version_does_not_write_is_malformed() {
    for (attribute, value) in [
        ("digest", AttributeValue::B(Blob::new([1; 31]))),
        ("digest", text("t1")),
        ("previousDigest", AttributeValue::B(Blob::new([1; 33]))),
        ("authorizedKey", AttributeValue::B(Blob::new([5; 65]))),
        ("namedKey", AttributeValue::B(Blob::new([4; 64]))),
        ("application", text("two words")),
        ("generation", text("first")),
    ] {
        let on = provisioned().await;
        on.given_session(&channel(1), &full_session()).await;
        on.overwrite("terminals", session_row(&channel(1)), attribute, value).await;
        assert_malformed(on.store.route(TERMINAL, &channel(1), None, NOW).await, "terminals");
        assert_malformed(on.store.sessions(TERMINAL, &[channel(1)]).await, "terminals");
        assert_malformed(try_issue(&on, None, &session("t1")).await, "terminals");
        let (token, given) = (TokenDigest::of("t9"), given_to(1, NOW));
        let authorized = on.store.authorize(TERMINAL, &channel(1), &token, (None, &given)).await;
        assert_malformed(authorized, "terminals");
    }
}

/// A call that failed is an error, never "no such session", which would be a 404.
#[tokio::test]
async fn nothing_is_concluded_of_sessions_from_a_call_that_failed() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = provisioned().await;
        on.fail(fault);
        let (token, given) = (TokenDigest::of("t1"), given_to(1, NOW));
        assert_unavailable(on.store.route(TERMINAL, &channel(1), None, NOW).await);
        assert_unavailable(on.store.sessions(TERMINAL, &[channel(1)]).await);
        assert_unavailable(try_issue(&on, None, &session("t1")).await);
        assert_unavailable(on.store.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await);
        assert_unavailable(on.store.authorize(TERMINAL, &channel(1), &token, (None, &given)).await);
    }
}

// revoke_session

/// R14: a server ends the session whose token it shows, current or in its overlap, and no other.
#[tokio::test]
async fn a_session_is_revoked_by_a_token_that_counts() {
    let on = provisioned().await;
    for (number, token, revoked) in [(1, "t2", true), (2, "t1", true), (3, "t0", false)] {
        let request = SessionRequest::default();
        let first = Session::Live(Session::issue(None, &request, TokenDigest::of("t1"), NOW));
        let second = Session::issue(Some(&first), &request, TokenDigest::of("t2"), NOW);
        on.given_session(&channel(number), &second).await;
        on.store.revoke_session(TERMINAL, &channel(number), &TokenDigest::of(token), NOW).await.unwrap();
        on.assert_calls(&["UpdateItem"]);
        let ended = matches!(on.session(&channel(number)).await, Some(Session::Ended(_)));
        assert_eq!(ended, revoked, "{token}");
    }
}

/// I10: a second run ends nothing more, and neither does one that finds nothing.
#[tokio::test]
async fn a_revocation_twice_is_once() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    for _ in 0..2 {
        on.store.revoke_session(TERMINAL, &channel(1), &TokenDigest::of("t1"), NOW).await.unwrap();
        assert_eq!(on.session(&channel(1)).await.unwrap().generation(), session("t1").generation + 1);
    }
    on.store.revoke_session(TERMINAL, &channel(9), &TokenDigest::of("t1"), NOW).await.unwrap();
    assert_eq!(on.session(&channel(9)).await, None);
}
