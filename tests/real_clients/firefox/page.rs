use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::{get, post};
use serde_json::json;
use signalbox::client::Subscription;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::browser::Firefox;
use crate::support::PATIENCE;

const PAGE: &str = "<!doctype html><title>Signalbox</title>";

/// Tells the page's own server what it was notified of, so that the test waits for it instead of asking again and again, and
/// that it counts whether a page is open or not.
const WORKER: &str = r#"
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", event => {
    const text = event.data === null ? null : event.data.text();
    event.waitUntil(fetch("/received", {method: "POST", body: JSON.stringify(text)}));
});
"#;

/// A site with one page and a service worker. It is on localhost, which browsers trust without TLS.
pub struct Site {
    origin: String,
    received: mpsc::UnboundedReceiver<Option<String>>,
    server: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let (sender, received) = mpsc::unbounded_channel();
        let routes = Router::new()
            .route("/", get(|| async { Html(PAGE) }))
            .route("/worker.js", get(|| async { ([(CONTENT_TYPE, "text/javascript")], WORKER) }))
            .route(
                "/received",
                post(
                    |body: String| async move { sender.send(serde_json::from_str(&body).unwrap()).unwrap() },
                ),
            );
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { origin, received, server }
    }

    /// Opens the page and subscribes it, with the key of its server or without.
    pub async fn subscribe(&self, firefox: &mut Firefox, key: Option<&str>) -> Subscription {
        firefox.open(&self.origin).await;
        let body = r#"
            const [key] = arguments;
            await navigator.serviceWorker.register("/worker.js");
            const {pushManager} = await navigator.serviceWorker.ready;
            const options = key === null ? {} : {applicationServerKey: key};
            return JSON.stringify(await pushManager.subscribe(options));
        "#;
        let subscription = firefox.run(body, json!([key])).await;
        serde_json::from_str(subscription.as_str().expect("text")).expect("a subscription")
    }

    /// Ends the page's subscription.
    pub async fn unsubscribe(&self, firefox: &mut Firefox) {
        let body = r"
            const {pushManager} = await navigator.serviceWorker.ready;
            return (await pushManager.getSubscription()).unsubscribe();
        ";
        assert_eq!(firefox.run(body, json!([])).await, true);
    }

    /// What the service worker is notified of next; none for a notification without a payload.
    pub async fn next(&mut self) -> Option<String> {
        let received = timeout(PATIENCE, self.received.recv()).await;
        received.expect("the service worker is notified").expect("the site is open")
    }

    /// Whether nothing has come that was not asked for.
    pub fn is_quiet(&self) -> bool {
        self.received.is_empty()
    }
}
