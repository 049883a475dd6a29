//! The forms of what the messages and bodies carry as text: patterns and words for the JSON schemas, each in one place.
//! The rules themselves are the domain's; a test compares.
#![expect(dead_code, reason = "only their schemas are used")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ChannelId;

impl JsonSchema for ChannelId {
    fn schema_name() -> Cow<'static, str> {
        "ChannelId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The name that a terminal gives to one application's session: a UUID in lower case with dashes.",
            "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
            "examples": ["5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d"],
        })
    }
}

/// A terminal's secret name. The service makes it; everything else names no terminal.
#[derive(JsonSchema)]
pub struct Uaid(#[schemars(regex(pattern = "^[0-9a-f]{32}$"))] String);

/// What makes a terminal, where the service does not take everybody. Nothing in it means anything else in a URL.
#[derive(JsonSchema)]
pub struct EnrolmentKey(#[schemars(regex(pattern = "^[A-Za-z0-9._~-]{32,256}$"))] String);

/// The name under which an application asks for its session.
#[derive(JsonSchema)]
pub struct ApplicationName(#[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))] String);

/// An application server key: an uncompressed P-256 point, 65 bytes of which the first is 4, in base64url. Padding and
/// the standard alphabet are taken.
#[derive(JsonSchema)]
pub struct ServerKey(
    #[schemars(regex(pattern = "^B[A-P]([A-Za-z0-9_-]{84}|[A-Za-z0-9+/]{84})[AEIMQUYcgkosw048]=?$"))] String,
);

/// How urgent a notification is (RFC 8030 section 5.3), the least first. Other cases of the letters are taken.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Urgency {
    /// On power and Wi-Fi.
    VeryLow,
    /// On power or Wi-Fi.
    Low,
    /// On neither.
    Normal,
    /// Low battery.
    High,
}

/// A topic (RFC 8030 section 5.4).
#[derive(JsonSchema)]
pub struct Topic(#[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,32}$"))] String);

/// The right to send notifications to one session. Opaque.
#[derive(JsonSchema)]
pub struct Token(#[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,134}$"))] String);

/// Where an application server sends; its last path segment is the token.
#[derive(JsonSchema)]
pub struct Endpoint(
    #[schemars(url, regex(pattern = "^https?://[^?#]+/push/[A-Za-z0-9_-]{1,134}$"))]
    String,
);

/// A name of a message: the `version` that its terminal gets, and the last path segment of its `Location` and of its
/// receipt. Opaque, and different in each of the three.
#[derive(JsonSchema)]
pub struct MessageName(#[schemars(regex(pattern = "^[A-Za-z0-9_-]+$"))] String);

/// Bytes in base64url without padding.
#[derive(JsonSchema)]
pub struct Base64Url(#[schemars(regex(pattern = "^[A-Za-z0-9_-]+$"))] String);

/// A content coding of a payload.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Encoding {
    /// RFC 8188 and RFC 8291.
    Aes128Gcm,
    /// The draft before it, of old senders.
    AesGcm,
}

/// A coding of a body that a fan-out takes.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum FanOutCoding {
    /// RFC 8188 and RFC 8291.
    Aes128Gcm,
    /// Not encrypted; for sessions whose applications have asked for it.
    Identity,
}

/// A coding of bodies that reach a terminal.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Coding {
    /// RFC 8188 and RFC 8291.
    Aes128Gcm,
    /// The draft before it, of old senders.
    AesGcm,
    /// Not encrypted; where the application has asked for it.
    Identity,
}

/// The name of a job.
#[derive(JsonSchema)]
pub struct JobId(#[schemars(regex(pattern = "^[A-Za-z0-9_-]{21}[AQgw]$"))] String);

/// SHA-256 of a token in base64url.
#[derive(JsonSchema)]
pub struct TokenDigest(#[schemars(regex(pattern = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"))] String);

/// What a server calls a set of sessions.
#[derive(JsonSchema)]
pub struct AudienceName(#[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))] String);

/// The salt of an `aesgcm` payload, with its key's id and the record size where the sender gave them.
#[derive(JsonSchema)]
pub struct Salt(
    #[schemars(regex(pattern = "^(keyid=[!#-~]{1,64};)?salt=[A-Za-z0-9_-]+(;rs=[0-9]*)?$"))] String,
);

/// The sender's key of an `aesgcm` payload, with its id where the sender gave one.
#[derive(JsonSchema)]
pub struct SenderKey(#[schemars(regex(pattern = "^(keyid=[!#-~]{1,64};)?dh=[A-Za-z0-9_-]+$"))] String);

/// A time, RFC 3339 in UTC.
#[derive(JsonSchema)]
#[schemars(extend("format" = "date-time"))]
pub struct Time(
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"))]
    String,
);

/// The type of a problem.
#[derive(JsonSchema)]
pub struct ProblemType(#[schemars(regex(pattern = "^urn:signalbox:problem:[a-z0-9-]+$"))] String);

/// The empty object: a ping in its shortest form, and the answer to every ping.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Empty {}
