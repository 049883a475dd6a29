use std::str::FromStr;

use aws_lc_rs::digest;
use signalbox_wire::ChannelId;

/// A topic (RFC 8030 section 5.4): a newer message of the same topic replaces one that was not delivered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic(String);

/// The text is no topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 characters from A-Z, a-z, 0-9, '-' and '_'")]
pub struct NotATopic;

impl FromStr for Topic {
    type Err = NotATopic;

    fn from_str(text: &str) -> Result<Self, NotATopic> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if fits { Ok(Self(text.to_owned())) } else { Err(NotATopic) }
    }
}

impl Topic {
    /// The topic's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The place of a topic among what waits for a terminal: one for each topic of each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicMark(pub(crate) [u8; 16]);

impl TopicMark {
    /// The mark of a channel's topic.
    #[must_use]
    pub fn of(channel: &ChannelId, topic: &Topic) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        // The channel has a fixed length.
        context.update(channel.as_bytes());
        context.update(topic.0.as_bytes());
        let mut mark = [0; 16];
        mark.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_short_and_of_the_url_safe_alphabet() {
        for good in ["a", "upd", "_-AZaz09", &"t".repeat(32)] {
            assert!(good.parse::<Topic>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "a+b", "ä", "a=", &"t".repeat(33)] {
            assert_eq!(bad.parse::<Topic>(), Err(NotATopic), "{bad}");
        }
    }

    #[test]
    fn marks_differ_by_channel_and_topic() {
        let channel = |byte| ChannelId::from_bytes([byte; 16]);
        let mark = |byte, topic: &str| TopicMark::of(&channel(byte), &topic.parse().unwrap()).0;
        assert_eq!(mark(1, "a"), mark(1, "a"));
        assert_ne!(mark(1, "a"), mark(1, "b"));
        assert_ne!(mark(1, "a"), mark(2, "a"));
    }
}
