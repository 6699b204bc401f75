//! Kernel inception distance: the unbiased squared maximum mean discrepancy under a polynomial kernel (Bińkowski et
//! al., ICLR 2018), averaged over random subsets.
//!
//! `MMD² = Σ_{i≠j} k(xᵢ,xⱼ)/(m(m−1)) + Σ_{i≠j} k(yᵢ,yⱼ)/(n(n−1)) − 2·Σ_{i,j} k(xᵢ,yⱼ)/(mn)`, in double precision. It may
//! be negative. Often shown × 1000.

use crate::MetricsError;
use crate::frechet::check;
use tch::{Kind, Tensor};

/// Maximum number of elements of the three kernel matrices that are kept for all subsets (half a gigabyte).
const MOST_CACHED: i64 = 1 << 26;

/// The kernel `k(x, y) = (γ·x·y + c)^degree`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolynomialKernel {
    /// Exponent.
    pub degree: f64,
    /// Factor γ; `None` stands for 1/d.
    pub gamma: Option<f64>,
    /// Constant c.
    pub coef0: f64,
}

impl Default for PolynomialKernel {
    /// `(x·y/d + 1)³`.
    fn default() -> Self {
        Self { degree: 3.0, gamma: None, coef0: 1.0 }
    }
}

impl PolynomialKernel {
    /// `k(x, x)` of each row [m, d].
    pub(crate) fn diagonal(&self, x: &Tensor) -> Tensor {
        let gamma = self.gamma.unwrap_or(1.0 / x.size()[1] as f64);
        let squares = x.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
        (squares * gamma + self.coef0).pow_tensor_scalar(self.degree)
    }

    /// Kernel values [m, n] of rows [m, d] and [n, d].
    pub(crate) fn matrix(&self, x: &Tensor, y: &Tensor) -> Tensor {
        let gamma = self.gamma.unwrap_or(1.0 / x.size()[1] as f64);
        (x.matmul(&y.tr()) * gamma + self.coef0).pow_tensor_scalar(self.degree)
    }
}

/// Which rows of both sets make up the subsets.
#[derive(Debug)]
pub enum Subsets<'a> {
    /// Rows of x and of y, int64 [S, m] each.
    Given(&'a Tensor, &'a Tensor),
    /// `count` times `min(n₁, n₂, max_size)` rows of each set, drawn without replacement.
    Drawn {
        /// Number of subsets, usually 100.
        count: usize,
        /// Maximum number of rows per subset, usually 1000.
        max_size: usize,
        /// Seed of the draws.
        seed: u64,
    },
}

/// KID over subsets.
#[derive(Debug, Clone, PartialEq)]
pub struct Kid {
    /// Mean over subsets.
    pub mean: f64,
    /// Standard deviation over subsets (divisor S).
    pub std: f64,
    /// MMD² of each subset.
    pub values: Vec<f64>,
}

