use serde_json::{Value, json};
use signalbox_domain::RefusalKind::{self, *};

use super::responses::Responses;
use super::schema;

/// VAPID that is bad.
pub(super) const BAD_VAPID: [RefusalKind; 6] =
    [VapidHeader, VapidKey, VapidToken, VapidSignature, VapidAudience, VapidExpiry];
/// Whoever shows a token may be told so.
const OF_TOKEN: [RefusalKind; 6] =
    [RequestMalformed, VapidMissing, OtherServer, TokenUnknown, SessionEnded, Unavailable];
const PUSH: [RefusalKind; 11] = [
    TtlMissing,
    TtlInvalid,
    UrgencyInvalid,
    TopicInvalid,
    EncodingMissing,
    EncryptionMissing,
    BodyMalformed,
    NotValidated,
    BodyTooLarge,
    EncodingUnsupported,
    TooManyWaiting,
];
/// What API Gateway answers instead of any function.
pub(super) const GATEWAY: [u16; 3] = [429, 500, 503];
pub(super) const TOO_LARGE: u16 = 413;
pub(super) const TOO_LONG: u16 = 414;

pub(super) fn paths() -> Value {
    json!({
        "/push/{token}": endpoint(),
        "/messages/{id}": {"parameters": [id("A message's `Location`.")], "delete": withdraw()},
        "/receipts/{id}": {"parameters": [id("A receipt's `Link`.")], "get": receipt()},
        "/v1/tokens/validate": {"post": validate()},
        "/v1/tokens/revoke": {"post": revoke()},
        "/health": {"get": health()},
    })
}

fn endpoint() -> Value {
    let token = json!({
        "name": "token", "in": "path", "required": true, "schema": schema("Token"),
        "description": "The token. The whole URL is the endpoint, as the application handed it on.",
    });
    let mut path = json!({"parameters": [token], "post": push()});
    for method in ["get", "put", "patch", "delete"] {
        path[method] = json!({
            "operationId": format!("{method}Endpoint"),
            "summary": "Endpoints take POST alone.",
            "responses": Responses::default().refusals(&[NotAPost]).gateway(&GATEWAY).gateway(&[TOO_LONG]).into_value(),
        });
    }
    path
}

fn push() -> Value {
    let responses = Responses::default()
        .success(
            201,
            "Accepted: stored, or with TTL 0 handed to the connection, or dropped as nobody was there. Not yet delivered.",
            &["Location", "TTL"],
            None,
        )
        .success(202, "Accepted, and a receipt is wanted.", &["Location", "Link", "TTL"], None)
        .refusals(&[&PUSH[..], &OF_TOKEN, &BAD_VAPID].concat())
        .gateway(&GATEWAY)
        .gateway(&[TOO_LARGE, TOO_LONG]);
    json!({
        "operationId": "push",
        "summary": "Sends a notification (RFC 8030 section 5).",
        "description": "VAPID is needed where the session is explicit or the application named a key. Where it is there it must be good, also if it is not needed.",
        "security": [{"vapid": []}, {}],
        "parameters": push_headers(),
        "requestBody": {
            "description": "The encrypted payload (RFC 8291). At most 5,630 bytes, or as many as the deployment says, 4,096 to 23,000. Other media types are taken too; text is handed on as text, which mangles the payload.",
            "required": false,
            "content": {"application/octet-stream": {"schema": {"maxLength": 23_000}}},
        },
        "responses": responses.into_value(),
    })
}

