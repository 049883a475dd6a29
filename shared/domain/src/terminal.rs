use std::fmt;
use std::str::FromStr;

use crate::{ConnectionId, TerminalId, Timestamp, Urgency};

/// The state of a terminal (R1). Only a provisioned one may ask for sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalState {
    /// Its configuring message is on the way.
    Configuring,
    /// The first operative state: it has its configuring message.
    Provisioned,
    /// An operator has suspended it: nothing is delivered, what is accepted waits.
    Suspended,
    /// An operator has retired it: its sessions are ended and its uaid is unknown.
    Retired,
}

impl TerminalState {
    /// The word in the tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuring => "configuring",
            Self::Provisioned => "provisioned",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
        }
    }
}

/// The text is no terminal state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no terminal state")]
pub struct UnknownTerminalState;

impl FromStr for TerminalState {
    type Err = UnknownTerminalState;

    fn from_str(text: &str) -> Result<Self, UnknownTerminalState> {
        [Self::Configuring, Self::Provisioned, Self::Suspended, Self::Retired]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownTerminalState)
    }
}

impl fmt::Display for TerminalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A terminal as the tables know it; readable while it is offline (R11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Its key.
    pub id: TerminalId,
    /// What it may do.
    pub state: TerminalState,
    /// The connection that its last `hello` came on, until that is known to be closed.
    pub connection: Option<ConnectionId>,
    /// When that connection was made, by API Gateway's clock: the newest one wins (I7).
    pub connected: Timestamp,
    /// The `hello` event that took the connection, so that its second run is told from a second `hello`.
    pub hello: Option<String>,
    /// The gate: the configuring message is out and notifications may follow it (I3).
    pub open: bool,
    /// How many messages were stored while it was absent, since its last `hello`.
    pub waiting: u64,
    /// What is less urgent waits (RFC 8030 section 5.3).
    pub minimum: Urgency,
}

impl Terminal {
    /// The connection that a notification of this urgency may be posted to now.
    #[must_use]
    pub fn reachable_at(&self, urgency: Urgency) -> Option<&ConnectionId> {
        match self.state {
            TerminalState::Provisioned if self.open && urgency >= self.minimum => self.connection.as_ref(),
            _ => None,
        }
    }

    /// Whether a `hello` is being answered, so that it will be reachable in a moment.
    #[must_use]
    pub fn is_arriving(&self) -> bool {
        let may = matches!(self.state, TerminalState::Provisioned | TerminalState::Configuring);
        may && self.connection.is_some() && !self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(state: TerminalState, connection: Option<&str>, open: bool) -> Terminal {
        Terminal {
            id: TerminalId::from_bytes([1; 16]),
            state,
            connection: connection.map(|c| c.parse().unwrap()),
            connected: Timestamp::default(),
            hello: None,
            open,
            waiting: 0,
            minimum: Urgency::NO_MINIMUM,
        }
    }

    /// I3 and R1: nothing is posted behind a closed gate or to a terminal that is not provisioned.
    #[test]
    fn only_a_provisioned_terminal_with_an_open_gate_is_reachable() {
        use TerminalState::{Configuring, Provisioned, Retired, Suspended};
        assert!(terminal(Provisioned, Some("c"), true).reachable_at(Urgency::VeryLow).is_some());
        for (state, connection, open) in [
            (Provisioned, Some("c"), false),
            (Provisioned, None, true),
            (Configuring, Some("c"), true),
            (Suspended, Some("c"), true),
            (Retired, Some("c"), true),
        ] {
            assert_eq!(terminal(state, connection, open).reachable_at(Urgency::High), None, "{state}");
        }
    }

    /// RFC 8030 section 5.2, TTL 0: a terminal whose `hello` is being answered is worth a moment's wait; no other is.
    #[test]
    fn a_terminal_arrives_between_its_hello_and_its_gate() {
        use TerminalState::{Configuring, Provisioned, Retired, Suspended};
        for (state, connection, open, arrives) in [
            (Provisioned, Some("c"), false, true),
            (Configuring, Some("c"), false, true),
            (Provisioned, Some("c"), true, false),
            (Provisioned, None, false, false),
            (Suspended, Some("c"), false, false),
            (Retired, Some("c"), false, false),
        ] {
            assert_eq!(
                terminal(state, connection, open).is_arriving(),
                arrives,
                "{state} {connection:?} {open}"
            );
        }
    }

    /// RFC 8030 section 5.3: what is below the terminal's minimum is not delivered.
    #[test]
    fn what_is_less_urgent_than_the_minimum_is_not_delivered() {
        let wants = |minimum| Terminal { minimum, ..terminal(TerminalState::Provisioned, Some("c"), true) };
        assert!(wants(Urgency::Normal).reachable_at(Urgency::Normal).is_some());
        assert!(wants(Urgency::Normal).reachable_at(Urgency::High).is_some());
        assert!(wants(Urgency::Normal).reachable_at(Urgency::Low).is_none());
    }

    #[test]
    fn a_state_survives_its_word() {
        for state in ["configuring", "provisioned", "suspended", "retired"] {
            assert_eq!(state.parse::<TerminalState>().unwrap().to_string(), state);
        }
        assert!("on".parse::<TerminalState>().is_err());
    }
}
