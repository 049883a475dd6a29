use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use signalbox_domain::{
    Application, ApplicationHint, Authorization, ConnectionId, EventMark, LiveSession, RecentEvents, Session,
    Terminal, TerminalId, TerminalState, Timestamp, TokenDigest,
};
use signalbox_wire::ChannelId;

use super::batch::READS;
use super::conditional::{Updated, updated};
use super::transaction::{Transaction, failed};
use crate::expression::{Attributes, bytes, names, number, text, values};
use crate::rows::{
    ApplicationRow, Replica, SessionRow, TERMINAL, TerminalRow, application_key, session_key, terminal_key,
};
use crate::{Store, StoreError, TableNames};

/// An ended session is remembered so long, so that its server is told 410 and not 404. A day more than a message may wait:
/// what a push under way still stored must not outlive its generation (I5).
const TOMBSTONE: Duration = Duration::from_secs(31 * 24 * 3600);

/// Where a token leads: its terminal and its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The terminal, where there is one.
    pub terminal: Option<Terminal>,
    /// The session, where there is or was one.
    pub session: Option<Session>,
    /// What is registered under the name that the token hints at, where it does.
    pub application: Option<Application>,
}

/// What a channel holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The session.
    pub session: Session,
    /// The events that have changed it: another run of one of them changes nothing (I10).
    pub events: RecentEvents,
}

/// What [`Store::issue_session`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuing {
    /// The session is recorded.
    Issued,
    /// The terminal is not provisioned, or not on this connection (R5). How it stands, where there is one.
    NotProvisioned(Option<Terminal>),
    /// The channel holds this, and not what was expected.
    Changed(Option<Held>),
}

/// What [`Store::authorize`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorizing {
    /// The server is authorized.
    Authorized,
    /// Somebody was faster, or the token does not count any more: the session as it stands.
    Changed(Option<Session>),
}

impl Store {
    /// Reads a token's terminal, its session, and the application that it hints at. 1 call, 1 read unit for each row.
    ///
    /// # Errors
    /// [`StoreError`]; also where not all of them could be read, so that absence is certain.
    pub async fn route(
        &self,
        terminal: TerminalId,
        channel: &ChannelId,
        application: Option<ApplicationHint>,
        now: Timestamp,
    ) -> Result<Route, StoreError> {
        let rows = vec![terminal_key(terminal), session_key(terminal, channel)];
        let TableNames { terminals, applications, .. } = &self.tables;
        let replica = Replica::of(terminal);
        let registered =
            application.map(|hint| (applications.as_str(), vec![application_key(hint, replica)]));
        let mut items = self.batch_get_of([(terminals.as_str(), rows)].into_iter().chain(registered)).await?;
        let mut take = |table| items.remove(table).unwrap_or_default();
        let application = take(applications).pop().map(ApplicationRow::read).transpose()?;
        let mut route = Route { terminal: None, session: None, application };
        for item in take(terminals) {
            if is_terminal(&item) {
                route.terminal = TerminalRow::read(item, now)?;
            } else {
                route.session = Some(SessionRow::read(item)?.1);
            }
        }
        Ok(route)
    }

    /// Reads sessions of one terminal. 1 call for every 100, 1 read unit for each.
    ///
    /// # Errors
    /// [`StoreError`]; also where not all could be read.
    pub async fn sessions(
        &self,
        terminal: TerminalId,
        channels: &[ChannelId],
    ) -> Result<HashMap<ChannelId, Session>, StoreError> {
        let mut sessions = HashMap::with_capacity(channels.len());
        // A batch may name no item twice.
        let distinct: Vec<_> = channels.iter().collect::<BTreeSet<_>>().into_iter().collect();
        for chunk in distinct.chunks(READS) {
            let keys = chunk.iter().map(|channel| session_key(terminal, channel)).collect();
            for item in self.batch_get(&self.tables.terminals, keys).await? {
                let (channel, session) = SessionRow::read(item)?;
                sessions.insert(channel, session);
            }
        }
        Ok(sessions)
    }

