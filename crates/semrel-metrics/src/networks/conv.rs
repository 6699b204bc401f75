//! Convolutions of fixed networks, as they stand after batch norm has been folded in.

use tch::Tensor;

/// Geometry of a convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    pub inputs: i64,
    pub outputs: i64,
    /// Height and width.
    pub kernel: [i64; 2],
    pub stride: i64,
    pub padding: [i64; 2],
    pub dilation: i64,
}

impl Geometry {
    /// Stride 1, and a padding that keeps height and width.
    pub fn same(inputs: i64, outputs: i64, kernel: [i64; 2]) -> Self {
        Self { inputs, outputs, kernel, stride: 1, padding: kernel.map(|k| (k - 1) / 2), dilation: 1 }
    }

    /// [`Geometry::same`] with a square kernel.
    pub fn square(inputs: i64, outputs: i64, kernel: i64) -> Self {
        Self::same(inputs, outputs, [kernel; 2])
    }

    pub fn stride(self, stride: i64) -> Self {
        Self { stride, ..self }
    }

    pub fn padding(self, padding: i64) -> Self {
        Self { padding: [padding; 2], ..self }
    }

    /// Dilation of a 3 × 3 kernel, with the padding that keeps height and width.
    pub fn dilation(self, dilation: i64) -> Self {
        Self { dilation, padding: [dilation; 2], ..self }
    }

    /// Shape of the weight.
    pub fn weight(&self) -> [i64; 4] {
        [self.outputs, self.inputs, self.kernel[0], self.kernel[1]]
    }
}

/// A convolution with bias.
#[derive(Debug)]
pub(super) struct Conv {
    pub weight: Tensor,
    pub bias: Tensor,
    pub geometry: Geometry,
}

impl Conv {
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let Geometry { stride, padding, dilation, .. } = self.geometry;
        x.conv2d(&self.weight, Some(&self.bias), [stride; 2], padding, [dilation; 2], 1)
    }

    pub fn forward_relu(&self, x: &Tensor) -> Tensor {
        self.forward(x).relu_()
    }
}

/// The same values [N, C, H, W] with the channels of a position side by side in memory, which convolutions like.
pub(super) fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// Max-pool of 3 × 3 with stride 2 and no padding.
pub(super) fn max_pool(x: &Tensor) -> Tensor {
    x.max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false)
}

/// Mean over height and width: [N, C, h, w] → [N, C].
pub(super) fn spatial_mean(x: &Tensor) -> Tensor {
    x.mean_dim([2i64, 3].as_slice(), false, tch::Kind::Float)
}