fn push_headers() -> Value {
    let header = |name: &str, says: &str, schema: Value| json!({"name": name, "in": "header", "required": name == "TTL", "description": says, "schema": schema});
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    json!([
        header(
            "TTL",
            "The seconds that the message may wait. 0 is now or never. More than 30 days is shortened.",
            json!({"type": "integer", "minimum": 0}),
        ),
        header("Urgency", "`normal` where it is absent.", schema("Urgency")),
        header(
            "Topic",
            "The message replaces one of the same topic of the same session that waits.",
            schema("Topic")
        ),
        header("Content-Encoding", "Needed where there is a body.", schema("Encoding")),
        header("Encryption", "With `aesgcm`: `salt=<base64url>`.", text("salt=")),
        header(
            "Crypto-Key",
            "With `aesgcm`: `dh=<base64url>`. With the older forms of VAPID: `p256ecdsa=<public key>`.",
            text("(dh|p256ecdsa)="),
        ),
        header(
            "Prefer",
            "`respond-async`: a receipt is wanted. Other preferences are ignored.",
            json!({"type": "string", "examples": ["respond-async"]})
        ),
    ])
}

fn id(says: &str) -> Value {
    json!({"name": "id", "in": "path", "required": true, "description": says, "schema": schema("MessageName")})
}

fn withdraw() -> Value {
    let responses = Responses::default()
        .success(204, "Withdrawn, or gone already.", &[], None)
        .refusals(&[MessageUnknown, Unavailable]);
    json!({
        "operationId": "withdraw",
        "summary": "Withdraws a message (RFC 8030 section 6.2). A terminal that has it keeps it.",
        "responses": responses.gateway(&GATEWAY).gateway(&[TOO_LONG]).into_value(),
    })
}

fn receipt() -> Value {
    let responses = Responses::default()
        .success(202, "Not known yet: it waits, or it had TTL 0 and is less than a minute old.", &[], None)
        .success(204, "The terminal has acknowledged it as delivered. Remembered for 30 days.", &[], None)
        .refusals(&[MessageUnknown, GivenUp, Unavailable]);
    json!({
        "operationId": "receipt",
        "summary": "What became of a message that was sent with `Prefer: respond-async` (RFC 8030 section 6.3, polled).",
        "responses": responses.gateway(&GATEWAY).gateway(&[TOO_LONG]).into_value(),
    })
}

fn validate() -> Value {
    let responses = Responses::default()
        .success(200, "The server is authorized.", &[], Some("ValidateAnswer"))
        .refusals(&[&OF_TOKEN[..], &BAD_VAPID].concat());
    json!({
        "operationId": "validate",
        "summary": "Validates a token. For an explicit session the first server that does is the authorized one.",
        "security": [{"vapid": []}],
        "parameters": [older_key()],
        "requestBody": token_body(),
        "responses": responses.gateway(&GATEWAY).gateway(&[TOO_LARGE]).into_value(),
    })
}

fn revoke() -> Value {
    let responses = Responses::default()
        .success(204, "The session has ended.", &[], None)
        .refusals(&[&OF_TOKEN[..], &BAD_VAPID, &[NotValidated, SessionUnbound]].concat());
    json!({
        "operationId": "revoke",
        "summary": "Ends a session, on behalf of the server that it is bound to.",
        "security": [{"vapid": []}],
        "parameters": [older_key()],
        "requestBody": token_body(),
        "responses": responses.gateway(&GATEWAY).gateway(&[TOO_LARGE]).into_value(),
    })
}

pub(super) fn older_key() -> Value {
    json!({
        "name": "Crypto-Key", "in": "header", "required": false,
        "description": "With the older forms of VAPID: `p256ecdsa=<public key>`.",
        "schema": {"type": "string", "pattern": "p256ecdsa="},
    })
}

fn token_body() -> Value {
    json!({
        "description": "The token, or the endpoint that ends in it. A whole PushSubscription will do.",
        "required": true,
        "content": {"application/json": {"schema": schema("ValidateRequest")}},
    })
}

fn health() -> Value {
    json!({
        "operationId": "health",
        "summary": "Says that the function runs. It reads nothing.",
        "responses": Responses::default()
            .success(200, "It runs.", &[], Some("HealthAnswer"))
            .gateway(&GATEWAY)
            .into_value(),
    })
}
