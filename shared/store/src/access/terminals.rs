use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use signalbox_domain::{ConnectionId, EventId, Terminal, TerminalId, TerminalState, Timestamp};

use super::batch::pause_before;
use crate::expression::{Attributes, names, number, text, values};
use crate::rows::{ConnectionRow, TerminalRow, item, terminal_key};
use crate::{Claim, Store, StoreError};

/// A terminal that never asks for a session is forgotten after this time.
const WITHOUT_SESSION: Duration = Duration::from_secs(24 * 3600);
/// How often a transaction is tried that lost against another one.
pub(crate) const CONFLICT_ROUNDS: u32 = 6;

/// A `hello`: who says it, on which connection, in which event.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The terminal.
    pub terminal: TerminalId,
    /// The connection.
    pub connection: ConnectionId,
    /// When the connection was made, by API Gateway's clock.
    pub connected: Timestamp,
    /// The event.
    pub hello: EventId,
}

/// What [`Store::create_terminal`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewTerminal {
    /// The terminal and its connection's entry are there, by this run of the event or an earlier one.
    Created,
    /// The connection has said `hello` before, in another event.
    SecondHello,
}

/// What [`Store::take_over`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeOver {
    /// The terminal is on this connection now, its gate closed; on `before` until then.
    Taken {
        /// The connection to close.
        before: Option<ConnectionId>,
    },
    /// There is no such terminal, or it is retired.
    Unknown,
    /// The terminal is suspended.
    Suspended,
    /// A connection made later has it (I7).
    Superseded,
    /// This connection has said `hello` before, in another event.
    SecondHello,
}

