//! Applications that are registered, and whose each server's key is.

use std::collections::BTreeSet;

use signalbox_domain::{
    Application, ApplicationHint, ApplicationName, AuthorizationMode, Owner, Registration, ServerKeys,
    TerminalId,
};
use signalbox_local_aws::Fault;
use signalbox_store::{NamesPage, Registering, Route};

use crate::fixture::{
    Fixture, NOW, TERMINAL, arrival, assert_malformed, assert_unavailable, channel, number, row, server, text,
};

fn name(text: &str) -> ApplicationName {
    text.parse().unwrap()
}

fn registration(servers: &[u8]) -> Registration {
    let keys = servers.iter().map(|number| server(*number)).collect();
    Registration { keys: ServerKeys::new(keys).unwrap(), authorization: None }
}

fn application(text: &str, servers: &[u8]) -> Application {
    Application::register(name(text), registration(servers), NOW)
}

async fn with(applications: &[&Application]) -> Fixture {
    let on = Fixture::new().await;
    for application in applications {
        assert_eq!(on.beside.put_application(None, application).await.unwrap(), Registering::Done);
    }
    on
}

/// Whose each of these servers' keys is.
async fn owners(on: &Fixture, servers: &[u8]) -> Vec<String> {
    let mut owners = Vec::new();
    for number in servers {
        let owner = on.beside.application_of(&server(*number)).await.unwrap();
        owners.push(owner.map_or("nobody".to_owned(), |name| name.to_string()));
    }
    owners
}

/// What is registered is read back, by its name and by each of its keys.
#[tokio::test]
async fn an_application_is_registered_with_its_keys() {
    let on = Fixture::new().await;
    let registration =
        Registration { authorization: Some(AuthorizationMode::Implicit), ..registration(&[1, 2]) };
    let mail = Application::register(name("mail"), registration, NOW);
    assert_eq!(on.store.put_application(None, &mail).await.unwrap(), Registering::Done);
    // The application's 16 replicas, its name, two keys.
    on.assert_cost(&[("TransactWriteItems", 38.0)]);
    assert_eq!(on.store.application(&mail.name).await.unwrap(), Some(mail.clone()));
    on.assert_cost(&[("GetItem", 1.0)]);
    assert_eq!(on.store.application(&name("chat")).await.unwrap(), None);
    on.assert_cost(&[("GetItem", 1.0)]);
    assert_eq!(on.store.application_of(&server(2)).await.unwrap(), Some(mail.name));
    on.assert_cost(&[("GetItem", 1.0)]);
    assert_eq!(on.store.application_of(&server(3)).await.unwrap(), None);
}

/// Keys come and go with a change, and those that stay are not written again.
#[tokio::test]
async fn keys_come_and_go() {
    let before = application("mail", &[1, 2, 3]);
    let on = with(&[&before]).await;
    let after = before.change(registration(&[3, 2, 4]), NOW);
    assert_eq!(on.store.put_application(Some(&before), &after).await.unwrap(), Registering::Done);
    on.assert_cost(&[("TransactWriteItems", 36.0)]);
    assert_eq!(on.beside.application(&after.name).await.unwrap(), Some(after));
    assert_eq!(owners(&on, &[1, 2, 3, 4]).await, ["nobody", "mail", "mail", "mail"]);
}

/// A change is made to what was read: of two at once one is told to read again, and changes nothing.
#[tokio::test]
async fn a_change_of_what_was_changed_meanwhile_is_none() {
    let first = application("mail", &[1]);
    let on = with(&[&first]).await;
    let second = first.change(registration(&[2]), NOW);
    assert_eq!(on.store.put_application(Some(&first), &second).await.unwrap(), Registering::Done);
    let other = first.change(registration(&[3]), NOW);
    assert_eq!(on.store.put_application(Some(&first), &other).await.unwrap(), Registering::Changed);
    assert_eq!(on.store.put_application(None, &first).await.unwrap(), Registering::Changed);
    assert!(!on.store.remove_application(&first).await.unwrap());
    assert_eq!(on.beside.application(&second.name).await.unwrap(), Some(second));
    assert_eq!(owners(&on, &[1, 2, 3]).await, ["nobody", "mail", "nobody"]);
}

