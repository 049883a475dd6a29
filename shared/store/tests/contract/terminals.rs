use std::time::Duration;

use signalbox_domain::{Terminal, TerminalId, TerminalState, Timestamp, Urgency};
use signalbox_local_aws::Fault;
use signalbox_store::{Arrival, Claim, ConnectionEntry, NewTerminal, TakeOver};

use crate::fixture::{
    Fixture, NOW, TERMINAL, arrival, assert_malformed, assert_unavailable, connection, connection_row,
    number, terminal_row, text,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn expires_at(on: &Fixture, seconds: u64) {
    on.overwrite("terminals", terminal_row(), "expiresAt", number(seconds)).await;
}

async fn set_state(on: &Fixture, state: TerminalState) {
    on.overwrite("terminals", terminal_row(), "state", text(state.as_str())).await;
}

// create_terminal

/// R2, R4: until its configuring message is out, a terminal is not provisioned and its gate is closed.
#[tokio::test]
async fn a_new_terminal_is_configuring_behind_a_closed_gate() {
    let on = Fixture::new().await;
    let hello = arrival("c1", 0, "h1");
    let created = on.store.create_terminal(&hello, NOW.plus(2 * DAY), NOW).await.unwrap();
    assert_eq!(created, NewTerminal::Created);
    on.assert_cost(&[("TransactWriteItems", 4.0)]);

    let expected = Terminal {
        id: TERMINAL,
        state: TerminalState::Configuring,
        connection: Some(connection("c1")),
        connected: NOW,
        hello: Some("h1".to_owned()),
        open: false,
        waiting: 0,
        minimum: Urgency::NO_MINIMUM,
    };
    assert_eq!(on.terminal().await, expected);
    let entry = on.beside.connection(&connection("c1")).await.unwrap();
    assert_eq!(entry, Some(ConnectionEntry { terminal: TERMINAL }));
    let row = on.item("connections", connection_row("c1")).await.unwrap();
    assert_eq!(row["expiresAt"], number(NOW.plus(2 * DAY).as_secs()));
}

/// A terminal that never asks for a session is gone a day later, whether or not DynamoDB has deleted it.
#[tokio::test]
async fn a_terminal_without_a_session_is_forgotten_within_a_day() {
    let on = Fixture::new().await;
    on.given_configuring(&arrival("c1", 0, "h1")).await;
    let row = on.item("terminals", terminal_row()).await.unwrap();
    assert_eq!(row["expiresAt"], number(NOW.plus(DAY).as_secs()));

    let last = Timestamp::from_millis(NOW.plus(DAY).as_millis() - 1);
    assert!(on.store.terminal(TERMINAL, last).await.unwrap().is_some());
    assert_eq!(on.store.terminal(TERMINAL, NOW.plus(DAY)).await.unwrap(), None);
}

/// I10: a second run neither makes another terminal nor undoes what has become of the first.
#[tokio::test]
async fn a_terminal_is_created_once_by_an_event() {
    let on = Fixture::new().await;
    let hello = arrival("c1", 0, "h1");
    let provisioned = on.given_provisioned(&hello).await;
    let again = on.store.create_terminal(&hello, NOW, NOW).await.unwrap();
    assert_eq!(again, NewTerminal::Created);
    on.assert_calls(&["TransactWriteItems"]);
    assert_eq!(on.terminal().await, provisioned);
}

/// I9, I10: whoever got no answer asks again, and finds its terminal.
#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_found_by_the_next_run() {
    let on = Fixture::new().await;
    let hello = arrival("c1", 0, "h1");
    on.lose_one_answer();
    assert_unavailable(on.store.create_terminal(&hello, NOW, NOW).await);
    assert_eq!(on.store.create_terminal(&hello, NOW, NOW).await.unwrap(), NewTerminal::Created);
}

