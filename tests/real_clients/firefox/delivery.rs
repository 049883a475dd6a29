use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::browser::Firefox;
use super::page::Site;
use super::profile::Profile;
use super::{deliver, push, send};
use crate::support::{PATIENCE, Process, Server, Service, assert_nothing_came, http, next, problem};

/// Without a key any server may send, signed or not, with a payload or without.
#[tokio::test]
async fn a_page_is_notified() {
    let service = Service::start();
    let (profile, mut site) = (Profile::new(&service.websocket_url), Site::open().await);
    let mut firefox = Firefox::start(&profile).await;
    let subscription = site.subscribe(&mut firefox, None).await;

    assert_eq!(push(&subscription, "unsigned").send().await.unwrap().status(), 201);
    assert_eq!(site.next().await.as_deref(), Some("unsigned"));
    deliver(&Server::new(), &subscription, "signed").await;
    assert_eq!(site.next().await.as_deref(), Some("signed"));
    let empty = http().post(&subscription.endpoint).header("TTL", "60").send().await.unwrap();
    assert_eq!(empty.status(), 201);
    assert_eq!(site.next().await, None);
    assert!(site.is_quiet());
}

/// With a key only its server may. What was delivered is acknowledged; what was sent while the browser was away comes at its
/// next start, in the same session.
#[tokio::test]
async fn what_was_delivered_does_not_come_again() {
    let (service, server) = (Service::start(), Server::new());
    let (profile, mut site) = (Profile::new(&service.websocket_url), Site::open().await);
    let mut firefox = Firefox::start(&profile).await;
    let subscription = site.subscribe(&mut firefox, Some(server.key.public_key())).await;
    let foreign = problem(send(&Server::new(), &subscription, "foreign").await).await;
    assert_eq!((foreign.0, foreign.1.as_str()), (403, "other-server"));
    deliver(&server, &subscription, "live").await;
    assert_eq!(site.next().await.as_deref(), Some("live"));
    firefox.quit().await;
    deliver(&server, &subscription, "absent").await;

    // Firefox passes over what it has had before, without a word. So what waits is asked for in its name.
    let mut terminal = service.again(&profile.uaid()).await;
    next(&mut terminal).await;
    assert_nothing_came(&mut terminal).await;

    let mut firefox = Firefox::start(&profile).await;
    assert_eq!(site.next().await.as_deref(), Some("absent"));
    let same = site.subscribe(&mut firefox, Some(server.key.public_key())).await;
    assert_eq!(same.endpoint, subscription.endpoint);
    deliver(&server, &subscription, "live again").await;
    assert_eq!(site.next().await.as_deref(), Some("live again"));
    assert!(site.is_quiet());
}

/// I9, as a browser sees it: it comes back by itself to a service that was killed, and its page is notified once of each,
/// also of what had just been accepted and perhaps delivered. Only a process of our own can be killed.
#[tokio::test]
async fn a_restart_of_the_service_loses_nothing() {
    let (data, server) = (tempfile::tempdir().unwrap(), Server::new());
    let process = Process::on(data.path());
    let public_url = process.public_url.clone();
    let (profile, mut site) = (Profile::new(&process.websocket_url), Site::open().await);
    let mut firefox = Firefox::start(&profile).await;
    let subscription = site.subscribe(&mut firefox, Some(server.key.public_key())).await;
    deliver(&server, &subscription, "at the last moment").await;
    assert_eq!(process.end("-KILL"), None);

    let _process = Process::start_again(&public_url, data.path());
    // It waits 5 s before it tries again, or not at all where it has yet to acknowledge.
    deliver(&server, &subscription, "meanwhile").await;
    assert_eq!(site.next().await.as_deref(), Some("at the last moment"));
    assert_eq!(site.next().await.as_deref(), Some("meanwhile"));
    deliver(&server, &subscription, "after").await;
    assert_eq!(site.next().await.as_deref(), Some("after"));
    assert!(site.is_quiet());
}

/// Firefox tells the service after it has told the page.
#[tokio::test]
async fn an_unsubscribed_page_is_gone() {
    let (service, server) = (Service::start(), Server::new());
    let (profile, site) = (Profile::new(&service.websocket_url), Site::open().await);
    let mut firefox = Firefox::start(&profile).await;
    let subscription = site.subscribe(&mut firefox, Some(server.key.public_key())).await;
    site.unsubscribe(&mut firefox).await;

    let deadline = Instant::now() + PATIENCE;
    let refused = loop {
        let answer = send(&server, &subscription, "too late").await;
        if answer.status() != 201 {
            break problem(answer).await;
        }
        assert!(Instant::now() < deadline, "the session does not end");
        sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((refused.0, refused.1.as_str()), (410, "session-ended"));
    assert!(site.is_quiet());
}
