use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::form;

/// The media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What the type of every problem begins with.
pub const PROBLEM_PREFIX: &str = "urn:signalbox:problem:";

/// Problem details (RFC 9457): the body of every refusal on HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// A stable URI that names the kind of problem.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "form::ProblemType"))]
    pub kind: String,
    /// The kind in words, the same each time.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "schema", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// This occurrence: the header, member or claim, what came and what was expected.
    pub detail: String,
    /// The number that Mozilla's push service gives to this error, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u16"))]
    pub errno: Option<u16>,
}
