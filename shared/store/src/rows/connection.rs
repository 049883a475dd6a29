use serde::{Deserialize, Serialize};

/// A connection's row: which terminal said `hello` on it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionRow {
    pub(crate) pk: String,
    pub(crate) terminal: String,
    /// The `hello` event that made it.
    pub(crate) hello: String,
    /// Seconds.
    pub(crate) expires_at: u64,
}
