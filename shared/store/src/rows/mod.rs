mod application;
mod connection;
mod enrolment;
mod job;
mod member;
mod message;
mod page;
mod payload;
mod session;
mod terminal;

pub(crate) use application::{
    ApplicationRow, KeyRow, NAMES, Replica, application_key, listed_name, name_key, server_key_key,
};
pub(crate) use connection::ConnectionRow;
pub(crate) use enrolment::{EnrolmentRow, enrolment_key, enrolment_partition};
pub(crate) use job::{JobRow, job_key, job_partition};
pub(crate) use member::{AudienceRow, MemberRow, audience_key, member_key, members_partition, sort_keys};
pub(crate) use message::{MessageRow, SharedBodyRow, shared_body_key};
pub use page::PageState;
pub(crate) use page::{PageRow, is_page, page_key};
pub(crate) use session::SessionRow;
pub(crate) use terminal::{Link, TerminalRow};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use signalbox_domain::TerminalId;
use signalbox_wire::ChannelId;

use crate::StoreError;
use crate::expression::{Attributes, text};

/// The sort key of a terminal's own row.
pub(crate) const TERMINAL: &str = "T";
const SESSION: &str = "S#";

pub(crate) fn session_sort_key(channel: &ChannelId) -> String {
    format!("{SESSION}{channel}")
}

pub(crate) fn terminal_key(terminal: TerminalId) -> Attributes {
    key(terminal, TERMINAL)
}

pub(crate) fn session_key(terminal: TerminalId, channel: &ChannelId) -> Attributes {
    key(terminal, session_sort_key(channel))
}

pub(crate) fn key(terminal: TerminalId, sort: impl ToString) -> Attributes {
    key_of(terminal, sort)
}

pub(crate) fn key_of(partition: impl ToString, sort: impl ToString) -> Attributes {
    Attributes::from([("pk".to_owned(), text(partition)), ("sk".to_owned(), text(sort))])
}

/// A row as an item.
pub(crate) fn item(table: &'static str, row: &impl Serialize) -> Result<Attributes, StoreError> {
    serde_dynamo::to_item(row).map_err(|error| malformed(table, error))
}

/// An item as a row.
pub(crate) fn row<R: DeserializeOwned>(table: &'static str, item: Attributes) -> Result<R, StoreError> {
    // As a value it is made into the library's own form once; as an item it would be twice.
    serde_dynamo::from_attribute_value(AttributeValue::M(item)).map_err(|error| malformed(table, error))
}

#[expect(clippy::needless_pass_by_value, reason = "takes any error as it comes")]
pub(crate) fn malformed(table: &'static str, reason: impl ToString) -> StoreError {
    StoreError::Malformed { table, reason: reason.to_string() }
}
