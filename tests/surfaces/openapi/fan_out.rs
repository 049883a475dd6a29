//! The calls for many sessions at once.

use serde_json::{Map, Value, json};
use signalbox_domain::RefusalKind::{self, *};

use super::calls::{BAD_VAPID, GATEWAY, TOO_LARGE, TOO_LONG, older_key};
use super::responses::Responses;
use super::schema;

/// Every call here is for application servers.
const OF_SERVER: [RefusalKind; 4] = [RequestMalformed, VapidMissing, BodyTooLarge, Unavailable];
/// What is asked for, for all alike.
const OF_ALL: [RefusalKind; 7] = [
    IdempotencyKeyInvalid,
    UrgencyInvalid,
    TopicInvalid,
    EncodingMissing,
    BodyMalformed,
    EncodingUnsupported,
    IdempotencyConflict,
];
/// Why one recipient gets nothing.
pub(super) const OF_RECIPIENT: [RefusalKind; 11] = [
    RequestMalformed,
    EncodingMissing,
    BodyMalformed,
    OtherServer,
    NotValidated,
    TokenUnknown,
    SessionEnded,
    BodyTooLarge,
    EncodingUnsupported,
    EncodingNotAsked,
    TooManyWaiting,
];
/// Why a session is no member.
const OF_MEMBER: [RefusalKind; 3] = [RequestMalformed, OtherServer, TokenUnknown];

pub(super) fn paths() -> Value {
    let name = json!({
        "name": "name", "in": "path", "required": true, "schema": schema("AudienceName"),
        "description": "The audience's name. Each server has names of its own.",
    });
    let job = json!({
        "name": "job", "in": "path", "required": true, "schema": schema("JobId"),
        "description": "The job, as the answer to the request named it.",
    });
    json!({
        "/v1/notifications": {"post": notify_list()},
        "/v1/notifications/{job}": {"parameters": [job], "get": progress()},
        "/v1/audiences/{name}": {
            "parameters": [name.clone()],
            "patch": change(),
            "get": size(),
            "delete": delete(),
        },
        "/v1/audiences/{name}/notifications": {"parameters": [name], "post": notify_audience()},
    })
}

/// Says of the types of problems in bodies which they can be.
pub(super) fn with_kinds(named: &mut Map<String, Value>) {
    for (schema, kinds) in [("RefusedRecipient", &OF_RECIPIENT[..]), ("RefusedMember", &OF_MEMBER)] {
        let urns: Vec<_> = kinds.iter().map(|kind| kind.urn()).collect();
        let kind = &mut named[schema]["properties"]["type"];
        kind["enum"] = json!(urns);
    }
}

fn notify_list() -> Value {
    json!({
        "operationId": "notifyList",
        "summary": "Sends one notification, or one for each, to the sessions that are listed.",
        "description": "A recipient that is refused costs no other its notification. What is wrong with the request itself is refused as a whole.",
        "security": [{"vapid": []}],
        "parameters": [idempotency_key(), older_key()],
        "requestBody": body("NotificationsRequest", "The notification and the sessions. At most 4 MiB."),
        "responses": accepted(&[]),
    })
}

fn notify_audience() -> Value {
    json!({
        "operationId": "notifyAudience",
        "summary": "Sends one notification to every member of an audience.",
        "security": [{"vapid": []}],
        "parameters": [idempotency_key(), older_key()],
        "requestBody": body("AudienceNotification", "The notification."),
        "responses": accepted(&[AudienceNameInvalid, AudienceUnknown]),
    })
}

fn accepted(more: &[RefusalKind]) -> Value {
    Responses::default()
        .success(
            202,
            "It will be carried out. `Location` says where to ask how far it is.",
            &["Location"],
            Some("JobAccepted"),
        )
        .refusals(&[&OF_SERVER[..], &BAD_VAPID, &OF_ALL, more].concat())
        .gateway(&GATEWAY)
        .gateway(&[TOO_LARGE, TOO_LONG])
        .into_value()
}

fn progress() -> Value {
    let number = |name: &str, says: &str| {
        json!({
            "name": name, "in": "query", "required": false, "description": says,
            "schema": {"type": "integer", "minimum": 0},
        })
    };
    json!({
        "operationId": "progress",
        "summary": "Says how far a job is.",
        "security": [{"vapid": []}],
        "parameters": [
            number("wait", "So many seconds the answer may wait for the job's end; more than 25 are taken for 25."),
            number("after", "The `next` of the answer before: the refused ones come in pages of 1,000."),
            older_key(),
        ],
        "responses": answered(200, "How far it is.", Some("JobProgress"), &[JobUnknown]),
    })
}

fn change() -> Value {
    json!({
        "operationId": "changeAudience",
        "summary": "Adds members to an audience and removes others. Where there is none of that name it is made.",
        "security": [{"vapid": []}],
        "parameters": [older_key()],
        "requestBody": body("AudienceChange", "Who is to be a member, and who no more. At most 4 MiB."),
        "responses": answered(200, "Changed.", Some("AudienceChanged"), &[AudienceNameInvalid]),
    })
}

fn size() -> Value {
    json!({
        "operationId": "audience",
        "summary": "Says how many members an audience has.",
        "security": [{"vapid": []}],
        "parameters": [older_key()],
        "responses": answered(200, "The audience.", Some("AudienceAnswer"), &[AudienceNameInvalid, AudienceUnknown]),
    })
}

fn delete() -> Value {
    json!({
        "operationId": "deleteAudience",
        "summary": "Deletes an audience.",
        "security": [{"vapid": []}],
        "parameters": [older_key()],
        "responses": answered(204, "There is no audience of this name any more.", None, &[AudienceNameInvalid]),
    })
}

fn answered(status: u16, says: &str, body: Option<&str>, more: &[RefusalKind]) -> Value {
    Responses::default()
        .success(status, says, &[], body)
        .refusals(&[&OF_SERVER[..], &BAD_VAPID, more].concat())
        .gateway(&GATEWAY)
        .gateway(&[TOO_LARGE, TOO_LONG])
        .into_value()
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "The server's name for this request, 1 to 128 visible characters. For 7 days a repetition under the same key is the same job.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    })
}

pub(super) fn body(name: &str, says: &str) -> Value {
    json!({
        "description": says,
        "required": true,
        "content": {"application/json": {"schema": schema(name)}},
    })
}