/// KID of features x [n₁, d] and y [n₂, d].
///
/// # Errors
/// [`MetricsError::Shape`], [`MetricsError::Dimensions`], [`MetricsError::NotFinite`], and [`MetricsError::TooFew`] for
/// subsets of fewer than two rows or no subset at all.
pub fn kid(x: &Tensor, y: &Tensor, subsets: &Subsets, kernel: PolynomialKernel) -> Result<Kid, MetricsError> {
    let _guard = tch::no_grad_guard();
    let (x, y) = pair_of_features(x, y)?;
    let (n, m) = (x.size()[0], y.size()[0]);
    let drawn;
    let (rows_x, rows_y) = match *subsets {
        Subsets::Given(rows_x, rows_y) => (rows_x, rows_y),
        Subsets::Drawn { count, max_size, seed } => {
            let size = (n.min(m) as usize).min(max_size);
            drawn = (draw("kid.x", n, count, size, seed), draw("kid.y", m, count, size, seed));
            (&drawn.0, &drawn.1)
        }
    };
    let (count, size) = subset_shape(rows_x, n)?;
    if (count, size) != subset_shape(rows_y, m)? {
        return Err(MetricsError::Shape { what: "subset rows of y", found: rows_y.size(), expected: "that of x" });
    }
    too_few("subsets", count, 1)?;
    too_few("images of a KID subset", size, 2)?;

    // Kernel values of all pairs are cheaper than those of each subset unless the sets are large against the subsets.
    let all = n * n + m * m + n * m;
    let cached = (all <= MOST_CACHED && all <= 3 * count * size * size)
        .then(|| (kernel.matrix(&x, &x), kernel.matrix(&y, &y), kernel.matrix(&x, &y)));
    let values: Vec<f64> = (0..count)
        .map(|s| {
            let (rows_x, rows_y) = (rows_x.get(s), rows_y.get(s));
            let of = |t: &Tensor, rows: &Tensor| t.index_select(0, rows);
            match &cached {
                Some((xx, yy, xy)) => mmd2_of(
                    &of(xx, &rows_x).index_select(1, &rows_x),
                    &of(yy, &rows_y).index_select(1, &rows_y),
                    &of(xy, &rows_x).index_select(1, &rows_y),
                ),
                None => {
                    let (x, y) = (of(&x, &rows_x), of(&y, &rows_y));
                    mmd2_of(&kernel.matrix(&x, &x), &kernel.matrix(&y, &y), &kernel.matrix(&x, &y))
                }
            }
        })
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64;
    Ok(Kid { mean, std: variance.sqrt(), values })
}

/// Unbiased MMD² over all rows of x [m, d] and y [n, d], whose numbers may differ.
///
/// # Errors
/// As [`kid`].
pub fn mmd2(x: &Tensor, y: &Tensor, kernel: PolynomialKernel) -> Result<f64, MetricsError> {
    let _guard = tch::no_grad_guard();
    let (x, y) = pair_of_features(x, y)?;
    too_few("images for KID", x.size()[0].min(y.size()[0]), 2)?;
    Ok(mmd2_of(&kernel.matrix(&x, &x), &kernel.matrix(&y, &y), &kernel.matrix(&x, &y)))
}

fn mmd2_of(xx: &Tensor, yy: &Tensor, xy: &Tensor) -> f64 {
    let sum = |t: &Tensor| t.sum(Kind::Double);
    let off_diagonal = |t: &Tensor| (sum(t) - t.trace()) / (t.size()[0] * (t.size()[0] - 1)) as f64;
    (off_diagonal(xx) + off_diagonal(yy) - sum(xy) * (2.0 / xy.numel() as f64)).double_value(&[])
}

/// Two sets of features of one width, in double precision.
pub(crate) fn pair_of_features(x: &Tensor, y: &Tensor) -> Result<(Tensor, Tensor), MetricsError> {
    let ((_, left), (_, right)) = (check(x)?, check(y)?);
    if left != right {
        return Err(MetricsError::Dimensions { left: left as usize, right: right as usize });
    }
    Ok((x.to_kind(Kind::Double), y.to_kind(Kind::Double)))
}

/// (subsets, rows per subset) of int64 rows [S, m], which must lie in 0..n.
fn subset_shape(rows: &Tensor, n: i64) -> Result<(i64, i64), MetricsError> {
    let shape = |expected| MetricsError::Shape { what: "subset rows", found: rows.size(), expected };
    let (count, size) = rows.size2().map_err(|_| shape("[S, m]"))?;
    let inside = rows.numel() == 0 || (rows.min().int64_value(&[]) >= 0 && rows.max().int64_value(&[]) < n);
    if inside { Ok((count, size)) } else { Err(shape("[S, m] of row numbers below the number of images")) }
}

fn draw(stream: &str, n: i64, count: usize, size: usize, seed: u64) -> Tensor {
    let rows: Vec<i64> = (0..count as u64)
        .flat_map(|subset| {
            let mut rng = semrel_data::rng::stream(seed, stream, subset);
            rand::seq::index::sample(&mut rng, n as usize, size).into_iter().map(|row| row as i64)
        })
        .collect();
    Tensor::from_slice(&rows).view([count as i64, size as i64])
}

