use serde::{Deserialize, Serialize};

use crate::ChannelId;

/// The body of `POST /v1/tokens/validate`: the token, or the endpoint that ends in it.
///
/// A whole `PushSubscription` as the browser gives it is fine; its other members are ignored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateRequest {
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The endpoint; its last path segment is the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// The authorization (R15): the body of a 200 to `POST /v1/tokens/validate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateAnswer {
    /// Always true: everything else is a problem.
    pub authorized: bool,
    /// The channel of the session.
    pub channel: ChannelId,
    /// The application that asked for the session, where it gave its name.
    pub application: Option<String>,
    /// When this token was issued, RFC 3339 in UTC.
    pub issued_at: String,
    /// When the session ends by itself; null where it does not.
    pub expires_at: Option<String>,
}
