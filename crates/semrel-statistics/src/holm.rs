//! Holm's correction for several comparisons.

/// Adjusted p values, in the order given: sorted ascending, `adj_(j) = min(1, max_{i ≤ j} (R − i + 1) p_(i))`. A comparison whose value is
/// at most α is significant at level α in a family of all R.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    // Stable: of ties the earlier comes first.
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, row) in order.into_iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[row]);
        adjusted[row] = largest.min(1.0);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_never_lowers_p_nor_changes_the_order(p in prop::collection::vec(0.0f64..=1.0, 1..9)) {
            let adjusted = holm(&p);
            for (i, (&p_i, &adj_i)) in p.iter().zip(&adjusted).enumerate() {
                prop_assert!(adj_i >= p_i && adj_i <= 1.0);
                for (&p_j, &adj_j) in p.iter().zip(&adjusted).skip(i + 1) {
                    prop_assert!(p_i > p_j || adj_i <= adj_j);
                }
            }
        }
    }
}
