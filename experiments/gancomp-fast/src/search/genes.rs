//! Draws of configurations within a budget: samples, mutations, cross-overs.
//!
//! As published, a draw over budget is thrown away and everything is drawn again. Where hardly any configuration is within
//! budget that would go on for ever; after [`Redraws`] tries a draw is made position by position instead, each among the
//! choices that leave the rest within budget. It never fails, since costs grow with every width: with all later positions at
//! their smallest (or at those of a parent, who is within budget) at least one choice remains. Its distribution is another
//! than that of the redraws.

use crate::search::draws::Draws;
use anyhow::Result;
use semrel_nn::channels::{ChannelSet, Channels, Weighting};

/// Positions of a configuration.
const GENES: usize = 8;

/// Whether a configuration is within budget.
pub type Affordable<'a> = dyn FnMut(&Channels) -> Result<bool> + 'a;

/// How often a draw is made again before it is made position by position.
pub type Redraws = u32;

/// What children are made of.
pub struct Genes<'a> {
    set: &'a ChannelSet,
    affordable: &'a mut Affordable<'a>,
    redraws: Redraws,
}

impl<'a> Genes<'a> {
    /// Draws from `set` within a budget; the set's smallest member must be within it.
    pub fn new(set: &'a ChannelSet, affordable: &'a mut Affordable<'a>, redraws: Redraws) -> Self {
        Self { set, affordable, redraws }
    }

    /// A member of the set, each position independently.
    ///
    /// # Errors
    /// What `affordable` returns.
    pub fn sample(&mut self, weighting: Weighting, draws: &mut impl Draws) -> Result<Channels> {
        let choices = self.set.choices();
        for _ in 0..self.redraws {
            let values = std::array::from_fn(|i| choices[i][draws.weighted(choices[i].len(), weighting)]);
            let child = channels(values);
            if (self.affordable)(&child)? {
                return Ok(child);
            }
        }
        let mut values = self.set.smallest().values();
        for i in 0..GENES {
            let left = self.affordable_choices(values, i, &choices[i])?;
            values[i] = left[draws.weighted(left.len(), weighting)];
        }
        Ok(channels(values))
    }

    /// A copy of `parent` of which each position is redrawn, uniformly, with this probability (`u < probability`).
    /// Every try starts from the parent.
    ///
    /// # Errors
    /// What `affordable` returns.
    pub fn mutate(&mut self, parent: &Channels, probability: f64, draws: &mut impl Draws) -> Result<Channels> {
        let choices = self.set.choices();
        for _ in 0..self.redraws {
            let mut values = parent.values();
            for (value, list) in values.iter_mut().zip(choices) {
                if draws.uniform() < probability {
                    *value = list[draws.pick(list.len())];
                }
            }
            let child = channels(values);
            if (self.affordable)(&child)? {
                return Ok(child);
            }
        }
        let mut values = parent.values();
        for i in 0..GENES {
            if draws.uniform() < probability {
                let left = self.affordable_choices(values, i, &choices[i])?;
                values[i] = left[draws.pick(left.len())];
            }
        }
        Ok(channels(values))
    }

    /// Each position from `first` or `second` with probability ½.
    ///
    /// # Errors
    /// What `affordable` returns.
    pub fn cross(&mut self, first: &Channels, second: &Channels, draws: &mut impl Draws) -> Result<Channels> {
        let parents = [first.values(), second.values()];
        for _ in 0..self.redraws {
            let child = channels(std::array::from_fn(|i| parents[draws.pick(2)][i]));
            if (self.affordable)(&child)? {
                return Ok(child);
            }
        }
        let mut values = parents[0];
        for i in 0..GENES {
            let left = self.affordable_choices(values, i, &[parents[0][i], parents[1][i]])?;
            values[i] = left[draws.pick(left.len())];
        }
        Ok(channels(values))
    }

    /// Which of `choices` at `position` leave a configuration within budget; the one that it has, where measurements
    /// contradict each other.
    fn affordable_choices(&mut self, mut values: [i64; GENES], position: usize, choices: &[i64]) -> Result<Vec<i64>> {
        let own = values[position];
        let mut left = vec![];
        for &choice in choices {
            values[position] = choice;
            if (self.affordable)(&channels(values))? {
                left.push(choice);
            }
        }
        Ok(if left.is_empty() { vec![own] } else { left })
    }
}

