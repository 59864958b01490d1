//! The ports to a world that moves: clock, randomness and faults, all of them parameters.
//!
//! A test hands in a clock it moves and a seed; the same seed runs the same course. The traits stand
//! here, on the ground floor; what reads the real clock stands in the binary's `start`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::time::Instant;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
}

/// Gives randomness.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with randomness.
    fn fill(&self, bytes: &mut [u8]);
}

/// The process is to die here; only a simulation ever says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("crashed by the simulation at `{0}`")]
pub struct Crash(pub &'static str);

/// Passes each named crash point: every commit, sync, rename and send has one before and after it.
pub trait Faults: Send + Sync {
    /// Reports that the point is reached.
    ///
    /// # Errors
    /// [`Crash`] when the simulation wants the process to die here; whoever gets it does nothing more.
    fn reach(&self, point: &'static str) -> Result<(), Crash>;
}

/// No fault ever: the port of every run that is not a simulation.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn reach(&self, _point: &'static str) -> Result<(), Crash> {
        Ok(())
    }
}

/// A clock that stands still until it is moved: for simulations, exercises and the demo's history.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that shows `instant`.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(AtomicI64::new(instant.as_micros()))
    }

    /// Sets it to `instant`.
    pub fn set(&self, instant: Instant) {
        self.0.store(instant.as_micros(), Ordering::SeqCst);
    }

    /// Moves it on by so many seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness from a seed (SplitMix64): reproducible, and therefore never used for keys.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// Randomness that `seed` determines.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// The next 64 bits.
    pub fn next_u64(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound` (which must not be 0).
    pub fn below(&self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}
