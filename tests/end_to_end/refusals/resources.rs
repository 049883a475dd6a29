use super::draft::{Call, Draft};
use super::row::{Row, assert_refused};
use super::scene::Scene;
use crate::support::{Service, http};

const BOTH: &[Call] = &[Call::Withdraw, Call::Receipt];

/// Whoever asks for a message or a receipt by a name that is none is told so.
#[tokio::test]
async fn messages_and_receipts_are_refused_by_what_names_them() {
    Box::pin(assert_refused(ROWS)).await;
}

/// Names of messages and receipts.
pub const ROWS: &[Row] = &[
    unknown("a name that is made up", BOTH, |_, draft| "x".clone_into(&mut draft.id)),
    unknown("a name that is altered", BOTH, |_, draft| draft.alter(20)),
    unknown("a token for a name", BOTH, |scene, draft| draft.to(&scene.named)),
    unknown("a receipt for a message", &[Call::Withdraw], |scene, draft| draft.id.clone_from(&scene.receipt)),
    unknown("a message for a receipt", &[Call::Receipt], |scene, draft| draft.id.clone_from(&scene.message)),
    Row {
        what: "a message that was withdrawn",
        calls: &[Call::Receipt],
        make: |scene, draft| draft.id.clone_from(&scene.receipt),
        refused: (410, "given-up", None),
        says: "the message was given up",
    },
];

const fn unknown(what: &'static str, calls: &'static [Call], make: fn(&Scene, &mut Draft)) -> Row {
    let refused = (404, "message-unknown", None);
    Row { what, calls, make, refused, says: "no message or receipt of this push service" }
}

/// What has no route is the gateway's to answer: 404, and no problem, so that nobody takes it for the end of a session.
#[tokio::test]
async fn health_is_told_and_what_is_not_there_is_not_found() {
    let service = Service::start();
    let health = http().get(format!("{}/health", service.public_url)).send().await.unwrap();
    assert_eq!(health.status(), 200);
    for path in ["/v1/tokens", "/v1/audiences", "/receipts"] {
        let answer = http().get(format!("{}{path}", service.public_url)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_ne!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
}
