use std::ops::Range;

use fastrand::Rng;
use signalbox_domain::{TerminalId, TokenDigest};
use signalbox_wire::ChannelId;

use crate::dice::{derive, share};
use crate::setting::Setting;

/// How a member's terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There.
    Connected,
    /// Not there, and the tables know it.
    Absent,
    /// Not there, and the tables do not know it yet.
    Gone,
    /// There, but its session has ended.
    Ended,
}

/// All terminals, each with one session that is a member of the audience. None of their rows is kept: everything follows from
/// a terminal's number. Numbers are in the order of the ids, and an id ends with its number.
#[derive(Debug)]
pub(crate) struct Population {
    seed: u64,
    /// The first 96 bits of each id are a hash, as those of real ids are.
    ids: Vec<u128>,
    kinds: Vec<Kind>,
}

impl Population {
    pub(crate) fn new(setting: &Setting) -> Self {
        let mut dice = Rng::with_seed(derive(setting.seed, 1));
        let mut ids: Vec<u128> = (0..setting.members).map(|_| dice.u128(..)).collect();
        ids.sort_unstable();
        let ids = ids.iter().zip(0_u32..).map(|(id, number)| id >> 32 << 32 | u128::from(number)).collect();
        let kind = |number| {
            let place = share(setting.seed ^ 2, u64::from(number));
            match place {
                _ if place < setting.ended => Kind::Ended,
                _ if place < setting.ended + setting.gone => Kind::Gone,
                _ if place < setting.ended + setting.gone + setting.absent => Kind::Absent,
                _ => Kind::Connected,
            }
        };
        Self { seed: setting.seed, ids, kinds: (0..setting.members).map(kind).collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn kind(&self, number: u32) -> Kind {
        self.kinds[number as usize]
    }

    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    pub(crate) fn id(&self, number: u32) -> u128 {
        self.ids[number as usize]
    }

    pub(crate) fn terminal(&self, number: u32) -> TerminalId {
        TerminalId::from_bytes(self.id(number).to_be_bytes())
    }

    /// The terminal of this name, if it is one of these.
    pub(crate) fn number(&self, terminal: &str) -> Option<u32> {
        let id: TerminalId = terminal.parse().ok()?;
        let id = u128::from_be_bytes(*id.as_bytes());
        let number = u32::try_from(id & u128::from(u32::MAX)).ok()?;
        (self.ids.get(number as usize) == Some(&id)).then_some(number)
    }

    /// The terminals whose ids begin with these 32 bits, from the first to the last.
    pub(crate) fn range(&self, from: u32, to: u32) -> Range<u32> {
        let before = |bound: u64| {
            let place = self.ids.partition_point(|id| *id < u128::from(bound) << 96);
            u32::try_from(place).unwrap_or(u32::MAX)
        };
        let end = u64::from(to) + 1;
        before(u64::from(from))..if end >> 32 == 0 { before(end) } else { self.end() }
    }

    fn end(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn channel(&self, number: u32) -> ChannelId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&derive(self.seed ^ 3, u64::from(number)).to_be_bytes());
        bytes[8..].copy_from_slice(&derive(self.seed ^ 4, u64::from(number)).to_be_bytes());
        ChannelId::from_bytes(bytes)
    }

    /// The digest of its session's token, which nobody has.
    pub(crate) fn token(&self, number: u32) -> TokenDigest {
        TokenDigest::of(&format!("{}-{number}", self.seed))
    }

    /// Its connection's id, which begins with its number.
    pub(crate) fn connection(number: u32) -> String {
        format!("{number:08x}AbCdE=")
    }

    /// Whose connection it is.
    pub(crate) fn of_connection(connection: &str) -> Option<u32> {
        u32::from_str_radix(connection.get(..8)?, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_found_by_its_name_its_connection_and_its_place() {
        let all = Population::new(&Setting { members: 1_000, ..Setting::default() });
        for number in [0, 1, 500, 999] {
            assert_eq!(all.number(&all.terminal(number).to_string()), Some(number));
            assert_eq!(Population::of_connection(&Population::connection(number)), Some(number));
        }
        assert_eq!(all.number(&TerminalId::from_bytes([1; 16]).to_string()), None);
        assert_eq!(all.range(0, u32::MAX), 0..1_000);
        let parts = (0..16_u32).map(|part| all.range(part << 28, (part << 28) | 0x0fff_ffff).len());
        let parts: Vec<_> = parts.collect();
        assert_eq!(parts.iter().sum::<usize>(), 1_000);
        assert!(parts.iter().all(|part| (20..120).contains(part)), "{parts:?}");
    }
}
