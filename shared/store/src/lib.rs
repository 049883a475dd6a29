//! The tables. [`Store`] has one function for each access, with its condition and its cost in the comment; rows become
//! domain values here and nowhere else.
//!
//! Every read that decides something is strongly consistent, so no index serves one. DynamoDB deletes expired items
//! late: a terminal that has expired is not there for any read, and of messages the drain decides.

mod access;
mod error;
mod expression;
mod keep_alive;
mod rows;
mod tables;

pub use access::applications::{NamesPage, Registering};
pub use access::audiences::Size;
pub use access::connections::{Claim, ConnectionEntry};
pub use access::jobs::Begun;
pub use access::many::Routes;
pub use access::messages::{Outcome, Putting, Waiting, WaitingPage};
pub use access::sessions::{Authorizing, Held, Issuing, Route};
pub use access::terminals::{Arrival, NewTerminal, TakeOver};
pub use error::StoreError;
pub use keep_alive::{KeepAliveTable, SlotPage};
pub use rows::PageState;
pub use tables::{KeySchema, TableNames};

use aws_sdk_dynamodb::Client;

/// The tables, behind a DynamoDB client.
#[derive(Debug, Clone)]
pub struct Store {
    dynamo: Client,
    tables: TableNames,
}

impl Store {
    /// On these tables.
    #[must_use]
    pub fn new(dynamo: Client, tables: TableNames) -> Self {
        Self { dynamo, tables }
    }
}
