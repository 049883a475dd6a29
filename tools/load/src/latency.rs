use hdrhistogram::Histogram;
use serde::Serialize;

use crate::numbers::round;

/// An hour, in microseconds; what takes longer counts as that.
const LONGEST: u64 = 3_600_000_000;
/// Three digits: a thousandth of each value.
const DIGITS: u8 = 3;

/// How long something took, over all times that it was done. Microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) min: u64,
    pub(crate) mean: f64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl Latency {
    /// None where it was never done.
    pub(crate) fn of(times: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut histogram = Histogram::<u64>::new_with_max(LONGEST, DIGITS).ok()?;
        for time in times {
            histogram.saturating_record(time);
        }
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            min: histogram.min(),
            mean: round(histogram.mean()),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times() {
        let latency = Latency::of(1..=1000).unwrap();
        assert_eq!((latency.count, latency.min, latency.p50, latency.p99), (1000, 1, 500, 990));
        assert_eq!((latency.p90, latency.p999, latency.max), (900, 999, 1000));
        assert!(Latency::of([u64::MAX]).unwrap().max >= LONGEST);
        assert_eq!(Latency::of([]), None);
    }
}
