use serde::{Deserialize, Serialize};
use signalbox_domain::{ConnectionId, EventId, InvalidId, TerminalId};

/// A part of a terminal's backlog that has yet to be posted (I8, I12): a message of the queue of drains. It holds no secret:
/// ids and sort keys, as they may stand in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Row", into = "Row")]
pub struct Owed {
    /// The terminal.
    pub terminal: TerminalId,
    /// What of its backlog.
    pub part: Part,
    /// How often this very part has failed before.
    pub failures: u32,
    /// API Gateway's id of the request that it has come of: the lines of whoever settles it carry it too.
    pub request: Option<EventId>,
}

/// What of a terminal's backlog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What is behind a place in the order, for as long as the terminal is on this connection: another one begins a drain of
    /// its own.
    Rest {
        /// The connection that the drain has begun on.
        connection: ConnectionId,
        /// The sort key behind which it goes on; from the beginning where there is none.
        after: Option<String>,
    },
    /// One message, on whichever connection the terminal is: its post has failed.
    Message {
        /// Its sort key.
        key: String,
    },
}

/// A queue's message that is none of ours.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOwed {
    /// The terminal or the connection.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// Neither a connection nor a message.
    #[error("it names neither a connection nor a message")]
    NoPart,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Row {
    terminal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default)]
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

impl TryFrom<Row> for Owed {
    type Error = InvalidOwed;

    fn try_from(row: Row) -> Result<Self, InvalidOwed> {
        let part = match (row.message, row.connection) {
            (Some(key), _) => Part::Message { key },
            (None, Some(connection)) => Part::Rest { connection: connection.parse()?, after: row.after },
            (None, None) => return Err(InvalidOwed::NoPart),
        };
        // Nothing but lines of a log depends on it.
        let request = row.request.and_then(|id| id.parse().ok());
        Ok(Self { terminal: row.terminal.parse()?, part, failures: row.failures, request })
    }
}

impl From<Owed> for Row {
    fn from(owed: Owed) -> Self {
        let (connection, after, message) = match owed.part {
            Part::Rest { connection, after } => (Some(connection.to_string()), after, None),
            Part::Message { key } => (None, None, Some(key)),
        };
        let request = owed.request.map(|id| id.as_str().to_owned());
        let terminal = owed.terminal.to_string();
        Self { terminal, connection, after, message, failures: owed.failures, request }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: &str = "AAECAwQFBgcICQoLDA0ODw";

    #[test]
    fn what_is_owed_is_written_and_read() {
        let rest = Part::Rest { connection: "a=".parse().unwrap(), after: Some("018f-x".into()) };
        let parts = [
            (rest, r#""connection":"a=","after":"018f-x""#),
            (Part::Message { key: "018f-x".into() }, r#""message":"018f-x""#),
        ];
        for (part, members) in parts {
            for (request, member) in [(None, ""), (Some("r=".parse().unwrap()), r#","request":"r=""#)] {
                let terminal = TERMINAL.parse().unwrap();
                let owed = Owed { terminal, part: part.clone(), failures: 2, request };
                let text = serde_json::to_string(&owed).unwrap();
                assert_eq!(text, format!(r#"{{"terminal":"{TERMINAL}",{members},"failures":2{member}}}"#));
                assert_eq!(serde_json::from_str::<Owed>(&text).unwrap(), owed);
            }
        }
    }

    #[test]
    fn what_is_none_of_ours_is_refused() {
        for text in [
            format!(r#"{{"terminal":"{TERMINAL}"}}"#),
            r#"{"terminal":"x","message":"y"}"#.into(),
            "{}".into(),
        ] {
            assert!(serde_json::from_str::<Owed>(&text).is_err(), "{text}");
        }
    }
}