/// R3: a connection is provisioned once. The second `hello` makes nothing, neither terminal nor entry.
#[tokio::test]
async fn a_second_hello_creates_no_terminal() {
    let on = Fixture::new().await;
    on.given_configuring(&arrival("c1", 0, "h1")).await;
    let second = Arrival { terminal: TerminalId::from_bytes([8; 16]), ..arrival("c1", 0, "h2") };
    let refused = on.store.create_terminal(&second, NOW, NOW).await.unwrap();
    assert_eq!(refused, NewTerminal::SecondHello);
    on.assert_calls(&["TransactWriteItems"]);
    assert_eq!(on.beside.terminal(second.terminal, NOW).await.unwrap(), None);
    let entry = on.beside.connection(&connection("c1")).await.unwrap();
    assert_eq!(entry, Some(ConnectionEntry { terminal: TERMINAL }));
}

// take_over

/// I7: the newer connection has the terminal, its gate closed, and learns which one to close.
#[tokio::test]
async fn a_newer_connection_takes_over() {
    let on = Fixture::new().await;
    let before = on.given_provisioned(&arrival("c1", 0, "h1")).await;
    let taken = on.store.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap();
    assert_eq!(taken, TakeOver::Taken { before: Some(connection("c1")) });
    on.assert_cost(&[("UpdateItem", 1.0)]);
    let expected = Terminal {
        connection: Some(connection("c2")),
        connected: Timestamp::from_secs(NOW.as_secs() + 1),
        hello: Some("h2".to_owned()),
        open: false,
        ..before
    };
    assert_eq!(on.terminal().await, expected);
}

/// A `hello` whose configuring message never came out is followed by another one.
#[tokio::test]
async fn a_configuring_terminal_may_be_taken_over() {
    let on = Fixture::new().await;
    on.given_configuring(&arrival("c1", 0, "h1")).await;
    let taken = on.store.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap();
    assert_eq!(taken, TakeOver::Taken { before: Some(connection("c1")) });
}

#[tokio::test]
async fn taking_over_an_absent_terminal_leaves_nothing_to_close() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    on.beside.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap();
    let taken = on.store.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap();
    assert_eq!(taken, TakeOver::Taken { before: None });
    on.assert_cost(&[("UpdateItem", 1.0)]);
}

/// A late `hello` of an older connection takes the terminal that the newer one has left.
#[tokio::test]
async fn an_absent_terminal_is_taken_over_by_any_connection() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c2", 1, "h2")).await;
    on.beside.forget_connection(TERMINAL, &connection("c2"), NOW).await.unwrap();
    let taken = on.store.take_over(&arrival("c1", 0, "h1"), NOW).await.unwrap();
    assert_eq!(taken, TakeOver::Taken { before: None });
}

#[tokio::test]
async fn an_unknown_terminal_is_not_taken_over_and_not_made() {
    let on = Fixture::new().await;
    let unknown = on.store.take_over(&arrival("c1", 0, "h1"), NOW).await.unwrap();
    assert_eq!(unknown, TakeOver::Unknown);
    on.assert_calls(&["UpdateItem"]);
    assert!(on.is_empty("terminals").await);
}

/// DynamoDB deletes late: an expired terminal is unknown from the second on that it expires in.
#[tokio::test]
async fn an_expired_terminal_that_is_still_there_is_unknown() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    expires_at(&on, NOW.as_secs()).await;
    assert_eq!(on.store.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap(), TakeOver::Unknown);
    on.assert_calls(&["UpdateItem"]);

    expires_at(&on, NOW.as_secs() + 1).await;
    let taken = on.store.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap();
    assert_eq!(taken, TakeOver::Taken { before: Some(connection("c1")) });
}

/// R1: an operator's state holds against every `hello`.
#[tokio::test]
async fn a_suspended_or_retired_terminal_is_not_taken_over() {
    for (state, outcome) in
        [(TerminalState::Suspended, TakeOver::Suspended), (TerminalState::Retired, TakeOver::Unknown)]
    {
        let on = Fixture::new().await;
        on.given_provisioned(&arrival("c1", 0, "h1")).await;
        set_state(&on, state).await;
        let before = on.terminal().await;
        assert_eq!(on.store.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap(), outcome);
        on.assert_calls(&["UpdateItem"]);
        assert_eq!(on.terminal().await, before);
    }
}

