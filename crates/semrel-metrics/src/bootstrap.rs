//! Bootstrap: how far a Fréchet distance or KID would move with other images of the same kind.
//!
//! Images of both sides are drawn again with replacement, and the score is computed of each resample. Draws are counts of
//! the images, so features are never copied: distances of resamples come from the Gram matrix of all images (or weighted
//! covariances where there are more images than features), KIDs from the kernel matrix.
//!
//! **A Fréchet distance is biased upwards, and its resamples are so twice**: the fewer images, the larger it is, and a
//! resample holds only 63 % of the images. The plain percentile interval therefore lies above the score that it belongs
//! to and is useless here; see [`IntervalKind`] for what serves. KID has no such bias, as pairs of an image with itself
//! are left out of resamples too.

mod frechet;
mod paired;

pub use frechet::frechet;
pub use paired::{PairedLists, frechet_difference, resampled_difference};

use crate::MetricsError;
use crate::kid::{PolynomialKernel, mmd2, pair_of_features};
use crate::linalg::to_vec;
use rand::RngExt;
use tch::{Kind, Tensor};

/// Kernel values that are held at once.
const KERNEL_BLOCK: i64 = 1 << 22;

/// How resamples are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// Number of resamples, at least 2; 1000 are usual for intervals of 95 %.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, seed: 0 }
    }
}

/// Which interval is read from the resamples; `q` are quantiles of their scores, `m` is their mean.
///
/// The `bootstrap_coverage` example measures how often each covers what it is meant for; the README has the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IntervalKind {
    /// `estimate + q − m`: where the score of another equally large set of images would be expected. For comparing scores
    /// of equal numbers of images, which is what tables do.
    #[default]
    Centred,
    /// `2·estimate − q`, reverse percentile: takes the bias of the resamples for that of the score. For a Fréchet distance
    /// this aims at the distance of infinitely many images; it reaches it only where there are many more images than
    /// features.
    Basic,
    /// `q`: for scores without bias, such as KID.
    Percentile,
}

/// An interval of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A score and the scores of its resamples.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// The score of the images.
    pub estimate: f64,
    /// The scores of the resamples, in ascending order.
    pub values: Vec<f64>,
}

impl Resampled {
    fn new(estimate: f64, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { estimate, values }
    }

    /// Mean of the resamples' scores.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// Standard error of the score: standard deviation of the resamples' (divisor count − 1).
    pub fn standard_error(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.values.iter().map(|v| (v - mean) * (v - mean)).sum();
        (squares / (self.values.len() - 1) as f64).sqrt()
    }

    /// The interval of this level, such as 0.95.
    ///
    /// # Errors
    /// [`MetricsError::Setting`] unless the level is between 0 and 1.
    pub fn interval(&self, kind: IntervalKind, level: f64) -> Result<Interval, MetricsError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(MetricsError::Setting(format!("an interval of level {level}; expected one between 0 and 1")));
        }
        let (low, high) = (self.quantile(0.5 - level / 2.0), self.quantile(0.5 + level / 2.0));
        Ok(match kind {
            IntervalKind::Centred => {
                let shift = self.estimate - self.mean();
                Interval { low: low + shift, high: high + shift }
            }
            IntervalKind::Basic => Interval { low: 2.0 * self.estimate - high, high: 2.0 * self.estimate - low },
            IntervalKind::Percentile => Interval { low, high },
        })
    }

    /// Linear between order statistics.
    fn quantile(&self, share: f64) -> f64 {
        let at = share * (self.values.len() - 1) as f64;
        let (below, above) = (self.values[at.floor() as usize], self.values[at.ceil() as usize]);
        below + (above - below) * at.fract()
    }
}

/// Resamples the unbiased MMD² ([`mmd2`]) of all rows of x [n, d] and y [m, d].
///
/// Pairs of an image with itself, which resamples hold where an image was drawn twice, are left out as in the estimate:
/// with counts w, `Σ_{i≠j} wᵢwⱼ·k(xᵢ,xⱼ)/Σ_{i≠j} wᵢwⱼ`.
///
/// # Errors
/// Those of [`mmd2`], and [`MetricsError::Setting`] for fewer than two resamples.
pub fn kid(x: &Tensor, y: &Tensor, kernel: PolynomialKernel, bootstrap: &Bootstrap) -> Result<Resampled, MetricsError> {
    check(bootstrap)?;
    let estimate = mmd2(x, y, kernel)?;
    let _guard = tch::no_grad_guard();
    let (x, y) = pair_of_features(x, y)?;
    let weights = |t: &Tensor, stream| {
        let n = t.size()[0] as usize;
        let counts: Vec<f64> =
            (0..bootstrap.resamples as u64).flat_map(|resample| counts(bootstrap.seed, stream, resample, n)).collect();
        Tensor::from_slice(&counts).view([-1, n as i64])
    };
    let (w, v) = (weights(&x, "bootstrap.x"), weights(&y, "bootstrap.y"));
    let within = |t: &Tensor, w: &Tensor| {
        let squares = w.square();
        let itself = squares.matmul(&kernel.diagonal(t));
        let pairs = w.sum_dim_intlist([1i64].as_slice(), false, Kind::Double).square()
            - squares.sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
        (weighted_sums(kernel, t, t, w, w) - itself) / pairs
    };
    let across = weighted_sums(kernel, &x, &y, &w, &v) / (x.size()[0] * y.size()[0]) as f64;
    let values = to_vec(&(within(&x, &w) + within(&y, &v) - across * 2.0));
    // A resample of one image, many times over, has no pairs.
    let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    if values.len() < 2 {
        return Err(MetricsError::TooFew { what: "resamples with two images", found: values.len() as i64, needed: 2 });
    }
    Ok(Resampled::new(estimate, values))
}

