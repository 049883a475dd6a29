//! Conversions for reports, where the last digit does not matter.

use std::time::{Duration, Instant};

/// Exact up to 2^53, far above any count or time here.
#[allow(clippy::cast_precision_loss, reason = "reports show fewer digits")]
pub(crate) const fn float(number: u64) -> f64 {
    number as f64
}

/// How many a second; 0 where no time has passed.
pub(crate) fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { round(float(count) / seconds) } else { 0.0 }
}

/// To three digits behind the point, so that a report can be read.
pub(crate) fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// Microseconds from one to the other; 0 where it is earlier.
pub(crate) fn micros(from: Instant, to: Instant) -> u64 {
    whole_micros(to.saturating_duration_since(from))
}

/// Microseconds, which last for half a million years.
pub(crate) fn whole_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
