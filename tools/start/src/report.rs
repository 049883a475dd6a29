use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::measure::Life;
use crate::subject::{EMPTY, Subject};

/// What was measured of one function: the middle of its lives.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    /// The size of its binary, in bytes.
    pub(crate) bytes: u64,
    /// Microseconds until it asked for its first event.
    pub(crate) ready_micros: u128,
    /// Microseconds until its first answer.
    pub(crate) first_micros: u128,
    /// Microseconds for a later event.
    pub(crate) warm_micros: u128,
    /// The most memory, in KiB.
    pub(crate) memory_kib: u64,
    /// [`first_micros`](Self::first_micros) as a multiple of the empty function's: the middle of the rounds' ratios.
    pub(crate) first_ratio: f64,
}

/// All of them, by name.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report(BTreeMap<&'static str, Measured>);

impl Report {
    /// Of the lives of each subject, in the order of the rounds; the empty one's among them.
    ///
    /// # Errors
    /// Where a binary's size cannot be read.
    pub(crate) fn of(folder: &Path, lives: &[(Subject, Vec<Life>)]) -> std::io::Result<Self> {
        let empty: Vec<_> = lives
            .iter()
            .filter(|(subject, _)| subject.name == EMPTY.name)
            .flat_map(|(_, lives)| lives)
            .collect();
        let mut report = Self::default();
        for (subject, lives) in lives {
            let bytes = std::fs::metadata(subject.binary(folder))?.len();
            let ratios = lives
                .iter()
                .zip(&empty)
                .map(|(life, empty)| life.first.as_secs_f64() / empty.first.as_secs_f64());
            let micros = |of: fn(&Life) -> Duration| middle(lives.iter().map(|life| of(life).as_micros()));
            let measured = Measured {
                bytes,
                ready_micros: micros(|life| life.ready).unwrap_or_default(),
                first_micros: micros(|life| life.first).unwrap_or_default(),
                warm_micros: micros(|life| life.warm).unwrap_or_default(),
                memory_kib: middle(lives.iter().map(|life| life.memory)).unwrap_or_default(),
                first_ratio: middle(ratios).unwrap_or_default(),
            };
            report.0.insert(subject.name, measured);
        }
        Ok(report)
    }
}

/// The one in the middle; none of none.
fn middle<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<15} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
            "function", "size KiB", "ready ms", "first ms", "warm ms", "peak KiB", "ratio"
        )?;
        for (name, it) in &self.0 {
            let millis = |micros: u128| {
                Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)).as_secs_f64() * 1000.0
            };
            writeln!(
                f,
                "{name:<15} {:>9} {:>9.2} {:>9.2} {:>9.2} {:>9} {:>7.2}",
                it.bytes / 1024,
                millis(it.ready_micros),
                millis(it.first_micros),
                millis(it.warm_micros),
                it.memory_kib,
                it.first_ratio
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_of_what_is_there() {
        assert_eq!(middle([3, 1, 2].into_iter()), Some(2));
        assert_eq!(middle([0.5, 1.5].into_iter()), Some(1.5));
        assert_eq!(middle(std::iter::empty::<u8>()), None);
    }
}
