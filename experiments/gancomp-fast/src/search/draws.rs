//! Where a search's randomness comes from: every child draws from streams of its own.

use crate::search::member::Member;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use semrel_data::rng::stream;
use semrel_nn::channels::Weighting;

/// Random numbers for the genes of one child.
pub trait Draws {
    /// Uniform in 0..1.
    fn uniform(&mut self) -> f64;

    /// One of `0..count`, all alike; `count` is at least 1.
    fn pick(&mut self, count: usize) -> usize;

    /// One of `0..count` by weights ([`Weighting::weights`]).
    fn weighted(&mut self, count: usize, weighting: Weighting) -> usize {
        weighting.choose(count, || self.uniform()).unwrap_or_else(|| self.pick(count))
    }
}

/// A child's place in a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// 0 for the first generation.
    pub generation: u64,
    /// Number within the generation, from 0.
    pub child: u64,
}

/// Draws for every child of a search.
pub trait Source {
    /// Draws for genes.
    type Genes: Draws;

    /// The `count` parents (1 or 2) of a child, by their numbers among the parents, uniformly and with replacement.
    fn parents(&mut self, place: Place, count: usize, among: &[Member]) -> Vec<usize>;

    /// Draws for the genes of a child.
    fn genes(&mut self, place: Place) -> Self::Genes;
}

/// The streams of a seed: `search.genes` and `search.parents`, at a position of their own for each child. What a child draws
/// depends on neither how often others were redrawn nor how many evaluations were found in the cache.
#[derive(Debug, Clone, Copy)]
pub struct Seeded(pub u64);

/// A stream as a source of genes.
#[derive(Debug)]
pub struct Stream(ChaCha8Rng);

impl Seeded {
    fn stream(self, name: &str, place: Place) -> Stream {
        Stream(stream(self.0, name, (place.generation << 32) | place.child))
    }
}

impl Draws for Stream {
    fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    fn pick(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }
}

impl Source for Seeded {
    type Genes = Stream;

    fn parents(&mut self, place: Place, count: usize, among: &[Member]) -> Vec<usize> {
        let mut draws = self.stream("search.parents", place);
        (0..count).map(|_| draws.pick(among.len())).collect()
    }

    fn genes(&mut self, place: Place) -> Stream {
        self.stream("search.genes", place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(generation: u64, child: u64) -> Place {
        Place { generation, child }
    }

    #[test]
    fn every_child_has_streams_of_its_own() {
        let first = |seed, place| Seeded(seed).genes(place).uniform();
        assert_eq!(first(1, at(2, 3)), first(1, at(2, 3)));
        let all = [(1, at(2, 3)), (1, at(3, 2)), (1, at(2, 4)), (2, at(2, 3))].map(|(seed, place)| first(seed, place));
        for (i, value) in all.iter().enumerate() {
            assert!(!all[..i].contains(value), "{all:?}");
        }
    }

    #[test]
    fn weighted_draws_follow_their_weights() {
        let mut draws = Seeded(7).genes(at(0, 0));
        let mut counts = [0; 5];
        for _ in 0..30_000 {
            counts[draws.weighted(5, Weighting::Arithmetic(2.0))] += 1;
        }
        for (count, weight) in counts.iter().zip([4.0, 5.0, 6.0, 7.0, 8.0]) {
            assert!((f64::from(*count) - weight * 1000.0).abs() < 400.0, "{counts:?}");
        }
        assert_eq!(draws.weighted(1, Weighting::Arithmetic(2.0)), 0);
    }
}
