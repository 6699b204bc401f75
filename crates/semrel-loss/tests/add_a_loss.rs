//! The worked example "Add a loss" of docs/contributing.md.

use semrel_loss::LossError;
use semrel_loss::similarity::{entropy, similarity_distribution, similarity_matrix};
use tch::{Device, Kind, Tensor};

/// How much the entropies of two semantic relations differ: `mean_k |H(P_k) − H(Q_k)|`, with gradient to `q` only.
///
/// # Errors
/// [`LossError::QueryKey`], and those of [`similarity_matrix`].
pub fn entropy_gap(q: &Tensor, k: &Tensor, groups: i64) -> Result<Tensor, LossError> {
    if q.size().first() != k.size().first() {
        return Err(LossError::QueryKey { query: q.size(), key: k.size() });
    }
    let entropies = |rows: &Tensor| entropy(&similarity_distribution(&similarity_matrix(rows, groups)?)?);
    Ok((entropies(q)? - entropies(&k.detach())?).abs().mean(None::<Kind>))
}

#[test]
fn equal_relations_have_no_gap_and_others_one_that_trains() {
    let rows = |values: &[f64]| Tensor::from_slice(values).view([-1, 2]);
    let k = rows(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    // Three times as long, the same directions.
    let gap = entropy_gap(&(&k * 3.0), &k, 1).unwrap();
    assert!(gap.double_value(&[]) < 1e-6);

    let q = rows(&[1.0, 0.0, 0.9, 0.1, 0.8, -0.2]).set_requires_grad(true);
    let gap = entropy_gap(&q, &k, 1).unwrap();
    gap.backward();
    assert!(gap.double_value(&[]) > 0.01);
    assert!(q.grad().abs().max().double_value(&[]) > 0.0);
}

#[test]
fn numbers_of_patches_that_differ_are_an_error() {
    let zeros = |count: i64| Tensor::zeros([count, 2], (Kind::Float, Device::Cpu));
    assert!(matches!(entropy_gap(&zeros(4), &zeros(2), 1), Err(LossError::QueryKey { .. })));
}
