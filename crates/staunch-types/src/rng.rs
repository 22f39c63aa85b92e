//! Chance as an argument.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where chance comes from: nonces, ids, jitter. Rows never depend on it.
pub trait Rng: Send + Sync {
    /// 64 bits.
    fn next(&self) -> u64;

    /// 128 bits as 32 lower-case hexadecimal digits.
    fn token(&self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }
}

/// The operating system's random numbers.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn next(&self) -> u64 {
        uuid::Uuid::new_v4().as_u64_pair().0
    }

    fn token(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): one seed, one history.
#[derive(Debug)]
pub struct SeededRng(AtomicU64);

impl SeededRng {
    /// A generator that starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Rng for SeededRng {
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
