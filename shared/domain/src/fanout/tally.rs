use crate::{RefusalKind, TokenDigest};

/// A recipient as its sender knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// By its place in the list.
    Index(u32),
    /// By its token's digest: an audience's member.
    Member(TokenDigest),
}

/// A recipient that gets nothing, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// Who.
    pub who: Who,
    /// Why.
    pub kind: RefusalKind,
}

impl RefusedRecipient {
    /// Whether its token is dead: it will never be good again, and its sender is to forget it (R41).
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self.kind, RefusalKind::TokenUnknown | RefusalKind::SessionEnded)
    }
}

/// What became of the recipients of a page, or of several (R41). Each is counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed to the terminal's connection.
    pub posted: u64,
    /// Waiting for their terminals.
    pub stored: u64,
    /// Dropped (RFC 8030 section 5.2): with TTL 0, and their terminals absent; or too late.
    pub missed: u64,
    /// Refused.
    pub refused: Vec<RefusedRecipient>,
}

impl Tally {
    /// How many recipients it counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.posted + self.stored + self.missed + self.refused.len() as u64
    }

    /// Adds another page's.
    pub fn add(&mut self, other: Self) {
        self.posted += other.posted;
        self.stored += other.stored;
        self.missed += other.missed;
        self.refused.extend(other.refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_each_recipient_once() {
        let refused = |index, kind| RefusedRecipient { who: Who::Index(index), kind };
        let mut all =
            Tally { posted: 3, stored: 2, missed: 1, refused: vec![refused(0, RefusalKind::SessionEnded)] };
        assert_eq!(all.total(), 7);
        all.add(Tally { posted: 1, refused: vec![refused(1, RefusalKind::OtherServer)], ..Tally::default() });
        assert_eq!((all.total(), all.posted, all.refused.len()), (9, 4, 2));
        assert!(all.refused[0].is_dead() && !all.refused[1].is_dead());
    }
}