/// I7: API Gateway's connection time decides, not whose write came last. At the same time, who has it keeps it.
#[tokio::test]
async fn an_older_or_equally_old_connection_is_superseded() {
    for seconds in [0, 5] {
        let on = Fixture::new().await;
        let before = on.given_provisioned(&arrival("c1", 5, "h1")).await;
        let late = on.store.take_over(&arrival("c2", seconds, "h2"), NOW).await.unwrap();
        assert_eq!(late, TakeOver::Superseded);
        on.assert_calls(&["UpdateItem"]);
        assert_eq!(on.terminal().await, before);
    }
}

/// R3: another `hello` of the connection that has the terminal.
#[tokio::test]
async fn a_second_hello_takes_nothing_over() {
    let on = Fixture::new().await;
    let before = on.given_provisioned(&arrival("c1", 0, "h1")).await;
    let second = on.store.take_over(&arrival("c1", 0, "h2"), NOW).await.unwrap();
    assert_eq!(second, TakeOver::SecondHello);
    on.assert_calls(&["UpdateItem"]);
    assert_eq!(on.terminal().await, before);
}

/// I10: a second run of the `hello` is not taken for a second `hello`, and closes the connection that the first took over.
#[tokio::test]
async fn a_takeover_may_run_twice() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    let hello = arrival("c2", 1, "h2");
    on.lose_one_answer();
    assert_unavailable(on.store.take_over(&hello, NOW).await);
    let taken = on.terminal().await;
    let again = on.store.take_over(&hello, NOW).await.unwrap();
    // I7: the loser is still known, as nobody may have closed it yet.
    assert_eq!(again, TakeOver::Taken { before: Some(connection("c1")) });
    assert_eq!(on.terminal().await, taken);
}

/// I7, I10: however often it runs, the connection that it took over from is known, and the gate that it has opened stays open:
/// a call whose caller has given up may take effect after all that follows.
#[tokio::test]
async fn a_takeover_that_runs_again_changes_nothing() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    let hello = arrival("c2", 1, "h2");
    for _lost in 0..2 {
        on.lose_one_answer();
        assert_unavailable(on.store.take_over(&hello, NOW).await);
    }
    let third = on.store.take_over(&hello, NOW).await.unwrap();
    assert_eq!(third, TakeOver::Taken { before: Some(connection("c1")) });
    assert!(on.beside.open_gate(TERMINAL, &connection("c2")).await.unwrap());
    let open = on.terminal().await;
    let late = on.store.take_over(&hello, NOW).await.unwrap();
    assert_eq!(late, TakeOver::Taken { before: Some(connection("c1")) });
    assert_eq!(on.terminal().await, open);
}

/// RFC 8030 section 5.3: each hello states the terminal's minimum anew.
#[tokio::test]
async fn a_takeover_sets_the_minimum_urgency() {
    let on = Fixture::new().await;
    let picky = Arrival { minimum: Urgency::High, ..arrival("c1", 0, "h1") };
    on.store.create_terminal(&picky, NOW, NOW).await.unwrap();
    assert_eq!(on.terminal().await.minimum, Urgency::High);
    for (number, minimum) in [(1, Urgency::Low), (2, Urgency::NO_MINIMUM)] {
        let hello = Arrival { minimum, ..arrival(&format!("c{number}0"), number, "h2") };
        on.store.take_over(&hello, NOW).await.unwrap();
        assert_eq!(on.terminal().await.minimum, minimum);
    }
}

// open_gate

/// R4, I12: what was counted as waiting is about to be read.
#[tokio::test]
async fn opening_the_gate_provisions_the_terminal() {
    let on = Fixture::new().await;
    let configuring = on.given_configuring(&arrival("c1", 0, "h1")).await;
    on.beside.count_waiting(TERMINAL, NOW).await.unwrap();
    let expected = Terminal { state: TerminalState::Provisioned, open: true, waiting: 0, ..configuring };
    for _run in 0..2 {
        assert!(on.store.open_gate(TERMINAL, &connection("c1")).await.unwrap());
        on.assert_cost(&[("UpdateItem", 1.0)]);
        assert_eq!(on.terminal().await, expected);
    }
}