/// A key belongs to one application. Who wants it is told which, and nothing else of the change is done.
#[tokio::test]
async fn a_key_belongs_to_one_application() {
    let mail_application = application("mail", &[1]);
    let on = with(&[&mail_application]).await;
    let chat = application("chat", &[2, 1, 3]);
    let refused = on.store.put_application(None, &chat).await.unwrap();
    assert_eq!(refused, Registering::KeyTaken(server(1)));
    assert_eq!(on.beside.application(&chat.name).await.unwrap(), None);
    assert_eq!(owners(&on, &[1, 2, 3]).await, ["mail", "nobody", "nobody"]);
    // Free again, it may be another's.
    assert!(on.store.remove_application(&mail_application).await.unwrap());
    assert_eq!(on.store.put_application(None, &chat).await.unwrap(), Registering::Done);
}

/// A change that was read before the application was removed and registered anew, so that its revision is the same again, changes
/// nothing, and takes no key from anybody.
#[tokio::test]
async fn a_change_of_an_application_of_before_is_none() {
    let first = application("mail", &[1]);
    let on = with(&[&first]).await;
    assert!(on.beside.remove_application(&first).await.unwrap());
    let (anew, chat) = (application("mail", &[2]), application("chat", &[1]));
    for application in [&anew, &chat] {
        assert_eq!(on.beside.put_application(None, application).await.unwrap(), Registering::Done);
    }
    assert_eq!(first.revision, anew.revision);
    // One that takes a key out, and one that only adds one.
    for servers in [&[3][..], &[1, 3]] {
        let late = first.change(registration(servers), NOW);
        assert_eq!(on.store.put_application(Some(&first), &late).await.unwrap(), Registering::Changed);
    }
    assert!(!on.store.remove_application(&first).await.unwrap());
    assert_eq!(owners(&on, &[1, 2, 3]).await, ["chat", "mail", "nobody"]);
    assert_eq!(on.beside.application(&anew.name).await.unwrap(), Some(anew));
}

/// A key's row that is another application's is not deleted, whatever the application's own row says.
#[tokio::test]
async fn nobody_gives_up_the_key_of_another() {
    let mail = application("mail", &[1, 2]);
    let on = with(&[&mail]).await;
    let key = row(&format!("K#{}", Owner::of(&server(1))), "K");
    on.overwrite("applications", key, "application", text("chat")).await;
    let after = mail.change(registration(&[2]), NOW);
    assert_eq!(on.store.put_application(Some(&mail), &after).await.unwrap(), Registering::Changed);
    assert!(!on.store.remove_application(&mail).await.unwrap());
    assert_eq!(owners(&on, &[1, 2]).await, ["chat", "mail"]);
}

/// I10: a registration that runs twice, as its first answer was lost, is found registered.
#[tokio::test]
async fn a_lost_answer_loses_no_registration() {
    let on = Fixture::new().await;
    let mail = application("mail", &[1]);
    on.lose_one_answer();
    assert_unavailable(on.store.put_application(None, &mail).await);
    assert_eq!(on.store.put_application(None, &mail).await.unwrap(), Registering::Changed);
    assert_eq!(on.store.application(&mail.name).await.unwrap(), Some(mail));
}

#[tokio::test]
async fn a_removed_application_leaves_nothing() {
    let mail = application("mail", &[1, 2]);
    let on = with(&[&mail]).await;
    assert!(on.store.remove_application(&mail).await.unwrap());
    on.assert_cost(&[("TransactWriteItems", 38.0)]);
    assert!(on.is_empty("applications").await);
    assert!(!on.store.remove_application(&mail).await.unwrap());
}

/// As many keys as an application may have are changed in one transaction.
#[tokio::test]
async fn all_keys_change_at_once() {
    let most = u8::try_from(ServerKeys::MOST).unwrap();
    let (old, new): (Vec<_>, Vec<_>) = ((0..most).collect(), (most..2 * most).collect());
    let before = application("mail", &old);
    let on = with(&[&before]).await;
    let after = before.change(registration(&new), NOW);
    assert_eq!(on.store.put_application(Some(&before), &after).await.unwrap(), Registering::Done);
    assert!(on.beside.remove_application(&after).await.unwrap());
    assert!(on.is_empty("applications").await);
}

#[tokio::test]
async fn names_are_listed_in_pages() {
    let on = with(&[&application("c", &[1]), &application("a", &[2]), &application("b", &[3])]).await;
    let first = on.store.application_names(None, 2).await.unwrap();
    on.assert_cost(&[("Query", 1.0)]);
    assert_eq!(first, NamesPage { names: vec![name("a"), name("b")], next: Some(name("b")) });
    let second = on.store.application_names(first.next.as_ref(), 2).await.unwrap();
    assert_eq!(second, NamesPage { names: vec![name("c")], next: None });
}

