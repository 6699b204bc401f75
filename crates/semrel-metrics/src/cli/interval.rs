//! `--bootstrap`: intervals of distances.

use super::report::fixed;
use anyhow::Result;
use semrel_metrics::bootstrap::{Bootstrap, Interval, IntervalKind, Resampled};
use serde_json::{Value, json};

const LEVEL: f64 = 0.95;

#[derive(Debug, clap::Args)]
pub struct BootstrapArgs {
    /// Resample the pictures of both sides N times with replacement, and show the interval in which the distance would
    /// be in 95 % of cases for other sets of the same sizes; 1000 is usual
    #[arg(long = "bootstrap", value_name = "N", value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    resamples: Option<u32>,
}

impl BootstrapArgs {
    /// What was asked for, if anything was.
    pub fn with_seed(&self, seed: u64) -> Option<Bootstrap> {
        self.resamples.map(|n| Bootstrap { resamples: n as usize, seed })
    }
}

/// The centred interval: for comparing scores of equal numbers of pictures.
pub fn interval(resampled: &Resampled) -> Result<Interval> {
    Ok(resampled.interval(IntervalKind::Centred, LEVEL)?)
}

/// ` [low, high]`, times `scale`.
pub fn show(interval: Interval, scale: f64, decimals: usize) -> String {
    format!(" [{}, {}]", fixed(scale * interval.low, decimals), fixed(scale * interval.high, decimals))
}

/// What the brackets mean.
pub fn describe(bootstrap: &Bootstrap) -> String {
    format!(
        "95 %, centred, {} resamples of the pictures, seed {}: where as many other pictures would put the distance",
        bootstrap.resamples, bootstrap.seed
    )
}

/// The interval with what it was computed from.
pub fn to_json(resampled: &Resampled) -> Result<Value> {
    let Interval { low, high } = interval(resampled)?;
    Ok(json!({
        "level": LEVEL, "kind": "centred", "low": low, "high": high, "standard_error": resampled.standard_error(),
        "estimate": resampled.estimate, "resamples": resampled.values.len(),
    }))
}