fn too_few(what: &'static str, found: i64, needed: i64) -> Result<(), MetricsError> {
    if found < needed { Err(MetricsError::TooFew { what, found, needed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;
    use proptest::prelude::*;

    fn sample(seed: i64, n: i64, d: i64) -> Tensor {
        normal(seed, &[n, d])
    }

    const KERNEL: PolynomialKernel = PolynomialKernel { degree: 3.0, gamma: None, coef0: 1.0 };

    #[test]
    fn two_points_by_hand() {
        // d = 1, linear kernel: k(x,x') = 1·3, k(y,y') = 2·2, cross mean (1+3)(2+2)/4 = 4.
        let kernel = PolynomialKernel { degree: 1.0, gamma: Some(1.0), coef0: 0.0 };
        let x = Tensor::from_slice(&[1f32, 3.0]).view([2, 1]);
        let y = Tensor::from_slice(&[2f32, 2.0]).view([2, 1]);
        assert_eq!(mmd2(&x, &y, kernel).unwrap(), 3.0 + 4.0 - 8.0);
    }

    #[test]
    fn unbiased_around_zero_for_one_distribution_and_large_for_two() {
        let subsets = Subsets::Drawn { count: 60, max_size: 40, seed: 1 };
        let same = kid(&sample(1, 600, 8), &sample(2, 600, 8), &subsets, KERNEL).unwrap();
        assert!(same.mean.abs() < 3.0 * same.std / 60f64.sqrt() + 0.02, "{} ± {}", same.mean, same.std);
        assert!(same.values.iter().any(|v| *v < 0.0));
        let apart = kid(&sample(1, 600, 8), &(sample(2, 600, 8) + 1.0), &subsets, KERNEL).unwrap();
        assert!(apart.mean > 1.0, "{}", apart.mean);
    }

    #[test]
    fn errors_are_typed() {
        let x = sample(1, 5, 3);
        let drawn = |count, max_size| Subsets::Drawn { count, max_size, seed: 0 };
        assert!(matches!(kid(&x, &x, &drawn(3, 1), KERNEL), Err(MetricsError::TooFew { .. })));
        assert!(matches!(kid(&x, &x, &drawn(0, 9), KERNEL), Err(MetricsError::TooFew { .. })));
        assert!(matches!(mmd2(&x, &sample(1, 5, 4), KERNEL), Err(MetricsError::Dimensions { .. })));
        let rows = Tensor::from_slice(&[0i64, 5]).view([1, 2]);
        assert!(matches!(kid(&x, &x, &Subsets::Given(&rows, &rows), KERNEL), Err(MetricsError::Shape { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn cached_and_direct_kernels_agree(seed in 0i64..1000, n in 4i64..30, m in 4i64..30) {
            let (x, y) = (sample(seed, n, 5), sample(seed + 1, m, 5));
            // Many subsets use the cached kernels, a single small one does not.
            let many = kid(&x, &y, &Subsets::Drawn { count: 400, max_size: 4, seed: 3 }, KERNEL).unwrap();
            let one = kid(&x, &y, &Subsets::Drawn { count: 1, max_size: 4, seed: 3 }, KERNEL).unwrap();
            prop_assert!((many.values[0] - one.values[0]).abs() < 1e-9);
        }

        #[test]
        fn a_subset_of_everything_is_the_plain_estimate(seed in 0i64..1000, n in 2i64..30) {
            let (x, y) = (sample(seed, n, 5), sample(seed + 1, n, 5));
            let all = kid(&x, &y, &Subsets::Drawn { count: 3, max_size: 1000, seed: 3 }, KERNEL).unwrap();
            let plain = mmd2(&x, &y, KERNEL).unwrap();
            prop_assert!((all.mean - plain).abs() < 1e-9 * (1.0 + plain.abs()) && all.std < 1e-9);
            prop_assert!((plain - mmd2(&y, &x, KERNEL).unwrap()).abs() < 1e-9 * (1.0 + plain.abs()));
        }
    }
}