/// Of many names, some more than once, those that are registered are found; of none, nothing is asked.
#[tokio::test]
async fn those_of_a_page_are_read_together() {
    let (mail, chat) = (application("mail", &[1]), application("chat", &[2]));
    let on = with(&[&mail, &chat]).await;
    let names = [name("mail"), name("mail"), name("chat"), name("other")];
    let found = on.store.applications(&names).await.unwrap();
    on.assert_cost(&[("BatchGetItem", 3.0)]);
    assert_eq!((found.len(), &found[&mail.name], &found[&chat.name]), (2, &mail, &chat));
    assert!(on.store.applications(&[]).await.unwrap().is_empty());
    on.assert_calls(&[]);
}

/// R19: a token's application is read beside its terminal and its session, in the same call.
#[tokio::test]
async fn a_route_has_the_application_that_the_token_hints_at() {
    let mail = application("mail", &[1]);
    let on = with(&[&mail]).await;
    let terminal = Some(on.given_provisioned(&arrival("c1", 0, "h1")).await);
    for (hint, application) in [("mail", Some(mail)), ("chat", None)] {
        let hint = Some(ApplicationHint::of(&name(hint)));
        let route = on.store.route(TERMINAL, &channel(1), hint, NOW).await.unwrap();
        assert_eq!(route, Route { terminal: terminal.clone(), session: None, application });
        on.assert_cost(&[("BatchGetItem", 3.0)]);
    }
}

/// R19: whichever terminal is asked for, its replica is what the operator said last; and each of them has its share.
#[tokio::test]
async fn replicas_of_an_application_are_one() {
    let first = application("mail", &[1]);
    let on = with(&[&first]).await;
    let second = first.change(registration(&[2]), NOW);
    assert_eq!(on.beside.put_application(Some(&first), &second).await.unwrap(), Registering::Done);
    let hint = Some(ApplicationHint::of(&second.name));
    let mut partitions = BTreeSet::new();
    for number in 0..64 {
        let terminal = TerminalId::from_bytes([number; 16]);
        let route = on.store.route(terminal, &channel(1), hint, NOW).await.unwrap();
        assert_eq!(route.application.as_ref(), Some(&second));
        let call = on.calls().remove(0);
        partitions.insert(call.request["RequestItems"]["applications"]["Keys"][0]["pk"]["S"].to_string());
    }
    assert_eq!(partitions.len(), 16);
    assert!(on.beside.remove_application(&second).await.unwrap());
    for number in 0..64 {
        let terminal = TerminalId::from_bytes([number; 16]);
        assert_eq!(on.store.route(terminal, &channel(1), hint, NOW).await.unwrap().application, None);
    }
}

/// A call that failed is an error, never "not registered".
#[tokio::test]
async fn nothing_is_concluded_of_applications_from_a_call_that_failed() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let mail = application("mail", &[1]);
        let on = with(&[&mail]).await;
        on.fail(fault);
        assert_unavailable(on.store.application(&mail.name).await);
        assert_unavailable(on.store.applications([&mail.name]).await);
        assert_unavailable(on.store.application_of(&server(1)).await);
        assert_unavailable(on.store.application_names(None, 2).await);
        assert_unavailable(on.store.put_application(None, &mail).await);
        assert_unavailable(on.store.remove_application(&mail).await);
    }
}

/// What this version does not write is an error, and admits nobody.
#[tokio::test]
async fn an_application_that_is_none_is_malformed() {
    let mail = application("mail", &[1]);
    for attribute in ["name", "keys", "authorization"] {
        let on = with(&[&mail]).await;
        for replica in 0..16 {
            let key = row(&format!("A#{}#{replica}", ApplicationHint::of(&mail.name)), "A");
            on.overwrite("applications", key, attribute, number(7)).await;
        }
        assert_malformed(on.store.application(&mail.name).await, "applications");
        assert_malformed(on.store.applications([&mail.name]).await, "applications");
        let hint = Some(ApplicationHint::of(&mail.name));
        assert_malformed(on.store.route(TERMINAL, &channel(1), hint, NOW).await, "applications");
    }
}