/// I7: the gate stays closed until the winner has its configuring message.
#[tokio::test]
async fn the_loser_of_a_takeover_does_not_open_the_gate() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    on.beside.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap();
    let before = on.terminal().await;
    assert!(!on.store.open_gate(TERMINAL, &connection("c1")).await.unwrap());
    on.assert_calls(&["UpdateItem"]);
    assert_eq!(on.terminal().await, before);
}

/// R1: suspended or retired while its configuring message was on the way.
#[tokio::test]
async fn the_gate_of_a_suspended_or_retired_terminal_stays_closed() {
    for state in [TerminalState::Suspended, TerminalState::Retired] {
        let on = Fixture::new().await;
        on.given_configuring(&arrival("c1", 0, "h1")).await;
        set_state(&on, state).await;
        let before = on.terminal().await;
        assert!(!on.store.open_gate(TERMINAL, &connection("c1")).await.unwrap());
        assert_eq!(on.terminal().await, before);
    }
}

#[tokio::test]
async fn a_vanished_or_absent_terminal_has_no_gate() {
    let on = Fixture::new().await;
    assert!(!on.store.open_gate(TERMINAL, &connection("c1")).await.unwrap());
    assert!(on.is_empty("terminals").await);

    on.given_configuring(&arrival("c1", 0, "h1")).await;
    on.beside.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap();
    assert!(!on.store.open_gate(TERMINAL, &connection("c1")).await.unwrap());
    assert!(!on.terminal().await.open);
}

// terminal

/// R1, R11: the state can be read back, wherever the terminal is.
#[tokio::test]
async fn a_terminal_is_read_in_one_unit() {
    let on = Fixture::new().await;
    assert_eq!(on.store.terminal(TERMINAL, NOW).await.unwrap(), None);
    on.assert_cost(&[("GetItem", 1.0)]);
    let terminal = on.given_provisioned(&arrival("c1", 0, "h1")).await;
    assert_eq!(on.store.terminal(TERMINAL, NOW).await.unwrap(), Some(terminal));
    on.assert_cost(&[("GetItem", 1.0)]);
}

#[tokio::test]
async fn a_terminal_that_this_version_does_not_write_is_malformed() {
    for (attribute, value) in [
        ("state", text("sleeping")),
        ("connection", text("")),
        ("connectedAt", text("yesterday")),
        ("open", number(1)),
        ("expiresAt", text("never")),
    ] {
        let on = Fixture::new().await;
        on.given_provisioned(&arrival("c1", 0, "h1")).await;
        on.overwrite("terminals", terminal_row(), attribute, value).await;
        assert_malformed(on.store.terminal(TERMINAL, NOW).await, "terminals");
    }
}

// forget_connection

/// I8: the terminal is absent, and nothing is posted to it any more.
#[tokio::test]
async fn a_closed_connection_is_forgotten() {
    let on = Fixture::new().await;
    let before = on.given_provisioned(&arrival("c1", 0, "h1")).await;
    assert_eq!(on.store.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap(), None);
    on.assert_cost(&[("UpdateItem", 1.0)]);
    assert_eq!(on.terminal().await, Terminal { connection: None, open: false, ..before });
}

/// I7, I8: a late `$disconnect` or 410 of the old connection leaves the newer one alone, and names it.
#[tokio::test]
async fn a_newer_connection_is_not_forgotten_but_returned() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    on.beside.take_over(&arrival("c2", 1, "h2"), NOW).await.unwrap();
    on.beside.open_gate(TERMINAL, &connection("c2")).await.unwrap();
    let before = on.terminal().await;
    let newer = on.store.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap().unwrap();
    on.assert_calls(&["UpdateItem"]);
    assert_eq!(newer.reachable_at(Urgency::Normal), Some(&connection("c2")));
    assert_eq!(on.terminal().await, before);
}

