//! The same inner products in fewer numbers.

use tch::{Kind, Tensor};

/// Squared length that a row may lose: inner products change by no more.
const LOSS: f64 = 1e-8;

/// Rows `[N, D]` turned to their principal axes, without those that hold next to nothing of any row: `[N, r]`, r ≤ D, f32.
///
/// A rotation leaves inner products as they are, and heads that were trained a little spread over few axes.
pub fn compact(rows: &Tensor) -> Tensor {
    let rows = rows.to_kind(Kind::Double);
    // Eigenvalues ascend, so the first axes hold least.
    let (_, axes) = rows.tr().matmul(&rows).linalg_eigh("L");
    let turned = rows.matmul(&axes);
    let lost = turned.square().cumsum(1, Kind::Double).amax([0i64].as_slice(), false);
    let dropped = lost.le(LOSS).sum(Kind::Int64).int64_value(&[]).min(turned.size()[1] - 1);
    turned.narrow(1, dropped, turned.size()[1] - dropped).flip([1]).to_kind(Kind::Float).contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_loss::similarity::l2_normalize;
    use tch::Device;

    #[test]
    fn inner_products_stay() {
        tch::manual_seed(1);
        let few = Tensor::randn([40, 3], (Kind::Double, Device::Cpu));
        let spread = Tensor::randn([3, 16], (Kind::Double, Device::Cpu));
        for (rows, width) in [(few.matmul(&spread), 3), (Tensor::randn([40, 16], (Kind::Double, Device::Cpu)), 16)] {
            let rows = l2_normalize(&rows).unwrap();
            let small = compact(&rows);
            assert_eq!(small.size(), [40, width]);
            let small = small.to_kind(Kind::Double);
            let apart = (small.matmul(&small.tr()) - rows.matmul(&rows.tr())).abs().max().double_value(&[]);
            assert!(apart < 1e-6, "{apart}");
        }
    }

    #[test]
    fn something_is_left_of_nothing() {
        assert_eq!(compact(&Tensor::zeros([4, 5], (Kind::Float, Device::Cpu))).size(), [4, 1]);
    }
}
