use std::time::Duration;

use fastrand::Rng;

/// A seed that follows from another and a number, and has nothing else in common with it.
pub(crate) fn derive(seed: u64, number: u64) -> u64 {
    // SplitMix64's mixing.
    let mut z = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A share of one, the same for the same seed and number.
pub(crate) fn share(seed: u64, number: u64) -> f64 {
    Rng::with_seed(derive(seed, number)).f64()
}

/// How long something takes: evenly between two bounds, and for a few far longer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    /// Milliseconds, from and to.
    pub(crate) usual: (f64, f64),
    /// Of how many it is another time, from the usual bound to this one.
    pub(crate) tail: (f64, f64),
}

impl Latency {
    pub(crate) fn draw(self, dice: &mut Rng) -> Duration {
        let (from, to) = if dice.f64() < self.tail.0 { (self.usual.1, self.tail.1) } else { self.usual };
        Duration::from_secs_f64((from + (to - from) * dice.f64()) / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_has_a_usual_range_and_a_tail() {
        let latency = Latency { usual: (8.0, 15.0), tail: (0.01, 200.0) };
        let mut dice = Rng::with_seed(1);
        let drawn: Vec<_> = (0..10_000).map(|_| latency.draw(&mut dice).as_secs_f64() * 1_000.0).collect();
        assert!(drawn.iter().all(|ms| (8.0..=200.0).contains(ms)));
        let late = drawn.iter().filter(|ms| **ms > 15.0).count();
        assert!((50..200).contains(&late), "{late}");
    }
}
