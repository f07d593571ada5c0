//! Seeds of seeds: everything random in a run follows from one number.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A seed for `what`, independent of the others of the same run. FNV-1a, a fixed function, and a final mix.
pub(crate) fn mixed(seed: u64, what: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in what.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 31;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ (hash >> 29)
}

/// Dice for one purpose.
pub(crate) struct Dice(StdRng);

impl Dice {
    /// For `what` in the run of `seed`.
    pub(crate) fn new(seed: u64, what: &str) -> Self {
        Self(StdRng::seed_from_u64(mixed(seed, what)))
    }

    /// At least `from`, below `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0.random_range(from..to)
    }

    /// An index below `count`.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    /// Once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.between(0, times) == 0
    }
}
