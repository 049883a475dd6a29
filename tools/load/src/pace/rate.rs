use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::numbers::float;

/// How many a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Rate(f64);

/// It is no rate.
#[derive(Debug, thiserror::Error)]
#[error("a number a second, 0.01 to 100000")]
pub(crate) struct NoRate;

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        match text.parse() {
            Ok(rate @ 0.01..=100_000.0) => Ok(Self(rate)),
            _ => Err(NoRate),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Rate {
    pub(crate) fn a_second(self) -> f64 {
        self.0
    }

    /// This one and those above it, a step apart, as far as the last.
    pub(crate) fn up_to(self, last: Self, step: Self) -> impl Iterator<Item = Self> {
        let rates = (0_u64..).map(move |number| Self(self.0 + float(number) * step.0));
        // What is rounded off costs no step.
        rates.take_while(move |rate| rate.0 <= last.0 + step.0 / 1e6)
    }

    /// When the one with this number is due, counted from the moment of the first, whose number is 0. Each is reckoned from
    /// the beginning: what is rounded off does not add up.
    pub(crate) fn moment(self, number: u64) -> Duration {
        Duration::from_secs_f64(float(number) / self.0)
    }

    /// How many of so many are due before this much time is over.
    pub(crate) fn due_within(self, time: Duration, of: u64) -> u64 {
        // Found by halving, so that it never disagrees with the moments.
        let (mut due, mut beyond) = (0, of);
        while due < beyond {
            let middle = due + (beyond - due) / 2;
            if self.moment(middle) < time {
                due = middle + 1;
            } else {
                beyond = middle;
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_evenly_apart() {
        let rate: Rate = "250".parse().unwrap();
        assert_eq!(rate.moment(0), Duration::ZERO);
        assert_eq!(rate.moment(1), Duration::from_millis(4));
        assert_eq!(rate.moment(1_000_000), Duration::from_secs(4000));
        let slow: Rate = "0.5".parse().unwrap();
        assert_eq!(slow.moment(3), Duration::from_secs(6));
    }

    #[test]
    fn what_is_due_is_counted() {
        let rate: Rate = "10".parse().unwrap();
        for (millis, of, due) in
            [(0, 50, 0), (1, 50, 1), (100, 50, 1), (101, 50, 2), (1000, 50, 10), (9000, 50, 50)]
        {
            assert_eq!(rate.due_within(Duration::from_millis(millis), of), due, "{millis} ms");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for wrong in ["", "0", "-1", "1e9", "NaN", "inf", "often"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
