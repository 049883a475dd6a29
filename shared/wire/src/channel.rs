use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A channel of a terminal: the name that the terminal gives to one application's session (`channelID` on the wire).
///
/// Always the canonical text of a UUID: lower case, with dashes, as Mozilla's push protocol demands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelId(Uuid);

/// The text is not a UUID in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAChannelId;

impl ChannelId {
    /// The 16 bytes of the UUID.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// A channel from the 16 bytes of its UUID.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for ChannelId {
    type Err = NotAChannelId;

    fn from_str(text: &str) -> Result<Self, NotAChannelId> {
        let uuid = Uuid::try_parse(text).map_err(|_| NotAChannelId)?;
        let mut canonical = Uuid::encode_buffer();
        if uuid.hyphenated().encode_lower(&mut canonical) != text {
            return Err(NotAChannelId);
        }
        Ok(Self(uuid))
    }
}

impl TryFrom<String> for ChannelId {
    type Error = NotAChannelId;

    fn try_from(text: String) -> Result<Self, NotAChannelId> {
        text.parse()
    }
}

impl From<ChannelId> for String {
    fn from(channel: ChannelId) -> Self {
        channel.to_string()
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelId({self})")
    }
}

impl fmt::Display for NotAChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channelID must be a UUID in lower case with dashes")
    }
}

impl std::error::Error for NotAChannelId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_a_channel() {
        let canonical = "5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";
        assert_eq!(canonical.parse::<ChannelId>().unwrap().to_string(), canonical);
        for wrong in [
            "",
            "5A7B9C1D-2E3F-4A5B-8C6D-7E8F9A0B1C2D",
            "5a7b9c1d2e3f4a5b8c6d7e8f9a0b1c2d",
            "{5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d}",
            "urn:uuid:5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d",
            "5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2",
        ] {
            assert_eq!(wrong.parse::<ChannelId>(), Err(NotAChannelId), "{wrong}");
        }
    }
}
