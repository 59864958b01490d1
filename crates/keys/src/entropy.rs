//! Randomness from the operating system: the one place in the house that asks it.

use model::port::Entropy;

/// The operating system's randomness (`getrandom`).
///
/// Every deployment makes its keys and nonces with this. [`model::port::SeededEntropy`] is for simulations: whoever knows
/// the seed knows the keys, and a seed used twice with one key repeats a nonce, which lays bare what was sealed.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// Where the operating system cannot give randomness. There is nothing safe to do then but to stop.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives no randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_all_of_it_and_never_twice_the_same() {
        let (mut a, mut b) = ([0_u8; 64], [0_u8; 64]);
        OsEntropy.fill(&mut a);
        OsEntropy.fill(&mut b);
        assert_ne!(a, b);
        assert!(a[32..].iter().any(|&byte| byte != 0));
    }
}
