use reqwest::Method;
use reqwest::header::HeaderValue;
use signalbox_wire::base64url;

use super::draft::{Call, Draft};
use super::row::{Row, assert_refused};
use super::scene::Scene;

const PUSH: &[Call] = &[Call::Push];

/// R18, R21: each mistake has its status and its type, and nothing at all crosses to the terminal.
#[tokio::test]
async fn every_bad_push_is_named_and_delivers_nothing() {
    Box::pin(assert_refused(ROWS)).await;
}

/// Mistakes in the method, the headers and the body of a push.
pub const ROWS: &[Row] = &[
    row("an endpoint is asked for", |_, draft| get(draft), NOT_A_POST, "with POST"),
    row("an endpoint is put", |_, draft| draft.method = Method::PUT, NOT_A_POST, "with POST"),
    row("an endpoint is deleted", |_, draft| draft.method = Method::DELETE, NOT_A_POST, "with POST"),
    row(
        "no TTL",
        |_, draft| draft.remove("ttl"),
        (400, "ttl-missing", Some(111)),
        "the header TTL is missing",
    ),
    row("a TTL below 0", |_, draft| draft.set("ttl", "-1"), TTL_INVALID, r#"and is "-1""#),
    row("a TTL in words", |_, draft| draft.set("ttl", "soon"), TTL_INVALID, r#"and is "soon""#),
    row("a TTL of a fraction", |_, draft| draft.set("ttl", "1.5"), TTL_INVALID, r#"and is "1.5""#),
    row("an empty TTL", |_, draft| draft.set("ttl", ""), TTL_INVALID, r#"and is """#),
    row("a TTL twice", |_, draft| twice(draft, "ttl", "60"), TTL_INVALID, "60,"),
    row("no urgency of the four", |_, draft| draft.set("urgency", "now"), URGENCY_INVALID, r#"and is "now""#),
    row("two urgencies", |_, draft| draft.set("urgency", "low, high"), URGENCY_INVALID, r#""low, high""#),
    row("the header Urgency twice", |_, draft| twice(draft, "urgency", "low"), URGENCY_INVALID, "low,"),
    row("a topic with a space", |_, draft| draft.set("topic", "a b"), TOPIC_INVALID, r#"and is "a b""#),
    row("an empty topic", |_, draft| draft.set("topic", ""), TOPIC_INVALID, "1 to 32 characters"),
    row("a topic of 33", |_, draft| draft.set("topic", &"t".repeat(33)), TOPIC_INVALID, "1 to 32 characters"),
    row("a padded topic", |_, draft| draft.set("topic", "dG9waWM="), TOPIC_INVALID, r#""dG9waWM=""#),
    row(
        "a body without its coding",
        |_, draft| draft.remove("content-encoding"),
        (400, "encoding-missing", Some(110)),
        "the header Content-Encoding is missing",
    ),
    row(
        "another coding",
        |_, draft| draft.set("content-encoding", "gzip"),
        (415, "encoding-unsupported", Some(110)),
        r#"and is "gzip""#,
    ),
    row(
        "two codings",
        |_, draft| draft.set("content-encoding", "aes128gcm, gzip"),
        (415, "encoding-unsupported", Some(110)),
        r#"and is "aes128gcm, gzip""#,
    ),
    row(
        "aesgcm without salt",
        |_, draft| legacy(draft, None, Some("dh=BD")),
        NO_ENCRYPTION,
        "Encryption: salt=",
    ),
    row(
        "aesgcm with a bad salt",
        |_, draft| legacy(draft, Some("salt=*"), Some("dh=BD")),
        NO_ENCRYPTION,
        "Encryption: salt=",
    ),
    row(
        "aesgcm without dh",
        |_, draft| legacy(draft, Some("salt=c2FsdA"), None),
        NO_ENCRYPTION,
        "Crypto-Key: dh=",
    ),
    row(
        "a short aesgcm body",
        |_, draft| {
            legacy(draft, Some("salt=c2FsdA"), Some("dh=BD"));
            draft.body = vec![1; 17];
        },
        MALFORMED,
        "at least 18 bytes",
    ),
    row("a short body", |_, draft| draft.body.truncate(102), MALFORMED, "at least 103 bytes"),
    row("no key in the body", |_, draft| draft.body = vec![1; 200], MALFORMED, "byte 20 must be 65"),
    row("a record size of 17", |_, draft| record_size(draft, 17), MALFORMED, "must be at least 18"),
    row("VAPID's key for the payload", reuse_key, MALFORMED, "must not be the VAPID key"),
    row(
        "VAPID's key for an aesgcm payload",
        |scene, draft| {
            let dh = format!("dh={}", scene.server.key.public_key());
            legacy(draft, Some("salt=c2FsdA"), Some(&dh));
        },
        MALFORMED,
        "must not be the VAPID key",
    ),
    row(
        "a body over the limit",
        |_, draft| draft.body.resize(6000, 1),
        (413, "body-too-large", Some(104)),
        "at most 5630 bytes, and has 6000",
    ),
    row(
        "a header that is not plain ASCII",
        |_, draft| {
            draft.headers.insert("topic", HeaderValue::from_bytes("ä".as_bytes()).unwrap());
        },
        (400, "request-malformed", None),
        "the header topic is not plain ASCII",
    ),
];

const NOT_A_POST: (u16, &str, Option<u16>) = (405, "not-a-post", None);
const TTL_INVALID: (u16, &str, Option<u16>) = (400, "ttl-invalid", Some(114));
const URGENCY_INVALID: (u16, &str, Option<u16>) = (400, "urgency-invalid", None);
const TOPIC_INVALID: (u16, &str, Option<u16>) = (400, "topic-invalid", Some(113));
const NO_ENCRYPTION: (u16, &str, Option<u16>) = (400, "encryption-missing", Some(110));
const MALFORMED: (u16, &str, Option<u16>) = (400, "body-malformed", Some(110));

const fn row(
    what: &'static str,
    make: fn(&Scene, &mut Draft),
    refused: (u16, &'static str, Option<u16>),
    says: &'static str,
) -> Row {
    Row { what, calls: PUSH, make, refused, says }
}

fn get(draft: &mut Draft) {
    draft.method = Method::GET;
    draft.body.clear();
}

fn twice(draft: &mut Draft, name: &'static str, value: &'static str) {
    draft.set(name, value);
    draft.headers.append(name, HeaderValue::from_static(value));
}

fn legacy(draft: &mut Draft, encryption: Option<&str>, crypto_key: Option<&str>) {
    draft.set("content-encoding", "aesgcm");
    for (name, value) in [("encryption", encryption), ("crypto-key", crypto_key)] {
        if let Some(value) = value {
            draft.set(name, value);
        }
    }
}

/// RFC 8188 section 2.1: bytes 16 to 19.
fn record_size(draft: &mut Draft, size: u32) {
    draft.body.splice(16..20, size.to_be_bytes());
}

/// RFC 8291 section 4: the sender's key is in bytes 21 to 85.
fn reuse_key(scene: &Scene, draft: &mut Draft) {
    draft.body.splice(21..86, base64url::decode(scene.server.key.public_key()).unwrap());
}
