use serde::{Deserialize, Serialize};

use crate::ChannelId;
#[cfg(feature = "schema")]
use crate::form;

/// The body of `POST /v1/tokens/validate`: the token, or the endpoint that ends in it.
///
/// A whole `PushSubscription` as the browser gives it is fine; its other members are ignored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("anyOf" = [{"required": ["token"]}, {"required": ["endpoint"]}]))
)]
pub struct ValidateRequest {
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Token"))]
    pub token: Option<String>,
    /// The endpoint; its last path segment is the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Endpoint"))]
    pub endpoint: Option<String>,
}

impl ValidateRequest {
    /// The token that it shows; empty where it shows none.
    #[must_use]
    pub fn shown(&self) -> &str {
        crate::fan_out::shown(self.token.as_deref(), self.endpoint.as_deref())
    }
}

/// The body of the answer to `GET /health`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthAnswer {
    /// How it is.
    pub status: Health,
}

/// How the service is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// The function runs. Nothing else was looked at.
    #[default]
    Ok,
}

/// The authorization (R15): the body of a 200 to `POST /v1/tokens/validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ValidateAnswer {
    /// Always true: everything else is a problem.
    #[cfg_attr(feature = "schema", schemars(extend("const" = true)))]
    pub authorized: bool,
    /// The channel of the session.
    pub channel: ChannelId,
    /// The application that asked for the session, where it gave its name.
    #[cfg_attr(feature = "schema", schemars(with = "Option<form::ApplicationName>"))]
    pub application: Option<String>,
    /// When this token was issued, RFC 3339 in UTC.
    #[cfg_attr(feature = "schema", schemars(with = "form::Time"))]
    pub issued_at: String,
    /// Until when this token counts, where a newer one has replaced it; else null.
    #[cfg_attr(feature = "schema", schemars(with = "Option<form::Time>"))]
    pub expires_at: Option<String>,
}
