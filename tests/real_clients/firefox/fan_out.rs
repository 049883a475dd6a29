use serde_json::{Value, json};
use signalbox::client::encrypt;
use signalbox_wire::base64url;

use super::browser::Firefox;
use super::page::Site;
use super::profile::Profile;
use crate::support::{Server, Service, http};

/// R40: one request carries a body of its own, encrypted, to each of ten subscriptions of a stock browser.
#[tokio::test]
async fn ten_pages_are_notified_by_one_request() {
    let (service, server) = (Service::start(), Server::new());
    let profile = Profile::new(&service.websocket_url);
    let mut firefox = Firefox::start(&profile).await;
    let (mut sites, mut recipients) = (Vec::new(), Vec::new());
    for page in 0..10 {
        // A site of its own: a page has one subscription.
        let site = Site::open().await;
        let subscription = site.subscribe(&mut firefox, Some(server.key.public_key())).await;
        let text = format!("for page {page}");
        let body = encrypt(text.as_bytes(), &subscription.keys.p256dh, &subscription.keys.auth).unwrap();
        recipients.push(json!({"endpoint": subscription.endpoint, "body": base64url::encode(body)}));
        sites.push(site);
    }
    let list = json!({"ttl": 60, "contentEncoding": "aes128gcm", "recipients": recipients});
    let request = http().post(format!("{}/v1/notifications", service.public_url)).json(&list);
    let answer = server.sign(request, &service.public_url).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let told: Value = answer.json().await.unwrap();
    assert_eq!((&told["total"], &told["refused"]), (&json!(10), &json!([])));
    for (page, site) in sites.iter_mut().enumerate() {
        assert_eq!(site.next().await, Some(format!("for page {page}")));
        assert!(site.is_quiet());
    }
}
