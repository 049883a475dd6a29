use std::time::Duration;

use signalbox_domain::{
    ApplicationName, ConnectionId, EventMark, ServerKey, Session, SessionRequest, Terminal, TerminalState,
    Timestamp, Token,
};
use signalbox_gateway::TerminalEvent;
use signalbox_store::{Held, Issuing};
use signalbox_wire::{Register, RegisterAnswer};

use crate::{IssueToken, Refused};

/// A terminal may ask as soon as it has its configuring message (I3), a moment before that is recorded: so often is it
/// looked again, and so long in between: as long as that record may take with all attempts, and less than Firefox waits.
const LOOKS: u32 = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Why there is no token.
enum NoToken {
    /// Answered with a status.
    Status(u16, String),
    /// Answered with a closed connection.
    Refused(Refused),
    /// This is another run of an event whose token has ended. Not answered: the first run was, and what the terminal has asked
    /// of the channel since has an answer of its own, for which this one must not be taken.
    Outlived,
}

impl From<Refused> for NoToken {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl IssueToken {
    /// R5 to R10. 2 calls; 1 more where the channel holds a session already.
    pub(crate) async fn register(&self, event: &TerminalEvent) -> Result<Option<RegisterAnswer>, Refused> {
        let register: Register =
            event.message().map_err(|error| Refused::Malformed { what: "register", error })?;
        let channel = register.channel;
        match self.issue(event, register).await {
            Ok(token) => {
                let endpoint = self.context.settings.public_url.endpoint(token.expose());
                Ok(Some(RegisterAnswer { channel, status: 200, endpoint: Some(endpoint), detail: None }))
            }
            Err(NoToken::Status(status, detail)) => {
                Ok(Some(RegisterAnswer { channel, status, endpoint: None, detail: Some(detail) }))
            }
            Err(NoToken::Outlived) => Ok(None),
            Err(NoToken::Refused(refused)) => Err(refused),
        }
    }

    async fn issue(&self, event: &TerminalEvent, register: Register) -> Result<Token, NoToken> {
        let request = session_request(&register)?;
        let terminal = self.terminal(event).await.map_err(|error| unavailable(&error))??;
        let keys = self.context.keys.current();
        let identity = (&event.connection, &event.id);
        let token = Token::issue(&keys, identity, terminal, register.channel, &request)
            .map_err(|error| unavailable(&error))?;
        let mark = EventMark::of(&event.connection, &event.id);
        let mut existing: Option<Held> = None;
        for _ in 0..LOOKS {
            let now = self.context.clock.now();
            if let Some(held) = existing.as_ref().filter(|held| held.events.has(&mark)) {
                // An earlier run of this event has issued it (I10).
                return if counts(&held.session, &token, now) { Ok(token) } else { Err(NoToken::Outlived) };
            }
            let held = existing.as_ref().map(|held| &held.session);
            let session = Session::issue(held, &request, token.digest(), now);
            let issuing = self
                .context
                .store
                .issue_session(
                    (terminal, &event.connection),
                    &register.channel,
                    existing.as_ref(),
                    (&session, &mark),
                    now,
                )
                .await
                .map_err(|error| unavailable(&error))?;
            match issuing {
                Issuing::Issued => {
                    tracing::info!(%terminal, channel = %register.channel, "token issued");
                    return Ok(token);
                }
                Issuing::Changed(held) => existing = held,
                Issuing::NotProvisioned(terminal) => may_wait(terminal, &event.connection)?,
            }
            if existing.is_none() {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        }
        Err(Refused::NotProvisioned.into())
    }
}

/// Whether a token still counts for a session that may have gone on since, or ended.
fn counts(session: &Session, token: &Token, now: Timestamp) -> bool {
    matches!(session, Session::Live(live) if live.corresponds(&token.digest(), now))
}

/// R6: what the application says of itself.
fn session_request(register: &Register) -> Result<SessionRequest, NoToken> {
    let application = register.app.as_deref().map(str::parse::<ApplicationName>).transpose();
    let named_key = register.key.as_deref().map(ServerKey::from_base64url).transpose();
    Ok(SessionRequest {
        application: application.map_err(|error| NoToken::Status(400, format!("app {error}")))?,
        named_key: named_key.map_err(|error| NoToken::Status(400, format!("key {error}")))?,
        takes_identity: takes_identity(&register.encodings)?,
    })
}

/// Whether bodies that are not encrypted are among what the application reads. The codings of Web Push go without saying.
fn takes_identity(encodings: &[String]) -> Result<bool, NoToken> {
    const KNOWN: [&str; 3] = ["aes128gcm", "aesgcm", "identity"];
    match encodings.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        Some(_) => Err(NoToken::Status(400, "encodings may name aes128gcm, aesgcm and identity".to_owned())),
        None => Ok(encodings.iter().any(|name| name == "identity")),
    }
}

/// R5: only a provisioned terminal gets a token. One whose configuring message is on its way will be in a moment.
fn may_wait(terminal: Option<Terminal>, connection: &ConnectionId) -> Result<(), NoToken> {
    match terminal {
        Some(terminal) if terminal.state == TerminalState::Suspended => {
            Err(NoToken::Status(403, "the terminal is suspended".to_owned()))
        }
        Some(terminal)
            if terminal.state == TerminalState::Configuring
                && terminal.connection.as_ref() == Some(connection) =>
        {
            Ok(())
        }
        _ => Err(Refused::NotProvisioned.into()),
    }
}

fn unavailable(error: &dyn std::error::Error) -> NoToken {
    tracing::error!(%error, "register failed");
    NoToken::Status(500, "the service could not complete the request; try again".to_owned())
}
