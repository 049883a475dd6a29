use serde_json::json;

use super::draft::{Call, Draft};
use super::row::{Row, assert_refused};
use super::scene::Scene;

/// R40, R41: a mistake in a request for many, or in what names a job or an audience, is said; nothing of it is carried out.
#[tokio::test]
async fn requests_for_many_are_refused_as_a_whole() {
    Box::pin(assert_refused(ROWS)).await;
}

const EACH: &[Call] = &[Call::FanOut, Call::Job, Call::Audience];

/// Lists, jobs and audiences.
pub const ROWS: &[Row] = &[
    Row {
        what: "many without VAPID",
        calls: EACH,
        make: |_, draft| draft.remove("authorization"),
        refused: (401, "vapid-missing", Some(109)),
        says: "for application servers",
    },
    Row {
        what: "an idempotency key with a space",
        calls: &[Call::FanOut],
        make: |_, draft| draft.set("idempotency-key", "a b"),
        refused: (400, "idempotency-key-invalid", None),
        says: "visible ASCII",
    },
    Row {
        what: "an idempotency key of another request",
        calls: &[Call::FanOut],
        make: |scene, draft| {
            draft.set("idempotency-key", &scene.job_key);
        },
        refused: (409, "idempotency-conflict", None),
        says: "another request",
    },
    list(
        "a list of nobody",
        |_, draft| draft.json = Some(json!({"ttl": 60, "recipients": []})),
        "`recipients`",
    ),
    list(
        "a list without TTL",
        |_, draft| draft.json = Some(json!({"recipients": [{"token": "x"}]})),
        "`ttl`",
    ),
    list("a list that is text", |_, draft| draft.json = Some(json!("x")), "JSON"),
    Row {
        what: "another server's job",
        calls: &[Call::Job],
        make: |scene, draft| draft.sign(&scene.other, scene),
        refused: (404, "job-unknown", None),
        says: "no job of this name that is yours",
    },
    Row {
        what: "a job that is made up",
        calls: &[Call::Job],
        make: |_, draft| draft.id = "x".to_owned(),
        refused: (404, "job-unknown", None),
        says: "no job of this name that is yours",
    },
    Row {
        what: "another server's audience",
        calls: &[Call::Audience],
        make: |scene, draft| draft.sign(&scene.other, scene),
        refused: (404, "audience-unknown", None),
        says: "no audience of this name that is yours",
    },
    Row {
        what: "an audience's name with a dash in front",
        calls: &[Call::Audience],
        make: |_, draft| draft.id = "-news".to_owned(),
        refused: (400, "audience-name-invalid", None),
        says: "starting with a letter or digit",
    },
];

const fn list(what: &'static str, make: fn(&Scene, &mut Draft), says: &'static str) -> Row {
    Row { what, calls: &[Call::FanOut], make, refused: (400, "request-malformed", None), says }
}
