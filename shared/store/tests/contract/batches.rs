//! What DynamoDB leaves undone of a batch, which it does under load instead of failing, is asked for again.

use serde_json::{Value, json};
use signalbox_domain::{
    Acceptance, Application, ApplicationHint, ApplicationName, MessageKey, MessageKind, Registration,
    ServerKeys, Session,
};
use signalbox_store::{Registering, Route, StoreError};

use crate::fixture::{Fixture, NOW, TERMINAL, arrival, channel, server, session};

/// More answers than any access asks for.
const ALWAYS: usize = 20;

fn key(sk: &str) -> Value {
    json!({"pk": {"S": TERMINAL.to_string()}, "sk": {"S": sk}})
}

fn session_sk() -> String {
    format!("S#{}", channel(1))
}

/// The answer to a batch of reads that brought nothing and left these keys.
fn unread(keys: &[Value]) -> Value {
    json!({
        "Responses": {"terminals": []},
        "UnprocessedKeys": {"terminals": {"Keys": keys, "ConsistentRead": true}},
    })
}

fn unwritten(keys: &[MessageKey]) -> Value {
    let left: Vec<_> =
        keys.iter().map(|message| json!({"DeleteRequest": {"Key": key(&message.sort_key())}})).collect();
    json!({"UnprocessedItems": {"messages": left}})
}

fn message(number: u8) -> MessageKey {
    let request = format!("r{number}").parse().unwrap();
    MessageKey {
        terminal: TERMINAL,
        accepted: Acceptance::new(NOW, &request),
        kind: MessageKind::Stored,
        receipt: false,
    }
}

async fn with_session() -> Fixture {
    let on = Fixture::new().await;
    on.given_provisioned(&arrival("c1", 0, "h1")).await;
    on.given_session(&channel(1), &session("t1")).await;
    on
}

/// R14: a row that was not read is not one that is not there.
#[tokio::test]
async fn keys_left_unread_are_read_again() {
    let on = with_session().await;
    on.wire.answer(200, &unread(&[key("T"), key(&session_sk())]));
    let route = on.store.route(TERMINAL, &channel(1), None, NOW).await.unwrap();
    let session = Some(Session::Live(session("t1")));
    assert_eq!(route, Route { terminal: Some(on.terminal().await), session, application: None });
    on.assert_cost(&[("BatchGetItem", 0.0), ("BatchGetItem", 2.0)]);
}

/// What one round has read is kept, and only the rest is asked for: nothing is read, or paid for, twice.
#[tokio::test]
async fn only_the_keys_left_unread_are_read_again() {
    let on = with_session().await;
    on.wire.answer(200, &unread(&[key(&session_sk())]));
    let route = on.store.route(TERMINAL, &channel(1), None, NOW).await.unwrap();
    let session = Some(Session::Live(session("t1")));
    assert_eq!(route, Route { terminal: None, session, application: None });
    let again = &on.calls()[1];
    assert_eq!(again.request["RequestItems"]["terminals"]["Keys"], json!([key(&session_sk())]));
}

