use signalbox_domain::{ConnectionId, JobId, TerminalId, Timestamp};
use signalbox_store::Store;
use signalbox_wire::ChannelId;

/// The call by which a function opens its connection to DynamoDB while it starts, so that its first event need not: one that
/// it may make anyhow, about something that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warming {
    /// Reads a session; for functions that read the terminals table. 1 read unit.
    Session,
    /// Reads an application; for the function that keeps them. 1 read unit.
    Application,
    /// Reads a job; for the function that takes fan-outs. 1 read unit.
    Job,
    /// Reads a connection. 1 read unit.
    Connection,
    /// Deletes a connection, for a function that may read nothing. 1 write unit.
    Disconnection,
}

impl Warming {
    /// Makes the call. What comes of it does not matter, but is logged: a table that is not there is known at start.
    pub(crate) async fn warm(self, store: &Store) {
        let nobody = TerminalId::from_bytes([0; 16]);
        let Ok(nowhere) = "nowhere".parse::<ConnectionId>() else { return };
        let warmed = match self {
            Self::Session => store.sessions(nobody, &[ChannelId::from_bytes([0; 16])]).await.map(drop),
            Self::Application => match "nobody".parse() {
                Ok(nobody) => store.application(&nobody).await.map(drop),
                Err(_) => return,
            },
            Self::Job => store.job(JobId::NONE, Timestamp::default()).await.map(drop),
            Self::Connection => store.connection(&nowhere).await.map(drop),
            Self::Disconnection => store.delete_connection(&nowhere).await.map(drop),
        };
        if let Err(error) = warmed {
            tracing::warn!(%error, "the first call of DynamoDB failed");
        }
    }
}
