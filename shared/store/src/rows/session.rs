use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use signalbox_domain::{
    Authorization, EndedSession, EventMark, LiveSession, NotAnEventMark, PreviousToken, RecentEvents,
    ServerKey, Session, SessionRequest, TerminalId, Timestamp, TokenDigest,
};
use signalbox_wire::ChannelId;

use super::{item, malformed, row, session_sort_key};
use crate::StoreError;
use crate::expression::Attributes;

const TABLE: &str = "terminals";

/// A session's row, beside its terminal's. With `digest` it is live, without it has ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRow {
    pk: String,
    sk: String,
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    named_key: Option<ByteBuf>,
    /// Whether it takes bodies that are not encrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    takes_identity: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_digest: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_issued_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_key: Option<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_at: Option<u64>,
    /// Whether it was authorized as one of its registered application's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    of_application: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
    /// The last events that have changed the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<String>,
}

impl SessionRow {
    pub(crate) fn item(
        terminal: TerminalId,
        channel: &ChannelId,
        live: &LiveSession,
        events: &RecentEvents,
    ) -> Result<Attributes, StoreError> {
        let row = Self {
            pk: terminal.to_string(),
            sk: session_sort_key(channel),
            generation: live.generation,
            application: live.request.application.as_ref().map(ToString::to_string),
            named_key: live.request.named_key.map(|key| ByteBuf::from(*key.as_bytes())),
            takes_identity: live.request.takes_identity,
            digest: Some(ByteBuf::from(*live.token.as_bytes())),
            issued_at: Some(live.issued.as_millis()),
            previous_digest: live.previous.map(|previous| ByteBuf::from(*previous.token.as_bytes())),
            previous_issued_at: live.previous.map(|previous| previous.issued.as_millis()),
            previous_until: live.previous.map(|previous| previous.until.as_millis()),
            authorized_key: live.authorization.map(|given| ByteBuf::from(*given.server.as_bytes())),
            authorized_at: live.authorization.map(|given| given.since.as_millis()),
            of_application: live.authorization.is_some_and(|given| given.of_application),
            ended_at: None,
            events: events.iter().map(ToString::to_string).collect(),
        };
        item(TABLE, &row)
    }

    /// The terminal that an item belongs to.
    pub(crate) fn terminal(item: &Attributes) -> Result<TerminalId, StoreError> {
        let pk = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.parse().ok());
        pk.ok_or_else(|| malformed(TABLE, "pk is no terminal's"))
    }

    /// The session and its channel. A tombstone that has expired is a tombstone still: its generation must not come again.
    pub(crate) fn read(item: Attributes) -> Result<(ChannelId, Session), StoreError> {
        let row: Self = row(TABLE, item)?;
        let channel = row.sk.strip_prefix(super::SESSION).and_then(|channel| channel.parse().ok());
        let channel = channel.ok_or_else(|| malformed(TABLE, "sk is no session's"))?;
        Ok((channel, row.session()?))
    }

    /// The session, and the events that have changed it.
    pub(crate) fn held(item: Attributes) -> Result<(Session, RecentEvents), StoreError> {
        let row: Self = row(TABLE, item)?;
        let marks: Result<Vec<EventMark>, NotAnEventMark> =
            row.events.iter().map(|mark| mark.parse()).collect();
        let events = RecentEvents::new(marks.map_err(|error| malformed(TABLE, error))?);
        Ok((row.session()?, events))
    }

    fn session(self) -> Result<Session, StoreError> {
        let Some(token) = self.digest else {
            let ended = Timestamp::from_millis(self.ended_at.unwrap_or_default());
            return Ok(Session::Ended(EndedSession { generation: self.generation, ended }));
        };
        let request = SessionRequest {
            application: self
                .application
                .map(|name| name.parse())
                .transpose()
                .map_err(|error| malformed(TABLE, error))?,
            named_key: self.named_key.map(|key| server_key(&key)).transpose()?,
            takes_identity: self.takes_identity,
        };
        let previous = match (self.previous_digest, self.previous_until) {
            (Some(token), Some(until)) => Some(PreviousToken {
                token: digest(&token)?,
                issued: Timestamp::from_millis(self.previous_issued_at.unwrap_or_default()),
                until: Timestamp::from_millis(until),
            }),
            _ => None,
        };
        let authorization = match (self.authorized_key, self.authorized_at) {
            (Some(key), Some(at)) => {
                let since = Timestamp::from_millis(at);
                Some(Authorization { server: server_key(&key)?, since, of_application: self.of_application })
            }
            _ => None,
        };
        Ok(Session::Live(LiveSession {
            generation: self.generation,
            request,
            token: digest(&token)?,
            issued: Timestamp::from_millis(self.issued_at.unwrap_or_default()),
            previous,
            authorization,
        }))
    }
}

fn digest(bytes: &[u8]) -> Result<TokenDigest, StoreError> {
    TokenDigest::from_bytes(bytes).ok_or_else(|| malformed(TABLE, "a digest has not 32 bytes"))
}

fn server_key(bytes: &[u8]) -> Result<ServerKey, StoreError> {
    ServerKey::from_stored(bytes).map_err(|error| malformed(TABLE, error))
}