    /// Records a session, in one transaction with a look at its terminal, which must be provisioned and on this connection
    /// (R5), and which is kept from now on. The channel must hold what was expected, and remembers the event. 1 call, 4 write
    /// units.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn issue_session(
        &self,
        (terminal, connection): (TerminalId, &ConnectionId),
        channel: &ChannelId,
        expected: Option<&Held>,
        (session, event): (&LiveSession, &EventMark),
        now: Timestamp,
    ) -> Result<Issuing, StoreError> {
        const MAY: &str = "#state = :provisioned AND #connection = :connection";
        const KEEP: &str = "SET #seenAt = :now REMOVE #expiresAt";
        let keep_terminal = Update::builder()
            .table_name(&self.tables.terminals)
            .set_key(Some(terminal_key(terminal)))
            .update_expression(KEEP)
            .condition_expression(MAY)
            .set_expression_attribute_names(names(&[KEEP, MAY]))
            .set_expression_attribute_values(values([
                (":provisioned", text(TerminalState::Provisioned)),
                (":connection", text(connection)),
                (":now", number(now.as_millis())),
            ]))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        let (condition, expected_values) = expectation(expected.map(|held| &held.session));
        let events = expected.map(|held| held.events.clone()).unwrap_or_default().and(event);
        let put_session = Put::builder()
            .table_name(&self.tables.terminals)
            .set_item(Some(SessionRow::item(terminal, channel, session, &events)?))
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[condition]))
            .set_expression_attribute_values(expected_values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        let items = vec![
            TransactWriteItem::builder().update(keep_terminal).build(),
            TransactWriteItem::builder().put(put_session).build(),
        ];
        let mut reasons = match self.transact(items).await? {
            Transaction::Done => return Ok(Issuing::Issued),
            Transaction::Refused(reasons) => reasons,
        };
        let mut item_at = |index: usize| reasons.get_mut(index)?.item.take().filter(|item| !item.is_empty());
        let (terminal_item, session_item) = (item_at(0), item_at(1));
        if failed(&reasons, 0) {
            let terminal = terminal_item.map(|item| TerminalRow::read(item, now)).transpose()?.flatten();
            return Ok(Issuing::NotProvisioned(terminal));
        }
        Ok(Issuing::Changed(session_item.map(held).transpose()?))
    }

    /// Ends a session and its generation (I5), if it is live and this event has not done so before. What it was is remembered for
    /// 31 days, and the event too: where it runs again behind a later `register`, that one's session goes on (I10). 1 call, 1
    /// write unit; 1 more of each where there is no live session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session(
        &self,
        terminal: TerminalId,
        channel: &ChannelId,
        event: &EventMark,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const LIVE_AND_NEW: &str = "attribute_exists(#digest) AND NOT contains(#events, :event)";
        const END: &str = "SET #endedAt = :now, #expiresAt = :expires, \
                #events = list_append(if_not_exists(#events, :none), :events) \
            REMOVE #digest, #previousDigest, #previousIssuedAt, #previousUntil, #authorizedKey, #authorizedAt, \
            #ofApplication \
            ADD #generation :one";
        let end = self
            .update(
                session_key(terminal, channel),
                END,
                LIVE_AND_NEW,
                values([
                    (":now", number(now.as_millis())),
                    (":expires", number(now.plus(TOMBSTONE).as_secs())),
                    (":one", number(1)),
                    (":event", text(event)),
                    (":events", AttributeValue::L(vec![text(event)])),
                    (":none", AttributeValue::L(Vec::new())),
                ]),
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match updated(end.send().await.map(|_| None))? {
            Updated::Done(_) => Ok(()),
            Updated::Refused(Some(item)) if held(item.clone())?.events.has(event) => Ok(()),
            Updated::Refused(_) => self.remember_the_end(terminal, channel, event, now).await,
        }
    }

    /// There was nothing to end. Remembers that this event is through, where still nothing is live.
    async fn remember_the_end(
        &self,
        terminal: TerminalId,
        channel: &ChannelId,
        event: &EventMark,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Who only ever ends sessions makes no endless row.
        const NOT_LIVE: &str = "attribute_not_exists(#digest) AND attribute_not_exists(#events[15])";
        const REMEMBER: &str = "SET #generation = if_not_exists(#generation, :zero), \
            #endedAt = if_not_exists(#endedAt, :now), #expiresAt = if_not_exists(#expiresAt, :expires), \
            #events = list_append(if_not_exists(#events, :none), :events)";
        let remember = self.update(
            session_key(terminal, channel),
            REMEMBER,
            NOT_LIVE,
            values([
                (":zero", number(0)),
                (":now", number(now.as_millis())),
                (":expires", number(now.plus(TOMBSTONE).as_secs())),
                (":events", AttributeValue::L(vec![text(event)])),
                (":none", AttributeValue::L(Vec::new())),
            ]),
        );
        // Refused: a `register` came in between, which is as if it came last.
        updated(remember.send().await.map(|_| None)).map(|_| ())
    }

    /// Ends a session on behalf of the server that holds this token, if the token still counts. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_session(
        &self,
        terminal: TerminalId,
        channel: &ChannelId,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const OF_TOKEN: &str = "#digest = :token OR (#previousDigest = :token AND #previousUntil > :now)";
        const END: &str = "SET #endedAt = :now, #expiresAt = :expires \
            REMOVE #digest, #previousDigest, #previousIssuedAt, #previousUntil, #authorizedKey, #authorizedAt, \
            #ofApplication \
            ADD #generation :one";
        let end = self.update(
            session_key(terminal, channel),
            END,
            OF_TOKEN,
            values([
                (":token", bytes(token.as_bytes())),
                (":now", number(now.as_millis())),
                (":expires", number(now.plus(TOMBSTONE).as_secs())),
                (":one", number(1)),
            ]),
        );
        // Refused: the session has ended meanwhile, or has begun anew under a token that this server has not shown.
        updated(end.send().await.map(|_| None)).map(|_| ())
    }

    /// Authorizes a server that validated (R15), in place of whom `before` says, if the token still counts and nobody was faster.
    /// 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn authorize(
        &self,
        terminal: TerminalId,
        channel: &ChannelId,
        token: &TokenDigest,
        (before, given): (Option<&Authorization>, &Authorization),
    ) -> Result<Authorizing, StoreError> {
        const NOBODY: &str = "attribute_not_exists(#authorizedKey) \
            AND (#digest = :token OR (#previousDigest = :token AND #previousUntil > :now))";
        const SERVER_BEFORE: &str = "#authorizedKey = :before AND attribute_not_exists(#ofApplication) \
            AND (#digest = :token OR (#previousDigest = :token AND #previousUntil > :now))";
        const APPLICATION_BEFORE: &str = "#authorizedKey = :before AND attribute_exists(#ofApplication) \
            AND (#digest = :token OR (#previousDigest = :token AND #previousUntil > :now))";
        const SERVER: &str = "SET #authorizedKey = :server, #authorizedAt = :now REMOVE #ofApplication";
        const APPLICATION: &str =
            "SET #authorizedKey = :server, #authorizedAt = :now, #ofApplication = :true";
        let mut with = Attributes::from([
            (":token".to_owned(), bytes(token.as_bytes())),
            (":server".to_owned(), bytes(given.server.as_bytes())),
            (":now".to_owned(), number(given.since.as_millis())),
        ]);
        if given.of_application {
            with.insert(":true".to_owned(), AttributeValue::Bool(true));
        }
        if let Some(before) = before {
            with.insert(":before".to_owned(), bytes(before.server.as_bytes()));
        }
        let update = if given.of_application { APPLICATION } else { SERVER };
        let condition = match before {
            None => NOBODY,
            Some(before) if before.of_application => APPLICATION_BEFORE,
            Some(_) => SERVER_BEFORE,
        };
        let done = self
            .update(session_key(terminal, channel), update, condition, Some(with))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match updated(done.map(|_| None))? {
            Updated::Done(_) => Ok(Authorizing::Authorized),
            Updated::Refused(old) => {
                let session = old.map(SessionRow::read).transpose()?;
                Ok(Authorizing::Changed(session.map(|(_, session)| session)))
            }
        }
    }
}

