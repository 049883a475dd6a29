use web_push_native::jwt_simple::algorithms::{ECDSAP256KeyPairLike as _, ES256KeyPair};
use web_push_native::p256::PublicKey;
use web_push_native::{Auth, WebPushBuilder};

use signalbox_wire::base64url;

use crate::support::{App, Process, Service, next};

/// An ordinary Web Push library for Rust, as it comes: its encryption, its VAPID, its headers. It leaves the port out of
/// `aud`, so that it suits services on their scheme's own port alone: the public URL is one, and the name leads here.
#[tokio::test]
async fn web_push_native_just_works() {
    let process = Process::start(&["--memory", "--public-url", "http://push.example"]);
    let service = Service::from_urls(&process);
    let listens = process.websocket_url.trim_start_matches("ws://").trim_end_matches('/').parse().unwrap();
    let http = reqwest::Client::builder().resolve("push.example", listens).build().unwrap();
    let (mut terminal, _) = service.terminal().await;
    let server = ES256KeyPair::generate();
    let key = server.key_pair().public_key().to_bytes_uncompressed();
    let app = App::register(&mut terminal, None, Some(&base64url::encode(key))).await;

    let (endpoint, keys) = (&app.subscription.endpoint, &app.subscription.keys);
    let push = WebPushBuilder::new(
        endpoint.parse().unwrap(),
        PublicKey::from_sec1_bytes(&base64url::decode(&keys.p256dh).unwrap()).unwrap(),
        Auth::clone_from_slice(&base64url::decode(&keys.auth).unwrap()),
    )
    .with_vapid(&server, "mailto:admin@example.org")
    .build("sent by web-push-native")
    .unwrap();
    let (head, body) = push.into_parts();
    let answer = http.post(head.uri.to_string()).headers(head.headers).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    assert_eq!(app.read(&next(&mut terminal).await), "sent by web-push-native");
}
