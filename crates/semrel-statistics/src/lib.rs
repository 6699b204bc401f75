//! What a table with several seeds says, and what it does not.
//!
//! Scores are `x[m][s][i]`: of method m, trained with seed s, on test picture i. A cell is a mean over seeds of means over pictures, and
//! its spread is that of the **seeds**: hundreds of pictures of one training say nothing about the next one. Whether two methods differ
//! is for [`permutation`] to say (two groups of seeds), or for [`sign_flip()`] where seeds are paired; [`holm()`] corrects for the number
//! of comparisons. How large the difference is, with an interval, is for [`Difference`].
//!
//! With three seeds on each side no distribution-free test reaches 5 %: the least two-sided p of [`permutation`] is 0.1.
#![warn(missing_docs)]

mod choice;
mod difference;
mod holm;
mod resamples;
mod scores;
mod students_t;
mod tests_of_seeds;

pub use choice::{Candidate, Choice, choose};
pub use difference::{Difference, share_below_zero};
pub use holm::holm;
pub use resamples::{Interval, Lists, mean, quantile, standard_deviation};
pub use scores::{Cell, Scores};
pub use students_t::t_interval;
pub use tests_of_seeds::{MOST_SPLIT, PValues, permutation, permutation_sampled, sign_flip};

/// What cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// Scores that are not a table.
    #[error("{what}: {found}, expected {expected}")]
    Shape {
        /// Which numbers.
        what: &'static str,
        /// What they are.
        found: String,
        /// What they should be.
        expected: String,
    },
    /// A score that is NaN or infinite.
    #[error("{0} is not finite")]
    NotFinite(String),
    /// More seeds than an exact test goes through.
    #[error("{found} seeds in all; an exact test takes at most {most}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many are taken.
        most: usize,
    },
}
