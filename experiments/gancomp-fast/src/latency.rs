//! How long a network takes for one image.

use anyhow::Result;
use serde::Serialize;
use std::time::Instant;

/// A measured time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Median milliseconds.
    pub milliseconds: f64,
    /// Runs that it is the median of, after those that warm up.
    pub runs: u32,
    /// Threads of arithmetic.
    pub threads: usize,
}

/// How to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs {
    /// Runs that do not count.
    pub warmup: u32,
    /// Runs whose median counts, at least 1.
    pub counted: u32,
}

/// Measures `run`, which must have ended its work when it returns.
///
/// # Errors
/// Those of `run`.
pub fn measure(runs: Runs, threads: usize, run: &mut dyn FnMut() -> Result<()>) -> Result<Latency> {
    for _ in 0..runs.warmup {
        run()?;
    }
    let mut times = vec![];
    for _ in 0..runs.counted.max(1) {
        let began = Instant::now();
        run()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Latency { milliseconds: median(&times), runs: runs.counted.max(1), threads })
}

/// The median of some times, the upper one of two.
pub fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_median_of_the_counted_runs() {
        let mut sleeps = [40, 0, 30, 2, 2].into_iter();
        let mut run = || {
            std::thread::sleep(Duration::from_millis(sleeps.next().unwrap()));
            Ok(())
        };
        let latency = measure(Runs { warmup: 1, counted: 4 }, 3, &mut run).unwrap();
        assert!((2.0..25.0).contains(&latency.milliseconds), "{latency:?}");
        assert_eq!((latency.runs, latency.threads), (4, 3));
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn a_run_that_fails_ends_it() {
        let failing = &mut || anyhow::bail!("no");
        assert!(measure(Runs { warmup: 0, counted: 2 }, 1, failing).is_err());
    }
}
