use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::json;
use signalbox_wire::base64url;

use super::draft::{Call, Draft};
use super::row::{Row, assert_refused};
use super::scene::Scene;

/// VAPID, the same on every call that shows a token: the refusal names the claim, what came and what was expected.
#[tokio::test]
async fn every_bad_vapid_is_named() {
    Box::pin(assert_refused(ROWS)).await;
}

/// Mistakes in `Authorization`, and in `Crypto-Key` of the older forms.
pub const ROWS: &[Row] = &[
    row("no VAPID", |_, draft| draft.remove("authorization"), "vapid-missing", "Authorization: vapid t="),
    row("another scheme", |_, draft| draft.authorize("Basic abc"), "vapid-header", "its scheme is another"),
    row("an empty header", |_, draft| draft.authorize(""), "vapid-header", "its scheme is another"),
    row("VAPID without k", |_, draft| rename(draft, "k"), "vapid-header", "k is missing"),
    row("VAPID without t", |_, draft| rename(draft, "t"), "vapid-header", "t is missing"),
    row(
        "VAPID over 4,096 characters",
        |_, draft| {
            let long = format!("{}, x={}", draft.authorization(), "x".repeat(4096));
            draft.authorize(&long);
        },
        "vapid-header",
        "longer than 4096",
    ),
    row(
        "Bearer without its key",
        |_, draft| older(draft, "Bearer", None),
        "vapid-header",
        "p256ecdsa is missing",
    ),
    row(
        "WebPush with a dh alone",
        |_, draft| older(draft, "WebPush", Some("dh=BD")),
        "vapid-header",
        "p256ecdsa is missing",
    ),
    row(
        "WebPush with a key that is none",
        |_, draft| older(draft, "WebPush", Some("p256ecdsa=BA")),
        "vapid-key",
        "uncompressed P-256 point",
    ),
    row("a k of other characters", |scene, draft| key(scene, draft, "*"), "vapid-key", "k is not base64url"),
    row("a short k", |scene, draft| key(scene, draft, "BA"), "vapid-key", "uncompressed P-256 point"),
    row("a k off the curve", off_the_curve, "vapid-key", "not a point on the curve"),
    row("no JWT", |scene, draft| token(scene, draft, "abc"), "vapid-token", "t is no JWT"),
    row("a JWT of two parts", |scene, draft| token(scene, draft, "a.b"), "vapid-token", "t is no JWT"),
    row(
        "a JWT without signature",
        |scene, draft| token(scene, draft, &format!("{}.e30.", base64url::encode(r#"{"alg":"none"}"#))),
        "vapid-token",
        r#"alg of the JWT must be ES256, and is "none""#,
    ),
    row(
        "another algorithm",
        |scene, draft| token(scene, draft, &format!("{}.e30.AA", base64url::encode(r#"{"alg":"HS256"}"#))),
        "vapid-token",
        r#"and is "HS256""#,
    ),
    row(
        "a signature of another key",
        |scene, draft| key(scene, draft, scene.other.key.public_key()),
        "vapid-signature",
        "does not verify with k",
    ),
    row(
        "another service's audience",
        |scene, draft| draft.claim(scene, &json!({"aud": "https://a.example", "exp": from_now(60)})),
        "vapid-audience",
        "aud is https://a.example, this service is {origin}",
    ),
    row(
        "no audience",
        |scene, draft| draft.claim(scene, &json!({"exp": from_now(60)})),
        "vapid-audience",
        "aud is missing, this service is {origin}",
    ),
    row(
        "no expiry",
        |scene, draft| draft.claim(scene, &json!({"aud": scene.origin})),
        "vapid-expiry",
        "exp is missing",
    ),
    row(
        "an expiry that has passed",
        |scene, draft| draft.claim(scene, &json!({"aud": scene.origin, "exp": from_now(-600)})),
        "vapid-expiry",
        "which has passed",
    ),
    row(
        "an expiry more than a day ahead",
        |scene, draft| draft.claim(scene, &json!({"aud": scene.origin, "exp": from_now(100_000)})),
        "vapid-expiry",
        "more than 24 h ahead",
    ),
    Row {
        what: "VAPID that is not plain ASCII",
        calls: Call::OF_TOKEN,
        make: |_, draft| {
            draft.headers.insert(AUTHORIZATION, HeaderValue::from_bytes("vapid ä".as_bytes()).unwrap());
        },
        refused: (400, "request-malformed", None),
        says: "the header authorization is not plain ASCII",
    },
    Row {
        // Where none is needed it must be good all the same.
        what: "bad VAPID to a session of no key",
        calls: &[Call::Push],
        make: |scene, draft| {
            draft.to(&scene.open);
            draft.authorize("Basic abc");
        },
        refused: (401, "vapid-header", Some(109)),
        says: "its scheme is another",
    },
];

/// Every one is 401, and has one number.
const fn row(
    what: &'static str,
    make: fn(&Scene, &mut Draft),
    kind: &'static str,
    says: &'static str,
) -> Row {
    Row { what, calls: Call::OF_TOKEN, make, refused: (401, kind, Some(109)), says }
}

fn from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

/// A parameter by a name that nobody knows is as good as none.
fn rename(draft: &mut Draft, parameter: &str) {
    let renamed = draft.authorization().replace(&format!(" {parameter}="), " x=");
    draft.authorize(&renamed);
}

/// The same token in a form of the drafts.
fn older(draft: &mut Draft, scheme: &str, crypto_key: Option<&str>) {
    let token = draft.authorization().split(&['=', ','][..]).nth(1).unwrap().to_owned();
    draft.authorize(&format!("{scheme} {token}"));
    if let Some(crypto_key) = crypto_key {
        draft.set("crypto-key", crypto_key);
    }
}

fn key(scene: &Scene, draft: &mut Draft, key: &str) {
    let replaced = draft.authorization().replace(scene.server.key.public_key(), key);
    draft.authorize(&replaced);
}

fn token(scene: &Scene, draft: &mut Draft, token: &str) {
    draft.authorize(&format!("vapid t={token}, k={}", scene.server.key.public_key()));
}

fn off_the_curve(scene: &Scene, draft: &mut Draft) {
    let mut point = base64url::decode(scene.server.key.public_key()).unwrap();
    point[64] ^= 1;
    key(scene, draft, &base64url::encode(point));
}