impl Store {
    /// Makes a terminal, not yet provisioned, and its connection's entry, in one transaction: each must be new, or made by
    /// this same event. It is forgotten within a day unless a session comes. 1 call, 4 write units.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_terminal(
        &self,
        arrival: &Arrival,
        connection_expires: Timestamp,
        now: Timestamp,
    ) -> Result<NewTerminal, StoreError> {
        const NEW: &str = "attribute_not_exists(pk)";
        const NEW_OR_MINE: &str = "attribute_not_exists(pk) OR #hello = :hello";
        let terminal = Terminal {
            id: arrival.terminal,
            state: TerminalState::Configuring,
            connection: Some(arrival.connection.clone()),
            connected: arrival.connected,
            hello: Some(arrival.hello.as_str().to_owned()),
            open: false,
            waiting: 0,
        };
        let put_terminal = Put::builder()
            .table_name(&self.tables.terminals)
            .set_item(Some(item("terminals", &TerminalRow::of(&terminal, now, now.plus(WITHOUT_SESSION)))?))
            .condition_expression(NEW)
            .build()?;
        let put_connection = Put::builder()
            .table_name(&self.tables.connections)
            .set_item(Some(item("connections", &connection_row(arrival, connection_expires))?))
            .condition_expression(NEW_OR_MINE)
            .set_expression_attribute_names(names(&[NEW_OR_MINE]))
            .set_expression_attribute_values(values([(":hello", text(arrival.hello.as_str()))]))
            .build()?;
        let items = vec![
            TransactWriteItem::builder().put(put_terminal).build(),
            TransactWriteItem::builder().put(put_connection).build(),
        ];
        match self.transact(items).await? {
            Transaction::Refused(reasons) if failed(&reasons, 1) => Ok(NewTerminal::SecondHello),
            // The uaid is derived from this event: only an earlier run of it can have made the terminal.
            Transaction::Done | Transaction::Refused(_) => Ok(NewTerminal::Created),
        }
    }

    /// Puts a known terminal on this connection and closes its gate, if it exists, may, and no connection made later
    /// has it. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_over(&self, arrival: &Arrival, now: Timestamp) -> Result<TakeOver, StoreError> {
        const CONDITION: &str = "attribute_exists(pk) AND #state IN (:provisioned, :configuring) \
            AND (attribute_not_exists(#expiresAt) OR #expiresAt > :now) \
            AND (attribute_not_exists(#connection) OR #connectedAt < :connectedAt \
                 OR (#connection = :connection AND #hello = :hello))";
        const UPDATE: &str =
            "SET #connection = :connection, #connectedAt = :connectedAt, #hello = :hello, #open = :closed";
        let done = self
            .dynamo
            .update_item()
            .table_name(&self.tables.terminals)
            .set_key(Some(terminal_key(arrival.terminal)))
            .update_expression(UPDATE)
            .condition_expression(CONDITION)
            .set_expression_attribute_names(names(&[UPDATE, CONDITION]))
            .set_expression_attribute_values(values([
                (":provisioned", text(TerminalState::Provisioned)),
                (":configuring", text(TerminalState::Configuring)),
                (":now", number(now.as_secs())),
                (":connection", text(&arrival.connection)),
                (":connectedAt", number(arrival.connected.as_millis())),
                (":hello", text(arrival.hello.as_str())),
                (":closed", AttributeValue::Bool(false)),
            ]))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match updated(done.map(|answer| answer.attributes))? {
            Updated::Done(old) => {
                let old = old.map(|old| TerminalRow::read(old, Timestamp::default())).transpose()?.flatten();
                let before = old.and_then(|old| old.connection).filter(|old| *old != arrival.connection);
                Ok(TakeOver::Taken { before })
            }
            Updated::Refused(old) => {
                let old = old.map(|old| TerminalRow::read(old, now)).transpose()?.flatten();
                Ok(why_not_taken(old.as_ref(), arrival))
            }
        }
    }

    /// Makes the terminal provisioned and opens its gate, if it is still on this connection: after the configuring message
    /// is out (R4), before what waits is read (I12). Says whether it was. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_gate(
        &self,
        terminal: TerminalId,
        connection: &ConnectionId,
    ) -> Result<bool, StoreError> {
        const CONDITION: &str = "#connection = :connection AND #state IN (:provisioned, :configuring)";
        const UPDATE: &str = "SET #state = :provisioned, #open = :open, #waiting = :none";
        let done = self
            .dynamo
            .update_item()
            .table_name(&self.tables.terminals)
            .set_key(Some(terminal_key(terminal)))
            .update_expression(UPDATE)
            .condition_expression(CONDITION)
            .set_expression_attribute_names(names(&[UPDATE, CONDITION]))
            .set_expression_attribute_values(values([
                (":connection", text(connection)),
                (":provisioned", text(TerminalState::Provisioned)),
                (":configuring", text(TerminalState::Configuring)),
                (":open", AttributeValue::Bool(true)),
                (":none", number(0)),
            ]))
            .send()
            .await;
        Ok(matches!(updated(done.map(|_| None))?, Updated::Done(_)))
    }

    /// Reads a terminal. 1 call, 1 read unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn terminal(
        &self,
        terminal: TerminalId,
        now: Timestamp,
    ) -> Result<Option<Terminal>, StoreError> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.tables.terminals)
            .set_key(Some(terminal_key(terminal)))
            .consistent_read(true)
            .send()
            .await?;
        Ok(answer.item.map(|item| TerminalRow::read(item, now)).transpose()?.flatten())
    }

    /// Marks the terminal absent, if it is still on this connection (I8). Where it is not, says how it stands: perhaps
    /// on a newer one. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_connection(
        &self,
        terminal: TerminalId,
        connection: &ConnectionId,
        now: Timestamp,
    ) -> Result<Option<Terminal>, StoreError> {
        const CONDITION: &str = "#connection = :connection";
        const UPDATE: &str = "SET #open = :closed REMOVE #connection";
        let done = self
            .dynamo
            .update_item()
            .table_name(&self.tables.terminals)
            .set_key(Some(terminal_key(terminal)))
            .update_expression(UPDATE)
            .condition_expression(CONDITION)
            .set_expression_attribute_names(names(&[UPDATE, CONDITION]))
            .set_expression_attribute_values(values([
                (":connection", text(connection)),
                (":closed", AttributeValue::Bool(false)),
            ]))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match updated(done.map(|_| None))? {
            Updated::Done(_) => Ok(None),
            Updated::Refused(old) => Ok(old.map(|old| TerminalRow::read(old, now)).transpose()?.flatten()),
        }
    }

    /// Counts one more message that waits, and says how the terminal stands: the second look of a push (I12). 1 call,
    /// 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_waiting(
        &self,
        terminal: TerminalId,
        now: Timestamp,
    ) -> Result<Option<Terminal>, StoreError> {
        const CONDITION: &str = "attribute_exists(pk)";
        const UPDATE: &str = "ADD #waiting :one";
        let done = self
            .dynamo
            .update_item()
            .table_name(&self.tables.terminals)
            .set_key(Some(terminal_key(terminal)))
            .update_expression(UPDATE)
            .condition_expression(CONDITION)
            .set_expression_attribute_names(names(&[UPDATE]))
            .set_expression_attribute_values(values([(":one", number(1))]))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated(done.map(|answer| answer.attributes))? {
            Updated::Done(new) => Ok(new.map(|new| TerminalRow::read(new, now)).transpose()?.flatten()),
            Updated::Refused(_) => Ok(None),
        }
    }

    /// Puts the connection's entry, if it is new or made by this same event. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_connection(&self, arrival: &Arrival, expires: Timestamp) -> Result<Claim, StoreError> {
        const CONDITION: &str = "attribute_not_exists(pk) OR #hello = :hello";
        let done = self
            .dynamo
            .put_item()
            .table_name(&self.tables.connections)
            .set_item(Some(item("connections", &connection_row(arrival, expires))?))
            .condition_expression(CONDITION)
            .set_expression_attribute_names(names(&[CONDITION]))
            .set_expression_attribute_values(values([(":hello", text(arrival.hello.as_str()))]))
            .send()
            .await;
        match done {
            Ok(_) => Ok(Claim::Claimed),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                Ok(Claim::SecondHello)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn connection_row(arrival: &Arrival, expires: Timestamp) -> ConnectionRow {
    ConnectionRow {
        pk: arrival.connection.to_string(),
        terminal: arrival.terminal.to_string(),
        hello: arrival.hello.as_str().to_owned(),
        expires_at: expires.as_secs(),
    }
}

fn why_not_taken(old: Option<&Terminal>, arrival: &Arrival) -> TakeOver {
    match old {
        None => TakeOver::Unknown,
        Some(old) if old.state == TerminalState::Retired => TakeOver::Unknown,
        Some(old) if old.state == TerminalState::Suspended => TakeOver::Suspended,
        Some(old) if old.connection.as_ref() == Some(&arrival.connection) => TakeOver::SecondHello,
        Some(_) => TakeOver::Superseded,
    }
}

/// What a conditional update came to.
pub(crate) enum Updated {
    /// Done; the item, where it was asked for.
    Done(Option<Attributes>),
    /// The condition failed; the item as it stands, where it was asked for and there is one.
    Refused(Option<Attributes>),
}

pub(crate) fn updated(
    done: Result<Option<Attributes>, SdkError<UpdateItemError>>,
) -> Result<Updated, StoreError> {
    match done {
        Ok(item) => Ok(Updated::Done(item)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Updated::Refused(refused.item.clone().filter(|item| !item.is_empty())))
            }
            _ => Err(error.into()),
        },
    }
}

/// What a transaction came to.
pub(crate) enum Transaction {
    /// All of it is done.
    Done,
    /// None of it: a condition failed. One reason for each item.
    Refused(Vec<CancellationReason>),
}

/// Whether the condition of the item at `index` failed.
pub(crate) fn failed(reasons: &[CancellationReason], index: usize) -> bool {
    reasons.get(index).and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
}

impl Store {
    /// Runs a transaction; again where it lost against another one, which the SDK does not do by itself.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Transaction, StoreError> {
        let mut round = 0;
        loop {
            let done =
                self.dynamo.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = done else { return Ok(Transaction::Done) };
            let reasons = error
                .as_service_error()
                .and_then(|error| match error {
                    aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(canceled) => {
                        Some(canceled.cancellation_reasons().to_vec())
                    }
                    _ => None,
                })
                .unwrap_or_default();
            if (0..reasons.len()).any(|index| failed(&reasons, index)) {
                return Ok(Transaction::Refused(reasons));
            }
            let conflict = reasons.iter().any(|reason| reason.code() == Some("TransactionConflict"));
            round += 1;
            if !conflict || round == CONFLICT_ROUNDS {
                return Err(error.into());
            }
            pause_before(round).await;
        }
    }
}
