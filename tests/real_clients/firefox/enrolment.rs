use super::browser::Firefox;
use super::deliver;
use super::page::Site;
use super::profile::Profile;
use crate::support::{Process, Server, Service, enrolment_key_in};

/// A stock browser can be told a URL alone: a key in its query makes a terminal where others are not taken.
#[tokio::test]
async fn a_browser_enrols_by_its_url() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(&["--data", data.path().to_str().unwrap(), "--enrolment"]);
    let (service, server) = (Service::from_urls(&process), Server::new());
    let service = service.enrolling_with(enrolment_key_in(data.path()));
    let (profile, mut site) = (Profile::new(&service.enrolling_url()), Site::open().await);
    assert!(service.connect().await.hello(None).await.is_err(), "a terminal without a key was taken");

    let mut firefox = Firefox::start(&profile).await;
    let subscription = site.subscribe(&mut firefox, Some(server.key.public_key())).await;
    deliver(&server, &subscription, "enrolled").await;
    assert_eq!(site.next().await.as_deref(), Some("enrolled"));
    firefox.quit().await;
}
