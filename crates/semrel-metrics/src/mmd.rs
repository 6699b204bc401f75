//! Maximum mean discrepancy under a Gaussian kernel.
//!
//! `k(x, y) = exp(−|x − y|²/(2σ²))`. CMMD (Jayasumana et al. 2024) is the biased form at σ = 10, times 1000, of unit rows of CLIP's
//! embeddings; over other features it is shown as `MMD-RBF` with their name and σ, never as CMMD.

use crate::MetricsError;
use crate::kid::pair_of_features;
use tch::{Kind, Tensor};

/// Rows whose kernel values are held at a time.
const ROWS: i64 = 1000;

/// Which pairs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// All of them, an image with itself included: never negative, and the larger, the fewer images there are.
    Biased,
    /// All but those of an image with itself: without bias, and negative at times.
    Unbiased,
}

/// MMD² of x [m, d] and y [n, d], in double precision:
/// `mean k(x_i, x_j) + mean k(y_i, y_j) − 2 mean k(x_i, y_j)`.
///
/// # Errors
/// [`MetricsError::Shape`], [`MetricsError::Dimensions`], [`MetricsError::NotFinite`]; [`MetricsError::TooFew`] for fewer than two
/// rows; [`MetricsError::Setting`] unless σ is finite and positive.
pub fn rbf_mmd2(x: &Tensor, y: &Tensor, sigma: f64, pairs: Pairs) -> Result<f64, MetricsError> {
    if !(sigma.is_finite() && sigma > 0.0) {
        return Err(MetricsError::Setting(format!("a kernel of width {sigma}; expected a finite positive one")));
    }
    let _guard = tch::no_grad_guard();
    let (x, y) = pair_of_features(x, y)?;
    let sum = |a: &Tensor, b: &Tensor| -> f64 {
        let kernel = |part: &Tensor| {
            let squares = Tensor::cdist(part, b, 2.0, 2).square();
            (squares / (-2.0 * sigma * sigma)).exp().sum(Kind::Double).double_value(&[])
        };
        a.split(ROWS, 0).iter().map(kernel).sum()
    };
    let within = |set: &Tensor| {
        let n = set.size()[0] as f64;
        match pairs {
            Pairs::Biased => sum(set, set) / (n * n),
            // k(x, x) = 1.
            Pairs::Unbiased => (sum(set, set) - n) / (n * (n - 1.0)),
        }
    };
    let between = sum(&x, &y) / (x.size()[0] * y.size()[0]) as f64;
    Ok(within(&x) + within(&y) - 2.0 * between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    #[test]
    fn it_grows_with_the_distance_and_is_zero_for_equal_sets() {
        let (x, y) = (normal(1, &[30, 4]), normal(2, &[20, 4]));
        let of = |y: &Tensor, pairs| rbf_mmd2(&x, y, 2.0, pairs).unwrap();
        assert!(of(&x, Pairs::Biased).abs() < 1e-12);
        assert!(of(&(&y + 1.0), Pairs::Biased) > of(&y, Pairs::Biased));
        assert!(of(&y, Pairs::Unbiased) < of(&y, Pairs::Biased));
        assert!(rbf_mmd2(&x, &y, 0.0, Pairs::Biased).is_err());
    }
}