/// `Σ_ij w_bi·v_bj·k(xᵢ, yⱼ)` for every row b of w [B, n] and v [B, m], a block of kernel values at a time.
fn weighted_sums(kernel: PolynomialKernel, x: &Tensor, y: &Tensor, w: &Tensor, v: &Tensor) -> Tensor {
    let (n, m) = (x.size()[0], y.size()[0]);
    let block = (KERNEL_BLOCK / m).clamp(1, n);
    let mut sums = Tensor::zeros([w.size()[0]], (Kind::Double, tch::Device::Cpu));
    for start in (0..n).step_by(block as usize) {
        let length = block.min(n - start);
        let rows = v.matmul(&kernel.matrix(&x.narrow(0, start, length), y).tr());
        sums += (rows * w.narrow(1, start, length)).sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
    }
    sums
}

fn check(bootstrap: &Bootstrap) -> Result<(), MetricsError> {
    if bootstrap.resamples < 2 {
        return Err(MetricsError::Setting(format!("{} resamples; at least 2 are needed", bootstrap.resamples)));
    }
    Ok(())
}

/// How often each of `n` images is drawn in `n` draws with replacement.
fn counts(seed: u64, stream: &str, resample: u64, n: usize) -> Vec<f64> {
    let mut rng = semrel_data::rng::stream(seed, stream, resample);
    let mut counts = vec![0.0; n];
    (0..n).for_each(|_| counts[rng.random_range(0..n)] += 1.0);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activations;
    use crate::frechet::MeanPrecision;
    use crate::testing::normal;
    use proptest::prelude::*;
    use std::ops::ControlFlow;

    pub(super) fn activations(features: &Tensor) -> Activations {
        Activations::new(features, MeanPrecision::Double).unwrap()
    }

    pub(super) fn run(x: &Tensor, y: &Tensor, resamples: usize) -> Resampled {
        let bootstrap = Bootstrap { resamples, seed: 5 };
        frechet(&activations(x), &activations(y), &bootstrap, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn kernel_sums_in_blocks_are_those_of_the_matrix(seed in 0i64..1000, n in 2i64..20, m in 2i64..20) {
            let (x, y) = (normal(seed, &[n, 4]), normal(seed + 1, &[m, 4]));
            let (w, v) = (normal(seed + 2, &[3, n]), normal(seed + 3, &[3, m]));
            let kernel = PolynomialKernel::default();
            let want = (w.matmul(&kernel.matrix(&x, &y)) * &v).sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
            prop_assert!(weighted_sums(kernel, &x, &y, &w, &v).allclose(&want, 1e-9, 1e-9, false));
        }
    }

    #[test]
    fn intervals_hold_their_share_of_the_resamples() {
        let resampled = Resampled::new(10.0, (0..=100).map(|i| 20.0 + f64::from(i) / 10.0).collect());
        let interval = |kind| resampled.interval(kind, 0.9).unwrap();
        let close = |interval: Interval, low: f64, high: f64| {
            assert!((interval.low - low).abs() < 1e-9 && (interval.high - high).abs() < 1e-9, "{interval:?}");
        };
        close(interval(IntervalKind::Percentile), 20.5, 29.5);
        close(interval(IntervalKind::Centred), 5.5, 14.5);
        close(interval(IntervalKind::Basic), -9.5, -0.5);
        assert!(resampled.interval(IntervalKind::Basic, 95.0).is_err());
    }

    #[test]
    fn resampled_distances_lie_above_the_distance_and_resampled_kids_around_it() {
        let (x, y) = (normal(1, &[80, 24]), normal(2, &[80, 24]) + 0.2);
        let distance = run(&x, &y, 100);
        assert!(distance.interval(IntervalKind::Percentile, 0.95).unwrap().low > distance.estimate);
        let centred = distance.interval(IntervalKind::Centred, 0.95).unwrap();
        assert!(centred.low < distance.estimate && distance.estimate < centred.high);
        let kid = kid(&x, &y, PolynomialKernel::default(), &Bootstrap { resamples: 400, seed: 1 }).unwrap();
        assert!((kid.mean() - kid.estimate).abs() < 0.3 * kid.standard_error(), "{} {}", kid.mean(), kid.estimate);
    }

    #[test]
    fn seeds_decide_and_errors_are_typed() {
        let (x, y) = (normal(1, &[9, 4]), normal(2, &[7, 4]));
        assert_eq!(run(&x, &y, 8), run(&x, &y, 8));
        let stop = frechet(&activations(&x), &activations(&y), &Bootstrap::default(), &mut |_| ControlFlow::Break(()));
        assert!(matches!(stop, Err(MetricsError::Interrupted)));
        let few = Bootstrap { resamples: 1, seed: 0 };
        assert!(matches!(kid(&x, &y, PolynomialKernel::default(), &few), Err(MetricsError::Setting(_))));
        let wide = activations(&normal(3, &[9, 5]));
        let other = frechet(&activations(&x), &wide, &Bootstrap::default(), &mut |_| ControlFlow::Continue(()));
        assert!(matches!(other, Err(MetricsError::Dimensions { .. })));
    }
}
