use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::form;

/// The body of `PUT /v1/applications/{app}`: what an operator says of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationRegistration {
    /// The keys of its servers, each once. They are one server to the push service: what one of them may, all may.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<form::ServerKey>", length(min = 1, max = 20)))]
    pub server_keys: Vec<String>,
    /// What makes a server authorized for its sessions; the deployment's own rule where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<AuthorizationWord>,
}

/// What makes a server authorized for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationWord {
    /// A genuine token counts as its own validation.
    Implicit,
    /// Nothing is delivered before the token was validated.
    Explicit,
}

/// A registered application: the body of the answer to `PUT` and `GET /v1/applications/{app}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApplicationAnswer {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(with = "form::ApplicationName"))]
    pub application: String,
    /// The keys of its servers.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<form::ServerKey>"))]
    pub server_keys: Vec<String>,
    /// What makes a server authorized for its sessions; null where the deployment's own rule does.
    pub authorization: Option<AuthorizationWord>,
    /// When it was registered, RFC 3339 in UTC.
    #[cfg_attr(feature = "schema", schemars(with = "form::Time"))]
    pub registered_at: String,
    /// When that last changed, RFC 3339 in UTC.
    #[cfg_attr(feature = "schema", schemars(with = "form::Time"))]
    pub changed_at: String,
}

/// The body of the answer to `GET /v1/applications`: registered applications by name, 100 at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplicationsAnswer {
    /// Their names, in order.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<form::ApplicationName>"))]
    pub applications: Vec<String>,
    /// The `after` of the next page; null on the last.
    #[cfg_attr(feature = "schema", schemars(with = "Option<form::ApplicationName>"))]
    pub next: Option<String>,
}
