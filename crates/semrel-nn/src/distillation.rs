//! What compares a narrow student with its teacher at the four taps: adapters and projection heads.
//!
//! Widths are base widths (`ngf`); taps are four times as wide. Weights start by [`crate::InitType::COMPRESSION`].

use crate::NetworkError;
use crate::error::positive;
use tch::{Tensor, nn};

/// Layers whose outputs are compared: the rectifier after the second halving, and the 3rd, 6th and 9th residual block.
pub const TAPS: [i64; 4] = [9, 12, 15, 18];

const LENGTH_EPS: f64 = 1e-7;

/// Learned 1×1 convolution `A` from a student's tap to the teacher's width. Keys `weight`, `bias`.
///
/// On a narrow student it uses the first input channels, `weight[:, 0:i]`.
#[derive(Debug)]
pub struct Adapter {
    weight: Tensor,
    bias: Tensor,
}

impl Adapter {
    /// For taps of 4·`student_width` channels at most, and 4·`teacher_width`.
    pub fn new(path: &nn::Path, student_width: i64, teacher_width: i64) -> Self {
        let convolution = nn::conv2d(path, 4 * student_width, 4 * teacher_width, 1, Default::default());
        Self { weight: convolution.ws, bias: convolution.bs.expect("convolutions have a bias by default") }
    }

    /// `[B, i, H, W]` to `[B, 4·teacher_width, H, W]`; panics where i is above 4·student_width.
    pub fn forward(&self, tap: &Tensor) -> Tensor {
        tap.conv2d(&leading_inputs(&self.weight, tap.size()[1]), Some(&self.bias), [1], [0], [1], 1)
    }
}

/// Projection `F` of patch features: `v = W₂·max(0, W₁x + b₁) + b₂`, then `v/(‖v‖₂ + 1e-7)`. Keys `mlp.0.*`, `mlp.2.*`.
///
/// The same head serves student and teacher. The first layer uses the first input channels, `mlp.0.weight[:, 0:i]`.
#[derive(Debug)]
pub struct ProjectionHead {
    first: nn::Linear,
    second: nn::Linear,
}

impl ProjectionHead {
    /// For taps of 4·`student_width` channels at most. Panics where [`ProjectionHead::check`] fails.
    pub fn new(path: &nn::Path, student_width: i64, teacher_width: i64) -> Self {
        Self::check(student_width, teacher_width).unwrap_or_else(|error| panic!("{error}"));
        let (path, (cin, cout)) = (path / "mlp", (4 * student_width, 4 * teacher_width));
        Self {
            first: nn::linear(&path / 0, cin, cout, Default::default()),
            second: nn::linear(&path / 2, cout, cout, Default::default()),
        }
    }

    /// Whether a head takes the taps of both: the teacher's must not be wider than the student's.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] where it is, or a width is below 1.
    pub fn check(student_width: i64, teacher_width: i64) -> Result<(), NetworkError> {
        positive("teacher width", teacher_width)?;
        if student_width < teacher_width {
            let expected = "at least that of the teacher, whose taps pass through the same heads";
            return Err(NetworkError::Setting { setting: "student width", value: student_width, expected });
        }
        Ok(())
    }

    /// `[…, i]` to rows of length 1, `[…, 4·teacher_width]`; panics where i is above 4·student_width.
    pub fn forward(&self, rows: &Tensor) -> Tensor {
        let width = *rows.size().last().expect("rows have a dimension");
        let hidden = rows.linear(&leading_inputs(&self.first.ws, width), self.first.bs.as_ref()).relu();
        let v = hidden.apply(&self.second);
        let length = v.norm_scalaropt_dim(2, [-1], true);
        v / (length + LENGTH_EPS)
    }
}

/// `weight[:, 0:inputs]`.
fn leading_inputs(weight: &Tensor, inputs: i64) -> Tensor {
    if weight.size()[1] == inputs { weight.shallow_clone() } else { weight.narrow(1, 0, inputs) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use tch::{Device, Kind};

    const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn a_narrow_student_meets_the_first_inputs() {
        let net = Net::new(Device::Cpu, |p| Adapter::new(p, 5, 2));
        assert_eq!(net.state().into_keys().collect::<Vec<_>>(), ["bias", "weight"]);
        let tap = Tensor::rand([2, 12, 3, 4], CPU);
        let padded = Tensor::cat(&[&tap, &Tensor::zeros([2, 8, 3, 4], CPU)], 1);
        let (narrow, wide) = (net.forward(&tap), net.forward(&padded));
        assert_eq!(narrow.size(), [2, 8, 3, 4]);
        assert!(narrow.allclose(&wide, 1e-5, 1e-6, false));
    }

    #[test]
    fn heads_give_rows_of_length_one_for_student_and_teacher() {
        let net = Net::new(Device::Cpu, |p| ProjectionHead::new(p, 3, 2));
        let keys: Vec<String> = net.state().into_keys().collect();
        assert_eq!(keys, ["mlp.0.bias", "mlp.0.weight", "mlp.2.bias", "mlp.2.weight"]);
        for width in [12, 8, 5] {
            let rows = Tensor::rand([7, width], CPU);
            let out = net.forward(&rows);
            assert_eq!(out.size(), [7, 8]);
            assert!(
                (out.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float) - 1.0)
                    .abs()
                    .max()
                    .double_value(&[])
                    < 1e-5
            );
            let padded = Tensor::cat(&[&rows, &Tensor::zeros([7, 12 - width], CPU)], 1);
            assert!(out.allclose(&net.forward(&padded), 1e-5, 1e-6, false));
        }
        let error = ProjectionHead::check(2, 3).unwrap_err().to_string();
        assert!(error.contains("student width is 2") && error.contains("teacher"), "{error}");
        assert!(ProjectionHead::check(3, 0).is_err());
    }
}
