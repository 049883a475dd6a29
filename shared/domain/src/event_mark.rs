use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use signalbox_wire::base64url;

use crate::{ConnectionId, EventId};

/// Enough of a hash to tell an event from the few others that a row remembers.
const LENGTH: usize = 9;
/// So many events are remembered: far more than one channel sees before the last run of any of them is over.
const REMEMBERED: usize = 8;

/// What a row remembers of an event that has changed it, so that another run of it, behind later ones, is told from a new event
/// (I10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMark(String);

/// The text is no mark of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no mark of an event")]
pub struct NotAnEventMark;

impl EventMark {
    /// The mark of this event of this connection.
    #[must_use]
    pub fn of(connection: &ConnectionId, event: &EventId) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        // No id holds a line's end.
        for part in [connection.as_str(), "\n", event.as_str()] {
            hash.update(part.as_bytes());
        }
        Self(base64url::encode(&hash.finish().as_ref()[..LENGTH]))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventMark {
    type Err = NotAnEventMark;

    fn from_str(text: &str) -> Result<Self, NotAnEventMark> {
        let bytes = base64url::decode(text).map_err(|_| NotAnEventMark)?;
        if bytes.len() == LENGTH { Ok(Self(text.to_owned())) } else { Err(NotAnEventMark) }
    }
}

impl fmt::Display for EventMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The events that have changed something, the last ones, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentEvents(Vec<EventMark>);

impl RecentEvents {
    /// These, oldest first.
    #[must_use]
    pub fn new(marks: Vec<EventMark>) -> Self {
        Self(marks)
    }

    /// Whether this event is among them: this is another run of it.
    #[must_use]
    pub fn has(&self, event: &EventMark) -> bool {
        self.0.contains(event)
    }

    /// With one more, and without the oldest where that would be too many.
    #[must_use]
    pub fn and(&self, event: &EventMark) -> Self {
        let surplus = (self.0.len() + 1).saturating_sub(REMEMBERED);
        Self(self.0.iter().skip(surplus).chain([event]).cloned().collect())
    }

    /// Each, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &EventMark> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(connection: &str, event: &str) -> EventMark {
        EventMark::of(&connection.parse().unwrap(), &event.parse().unwrap())
    }

    #[test]
    fn a_mark_is_of_one_event_of_one_connection() {
        assert_eq!(mark("c", "e"), mark("c", "e"));
        assert_ne!(mark("c", "e"), mark("c", "f"));
        assert_ne!(mark("c", "e"), mark("ce", "e"));
        assert_ne!(mark("c", "1e"), mark("c1", "e"));
        assert_eq!(mark("c", "e").to_string().parse(), Ok(mark("c", "e")));
        assert_eq!(mark("c", "e").as_str(), mark("c", "e").to_string());
        for bad in ["", "c", "!!!!!!!!!!!!", "AAAAAAAAAAAAAAAA"] {
            assert_eq!(bad.parse::<EventMark>(), Err(NotAnEventMark));
        }
    }

    #[test]
    fn the_last_events_are_remembered() {
        let marks: Vec<_> = (0..20).map(|n| mark("c", &format!("e{n}"))).collect();
        let recent = marks.iter().fold(RecentEvents::default(), |recent, mark| recent.and(mark));
        assert_eq!(recent.iter().cloned().collect::<Vec<_>>(), marks[20 - REMEMBERED..]);
        assert!(recent.has(&marks[19]) && !recent.has(&marks[0]));
    }
}