/// I10: a second run finds the terminal absent, and changes nothing.
#[tokio::test]
async fn a_connection_may_be_forgotten_twice() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    on.lose_one_answer();
    assert_unavailable(on.store.forget_connection(TERMINAL, &connection("c1"), NOW).await);
    let absent = on.terminal().await;
    assert_eq!(absent.connection, None);
    let again = on.store.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap();
    assert_eq!(again, Some(absent.clone()));
    assert_eq!(on.terminal().await, absent);
}

#[tokio::test]
async fn forgetting_a_connection_of_a_vanished_terminal_makes_none() {
    let on = Fixture::new().await;
    assert_eq!(on.store.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap(), None);
    on.assert_calls(&["UpdateItem"]);
    assert!(on.is_empty("terminals").await);
}

/// What has expired is not returned as the newer one.
#[tokio::test]
async fn an_expired_terminal_is_on_no_newer_connection() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c2", 1, "h2")).await;
    expires_at(&on, NOW.as_secs()).await;
    assert_eq!(on.store.forget_connection(TERMINAL, &connection("c1"), NOW).await.unwrap(), None);
}

// count_waiting

/// I12: the count is the second look: it shows a gate that was opened since the first.
#[tokio::test]
async fn counting_what_waits_tells_how_the_terminal_stands() {
    let on = Fixture::new().await;
    let terminal = on.given_provisioned(&arrival("c1", 0, "h1")).await;
    for waiting in 1..=2 {
        let counted = on.store.count_waiting(TERMINAL, NOW).await.unwrap();
        assert_eq!(counted, Some(Terminal { waiting, ..terminal.clone() }));
        on.assert_cost(&[("UpdateItem", 1.0)]);
    }
}

#[tokio::test]
async fn counting_for_a_vanished_terminal_makes_none() {
    let on = Fixture::new().await;
    assert_eq!(on.store.count_waiting(TERMINAL, NOW).await.unwrap(), None);
    on.assert_calls(&["UpdateItem"]);
    assert!(on.is_empty("terminals").await);
}

#[tokio::test]
async fn counting_for_an_expired_terminal_finds_none() {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    expires_at(&on, NOW.as_secs()).await;
    assert_eq!(on.store.count_waiting(TERMINAL, NOW).await.unwrap(), None);
}

// claim_connection

/// R3, I10: an entry is made by one event, however often that runs.
#[tokio::test]
async fn a_connection_is_claimed_by_one_event() {
    let on = Fixture::new().await;
    let hello = arrival("c1", 0, "h1");
    for _run in 0..2 {
        let claim = on.store.claim_connection(&hello, NOW.plus(DAY)).await.unwrap();
        assert_eq!(claim, Claim::Claimed);
        on.assert_cost(&[("PutItem", 1.0)]);
    }
    let before = on.item("connections", connection_row("c1")).await.unwrap();
    assert_eq!(before["expiresAt"], number(NOW.plus(DAY).as_secs()));

    let second = Arrival { terminal: TerminalId::from_bytes([8; 16]), ..arrival("c1", 0, "h2") };
    assert_eq!(on.store.claim_connection(&second, NOW).await.unwrap(), Claim::SecondHello);
    on.assert_calls(&["PutItem"]);
    assert_eq!(on.item("connections", connection_row("c1")).await.unwrap(), before);
}

// Every access

/// A call that failed is an error, whether or not it took effect: never "there is none", never "not yours".
#[tokio::test]
async fn nothing_is_concluded_of_terminals_from_a_call_that_failed() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = Fixture::new().await;
        on.fail(fault);
        let (hello, connection) = (arrival("c1", 0, "h1"), connection("c1"));
        assert_unavailable(on.store.create_terminal(&hello, NOW, NOW).await);
        assert_unavailable(on.store.take_over(&hello, NOW).await);
        assert_unavailable(on.store.open_gate(TERMINAL, &connection).await);
        assert_unavailable(on.store.terminal(TERMINAL, NOW).await);
        assert_unavailable(on.store.forget_connection(TERMINAL, &connection, NOW).await);
        assert_unavailable(on.store.count_waiting(TERMINAL, NOW).await);
        assert_unavailable(on.store.claim_connection(&hello, NOW).await);
    }
}
