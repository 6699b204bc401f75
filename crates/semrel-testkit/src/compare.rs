//! Element-wise comparison with the vectors' tolerances.

use tch::{Kind, Tensor};

/// `|got − want| ≤ atol + rtol·|want|`, with the refinements that a case may give.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tolerance {
    /// Relative part.
    pub rtol: f64,
    /// Absolute part.
    pub atol: f64,
    /// Fraction of elements that may miss the tolerance.
    pub outliers: f64,
    /// Besides, a bound on the mean of `|got − want|`.
    pub mean: Option<f64>,
}

/// Elements that miss `tolerance`, as (missed, all).
pub fn misses(got: &Tensor, want: &Tensor, tolerance: Tolerance) -> (i64, i64) {
    let (got, want) = (got.detach().to_kind(Kind::Double), want.to_kind(Kind::Double));
    let error = (&got - &want).abs();
    let allowed = want.abs() * tolerance.rtol + tolerance.atol;
    // `not less or equal`, so that a NaN counts as a miss.
    let missed = error.le_tensor(&allowed).logical_not();
    (missed.sum(Kind::Int64).int64_value(&[]), want.numel() as i64)
}

/// Compares `got` with `want`; the error names the worst element.
pub fn compare(name: &str, got: &Tensor, want: &Tensor, tolerance: Tolerance) -> Result<(), String> {
    if got.size() != want.size() {
        return Err(format!("{name}: shape {:?}, expected {:?}", got.size(), want.size()));
    }
    if want.numel() == 0 {
        return Ok(());
    }
    let (missed, all) = misses(got, want, tolerance);
    let (g, w) = (got.detach().to_kind(Kind::Double).reshape([-1]), want.to_kind(Kind::Double).reshape([-1]));
    let error = (&g - &w).abs();
    if let Some(bound) = tolerance.mean {
        let mean = error.mean(Kind::Double).double_value(&[]);
        if mean.is_nan() || mean > bound {
            return Err(format!("{name}: mean |got − want| is {mean:.3e}, allowed {bound:.3e}"));
        }
    }
    if missed as f64 <= tolerance.outliers * all as f64 {
        return Ok(());
    }
    let excess = &error - (w.abs() * tolerance.rtol + tolerance.atol);
    let worst = excess.nan_to_num(f64::MAX, f64::MAX, f64::MIN).argmax(0, false).int64_value(&[]);
    Err(format!(
        "{name}: {missed} of {all} elements miss rtol {:.1e}, atol {:.1e}; worst at {worst}: got {:.9e}, expected {:.9e}",
        tolerance.rtol,
        tolerance.atol,
        g.double_value(&[worst]),
        w.double_value(&[worst]),
    ))
}
