//! Precision, recall, density and coverage of translations: how many lie among the real images, and how many real images have some
//! translation near (Kynkäänniemi et al. 2019; Naeem et al. 2020).
//!
//! The radius of an image is its distance to the k-th nearest other image of its own set. With `D` the distances of real from fake
//! images, and r, f the radii of real and fake ones:
//!
//! * precision: the share of fake j with `D_ij < r_i` for some real i; recall: the share of real i with `D_ij < f_j` for some fake j;
//! * density: `1/(k·M) Σ_j #{i: D_ij < r_i}`, which may exceed 1; coverage: the share of real i with `min_j D_ij < r_i`.
//!
//! With some hundred images a score near 0.5 moves by ±0.05 by sampling alone, and recall and coverage depend on both counts: only sets of
//! equal counts can be compared.

use crate::MetricsError;
use crate::frechet::check;
use tch::{Kind, Tensor};

/// Rows whose distances are held at a time.
const ROWS: i64 = 1000;
/// `cdist` by differences: products would tell twins apart.
const BY_DIFFERENCES: i64 = 2;

/// What counts as inside a ball, where distances tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Inside {
    /// `<`, as the `prdc` package has it.
    #[default]
    Strict,
    /// `<=`, as torch-fidelity has it.
    NonStrict,
}

impl Inside {
    fn holds(self, distances: &Tensor, radii: &Tensor) -> Tensor {
        match self {
            Self::Strict => distances.less_tensor(radii),
            Self::NonStrict => distances.less_equal_tensor(radii),
        }
    }
}

/// The four scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prdc {
    /// Share of fake images among the real ones.
    pub precision: f64,
    /// Share of real images among the fake ones.
    pub recall: f64,
    /// How many balls of real images hold a fake one, in units of k; 1 for equal sets.
    pub density: f64,
    /// Share of real images that have a fake one in their ball.
    pub coverage: f64,
}

impl Prdc {
    /// `2PR / max(1e-5, P + R)` of precision and recall.
    pub fn f_score(&self) -> f64 {
        2.0 * self.precision * self.recall / (self.precision + self.recall).max(1e-5)
    }
}

fn distances(x: &Tensor, y: &Tensor) -> Tensor {
    Tensor::cdist(x, y, 2.0, BY_DIFFERENCES)
}

/// Parts of `rows` of at most [`ROWS`].
fn parts(rows: &Tensor) -> Vec<Tensor> {
    rows.split(ROWS, 0)
}

/// The distance of each row [n, d] to its k-th nearest other row, `[n]`; an equal row counts as one at distance 0.
///
/// # Errors
/// [`MetricsError::TooFew`] unless there are more than k rows; [`MetricsError::Shape`], [`MetricsError::NotFinite`];
/// [`MetricsError::Setting`] for k = 0.
pub fn radii(features: &Tensor, k: i64) -> Result<Tensor, MetricsError> {
    let (n, _) = check(features)?;
    if k < 1 {
        return Err(MetricsError::Setting(format!("{k} nearest neighbours; expected at least 1")));
    }
    if n <= k {
        return Err(MetricsError::TooFew { what: "images for so many nearest neighbours", found: n, needed: k + 1 });
    }
    let _guard = tch::no_grad_guard();
    let all = features.to_kind(Kind::Double);
    // The row itself is at distance 0, and so the first.
    let of_part = |part: &Tensor| distances(part, &all).kthvalue(k + 1, 1, false).0;
    Ok(Tensor::cat(&parts(&all).iter().map(of_part).collect::<Vec<_>>(), 0))
}

/// The scores of features `fake` [M, d] against `real` [N, d].
///
/// # Errors
/// As [`radii`]; [`MetricsError::Dimensions`] for features of different widths.
pub fn prdc(real: &Tensor, fake: &Tensor, k: i64, inside: Inside) -> Result<Prdc, MetricsError> {
    let (radii_real, radii_fake) = (radii(real, k)?, radii(fake, k)?);
    let (left, right) = (real.size()[1] as usize, fake.size()[1] as usize);
    if left != right {
        return Err(MetricsError::Dimensions { left, right });
    }
    let _guard = tch::no_grad_guard();
    let (real, fake) = (real.to_kind(Kind::Double), fake.to_kind(Kind::Double));
    let (n, m) = (real.size()[0], fake.size()[0]);
    // How many balls of real images hold each fake one.
    let mut held = Tensor::zeros([m], (Kind::Int64, real.device()));
    let (mut recalled, mut covered) = (0, 0);
    for (part, radii) in parts(&real).iter().zip(parts(&radii_real)) {
        let d = distances(part, &fake);
        held += inside.holds(&d, &radii.unsqueeze(1)).sum_dim_intlist([0i64].as_slice(), false, Kind::Int64);
        let some = |within: &Tensor| within.any_dim(1, false).sum(Kind::Int64).int64_value(&[]);
        recalled += some(&inside.holds(&d, &radii_fake.unsqueeze(0)));
        let nearest = d.amin([1i64].as_slice(), false);
        covered += inside.holds(&nearest, &radii).sum(Kind::Int64).int64_value(&[]);
    }
    let share = |count: i64, of: i64| count as f64 / of as f64;
    let precise = held.greater(0).sum(Kind::Int64).int64_value(&[]);
    Ok(Prdc {
        precision: share(precise, m),
        recall: share(recalled, n),
        density: share(held.sum(Kind::Int64).int64_value(&[]), k * m),
        coverage: share(covered, n),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    #[test]
    fn equal_sets_score_one_and_far_ones_zero() {
        let x = normal(1, &[40, 5]);
        let of = |fake: &Tensor| prdc(&x, fake, 3, Inside::Strict).unwrap();
        assert_eq!(of(&x), Prdc { precision: 1.0, recall: 1.0, density: 1.0, coverage: 1.0 });
        assert_eq!(of(&(&x + 100.0)), Prdc { precision: 0.0, recall: 0.0, density: 0.0, coverage: 0.0 });
        assert_eq!(of(&x).f_score(), 1.0);
    }

    #[test]
    fn sets_without_a_radius_are_refused() {
        let x = normal(1, &[4, 2]);
        assert!(matches!(radii(&x, 4), Err(MetricsError::TooFew { found: 4, needed: 5, .. })));
        assert!(matches!(radii(&x, 0), Err(MetricsError::Setting(_))));
        let error = prdc(&x, &normal(2, &[4, 3]), 2, Inside::Strict);
        assert!(matches!(error, Err(MetricsError::Dimensions { left: 2, right: 3 })));
    }
}
