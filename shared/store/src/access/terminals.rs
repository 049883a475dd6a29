use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use signalbox_domain::{ConnectionId, EventId, Terminal, TerminalId, TerminalState, Timestamp, Urgency};

use super::conditional::{Updated, updated};
use super::connections::connection_row;
use super::transaction::{Transaction, failed};
use crate::expression::{names, number, text, values};
use crate::rows::{Link, TerminalRow, item, terminal_key};
use crate::{Store, StoreError};

/// A terminal that never asks for a session is forgotten after this time.
const WITHOUT_SESSION: Duration = Duration::from_secs(24 * 3600);

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
    /// The least urgent that it wants (RFC 8030 section 5.3).
    pub minimum: Urgency,
}

/// What [`Store::create_terminal`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewTerminal {
    /// The terminal and its connection's entry have been made, by this run of the event or an earlier one.
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
            minimum: arrival.minimum,
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
    /// has it. The connection that it was on is kept in the row too. An event that has done so before changes nothing and is told
    /// the same from the row as it stands: closed by a call that was given up and took effect late, or by a second run that
    /// then dies, the gate would stay closed (I12), and the connection to close would be forgotten. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_over(&self, arrival: &Arrival, now: Timestamp) -> Result<TakeOver, StoreError> {
        const CONDITION: &str = "attribute_exists(pk) AND #state IN (:provisioned, :configuring) \
            AND (attribute_not_exists(#expiresAt) OR #expiresAt > :now) \
            AND (attribute_not_exists(#connection) OR #connectedAt < :connectedAt)";
        const UPDATE: &str = "SET #replaced = if_not_exists(#connection, :connection), #connection = :connection, \
             #connectedAt = :connectedAt, #hello = :hello, #open = :closed, \
             #urgency = :urgency";
        let done = self
            .update(
                terminal_key(arrival.terminal),
                UPDATE,
                CONDITION,
                values([
                    (":provisioned", text(TerminalState::Provisioned)),
                    (":configuring", text(TerminalState::Configuring)),
                    (":now", number(now.as_secs())),
                    (":connection", text(&arrival.connection)),
                    (":connectedAt", number(arrival.connected.as_millis())),
                    (":hello", text(arrival.hello.as_str())),
                    (":closed", AttributeValue::Bool(false)),
                    (":urgency", text(arrival.minimum)),
                ]),
            )
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match updated(done.map(|answer| answer.attributes))? {
            Updated::Done(old) => {
                let before =
                    old.map(TerminalRow::link).transpose()?.and_then(|link| link.before(&arrival.connection));
                Ok(TakeOver::Taken { before })
            }
            Updated::Refused(None) => Ok(TakeOver::Unknown),
            Updated::Refused(Some(item)) => {
                let link = TerminalRow::link(item.clone())?;
                let old = TerminalRow::read(item, now)?;
                Ok(why_not_taken(old.as_ref(), link, arrival))
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
            .update(
                terminal_key(terminal),
                UPDATE,
                CONDITION,
                values([
                    (":connection", text(connection)),
                    (":provisioned", text(TerminalState::Provisioned)),
                    (":configuring", text(TerminalState::Configuring)),
                    (":open", AttributeValue::Bool(true)),
                    (":none", number(0)),
                ]),
            )
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
            .update(
                terminal_key(terminal),
                UPDATE,
                CONDITION,
                values([(":connection", text(connection)), (":closed", AttributeValue::Bool(false))]),
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match updated(done.map(|_| None))? {
            Updated::Done(_) => Ok(None),
            Updated::Refused(old) => Ok(old.map(|old| TerminalRow::read(old, now)).transpose()?.flatten()),
        }
    }

    /// Counts one more message that waits, and says how the terminal stands: the second look of a push (I12). A call that
    /// the client repeats may count twice: the number is a bound, not a ledger. 1 call, 1 write unit.
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
            .update(terminal_key(terminal), UPDATE, CONDITION, values([(":one", number(1))]))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated(done.map(|answer| answer.attributes))? {
            Updated::Done(new) => Ok(new.map(|new| TerminalRow::read(new, now)).transpose()?.flatten()),
            Updated::Refused(_) => Ok(None),
        }
    }
}

fn why_not_taken(old: Option<&Terminal>, link: Link, arrival: &Arrival) -> TakeOver {
    match old {
        None => TakeOver::Unknown,
        Some(old) if old.state == TerminalState::Retired => TakeOver::Unknown,
        Some(old) if old.state == TerminalState::Suspended => TakeOver::Suspended,
        Some(old) if old.connection.as_ref() == Some(&arrival.connection) => {
            let mine = old.hello.as_deref() == Some(arrival.hello.as_str());
            // An earlier run of this event, or an earlier attempt of this call.
            if mine {
                TakeOver::Taken { before: link.before(&arrival.connection) }
            } else {
                TakeOver::SecondHello
            }
        }
        Some(_) => TakeOver::Superseded,
    }
}
