use serde::{Deserialize, Serialize};

/// The media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Problem details (RFC 9457): the body of every refusal on HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words, the same each time.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence: the header, member or claim, what came and what was expected.
    pub detail: String,
    /// The number that Mozilla's push service gives to this error, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<u16>,
}
