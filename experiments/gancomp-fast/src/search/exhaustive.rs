//! Exhaustive search: every member of a set, in an order shuffled once by a seed, in parts for several machines.
//!
//! Configurations over budget are recorded with a Fréchet distance of 1e9 or a mean IoU of 0 and not evaluated, as published.

use crate::config::Criterion;
use crate::search::evolution::Problem;
use crate::search::member::Member;
use anyhow::{Result, ensure};
use rand::seq::SliceRandom;
use semrel_data::rng::stream;
use semrel_nn::channels::{ChannelSet, Channels};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Most members of a set that is searched whole.
pub const MOST: u64 = 100_000_000;

/// One of several parts of the work, written `2/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Which, from 1.
    number: u64,
    /// Of how many.
    of: u64,
}

impl Split {
    /// All of it.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Its members among `count` shuffled ones: consecutive, near-equal parts, the first ones longer by one.
    pub fn range(self, count: u64) -> Range<u64> {
        let (short, longer) = (count / self.of, count % self.of);
        let start = |part: u64| part * short + part.min(longer);
        start(self.number - 1)..start(self.number)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        match parts {
            Some((number, of)) if 1 <= number && number <= of && of <= MOST => Ok(Self { number, of }),
            _ => Err(format!("{text:?}: expected a part and the number of parts, such as 2/4 for the second of four")),
        }
    }
}

/// The members of a part, in the order of the seed.
///
/// # Errors
/// A set of more than [`MOST`] members.
pub fn members(set: &ChannelSet, seed: u64, split: Split) -> Result<Vec<Channels>> {
    ensure!(
        set.size() <= MOST,
        "{set}: {} configurations; an exhaustive search takes at most {MOST} (take a smaller set, or the evolution search)",
        set.size()
    );
    let mut order: Vec<u32> = (0..set.size() as u32).collect();
    order.shuffle(&mut stream(seed, "search.exhaustive", 0));
    let range = split.range(set.size());
    Ok(order[range.start as usize..range.end as usize].iter().map(|&number| set.nth(number.into())).collect())
}

/// A member and what became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// The member, with the quality that is recorded for it.
    pub member: Member,
    /// Whether it is within budget, and was evaluated.
    pub within: bool,
}

/// Looks at every configuration of `members`, one after the other; those over budget are recorded and not evaluated.
///
/// # Errors
/// What the problem returns.
pub fn look_at_all(members: &[Channels], criterion: Criterion, problem: &mut dyn Problem) -> Result<Vec<Record>> {
    members
        .iter()
        .map(|&channels| {
            let within = problem.affordable(&channels)?;
            let quality = if within { problem.evaluate(&[channels])?[0] } else { criterion.over_budget() };
            Ok(Record { member: Member { channels, quality }, within })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn parts_are_read_and_refused() {
        let split: Split = "2/4".parse().unwrap();
        assert_eq!((split.to_string(), split.range(10)), ("2/4".into(), 3..6));
        assert_eq!(Split::WHOLE.range(7), 0..7);
        for bad in ["0/4", "5/4", "2", "a/b", "1/0", "-1/2", "1/99999999999"] {
            assert!(bad.parse::<Split>().unwrap_err().contains("second of four"), "{bad}");
        }
    }

    #[test]
    fn sets_without_end_are_refused() {
        let set = ChannelSet::of_lists(vec![(1..=20).collect(); 8]).unwrap();
        assert!(members(&set, 1, Split::WHOLE).unwrap_err().to_string().contains("25600000000 configurations"));
    }

    #[test]
    fn what_is_over_budget_is_recorded_and_not_evaluated() {
        struct Small(Vec<Channels>);
        impl Problem for Small {
            fn affordable(&mut self, c: &Channels) -> Result<bool> {
                Ok(c.values()[1] == 6)
            }
            fn evaluate(&mut self, pool: &[Channels]) -> Result<Vec<f64>> {
                self.0.extend(pool);
                Ok(pool.iter().map(|c| c.values()[2] as f64).collect())
            }
        }
        let set = ChannelSet::named("test").unwrap();
        let all = members(&set, 3, Split::WHOLE).unwrap();
        for (criterion, worst, winner) in
            [(Criterion::Frechet, 1e9, "8_6_6_8_8_8_8_8"), (Criterion::Miou, 0.0, "8_6_8_8_8_8_8_8")]
        {
            let mut problem = Small(vec![]);
            let records = look_at_all(&all, criterion, &mut problem).unwrap();
            assert_eq!((records.len(), problem.0.len()), (4, 2));
            assert!(records.iter().all(|r| r.within == (r.member.channels.values()[1] == 6)));
            assert!(records.iter().filter(|r| !r.within).all(|r| r.member.quality == worst));
            let within = records.iter().filter(|r| r.within).map(|r| r.member);
            assert_eq!(criterion.best(within).unwrap().channels.to_string(), winner);
        }
        assert_eq!(Criterion::Miou.best([]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn parts_make_up_the_whole(seed: u64, of in 1u64..9, lengths in prop::collection::vec(1i64..4, 8)) {
            let set = ChannelSet::of_lists(lengths.iter().map(|&n| (1..=n).collect()).collect()).unwrap();
            let whole = members(&set, seed, Split::WHOLE).unwrap();
            let part = |number| members(&set, seed, Split { number, of }).unwrap();
            let parts: Vec<Vec<Channels>> = (1..=of).map(part).collect();
            prop_assert_eq!(parts.concat(), whole.clone());
            let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
            prop_assert!(sizes.windows(2).all(|w| w[0] == w[1] || w[0] == w[1] + 1));
            prop_assert!(sizes[0] - sizes[sizes.len() - 1] <= 1);
            prop_assert_eq!(whole.iter().collect::<BTreeSet<_>>().len() as u64, set.size());
        }
    }
}
