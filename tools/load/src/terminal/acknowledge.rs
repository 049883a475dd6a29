use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// When a terminal acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AckPolicy {
    /// Each notification, in a message of its own.
    Every,
    /// So many in one message; what is left, at the end.
    Batches(usize),
    Never,
}

/// No policy is called so.
#[derive(Debug, thiserror::Error)]
#[error("`every`, `never` or the size of a batch, 1 to 1000")]
pub(crate) struct NoAckPolicy;

impl FromStr for AckPolicy {
    type Err = NoAckPolicy;

    fn from_str(text: &str) -> Result<Self, NoAckPolicy> {
        match text {
            "every" => Ok(Self::Every),
            "never" => Ok(Self::Never),
            number => match number.parse() {
                Ok(size @ 1..=1000) => Ok(Self::Batches(size)),
                _ => Err(NoAckPolicy),
            },
        }
    }
}

impl fmt::Display for AckPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("every"),
            Self::Never => f.write_str("never"),
            Self::Batches(size) => size.fmt(f),
        }
    }
}

/// The acknowledgement that is being written.
pub(crate) struct Acks {
    policy: AckPolicy,
    text: String,
    pending: usize,
}

/// As in `signalbox_wire::AckUpdate`, borrowed.
#[derive(Serialize)]
struct Update<'a> {
    #[serde(rename = "channelID")]
    channel: &'a str,
    version: &'a str,
    code: u16,
}

impl Acks {
    pub(crate) fn new(policy: AckPolicy) -> Self {
        Self { policy, text: String::new(), pending: 0 }
    }

    /// Takes a notification up; a message to send, where one is full.
    pub(crate) fn add(&mut self, channel: &str, version: &str) -> Option<String> {
        let full = match self.policy {
            AckPolicy::Never => return None,
            AckPolicy::Every => 1,
            AckPolicy::Batches(size) => size,
        };
        // Strings always serialize.
        let update = serde_json::to_string(&Update { channel, version, code: 100 }).ok()?;
        self.text.push_str(if self.pending == 0 { r#"{"messageType":"ack","updates":["# } else { "," });
        self.text.push_str(&update);
        self.pending += 1;
        if self.pending < full { None } else { self.rest() }
    }

    /// What is not full.
    pub(crate) fn rest(&mut self) -> Option<String> {
        if self.pending == 0 {
            return None;
        }
        self.text.push_str("]}");
        self.pending = 0;
        Some(std::mem::take(&mut self.text))
    }
}

#[cfg(test)]
mod tests {
    use signalbox_wire::{Ack, AckUpdate, TerminalMessage};

    use super::*;

    const CHANNEL: &str = "5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";

    fn read(text: &str) -> Vec<String> {
        let TerminalMessage::Ack(Ack { updates }) = serde_json::from_str(text).unwrap() else {
            panic!("{text}");
        };
        let version = |update: AckUpdate| {
            assert_eq!((update.channel.to_string().as_str(), update.code), (CHANNEL, Some(100)));
            update.version
        };
        updates.into_iter().map(version).collect()
    }

    #[test]
    fn acknowledges_as_it_is_told() {
        let mut acks = Acks::new(AckPolicy::Every);
        assert_eq!(read(&acks.add(CHANNEL, r#"a"\b"#).unwrap()), [r#"a"\b"#]);
        assert_eq!(acks.rest(), None);

        let mut acks = Acks::new(AckPolicy::Batches(2));
        assert_eq!(acks.add(CHANNEL, "a"), None);
        assert_eq!(read(&acks.add(CHANNEL, "b").unwrap()), ["a", "b"]);
        assert_eq!(acks.add(CHANNEL, "c"), None);
        assert_eq!(read(&acks.rest().unwrap()), ["c"]);

        let mut acks = Acks::new(AckPolicy::Never);
        assert_eq!((acks.add(CHANNEL, "a"), acks.rest()), (None, None));
    }

    #[test]
    fn policies_have_names() {
        assert_eq!("every".parse::<AckPolicy>().unwrap(), AckPolicy::Every);
        assert_eq!("never".parse::<AckPolicy>().unwrap(), AckPolicy::Never);
        assert_eq!("25".parse::<AckPolicy>().unwrap(), AckPolicy::Batches(25));
        for wrong in ["", "0", "1001", "-1", "sometimes"] {
            assert!(wrong.parse::<AckPolicy>().is_err(), "{wrong}");
        }
    }
}
