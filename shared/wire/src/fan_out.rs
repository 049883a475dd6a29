use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::form;

/// The body of `POST /v1/notifications`: one notification, or one for each, to many sessions (R40).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationsRequest {
    /// How long it may wait for a terminal, in seconds; 0: now or never.
    pub ttl: u64,
    /// How urgent it is; `normal` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Urgency"))]
    pub urgency: Option<String>,
    /// A newer one of the same topic replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Topic"))]
    pub topic: Option<String>,
    /// How the body is encrypted: `aes128gcm`, or `identity`, not at all, for sessions that have asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::FanOutCoding"))]
    pub content_encoding: Option<String>,
    /// The body of those that have none of their own, in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Base64Url"))]
    pub body: Option<String>,
    /// The sessions.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub recipients: Vec<Recipient>,
}

/// The body of `POST /v1/audiences/{name}/notifications`: one notification to every member.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AudienceNotification {
    /// How long it may wait for a terminal, in seconds; 0: now or never.
    pub ttl: u64,
    /// How urgent it is; `normal` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Urgency"))]
    pub urgency: Option<String>,
    /// A newer one of the same topic replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Topic"))]
    pub topic: Option<String>,
    /// How the body is encrypted: `aes128gcm`, or `identity`, not at all, for sessions that have asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::FanOutCoding"))]
    pub content_encoding: Option<String>,
    /// The body, in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Base64Url"))]
    pub body: Option<String>,
}

/// A session that is to be notified, by its token or its endpoint. A whole `PushSubscription` is fine: its other members
/// are ignored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("anyOf" = [{"required": ["token"]}, {"required": ["endpoint"]}]))
)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Token"))]
    pub token: Option<String>,
    /// The endpoint; its last path segment is the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Endpoint"))]
    pub endpoint: Option<String>,
    /// Its own body, instead of that of all, in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Base64Url"))]
    pub body: Option<String>,
    /// How its own body is encrypted; as that of all where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::FanOutCoding"))]
    pub content_encoding: Option<String>,
}

impl Recipient {
    /// The token that it shows; empty where it shows none.
    #[must_use]
    pub fn shown(&self) -> &str {
        shown(self.token.as_deref(), self.endpoint.as_deref())
    }
}

/// The token, or the last path segment of the endpoint; empty where there is neither.
pub(crate) fn shown<'t>(token: Option<&'t str>, endpoint: Option<&'t str>) -> &'t str {
    token.or_else(|| endpoint.map(last_segment)).unwrap_or_default()
}

fn last_segment(endpoint: &str) -> &str {
    endpoint.rsplit('/').next().unwrap_or_default()
}

/// The body of a 202 to a fan-out: it will be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobAccepted {
    /// Its name, for `GET /v1/notifications/{job}`.
    #[cfg_attr(feature = "schema", schemars(with = "form::JobId"))]
    pub job: String,
    /// How many recipients it has; of a large audience, about how many.
    pub total: u64,
    /// Those that will get nothing, as their tokens or bodies tell by themselves.
    pub refused: Vec<RefusedRecipient>,
}

/// A recipient that gets nothing. One bad one costs no other its notification (R40).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefusedRecipient {
    /// Its place in the list, from 0; none of an audience's member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u32"))]
    pub index: Option<u32>,
    /// SHA-256 of its token in base64url, of an audience's member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::TokenDigest"))]
    pub member: Option<String>,
    /// The status that a single notification would have got.
    #[cfg_attr(feature = "schema", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// The type of the problem.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "form::ProblemType"))]
    pub kind: String,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Some recipients are still to be dealt with.
    Running,
    /// Every one has been dealt with.
    Done,
}

/// The body of a 200 to `GET /v1/notifications/{job}` (R41). Where it is done, `total` is exact, and the sum of `posted`,
/// `stored`, `missed`, `refused` and `failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobProgress {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(with = "form::JobId"))]
    pub job: String,
    /// Whether there is still something to do.
    pub state: JobState,
    /// How many recipients it has; of a large audience about how many, until it is done.
    pub total: u64,
    /// Handed to a terminal's connection.
    pub posted: u64,
    /// Waiting for terminals that are absent.
    pub stored: u64,
    /// Dropped: with TTL 0, to terminals that are absent; and what was carried out only after the TTL.
    pub missed: u64,
    /// Refused, each for a reason of its own.
    pub refused: u64,
    /// Given up after every repetition, for a fault of the service: what its operator finds among the dead letters.
    pub failed: u64,
    /// Not yet dealt with.
    pub pending: u64,
    /// The refused ones whose tokens are dead, by their places in the list, or by SHA-256 of the token, of an audience's
    /// members, which drop out by themselves. Of this page of the answer.
    pub dead: Vec<Dead>,
    /// The refused ones with status and type, the dead among them. Of this page of the answer.
    pub refusals: Vec<RefusedRecipient>,
    /// There are more refused ones: ask again with `?after=` this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub next: Option<u64>,
}

/// A recipient whose token is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Dead {
    /// Its place in the list.
    Index(u32),
    /// SHA-256 of its token in base64url.
    Member(#[cfg_attr(feature = "schema", schemars(with = "form::TokenDigest"))] String),
}

/// The body of `PATCH /v1/audiences/{name}`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AudienceChange {
    /// Sessions that become members. One that is already gets its newer token.
    #[serde(default)]
    pub add: Vec<Member>,
    /// Sessions that are members no more.
    #[serde(default)]
    pub remove: Vec<Member>,
}

/// A session: its token or endpoint as text, or a `PushSubscription`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Member {
    /// The token, or the endpoint.
    Text(String),
    /// An object that names the token or the endpoint.
    Object(crate::ValidateRequest),
}

impl Member {
    /// The token that it shows; empty where it shows none.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) => last_segment(text),
            Self::Object(object) => object.shown(),
        }
    }
}

/// The body of a 200 to `PATCH /v1/audiences/{name}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AudienceChanged {
    /// How many sessions are members now because of this, whether or not they were before.
    pub added: u64,
    /// How many are no members now because of this, whether or not they were before.
    pub removed: u64,
    /// Those that could be neither.
    pub refused: Vec<RefusedMember>,
}

/// A token with which nothing could be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefusedMember {
    /// In which of the lists.
    pub list: MemberList,
    /// At which place there, from 0.
    pub index: u32,
    /// The status that a single notification would have got.
    #[cfg_attr(feature = "schema", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// The type of the problem.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "form::ProblemType"))]
    pub kind: String,
}

/// One of the lists of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum MemberList {
    /// Those to be added.
    Add,
    /// Those to be removed.
    Remove,
}

/// The body of a 200 to `GET /v1/audiences/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AudienceAnswer {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(with = "form::AudienceName"))]
    pub name: String,
    /// How many members it has.
    pub size: u64,
}
