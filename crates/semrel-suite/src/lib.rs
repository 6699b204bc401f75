//! For tests that need what may be absent (a browser, weights, photographs): a test that skips is counted as skipped, with its
//! reason, and not as passed. The harness of the standard library cannot tell the two apart.
//!
//! A file of such tests has `harness = false` in its `Cargo.toml` and ends with [`suite!`]:
//!
//! ```
//! use semrel_suite::{Skipped, suite};
//!
//! fn photographs() -> Result<&'static str, Skipped> {
//!     Err(Skipped::because("no photographs in data/"))
//! }
//!
//! fn photographs_are_read() -> Result<(), Skipped> {
//!     let photographs = photographs()?;
//!     assert!(!photographs.is_empty());
//!     Ok(())
//! }
//!
//! fn numbers_add_up() {
//!     assert_eq!(1 + 1, 2);
//! }
//!
//! suite![photographs_are_read, numbers_add_up];
//! ```
//!
//! Files that a program would have written are made up in [`made_up`].
#![warn(missing_docs)]

pub mod made_up;

use libtest_mimic::{Arguments, Completion, Trial};
use std::fmt::Display;

/// Why a test has nothing to test.
#[derive(Debug)]
#[must_use]
pub struct Skipped(String);

impl Skipped {
    /// What is absent, and where it would come from.
    pub fn because(reason: impl Display) -> Self {
        Self(reason.to_string())
    }
}

/// How a test ends that has not failed: `()` or `Result<(), Skipped>`.
pub trait Ended {
    /// Whether it was skipped.
    fn ended(self) -> Result<(), Skipped>;
}

impl Ended for () {
    fn ended(self) -> Result<(), Skipped> {
        Ok(())
    }
}

impl Ended for Result<(), Skipped> {
    fn ended(self) -> Self {
        self
    }
}

/// The `main` function of a file of tests, which are functions without parameters. They fail by panicking.
#[macro_export]
macro_rules! suite {
    ($($test:path),+ $(,)?) => {
        fn main() {
            $crate::run(vec![$($crate::trial(stringify!($test), $test)),+]);
        }
    };
}

/// A test by its name.
pub fn trial<E: Ended + 'static>(name: &str, test: fn() -> E) -> Trial {
    let name = name.replace(' ', "");
    Trial::ignorable_test(name, move || {
        Ok(match test().ended() {
            Ok(()) => Completion::Completed,
            Err(Skipped(reason)) => Completion::ignored_with(reason),
        })
    })
}

/// Runs tests with the options of a test binary, and exits like one.
pub fn run(trials: Vec<Trial>) -> ! {
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes() {}

    fn skips() -> Result<(), Skipped> {
        Err(Skipped::because("no browser"))
    }

    fn fails() -> Result<(), Skipped> {
        panic!("as it should")
    }

    #[test]
    fn what_skips_is_counted_as_skipped() {
        let trials = vec![trial("passes", passes), trial("a :: skips", skips), trial("fails", fails)];
        assert_eq!(trials[1].name(), "a::skips");
        // Whoever counts the tests' closing lines must not find this one's.
        let log = std::env::temp_dir().join(format!("semrel-suite-{}", std::process::id()));
        let logfile = Some(log.display().to_string());
        let ended = libtest_mimic::run(&Arguments { quiet: true, logfile, ..Arguments::default() }, trials);
        std::fs::remove_file(log).unwrap();
        assert_eq!((ended.num_passed, ended.num_ignored, ended.num_failed), (1, 1, 1));
    }
}
