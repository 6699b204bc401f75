use super::*;
use crate::search::draws::Seeded;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Narrow networks are worse, in one position more than in the others; ties are frequent.
struct Narrowness {
    budget: f64,
    criterion: Criterion,
    pools: Vec<Vec<Channels>>,
}

impl Narrowness {
    fn new(set: &ChannelSet, share: f64, criterion: Criterion) -> Self {
        let (least, most) = (set.smallest().macs(256, 256) as f64, set.largest().macs(256, 256) as f64);
        Self { budget: least + share * (most - least), criterion, pools: vec![] }
    }

    fn quality(&self, c: &Channels) -> f64 {
        let badness: f64 = c.values().iter().zip(1..).map(|(v, i)| ((64 - v) / 16 * i) as f64).sum();
        if self.criterion == Criterion::Frechet { badness } else { -badness }
    }
}

impl Problem for Narrowness {
    fn affordable(&mut self, c: &Channels) -> Result<bool> {
        Ok(c.macs(256, 256) as f64 <= self.budget)
    }

    fn evaluate(&mut self, pool: &[Channels]) -> Result<Vec<f64>> {
        self.pools.push(pool.to_vec());
        Ok(pool.iter().map(|c| self.quality(c)).collect())
    }
}

fn rules(population: usize, generations: u64, criterion: Criterion) -> Rules {
    Rules {
        population,
        generations,
        mutation_ratio: 0.5,
        parent_ratio: 0.25,
        mutation_probability: 0.3,
        weighting: Weighting::Uniform,
        criterion,
    }
}

fn set() -> ChannelSet {
    ChannelSet::named("channels-64-cycleGAN").unwrap()
}

#[test]
fn shares_round_as_python_does() {
    let of =
        |population, ratio| Rules { mutation_ratio: ratio, ..rules(population, 1, Criterion::Frechet) }.mutations();
    assert_eq!([of(5, 0.5), of(7, 0.5), of(9, 0.5), of(100, 0.25), of(3, 1.0)], [2, 4, 4, 25, 3]);
}

#[test]
fn rules_that_make_no_search_are_refused_by_key() {
    let good = rules(10, 3, Criterion::Frechet);
    good.check().unwrap();
    for (bad, key) in [
        (Rules { population: 0, ..good }, "search.population"),
        (Rules { generations: 0, ..good }, "search.generations"),
        (Rules { mutation_ratio: -0.1, ..good }, "search.mutation_ratio"),
        (Rules { mutation_probability: f64::NAN, ..good }, "search.mutation_probability"),
        (Rules { parent_ratio: 1.5, ..good }, "search.parent_ratio"),
        (Rules { parent_ratio: 0.01, ..good }, "no parent"),
        (Rules { weighting: Weighting::Arithmetic(0.0), ..good }, "search.weight"),
    ] {
        let text = bad.check().unwrap_err().to_string();
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn an_infeasible_budget_ends_at_once() {
    let set = set();
    let mut problem = Narrowness::new(&set, -0.1, Criterion::Frechet);
    let error = evolve(&set, &rules(8, 2, Criterion::Frechet), &mut Seeded(1), &mut problem, &mut |_, _| ());
    assert!(error.unwrap_err().to_string().contains("16_16_16_16_16_16_16_16, is over budget"));
    assert!(problem.pools.is_empty());
}

#[test]
fn ties_are_won_by_earlier_members() {
    struct Equal(Vec<Channels>);
    impl Problem for Equal {
        fn affordable(&mut self, _: &Channels) -> Result<bool> {
            Ok(true)
        }
        fn evaluate(&mut self, pool: &[Channels]) -> Result<Vec<f64>> {
            self.0.extend(pool);
            Ok(vec![1.0; pool.len()])
        }
    }
    let mut problem = Equal(vec![]);
    let found = evolve(&set(), &rules(8, 3, Criterion::Miou), &mut Seeded(3), &mut problem, &mut |_, _| ()).unwrap();
    assert_eq!(found.bests.len(), 1, "equal is not better");
    assert_eq!(found.winner().channels, problem.0[0]);
    assert_eq!(found.population.len(), 2 + 8);
    assert_eq!(found.population[1].channels, problem.0[1]);
}

#[test]
fn the_last_children_do_not_compete() {
    let set = set();
    let mut problem = Narrowness::new(&set, 1.0, Criterion::Frechet);
    let mut watched = vec![];
    let mut watch = |generation, best: &Member| watched.push((generation, best.quality));
    let found = evolve(&set, &rules(12, 4, Criterion::Frechet), &mut Seeded(5), &mut problem, &mut watch).unwrap();
    assert_eq!(problem.pools.len(), 5);
    let best_of = |pools: &[Vec<Channels>]| pools.iter().flatten().map(|c| problem.quality(c)).fold(f64::MAX, f64::min);
    assert_eq!(found.winner().quality, best_of(&problem.pools[..4]));
    assert_eq!(watched.len(), 4);
    for (generation, best) in watched {
        assert_eq!(best, best_of(&problem.pools[..generation as usize]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn populations_stay_within_set_and_budget_and_bests_improve(
        seed: u64, share in 0.0..0.6f64, population in 4usize..30, generations in 1u64..6, miou: bool,
    ) {
        let set = set();
        let criterion = if miou { Criterion::Miou } else { Criterion::Frechet };
        let rules = rules(population, generations, criterion);
        let mut problem = Narrowness::new(&set, share, criterion);
        let found = evolve(&set, &rules, &mut Seeded(seed), &mut problem, &mut |_, _| ()).unwrap();
        prop_assert_eq!(problem.pools.len() as u64, generations + 1);
        for c in problem.pools.iter().flatten() {
            prop_assert!(set.contains(c) && c.macs(256, 256) as f64 <= problem.budget);
        }
        prop_assert!(problem.pools.iter().all(|pool| pool.len() == population));
        prop_assert_eq!(found.population.len(), rules.parents() + population);
        let seen: BTreeSet<Channels> = problem.pools.iter().flatten().copied().collect();
        prop_assert!(found.population.iter().all(|m| seen.contains(&m.channels)));
        let parents = &found.population[..rules.parents()];
        prop_assert!(parents.windows(2).all(|w| criterion.order(w[0].quality, w[1].quality).is_le()));
        for pair in found.bests.windows(2) {
            prop_assert!(criterion.better(pair[1].member.quality, pair[0].member.quality));
            prop_assert!(pair[1].generation > pair[0].generation);
        }
        prop_assert_eq!(found.winner().quality, parents[0].quality);

        let mut again = Narrowness::new(&set, share, criterion);
        prop_assert_eq!(evolve(&set, &rules, &mut Seeded(seed), &mut again, &mut |_, _| ()).unwrap(), found);
    }
}
