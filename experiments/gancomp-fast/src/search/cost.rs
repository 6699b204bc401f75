//! What configurations cost, and which are within a budget.

use crate::config::Budget;
use crate::latency::Latency;
use crate::search::cache::{Cache, Key};
use anyhow::{Context, Result, bail};
use semrel_nn::channels::{ChannelSet, Channels};
pub use semrel_run::search::{Axis, Cost};

/// Measures milliseconds of a configuration.
pub trait Stopwatch {
    /// Milliseconds of one image.
    ///
    /// # Errors
    /// Where it cannot be run.
    fn measure(&mut self, channels: &Channels) -> Result<Latency>;

    /// What its figures depend on beside the widths: machine, threads, size of the images, variant of the network.
    fn conditions(&self) -> String;
}

/// Costs at one size of images, and the budget that they must meet.
pub struct Costs<'a> {
    budget: Budget,
    size: (u32, u32),
    watch: Option<(&'a mut dyn Stopwatch, Key)>,
}

impl<'a> Costs<'a> {
    /// Costs of images of `size` (width, height). A budget in milliseconds needs a stopwatch.
    ///
    /// # Errors
    /// A budget in milliseconds without a stopwatch.
    pub fn new(budget: Budget, size: (u32, u32), watch: Option<&'a mut dyn Stopwatch>) -> Result<Self> {
        if budget.milliseconds.is_some() && watch.is_none() {
            bail!("config key `search.budget.milliseconds`: nothing measures them here");
        }
        let watch = watch.filter(|_| budget.milliseconds.is_some());
        let watch = watch.map(|watch| {
            let key = Key::new("milliseconds", &[&watch.conditions()]);
            (watch, key)
        });
        Ok(Self { budget, size, watch })
    }

    /// Whether a try costs a measurement.
    pub fn measures(&self) -> bool {
        self.watch.is_some()
    }

    /// What can be counted of a configuration: no milliseconds.
    pub fn counted(&self, channels: &Channels) -> Cost {
        counted(channels, self.size)
    }

    /// What a configuration costs. Milliseconds are measured once and kept in the cache.
    ///
    /// # Errors
    /// Where it cannot be measured.
    pub fn of(&mut self, channels: &Channels, cache: &mut Cache) -> Result<Cost> {
        let mut cost = self.counted(channels);
        if let Some((watch, key)) = &mut self.watch {
            let milliseconds = match cache.get(key, channels) {
                Some(known) => known,
                None => {
                    let measured = watch.measure(channels)?.milliseconds;
                    cache.put(key, channels, measured)?;
                    measured
                }
            };
            cost.milliseconds = Some(milliseconds);
        }
        Ok(cost)
    }

    /// Whether a configuration is within budget: each cost at most its limit. What can be counted is looked at first.
    ///
    /// # Errors
    /// As [`Costs::of`].
    pub fn affordable(&mut self, channels: &Channels, cache: &mut Cache) -> Result<bool> {
        if exceeded(&self.budget, &self.counted(channels)).is_some() {
            return Ok(false);
        }
        if !self.measures() {
            return Ok(true);
        }
        let cost = self.of(channels, cache)?;
        Ok(exceeded(&self.budget, &cost).is_none())
    }

    /// Refuses a budget that no member of the set meets. No member has fewer multiply-accumulates or parameters than the
    /// smallest, and none is taken to be faster.
    ///
    /// # Errors
    /// Names the key, the smallest reachable figure and its configuration.
    pub fn check_feasible(&mut self, set: &ChannelSet, cache: &mut Cache) -> Result<()> {
        check_counted(&self.budget, set, self.size)?;
        let cost = self.of(&set.smallest(), cache).context("the smallest configuration of the set")?;
        refuse(&self.budget, set, self.size, &cost)
    }
}

/// As [`Costs::check_feasible`], of what can be counted alone.
///
/// # Errors
/// As [`Costs::check_feasible`].
pub fn check_counted(budget: &Budget, set: &ChannelSet, size: (u32, u32)) -> Result<()> {
    refuse(budget, set, size, &counted(&set.smallest(), size))
}

fn counted(channels: &Channels, (width, height): (u32, u32)) -> Cost {
    let macs = channels.macs(height.into(), width.into());
    Cost { macs, parameters: channels.parameters(), milliseconds: None }
}

