use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use signalbox_wire::base64url;

use crate::key_ring::{Derived, KeyRing};

/// An id that does not look like one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidId {
    what: &'static str,
    rule: &'static str,
}

/// The secret name of a terminal, known to it alone. Never stored and never logged: the tables hold [`TerminalId`].
#[derive(Clone, PartialEq, Eq)]
pub struct Uaid(String);

impl Uaid {
    /// The name of the terminal that this `hello` makes: the same however often the event runs (I10).
    #[must_use]
    pub fn derive(ring: &KeyRing, connection: &ConnectionId, event: &EventId) -> Self {
        let secret: [u8; 16] =
            ring.derive(Derived::Uaid, &[connection.as_str().as_bytes(), event.as_str().as_bytes()]);
        Self(secret.iter().fold(String::with_capacity(32), |mut hex, byte| {
            use fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// The secret itself, for the configuring message.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Uaid {
    type Err = InvalidId;

    /// Takes just what [`Uaid::derive`] makes: 32 lower-case hexadecimal digits. Everything else names no terminal.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let ours = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if ours {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { what: "uaid", rule: "32 lower-case hexadecimal digits" })
        }
    }
}

impl fmt::Debug for Uaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uaid(..)")
    }
}

/// A terminal's key in the tables and its name in logs: a hash of its [`Uaid`], so that who reads the tables can
/// impersonate no terminal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TerminalId([u8; 16]);

impl TerminalId {
    /// The terminal of this uaid.
    #[must_use]
    pub fn of(uaid: &Uaid) -> Self {
        let hash = digest::digest(&digest::SHA256, uaid.0.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_ref()[..16]);
        Self(id)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From its 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl FromStr for TerminalId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = base64url::decode(text).ok().and_then(|b| b.try_into().ok());
        bytes.map(Self).ok_or(InvalidId { what: "terminal", rule: "16 bytes in base64url" })
    }
}

impl fmt::Display for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TerminalId({self})")
    }
}

fn checked(text: &str, what: &'static str) -> Result<String, InvalidId> {
    let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(InvalidId { what, rule: "1 to 128 visible ASCII characters" })
    }
}

/// A connection's id, as API Gateway gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionId(String);

impl ConnectionId {
    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        checked(text, "connection id").map(Self)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity that API Gateway gives to an event: the message id of a WebSocket message, the request id of a call.
/// What must be random but survive an event that runs twice is derived from it (I10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventId(String);

impl EventId {
    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        checked(text, "event id").map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_ring::tests::ring;

    /// I10: an event that runs twice names the same terminal, another event another one.
    #[test]
    fn a_uaid_depends_on_the_event_alone() {
        let (connection, event) = ("c1".parse().unwrap(), "m1".parse().unwrap());
        let uaid = Uaid::derive(&ring(), &connection, &event);
        assert_eq!(uaid, Uaid::derive(&ring(), &connection, &event));
        assert_ne!(uaid, Uaid::derive(&ring(), &connection, &"m2".parse().unwrap()));
        // Lengths count: c1 + m1 is not c + 1m1.
        assert_ne!(uaid, Uaid::derive(&ring(), &"c".parse().unwrap(), &"1m1".parse().unwrap()));
        assert_eq!(uaid.expose().parse::<Uaid>().unwrap(), uaid);
    }

    /// Whatever is not just what this service makes names no terminal.
    #[test]
    fn a_uaid_has_one_form() {
        for wrong in
            ["", "0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdeg"]
        {
            assert!(wrong.parse::<Uaid>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn ids_of_the_gateway_keep_their_text() {
        let longest = "a".repeat(128);
        for good in ["Zq3-_=", &longest] {
            let id: ConnectionId = good.parse().unwrap();
            assert_eq!((id.as_str(), id.to_string().as_str()), (good, good));
            assert_eq!(good.parse::<EventId>().unwrap().as_str(), good);
        }
        for wrong in ["", "a b", "a\n", "ä", &"a".repeat(129)] {
            assert!(wrong.parse::<ConnectionId>().is_err(), "{wrong}");
            assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
        }
    }

    /// I11: a uaid does not show in debug output.
    #[test]
    fn a_uaid_is_not_printed() {
        let uaid: Uaid = "0123456789abcdef0123456789abcdef".parse().unwrap();
        assert_eq!(format!("{uaid:?}"), "Uaid(..)");
    }

    #[test]
    fn a_terminal_id_survives_its_text() {
        let id = TerminalId::of(&"0123456789abcdef0123456789abcdef".parse().unwrap());
        assert_eq!(id.to_string().parse::<TerminalId>().unwrap(), id);
        assert_eq!(format!("{id:?}"), format!("TerminalId({id})"));
    }
}
