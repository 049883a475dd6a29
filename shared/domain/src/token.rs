use std::fmt;

use aws_lc_rs::{constant_time, digest};
use signalbox_wire::ChannelId;

use crate::key_ring::{KeyId, KeyRing, Purpose, SealError};
use crate::{
    ApplicationName, ConnectionId, EventId, Refusal, ServerKey, SessionRequest, TerminalId, key_ring,
};

const LENGTH: usize = 64;

/// What a token says to the push service alone: whose it is, and who may use it. Enough to refuse a foreign token or a
/// wrong key without reading anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenClaims {
    /// The terminal of the session.
    pub terminal: TerminalId,
    /// The channel of the session.
    pub channel: ChannelId,
    /// Tells this token from the session's other ones.
    pub seed: [u8; 16],
    /// The application server key that the application named, if any.
    pub named_key: Option<KeyHint>,
    /// The application's name, if it gave one.
    pub application: Option<ApplicationHint>,
}

/// Eight bytes of a server key's hash: enough to refuse another key early; the session's row has the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHint([u8; 8]);

impl KeyHint {
    /// The hint of a key.
    #[must_use]
    pub fn of(key: &ServerKey) -> Self {
        Self(hash8(key.as_bytes()))
    }
}

/// Eight bytes of the hash of an application's name: enough to find what is registered under it; the session's row has the
/// last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApplicationHint([u8; 8]);

impl ApplicationHint {
    /// The hint of a name.
    #[must_use]
    pub fn of(name: &ApplicationName) -> Self {
        Self(hash8(name.as_str().as_bytes()))
    }
}

impl fmt::Display for ApplicationHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The first eight bytes of SHA-256; all zero stands for "none" in a token, so one bit is set.
fn hash8(bytes: &[u8]) -> [u8; 8] {
    let mut hint = [0; 8];
    hint.copy_from_slice(&digest::digest(&digest::SHA256, bytes).as_ref()[..8]);
    hint[0] |= 0x80;
    hint
}

/// A token: the right to send notifications to one session (R7), as text of fewer than 135 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(key_ring::Sealed);

impl Token {
    /// Makes the token that this session request gets: the same however often the event runs (I10).
    ///
    /// # Errors
    /// Where the ring cannot seal.
    pub fn issue(
        ring: &KeyRing,
        (connection, event): (&ConnectionId, &EventId),
        terminal: TerminalId,
        channel: ChannelId,
        request: &SessionRequest,
    ) -> Result<Self, SealError> {
        let identity = [connection.as_str().as_bytes(), event.as_str().as_bytes(), channel.as_bytes()];
        let claims = TokenClaims {
            terminal,
            channel,
            seed: ring.derive(key_ring::Derived::TokenSeed, &identity),
            named_key: request.named_key.as_ref().map(KeyHint::of),
            application: request.application.as_ref().map(ApplicationHint::of),
        };
        ring.seal(Purpose::Token, ring.sealing_key(), &claims.to_bytes()).map(Self)
    }

    /// The text; the last path segment of the endpoint.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// What the tables keep of it.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.expose())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl TokenClaims {
    /// Reads a presented token (R14).
    ///
    /// # Errors
    /// [`SealError::Forged`] where it is none of this deployment's; [`SealError::UnknownKey`] where the ring must be
    /// read again to tell.
    pub fn open(ring: &KeyRing, token: &str) -> Result<(Self, KeyId), SealError> {
        let (plain, key) = ring.open(Purpose::Token, token)?;
        let claims = Self::from_bytes(&plain).ok_or(SealError::Forged)?;
        Ok((claims, key))
    }

