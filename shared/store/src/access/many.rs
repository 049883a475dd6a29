//! Accesses for many recipients at once, as a page of a fan-out makes them.

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use signalbox_domain::{
    ApplicationName, JobId, MessageKey, Payload, Session, StoredMessage, Terminal, TerminalId, Timestamp,
};
use signalbox_wire::ChannelId;

use super::messages::message_key;
use super::sessions::is_terminal;
use crate::rows::{
    MessageRow, SessionRow, SharedBodyRow, TerminalRow, session_key, shared_body_key, terminal_key,
};
use crate::{Store, StoreError};

/// Where the tokens of a page lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// The terminals that there are.
    pub terminals: HashMap<TerminalId, Terminal>,
    /// The sessions that there are or were.
    pub sessions: HashMap<(TerminalId, ChannelId), Session>,
}

impl Routes {
    /// The applications that have asked for the sessions, some more than once.
    pub fn applications(&self) -> impl Iterator<Item = &ApplicationName> {
        self.sessions.values().filter_map(|session| match session {
            Session::Live(live) => live.request.application.as_ref(),
            Session::Ended(_) => None,
        })
    }
}

impl Store {
    /// Reads the terminals and sessions of many tokens. 1 call for every 50, 1 read unit for each row.
    ///
    /// # Errors
    /// [`StoreError`]; also where not all could be read, so that absence is certain.
    pub async fn routes(
        &self,
        of: impl IntoIterator<Item = (TerminalId, ChannelId)>,
        now: Timestamp,
    ) -> Result<Routes, StoreError> {
        // A batch may name no item twice.
        let sessions: HashSet<_> = of.into_iter().collect();
        let terminals: HashSet<_> = sessions.iter().map(|(terminal, _)| *terminal).collect();
        let keys = terminals.into_iter().map(terminal_key);
        let keys = keys.chain(sessions.iter().map(|(terminal, channel)| session_key(*terminal, channel)));
        let mut routes = Routes::default();
        for item in self.get_all(&self.tables.terminals, keys.collect()).await? {
            if is_terminal(&item) {
                if let Some(terminal) = TerminalRow::read(item, now)? {
                    routes.terminals.insert(terminal.id, terminal);
                }
            } else {
                let terminal = SessionRow::terminal(&item)?;
                let (channel, session) = SessionRow::read(item)?;
                routes.sessions.insert((terminal, channel), session);
            }
        }
        Ok(routes)
    }

    /// Reads many terminals, each once. 1 call for every 100, 1 read unit for each.
    ///
    /// # Errors
    /// [`StoreError`]; also where not all could be read.
    pub async fn terminals(
        &self,
        of: impl IntoIterator<Item = TerminalId>,
        now: Timestamp,
    ) -> Result<HashMap<TerminalId, Terminal>, StoreError> {
        let distinct: HashSet<_> = of.into_iter().collect();
        let keys = distinct.into_iter().map(terminal_key).collect();
        let mut terminals = HashMap::new();
        for item in self.get_all(&self.tables.terminals, keys).await? {
            if let Some(terminal) = TerminalRow::read(item, now)? {
                terminals.insert(terminal.id, terminal);
            }
        }
        Ok(terminals)
    }

    /// Stores many messages without a topic, all or it fails; the same one twice is one, but may not be named twice here. 1
    /// call for every 25, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`]: some may have been stored.
    pub async fn put_messages(&self, messages: &[StoredMessage]) -> Result<(), StoreError> {
        let writes = messages.iter().map(|message| {
            let put = PutRequest::builder().set_item(Some(MessageRow::item(message)?)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        });
        self.write_all(&self.tables.messages, writes.collect::<Result<_, StoreError>>()?).await
    }

    /// Which of these messages wait, by terminal and acceptance. 1 call for
    /// every 100, 1 read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`]; also where not all could be read.
    pub async fn which_wait(
        &self,
        messages: impl IntoIterator<Item = &MessageKey>,
    ) -> Result<HashSet<(TerminalId, String)>, StoreError> {
        // Messages of one topic have one place.
        let places: BTreeMap<_, _> =
            messages.into_iter().map(|key| ((key.terminal, key.sort_key()), message_key(key))).collect();
        let items = self.get_all(&self.tables.messages, places.into_values().collect()).await?;
        items.into_iter().map(MessageRow::name).collect()
    }

    /// Keeps what the waiting messages of a job share. 1 call, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_shared_body(
        &self,
        job: JobId,
        payload: &Payload,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        let item = SharedBodyRow::item(job, payload, expires)?;
        let put = self.dynamo.put_item().table_name(&self.tables.messages).set_item(Some(item));
        put.send().await?;
        Ok(())
    }

    /// Gives messages that share a body that body. What shares one that is gone is logged and left out, as it can be
    /// delivered no more. 1 call for every 100 bodies, none where none is shared.
    pub(crate) async fn with_shared_bodies(
        &self,
        mut messages: Vec<StoredMessage>,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let jobs: HashSet<_> = messages.iter().filter_map(|message| message.shared).collect();
        if jobs.is_empty() {
            return Ok(messages);
        }
        let keys = jobs.into_iter().map(shared_body_key).collect();
        let items = self.get_all(&self.tables.messages, keys).await?;
        let bodies: HashMap<_, _> =
            items.into_iter().map(SharedBodyRow::read).collect::<Result<_, StoreError>>()?;
        messages.retain_mut(|message| {
            let Some(job) = message.shared else { return true };
            message.payload = bodies.get(&job).cloned();
            if message.payload.is_none() {
                tracing::error!(message = ?message.key, %job, "the body of a waiting message is gone");
            }
            message.payload.is_some()
        });
        Ok(messages)
    }
}