/// Where the cost of the set's smallest member is over budget.
fn refuse(budget: &Budget, set: &ChannelSet, (width, height): (u32, u32), cost: &Cost) -> Result<()> {
    let Some((key, limit, least)) = exceeded(budget, cost) else { return Ok(()) };
    let smallest = set.smallest();
    let (what, least) = match key {
        "macs" => ("multiply-accumulates", format!("{least:.0} ({:.3} G)", least / 1e9)),
        "parameters" => ("parameters", format!("{least:.0} ({:.3} M)", least / 1e6)),
        _ => ("milliseconds (measured)", format!("{least:.3}")),
    };
    bail!(
        "config key `search.budget.{key}`: {limit}, but the smallest configuration of {set}, {smallest}, has {least} {what} for \
         images of {width} x {height}; no budget below that can be met"
    )
}

/// The first limit that a cost exceeds: key, limit, cost.
fn exceeded(budget: &Budget, cost: &Cost) -> Option<(&'static str, f64, f64)> {
    let limits = [
        ("macs", budget.macs, Some(cost.macs as f64)),
        ("parameters", budget.parameters, Some(cost.parameters as f64)),
        ("milliseconds", budget.milliseconds, cost.milliseconds),
    ];
    limits.into_iter().find_map(|(key, limit, cost)| {
        let (limit, cost) = (limit?, cost?);
        (cost > limit).then_some((key, limit, cost))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A millisecond a hundred thousand parameters.
    struct Counting(usize);

    impl Stopwatch for Counting {
        fn measure(&mut self, channels: &Channels) -> Result<Latency> {
            self.0 += 1;
            Ok(Latency { milliseconds: channels.parameters() as f64 / 1e5, runs: 1, threads: 1 })
        }
        fn conditions(&self) -> String {
            "this machine".into()
        }
    }

    fn cache(dir: &tempfile::TempDir) -> Cache {
        Cache::open(dir.path().join("c.jsonl")).unwrap()
    }

    fn set() -> ChannelSet {
        ChannelSet::named("channels-64-cycleGAN").unwrap()
    }

    #[test]
    fn every_limit_counts_and_equal_is_within() {
        let dir = tempfile::tempdir().unwrap();
        let c: Channels = "16_16_32_16_16_64_16_24".parse().unwrap();
        let (macs, parameters) = (2_961_702_912.0, 411_619.0);
        for (budget, within) in [
            (Budget::default(), true),
            (Budget { macs: Some(macs), ..Default::default() }, true),
            (Budget { macs: Some(macs - 1.0), ..Default::default() }, false),
            (Budget { parameters: Some(parameters), ..Default::default() }, true),
            (Budget { macs: Some(macs), parameters: Some(parameters - 1.0), milliseconds: None }, false),
        ] {
            let mut costs = Costs::new(budget, (256, 256), None).unwrap();
            assert_eq!(costs.affordable(&c, &mut cache(&dir)).unwrap(), within, "{budget:?}");
        }
    }

    #[test]
    fn milliseconds_are_measured_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let c: Channels = "16_16_32_16_16_64_16_24".parse().unwrap();
        let budget = Budget { milliseconds: Some(4.2), macs: Some(3e9), parameters: None };
        let mut watch = Counting(0);
        for _ in 0..2 {
            let mut costs = Costs::new(budget, (256, 256), Some(&mut watch)).unwrap();
            let mut cache = cache(&dir);
            assert!(costs.affordable(&c, &mut cache).unwrap());
            assert_eq!(costs.of(&c, &mut cache).unwrap().milliseconds, Some(4.11619));
            // Over budget by what can be counted: not measured.
            assert!(!costs.affordable(&Channels::full(64), &mut cache).unwrap());
        }
        assert_eq!(watch.0, 1);
        assert!(Costs::new(budget, (256, 256), None).is_err());
    }

    #[test]
    fn an_infeasible_budget_is_refused_with_the_smallest_figure() {
        let dir = tempfile::tempdir().unwrap();
        let least = set().smallest();
        for (budget, words) in [
            (Budget { macs: Some(1e9), ..Default::default() }, format!("{} (", least.macs(256, 256))),
            (Budget { parameters: Some(9e4), ..Default::default() }, format!("{} (", least.parameters())),
            (Budget { milliseconds: Some(0.5), ..Default::default() }, "milliseconds (measured)".into()),
        ] {
            let mut watch = Counting(0);
            let mut costs = Costs::new(budget, (256, 256), Some(&mut watch)).unwrap();
            let text = costs.check_feasible(&set(), &mut cache(&dir)).unwrap_err().to_string();
            for word in ["config key `search.budget.", "16_16_16_16_16_16_16_16", "channels-64-cycleGAN", &words] {
                assert!(text.contains(word), "{word}: {text}");
            }
        }
        let budget = Budget { macs: Some(least.macs(256, 256) as f64), ..Default::default() };
        Costs::new(budget, (256, 256), None).unwrap().check_feasible(&set(), &mut cache(&dir)).unwrap();
    }
}