/// A configuration of widths that come from a set.
fn channels(values: [i64; GENES]) -> Channels {
    Channels::new(values).expect("the widths of a set make configurations")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::draws::{Place, Seeded, Source};
    use proptest::prelude::*;

    /// Numbers from a list.
    struct Listed(Vec<f64>, Vec<usize>);

    impl Draws for Listed {
        fn uniform(&mut self) -> f64 {
            self.0.remove(0)
        }
        fn pick(&mut self, _: usize) -> usize {
            self.1.remove(0)
        }
    }

    fn set() -> ChannelSet {
        ChannelSet::named("channels-64-cycleGAN").unwrap()
    }

    fn config(text: &str) -> Channels {
        text.parse().unwrap()
    }

    #[test]
    fn a_draw_below_the_probability_mutates_and_one_equal_to_it_does_not() {
        let (set, parent) = (set(), config("16_16_16_16_16_16_16_16"));
        let mut all = |_: &Channels| Ok(true);
        let mut genes = Genes::new(&set, &mut all, 9);
        let mut draws = Listed(vec![0.3, 0.4, 0.5, 0.39999, 0.9, 0.9, 0.9, 0.0], vec![0, 1, 4]);
        assert_eq!(genes.mutate(&parent, 0.4, &mut draws).unwrap().to_string(), "64_16_16_48_16_16_16_16");
    }

    #[test]
    fn a_child_exactly_at_the_budget_is_accepted_and_one_above_starts_again_from_the_parent() {
        let (set, parent) = (set(), config("16_16_16_16_16_16_16_16"));
        let budget = config("24_16_16_16_16_16_16_16").macs(256, 256);
        let mut within = |c: &Channels| Ok(c.macs(256, 256) <= budget);
        let mut genes = Genes::new(&set, &mut within, 9);
        let try_one = |position: usize| (0..8).map(|i| if i == position { 0.0 } else { 0.9 }).collect::<Vec<f64>>();
        let uniform = [try_one(1), try_one(0)].concat();
        let child = genes.mutate(&parent, 0.2, &mut Listed(uniform, vec![0, 3])).unwrap();
        assert_eq!(child.to_string(), "24_16_16_16_16_16_16_16");
    }

    #[test]
    fn a_budget_that_only_the_smallest_meets_ends_with_it() {
        let set = set();
        let smallest = set.smallest();
        let mut only = |c: &Channels| Ok(*c == smallest);
        let mut genes = Genes::new(&set, &mut only, 3);
        let mut draws = Seeded(1).genes(Place { generation: 0, child: 0 });
        assert_eq!(genes.sample(Weighting::Uniform, &mut draws).unwrap(), smallest);
        assert_eq!(genes.mutate(&smallest, 0.9, &mut draws).unwrap(), smallest);
        assert_eq!(genes.cross(&smallest, &smallest, &mut draws).unwrap(), smallest);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// With few redraws most draws go position by position.
        #[test]
        fn children_are_in_the_set_and_within_budget(seed: u64, slack in 0.0..0.5f64, redraws in 0u32..4, a in 1.0..3.0f64) {
            let set = ChannelSet::named("channels-64-pix2pix").unwrap();
            let (least, most) = (set.smallest().macs(256, 256) as f64, set.largest().macs(256, 256) as f64);
            let budget = least + slack * slack * (most - least);
            let mut within = |c: &Channels| Ok(c.macs(256, 256) as f64 <= budget);
            let mut genes = Genes::new(&set, &mut within, redraws);
            let mut children = vec![];
            for child in 0..20 {
                let mut draws = Seeded(seed).genes(Place { generation: 0, child });
                let new = match &children[..] {
                    [] | [_] => genes.sample(Weighting::Arithmetic(a), &mut draws),
                    [.., x, y] if child % 2 == 0 => genes.cross(x, y, &mut draws),
                    [.., x] => genes.mutate(x, 0.6, &mut draws),
                };
                children.push(new.unwrap());
            }
            for child in &children {
                prop_assert!(set.contains(child) && child.macs(256, 256) as f64 <= budget, "{child}");
            }
        }

        #[test]
        fn cross_overs_have_nothing_that_neither_parent_has(seed: u64, redraws in 0u32..3) {
            let set = set();
            let mut all = |_: &Channels| Ok(true);
            let mut genes = Genes::new(&set, &mut all, redraws);
            let mut draws = Seeded(seed).genes(Place { generation: 1, child: 0 });
            let [a, b] = [0; 2].map(|_| genes.sample(Weighting::Uniform, &mut draws).unwrap());
            let child = genes.cross(&a, &b, &mut draws).unwrap();
            for ((x, y), z) in a.values().iter().zip(b.values()).zip(child.values()) {
                prop_assert!(z == *x || z == y);
            }
        }
    }
}