fn held(item: Attributes) -> Result<Held, StoreError> {
    let (session, events) = SessionRow::held(item)?;
    Ok(Held { session, events })
}

pub(crate) fn is_terminal(item: &Attributes) -> bool {
    item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk == TERMINAL)
}

/// The condition that a channel holds what was expected.
fn expectation(expected: Option<&Session>) -> (&'static str, Option<Attributes>) {
    match expected {
        None => ("attribute_not_exists(pk)", None),
        Some(Session::Live(live)) => {
            let mut expected = Attributes::from([
                (":generation".to_owned(), number(live.generation)),
                (":digest".to_owned(), bytes(live.token.as_bytes())),
            ]);
            // A server that was authorized meanwhile must not lose its right to a row that was read before (R15).
            let Some(given) = live.authorization else {
                return (
                    "#generation = :generation AND #digest = :digest AND attribute_not_exists(#authorizedKey)",
                    Some(expected),
                );
            };
            expected.insert(":authorized".to_owned(), bytes(given.server.as_bytes()));
            // Nor may its application, which was authorized as a whole.
            let condition = if given.of_application {
                "#generation = :generation AND #digest = :digest AND #authorizedKey = :authorized \
                    AND attribute_exists(#ofApplication)"
            } else {
                "#generation = :generation AND #digest = :digest AND #authorizedKey = :authorized \
                    AND attribute_not_exists(#ofApplication)"
            };
            (condition, Some(expected))
        }
        Some(Session::Ended(ended)) => (
            "#generation = :generation AND attribute_not_exists(#digest)",
            values([(":generation", number(ended.generation))]),
        ),
    }
}