    /// Refuses, without a read, whoever cannot be the named server.
    ///
    /// # Errors
    /// [`Refusal::VapidMissing`] and [`Refusal::OtherServer`].
    pub fn admit(&self, server: Option<&ServerKey>) -> Result<(), Refusal> {
        match (self.named_key, server) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Refusal::VapidMissing),
            (Some(named), Some(server)) if named == KeyHint::of(server) => Ok(()),
            (Some(_), Some(_)) => Err(Refusal::OtherServer),
        }
    }

    fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..16].copy_from_slice(self.terminal.as_bytes());
        bytes[16..32].copy_from_slice(self.channel.as_bytes());
        bytes[32..48].copy_from_slice(&self.seed);
        bytes[48..56].copy_from_slice(&self.named_key.map(|hint| hint.0).unwrap_or_default());
        bytes[56..].copy_from_slice(&self.application.map(|hint| hint.0).unwrap_or_default());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let present = |hint: [u8; 8]| (hint != [0; 8]).then_some(hint);
        Some(Self {
            terminal: TerminalId::from_bytes(bytes[..16].try_into().ok()?),
            channel: ChannelId::from_bytes(bytes[16..32].try_into().ok()?),
            seed: bytes[32..48].try_into().ok()?,
            named_key: present(bytes[48..56].try_into().ok()?).map(KeyHint),
            application: present(bytes[56..].try_into().ok()?).map(ApplicationHint),
        })
    }
}

/// SHA-256 of a token: what the tables hold, so that who reads them can send nothing.
#[derive(Debug, Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of a presented token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(digest)
    }

    /// From the tables.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenDigest {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for TokenDigest {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_ring::tests::{ring, ring_of};

    const CHANNEL: &str = "5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";

    fn issue(event: &str, request: &SessionRequest) -> Token {
        Token::issue(
            &ring(),
            (&"c1".parse().unwrap(), &event.parse().unwrap()),
            TerminalId::from_bytes([7; 16]),
            CHANNEL.parse().unwrap(),
            request,
        )
        .unwrap()
    }

    /// R8: the token leads back to terminal, channel and application.
    #[test]
    fn a_token_says_whose_it_is() {
        let application: ApplicationName = "org.example.mail".parse().unwrap();
        let request = SessionRequest { application: Some(application.clone()), ..SessionRequest::default() };
        let token = issue("m1", &request);
        assert!(token.expose().len() < 135, "{}", token.expose().len());
        let (claims, _) = TokenClaims::open(&ring(), token.expose()).unwrap();
        assert_eq!(claims.terminal, TerminalId::from_bytes([7; 16]));
        assert_eq!(claims.channel.to_string(), CHANNEL);
        assert_eq!(claims.application, Some(ApplicationHint::of(&application)));
        assert_ne!(claims.application, Some(ApplicationHint::of(&"org.example.chat".parse().unwrap())));
    }

    /// I10 and R10: the same event makes the same token, another one another token.
    #[test]
    fn a_token_depends_on_the_event() {
        let request = SessionRequest::default();
        assert_eq!(issue("m1", &request), issue("m1", &request));
        assert_ne!(issue("m1", &request), issue("m2", &request));
    }

    /// All zero stands for "none" in a token, so that no hint may be it.
    #[test]
    fn a_hint_is_never_none() {
        assert!((0..64_u8).all(|n| hash8(&[n])[0] >= 0x80));
    }

    /// No log shows a token; the tables hold its digest alone.
    #[test]
    fn a_token_shows_itself_to_nobody() {
        let token = issue("m1", &SessionRequest::default());
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert_eq!(TokenDigest::from_bytes(token.digest().as_bytes()), Some(token.digest()));
        assert_eq!(TokenDigest::from_bytes(&[0; 31]), None);
    }

    /// R14: a token of another deployment does not open, whatever its form.
    #[test]
    fn a_foreign_token_is_refused() {
        let foreign = ring_of(r#"{"encrypt":"1","1":"the secret of another deployment"}"#);
        let token = issue("m1", &SessionRequest::default());
        assert_eq!(TokenClaims::open(&foreign, token.expose()), Err(SealError::Forged));
    }

    /// R22: the named server's key is told from others without a read.
    #[test]
    fn a_named_key_admits_its_server_alone() {
        let key = crate::vapid::tests::TestServer::new().key();
        let other = crate::vapid::tests::TestServer::new().key();
        let request = SessionRequest { named_key: Some(key), ..SessionRequest::default() };
        let (claims, _) = TokenClaims::open(&ring(), issue("m1", &request).expose()).unwrap();
        assert_eq!(claims.admit(Some(&key)), Ok(()));
        assert_eq!(claims.admit(Some(&other)), Err(Refusal::OtherServer));
        assert_eq!(claims.admit(None), Err(Refusal::VapidMissing));
    }
}