/// R19, R22: an application that was not read is not one that is not registered, whatever else of the call was read.
#[tokio::test]
async fn an_application_left_unread_is_read_again() {
    let name: ApplicationName = "mail".parse().unwrap();
    let registration = Registration { keys: ServerKeys::new(vec![server(1)]).unwrap(), authorization: None };
    let mail = Application::register(name.clone(), registration, NOW);
    let pk = format!("A#{}#7", ApplicationHint::of(&name));
    let of_mail = json!({"pk": {"S": pk}, "sk": {"S": "A"}});
    let (terminal, session_row) = (key("T"), key(&session_sk()));
    // What was left of the table of terminals, and of that of applications.
    for (terminals, applications) in [
        (vec![], vec![of_mail.clone()]),
        (vec![session_row.clone()], vec![of_mail.clone()]),
        (vec![terminal, session_row], vec![of_mail]),
    ] {
        let on = with_session().await;
        assert_eq!(on.beside.put_application(None, &mail).await.unwrap(), Registering::Done);
        let mut left = json!({"applications": {"Keys": applications, "ConsistentRead": true}});
        if !terminals.is_empty() {
            left["terminals"] = json!({"Keys": terminals, "ConsistentRead": true});
        }
        let answer = json!({"Responses": {"terminals": [], "applications": []}, "UnprocessedKeys": left});
        on.wire.answer(200, &answer);
        let hint = Some(ApplicationHint::of(&name));
        let route = on.store.route(TERMINAL, &channel(1), hint, NOW).await.unwrap();
        assert_eq!(route.application.as_ref(), Some(&mail));
        let read = |row: &str| terminals.iter().any(|key| key["sk"]["S"] == row);
        assert_eq!((route.terminal.is_some(), route.session.is_some()), (read("T"), read(&session_sk())));
        let again = &on.calls()[1].request["RequestItems"];
        assert_eq!(again["applications"]["Keys"], json!(applications));
        assert_eq!(again["terminals"]["Keys"].as_array().map(Vec::len).unwrap_or_default(), terminals.len());
    }
    let on = with_session().await;
    let left = json!({"applications": {"Keys": [{"pk": {"S": "A#x#0"}, "sk": {"S": "A"}}]}});
    for _ in 0..ALWAYS {
        on.wire.answer(200, &json!({"Responses": {}, "UnprocessedKeys": left}));
    }
    tokio::time::pause();
    let found = on.store.applications([&name]).await;
    assert!(matches!(found, Err(StoreError::Unprocessed { left: 1 })), "{found:?}");
}

#[tokio::test]
async fn what_was_read_before_the_rest_is_kept() {
    let on = with_session().await;
    let ended =
        json!({"pk": {"S": TERMINAL.to_string()}, "sk": {"S": session_sk()}, "generation": {"N": "5"}});
    let mut partial = unread(&[key("T")]);
    partial["Responses"]["terminals"] = json!([ended]);
    on.wire.answer(200, &partial);
    let route = on.store.route(TERMINAL, &channel(1), None, NOW).await.unwrap();
    assert_eq!(route.terminal, Some(on.terminal().await));
    assert_eq!(route.session.map(|session| session.generation()), Some(5));
}

/// A batch that is never read whole is an error, never "there is none", which would be a 404.
#[tokio::test]
async fn keys_left_unread_for_ever_are_an_error() {
    let on = with_session().await;
    for _ in 0..ALWAYS {
        on.wire.answer(200, &unread(&[key(&session_sk())]));
    }
    tokio::time::pause();
    let route = on.store.route(TERMINAL, &channel(1), None, NOW).await;
    assert!(matches!(route, Err(StoreError::Unprocessed { left: 1 })), "{route:?}");
    on.assert_calls(&["BatchGetItem"; 5]);
    let sessions = on.store.sessions(TERMINAL, &[channel(1)]).await;
    assert!(matches!(sessions, Err(StoreError::Unprocessed { left: 1 })), "{sessions:?}");
}

/// I2: what was acknowledged is deleted, if not at once.
#[tokio::test]
async fn deletions_left_undone_are_done_again() {
    let on = Fixture::new().await;
    on.wire.answer(200, &unwritten(&[message(2)]));
    on.store.delete_messages(&[message(1), message(2)]).await.unwrap();
    let calls = on.calls();
    assert_eq!(calls.len(), 2);
    let again = &calls[1].request["RequestItems"]["messages"];
    assert_eq!(*again, json!([{"DeleteRequest": {"Key": key(&message(2).sort_key())}}]));
}

#[tokio::test]
async fn deletions_left_undone_for_ever_are_an_error() {
    let on = Fixture::new().await;
    for _ in 0..ALWAYS {
        on.wire.answer(200, &unwritten(&[message(1), message(2)]));
    }
    tokio::time::pause();
    let deleted = on.store.delete_messages(&[message(1), message(2)]).await;
    assert!(matches!(deleted, Err(StoreError::Unprocessed { left: 2 })), "{deleted:?}");
    on.assert_calls(&["BatchWriteItem"; 5]);
}
