use super::browser::Firefox;
use super::page::Site;
use super::profile::Profile;
use crate::pywebpush;
use crate::support::{Server, Service};

/// The coding of the drafts before RFC 8291, which has salt and sender key in headers instead of in the body. A terminal needs
/// both to decrypt: that it reads the text shows that the service hands them on.
#[tokio::test]
async fn a_page_is_notified_in_the_older_coding() {
    let (service, server) = (Service::start(), Server::new());
    let (profile, mut site) = (Profile::new(&service.websocket_url), Site::open().await);
    let mut firefox = Firefox::start(&profile).await;
    let subscription = site.subscribe(&mut firefox, Some(server.key.public_key())).await;

    let sent = pywebpush(&subscription, &server, "aesgcm", "in aesgcm");
    let status = String::from_utf8_lossy(&sent.stdout);
    assert_eq!(status.trim(), "201", "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(site.next().await.as_deref(), Some("in aesgcm"));
    assert!(site.is_quiet());
}
