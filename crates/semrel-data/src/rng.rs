//! Counter-based random streams: host randomness as a pure function of (seed, name, position).
//!
//! Every consumer of randomness (data order, augmentation, patch positions, latents, …) draws from streams of its own
//! name, one for each position (step, item, epoch). Nothing has to be saved to resume: the stream of step `n` is made
//! afresh at step `n`, and neither the number of draws elsewhere nor the number of threads can shift it.
//!
//! The key of the ChaCha8 cipher is `SHA-256("semrel.stream" ‖ seed as u64 LE ‖ name as UTF-8)`, its 64-bit stream
//! number is the position and its block counter starts at 0. Streams of different seeds, names or positions are
//! therefore independent for every purpose short of cryptanalysis, and each is 2⁷⁰ bytes long.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The generator of stream `name` at `position`, for a run of this `seed`.
///
/// ```
/// use rand::RngExt;
/// let mut augment = semrel_data::rng::stream(777, "augment", 12);
/// let again: f64 = semrel_data::rng::stream(777, "augment", 12).random();
/// assert_eq!(augment.random::<f64>(), again);
/// ```
pub fn stream(seed: u64, name: &str, position: u64) -> ChaCha8Rng {
    keyed("semrel.stream", seed, name, position)
}

/// A seed in `0..2⁶³` for another generator, torch's `manual_seed` above all.
///
/// Independent of what [`stream`] yields for the same arguments.
pub fn derive_seed(seed: u64, name: &str, position: u64) -> i64 {
    (keyed("semrel.seed", seed, name, position).next_u64() >> 1) as i64
}

fn keyed(purpose: &str, seed: u64, name: &str, position: u64) -> ChaCha8Rng {
    let key = Sha256::new().chain_update(purpose).chain_update(seed.to_le_bytes()).chain_update(name).finalize();
    let mut rng = ChaCha8Rng::from_seed(key.into());
    rng.set_stream(position);
    rng
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_first_values_never_change() {
        // Checkpoints and tables of earlier versions depend on these.
        assert_eq!(stream(777, "data", 0).next_u64(), 13_379_804_095_339_582_373);
        assert_eq!(stream(777, "data", 1).next_u64(), 18_026_832_348_822_766_145);
        assert_eq!(derive_seed(777, "torch", 5), 2_733_865_546_624_793_306);
    }

    #[test]
    fn seeds_names_and_positions_all_count() {
        let mut first = HashSet::new();
        for seed in 0..4 {
            for name in ["", "a", "b", "ab"] {
                for position in [0, 1, 2, u64::MAX] {
                    first.insert(stream(seed, name, position).next_u64());
                    first.insert(derive_seed(seed, name, position) as u64);
                }
            }
        }
        assert_eq!(first.len(), 2 * 4 * 4 * 4);
    }

    #[test]
    fn derived_seeds_are_nonnegative() {
        assert!((0..200).all(|n| derive_seed(1, "torch", n) >= 0));
    }
}
