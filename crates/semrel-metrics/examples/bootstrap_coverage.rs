//! How often bootstrap intervals cover what they are meant for, on Gaussians whose distances are known:
//!
//! ```text
//! cargo run -p semrel-metrics --example bootstrap_coverage
//! ```
//!
//! Of each setting: the share of intervals of 95 % that hold the distance of the Gaussians, and the share that hold the
//! expected score of so many images (the mean over all trials). For KID, whose estimate has no bias, the two are one.
//! Then the mean standard error that the resamples give, as a multiple of the spread of the score over the trials.

use semrel_metrics::bootstrap::{Bootstrap, IntervalKind, Resampled, frechet, kid};
use semrel_metrics::frechet::MeanPrecision;
use semrel_metrics::kid::PolynomialKernel;
use semrel_metrics::{Activations, MetricsError};
use std::ops::ControlFlow;
use tch::{Device, Kind, Tensor};

const TRIALS: u64 = 300;
const RESAMPLES: usize = 300;

/// Images a side and features.
const SETTINGS: [(i64, i64); 6] = [(100, 2), (1000, 16), (400, 32), (120, 64), (120, 128), (120, 512)];

fn main() -> Result<(), MetricsError> {
    for spectrum in ["flat", "falling"] {
        println!("\n{spectrum} spectrum; {TRIALS} trials, {RESAMPLES} resamples");
        println!("| images | features | score | interval | covers the true distance | covers the expected score |");
        println!("|---|---|---|---|---|---|");
        for (n, d) in SETTINGS {
            setting(n, d, spectrum)?;
        }
    }
    Ok(())
}

fn setting(n: i64, d: i64, spectrum: &str) -> Result<(), MetricsError> {
    let options = (Kind::Double, Device::Cpu);
    // Standard deviations of the first Gaussian; the second has 1.2 times these and another mean.
    let deviations = match spectrum {
        "flat" => Tensor::ones([d], options),
        _ => (Tensor::arange(d, options) + 1.0).pow_tensor_scalar(-0.5),
    };
    let shift = &deviations * 0.3;
    let (mut distances, mut kids) = (vec![], vec![]);
    for trial in 0..TRIALS {
        tch::manual_seed(trial as i64);
        let x = Tensor::randn([n, d], options) * &deviations;
        let y = Tensor::randn([n, d], options) * &deviations * 1.2 + &shift;
        let bootstrap = Bootstrap { resamples: RESAMPLES, seed: trial };
        let activations = |t: &Tensor| Activations::new(t, MeanPrecision::Double);
        distances.push(frechet(&activations(&x)?, &activations(&y)?, &bootstrap, &mut |_| ControlFlow::Continue(()))?);
        kids.push(kid(&x, &y, PolynomialKernel::default(), &bootstrap)?);
    }
    let distance = (shift.square() + (&deviations * 0.2).square()).sum(Kind::Double).double_value(&[]);
    let expected = |all: &[Resampled]| all.iter().map(|r| r.estimate).sum::<f64>() / all.len() as f64;
    for (score, all, truth) in [("FD", &distances, distance), ("KID", &kids, expected(&kids))] {
        for kind in [IntervalKind::Centred, IntervalKind::Basic, IntervalKind::Percentile] {
            let covered = |value: f64| -> Result<f64, MetricsError> {
                let mut count = 0;
                for resampled in all {
                    let interval = resampled.interval(kind, 0.95)?;
                    count += usize::from(interval.low <= value && value <= interval.high);
                }
                Ok(100.0 * count as f64 / all.len() as f64)
            };
            let (of_truth, of_expected) = (covered(truth)?, covered(expected(all))?);
            println!("| {n} | {d} | {score} | {kind:?} | {of_truth:.0} % | {of_expected:.0} % |");
        }
    }
    let spread = |all: &[Resampled]| {
        let mean = expected(all);
        let squares: f64 = all.iter().map(|r| (r.estimate - mean).powi(2)).sum();
        let told = all.iter().map(Resampled::standard_error).sum::<f64>() / all.len() as f64;
        told / (squares / (all.len() - 1) as f64).sqrt()
    };
    println!("| {n} | {d} | standard error | | FD {:.2} | KID {:.2} |", spread(&distances), spread(&kids));
    println!("| | | FD: {distance:.3} true, {:.3} expected | | | |", expected(&distances));
    Ok(())
}
