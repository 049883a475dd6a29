use serde_json::json;
use signalbox_wire::base64url;

use super::draft::{Call, Draft};
use super::row::{Row, assert_refused};
use super::scene::Scene;
use crate::support::{App, Server, Service, assert_nothing_came, http, next, problem};

/// What names a token in its body.
const BY_BODY: &[Call] = &[Call::Validate, Call::Revoke];

/// R13, R14, R16, R22: the same token, session and server are refused alike on every call.
#[tokio::test]
async fn a_token_is_refused_alike_on_every_call() {
    Box::pin(assert_refused(ROWS)).await;
}

/// Tokens that are none, sessions that have ended, and servers that may not.
pub const ROWS: &[Row] = &[
    unknown("the token's first byte altered", |_, draft| draft.alter(0)),
    unknown("a byte within the token altered", |_, draft| draft.alter(50)),
    unknown("the token's last byte altered", |_, draft| draft.alter(93)),
    unknown("a token without its end", |_, draft| {
        draft.id.pop();
    }),
    unknown("a token without its beginning", |_, draft| {
        draft.id.remove(0);
    }),
    unknown("a token with one more character", |_, draft| draft.id.push('A')),
    unknown("a token that is made up", |_, draft| draft.id = "A".repeat(126)),
    unknown("a message's name for a token", |scene, draft| draft.id.clone_from(&scene.message)),
    of_body("a body that is not JSON", |_, draft| draft.body = b"token=abc".to_vec()),
    of_body("a body that is no object", |_, draft| draft.json = Some(json!("token"))),
    of_body("a body without the token", |_, draft| draft.json = Some(json!({}))),
    of_body("an empty token", |_, draft| draft.json = Some(json!({"token": ""}))),
    of_body("a token that is a number", |_, draft| draft.json = Some(json!({"token": 7}))),
    of_body("an endpoint without a token", |scene, draft| {
        draft.json = Some(json!({"endpoint": format!("{}/push/", scene.service.public_url)}));
    }),
    Row {
        what: "an endpoint with another token",
        calls: BY_BODY,
        make: |scene, draft| {
            draft.json = Some(json!({"endpoint": format!("{}x", scene.named.subscription.endpoint)}));
        },
        refused: (404, "token-unknown", Some(102)),
        says: "not one of this push service",
    },
    Row {
        what: "a session that has ended",
        calls: Call::OF_TOKEN,
        make: |scene, draft| draft.to(&scene.ended),
        refused: (410, "session-ended", Some(106)),
        says: "has ended",
    },
    Row {
        what: "a token that was replaced twice",
        calls: Call::OF_TOKEN,
        make: |scene, draft| draft.to(&scene.replaced),
        refused: (410, "session-ended", Some(106)),
        says: "has ended",
    },
    Row {
        what: "a session of another key",
        calls: Call::OF_TOKEN,
        make: |scene, draft| draft.sign(&scene.other, scene),
        refused: (403, "other-server", Some(109)),
        says: "belongs to another application server",
    },
    Row {
        what: "a session that another has validated",
        calls: Call::OF_TOKEN,
        make: |scene, draft| {
            draft.to(&scene.validated);
            draft.sign(&scene.other, scene);
        },
        refused: (403, "other-server", Some(109)),
        says: "belongs to another application server",
    },
    Row {
        what: "an explicit session without VAPID",
        calls: Call::OF_TOKEN,
        make: |scene, draft| {
            draft.to(&scene.validated);
            draft.remove("authorization");
        },
        refused: (401, "vapid-missing", Some(109)),
        says: "Authorization: vapid t=",
    },
    Row {
        what: "a session of no key without VAPID",
        calls: BY_BODY,
        make: |scene, draft| {
            draft.to(&scene.open);
            draft.remove("authorization");
        },
        refused: (401, "vapid-missing", Some(109)),
        says: "Authorization: vapid t=",
    },
    Row {
        what: "a session that nobody has validated",
        calls: &[Call::Push, Call::Revoke],
        make: |scene, draft| draft.to(&scene.explicit),
        refused: (403, "not-validated", None),
        says: "validate the token first, POST /v1/tokens/validate",
    },
    Row {
        what: "a session that is bound to no server",
        calls: &[Call::Revoke],
        make: |scene, draft| draft.to(&scene.open),
        refused: (403, "session-unbound", None),
        says: "only its terminal can end it",
    },
];

const fn unknown(what: &'static str, make: fn(&Scene, &mut Draft)) -> Row {
    let refused = (404, "token-unknown", Some(102));
    Row { what, calls: Call::OF_TOKEN, make, refused, says: "not one of this push service" }
}

const fn of_body(what: &'static str, make: fn(&Scene, &mut Draft)) -> Row {
    Row { what, calls: BY_BODY, make, refused: (400, "request-malformed", None), says: "the body " }
}

/// R14, R19: good, bad, good is delivered, refused, delivered; altered by one bit, cut or foreign is all the same.
#[tokio::test]
async fn the_token_is_evaluated_on_every_notification() {
    let service = Service::start();
    let server = Server::new();
    let (mut terminal, _) = service.terminal().await;
    let app = App::register(&mut terminal, None, None).await;
    service.deliver(&server, &app, "good").await;
    assert_eq!(app.read(&next(&mut terminal).await), "good");

    let token = app.token();
    let length = base64url::decode(token).unwrap().len();
    for at in [0, 1, 2, 14, 50, length - 1] {
        let mut bytes = base64url::decode(token).unwrap();
        bytes[at] ^= 1;
        let endpoint = format!("{}/push/{}", service.public_url, base64url::encode(bytes));
        let request = http().post(endpoint).header("TTL", "60");
        let answer = server.sign(request, &service.public_url).send().await.unwrap();
        let (status, kind, _) = problem(answer).await;
        assert_eq!((status, kind.as_str()), (404, "token-unknown"), "byte {at}");
    }
    assert_nothing_came(&mut terminal).await;

    service.deliver(&server, &app, "good again").await;
    assert_eq!(app.read(&next(&mut terminal).await), "good again");
}
