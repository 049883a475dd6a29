use fastrand::Rng;

/// A seed that follows from another and a number, and has nothing else in common with it.
pub fn derive(seed: u64, number: u64) -> u64 {
    // SplitMix64's mixing.
    let mut z = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A generator with a few words of its own.
pub struct Dice(Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    pub fn seed(&mut self) -> u64 {
        self.0.u64(..)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0.u64(0..end.max(1))
    }

    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0.u64(from..=to)
    }

    pub fn chance(&mut self, of: f64) -> bool {
        of > 0.0 && self.0.f64() < of
    }

    pub fn index(&mut self, len: usize) -> usize {
        self.0.usize(0..len.max(1))
    }

    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.usize(0..of.len())]
    }
}
