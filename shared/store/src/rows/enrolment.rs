use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use signalbox_domain::ConnectionId;

use crate::expression::{Attributes, text};

/// The row of a connection that was made with an enrolment key. It stands beside the connection's own row, whose conditions say
/// which `hello` made it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnrolmentRow {
    pub(crate) pk: String,
    /// Seconds.
    pub(crate) expires_at: u64,
}

/// API Gateway's ids of connections are base64: none has this form.
pub(crate) fn enrolment_partition(connection: &ConnectionId) -> String {
    format!("E#{connection}")
}

pub(crate) fn enrolment_key(connection: &ConnectionId) -> Attributes {
    HashMap::from([("pk".to_owned(), text(enrolment_partition(connection)))])
}
