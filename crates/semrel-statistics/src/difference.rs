//! The difference of two methods, and how far it would move with other seeds and pictures.

use crate::resamples::{Lists, mean, standard_deviation};
use crate::scores::Scores;

/// The difference A − B of two methods of a table.
#[derive(Debug)]
pub struct Difference<'a> {
    a: &'a [Vec<f64>],
    b: &'a [Vec<f64>],
}

impl<'a> Difference<'a> {
    /// Of the methods `a` and `b`.
    ///
    /// Panics where the table has no such method.
    pub fn new(scores: &'a Scores, a: usize, b: usize) -> Self {
        Self { a: scores.method(a), b: scores.method(b) }
    }

    /// Of each seed, the mean over pictures.
    pub fn of_seeds(&self) -> Vec<f64> {
        self.a.iter().zip(self.b).map(|(a, b)| mean(a) - mean(b)).collect()
    }

    /// Mean over seeds and pictures.
    pub fn estimate(&self) -> f64 {
        mean(&self.of_seeds())
    }

    /// Standard deviation of the seeds' differences.
    pub fn deviation(&self) -> f64 {
        standard_deviation(&self.of_seeds())
    }

    /// Of new seeds that both methods share, and new pictures: one list of either for both methods.
    pub fn paired(&self, seeds: &Lists, pictures: &Lists) -> Vec<f64> {
        let resample =
            |(seeds, pictures): (&Vec<usize>, &Vec<usize>)| of(self.a, seeds, pictures) - of(self.b, seeds, pictures);
        seeds.lists().iter().zip(pictures.lists()).map(resample).collect()
    }

    /// Of new seeds of each method, where equal numbers of seeds share nothing; and new pictures.
    pub fn independent(&self, seeds: &Lists, seeds_of_b: &Lists, pictures: &Lists) -> Vec<f64> {
        let lists = seeds.lists().iter().zip(seeds_of_b.lists()).zip(pictures.lists());
        lists.map(|((a, b), pictures)| of(self.a, a, pictures) - of(self.b, b, pictures)).collect()
    }

    /// Of these trained networks on new pictures: it says nothing about other trainings.
    pub fn pictures_only(&self, pictures: &Lists) -> Vec<f64> {
        let all: Vec<usize> = (0..self.a.len()).collect();
        pictures.lists().iter().map(|pictures| of(self.a, &all, pictures) - of(self.b, &all, pictures)).collect()
    }
}

/// Mean over listed seeds and pictures, repeats counting.
fn of(method: &[Vec<f64>], seeds: &[usize], pictures: &[usize]) -> f64 {
    let of_seed = |&s: &usize| pictures.iter().map(|&i| method[s][i]).sum::<f64>() / pictures.len() as f64;
    seeds.iter().map(of_seed).sum::<f64>() / seeds.len() as f64
}

/// Share of resamples below 0; those at 0 count half.
pub fn share_below_zero(resamples: &[f64]) -> f64 {
    let weight = |v: &f64| match v.total_cmp(&0.0) {
        _ if *v == 0.0 => 0.5,
        std::cmp::Ordering::Less => 1.0,
        _ => 0.0,
    };
    resamples.iter().map(weight).sum::<f64>() / resamples.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resamples_by_hand() {
        let scores =
            Scores::new(vec![vec![vec![1.0, 3.0], vec![5.0, 7.0]], vec![vec![0.0, 0.0], vec![1.0, 1.0]]]).unwrap();
        let difference = Difference::new(&scores, 0, 1);
        assert_eq!((difference.of_seeds(), difference.estimate()), (vec![2.0, 5.0], 3.5));
        let lists = |lists: &[usize]| Lists::new(vec![lists.to_vec()], 2).unwrap();
        assert_eq!(difference.paired(&lists(&[0, 0]), &lists(&[1, 1])), [3.0]);
        assert_eq!(difference.independent(&lists(&[0, 0]), &lists(&[1, 1]), &lists(&[1, 1])), [2.0]);
        assert_eq!(difference.pictures_only(&lists(&[0, 0])), [(1.0 + 4.0) / 2.0]);
        assert_eq!(share_below_zero(&[-1.0, 0.0, 2.0, 3.0]), 0.375);
    }
}
