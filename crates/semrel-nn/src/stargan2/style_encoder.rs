//! Style encoder `E(x, y)`, and the convolutional trunk that it shares its form with the discriminator.

use super::blocks::ResBlk;
use super::per_domain;
use crate::layers::{conv, lrelu};
use tch::{Tensor, nn};

/// `conv 3×3 → log2(S) − 2 downsampling residual blocks (to 4 × 4) → lrelu → conv 4×4 → lrelu`: images to `[B, C, 1, 1]`.
#[derive(Debug)]
pub(super) struct Trunk {
    from_rgb: nn::Conv2D,
    blocks: Vec<ResBlk>,
    last: nn::Conv2D,
    /// Channels of the output.
    pub(super) width: i64,
    /// Index of the first free position after the trunk in the sequential numbering of its keys.
    pub(super) next: i64,
}

impl Trunk {
    pub(super) fn new(path: &nn::Path, img_size: i64, width: i64, max_width: i64) -> Self {
        let depth = i64::from(img_size.ilog2()) - 2;
        let from_rgb = conv(path / 0, 3, width, 3, 1, 1);
        let mut cin = width;
        let blocks = (1..=depth)
            .map(|i| {
                let cout = (2 * cin).min(max_width);
                let block = ResBlk::new(path / i, cin, cout, false, true);
                cin = cout;
                block
            })
            .collect();
        Self { from_rgb, blocks, last: conv(path / (depth + 2), cin, cin, 4, 1, 0), width: cin, next: depth + 4 }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let h = self.blocks.iter().fold(x.apply(&self.from_rgb), |h, block| block.forward(&h));
        lrelu(&lrelu(&h).apply(&self.last))
    }
}

/// The style of an image as one of a domain. Keys `shared.*` and `unshared.{d}.*`.
#[derive(Debug)]
pub struct StyleEncoder {
    shared: Trunk,
    unshared: Vec<nn::Linear>,
}

impl StyleEncoder {
    /// `width` is 2¹⁴/img_size and `max_width` 512 as published.
    pub fn new(path: &nn::Path, img_size: i64, width: i64, max_width: i64, style_dim: i64, num_domains: i64) -> Self {
        let shared = Trunk::new(&(path / "shared"), img_size, width, max_width);
        let unshared = path / "unshared";
        let unshared =
            (0..num_domains).map(|d| nn::linear(&unshared / d, shared.width, style_dim, Default::default())).collect();
        Self { shared, unshared }
    }

    /// Images `[B, 3, S, S]` and domains `y` (B of them) to styles `[B, style_dim]`.
    pub fn forward(&self, x: &Tensor, y: &[i64]) -> Tensor {
        let h = self.shared.forward(x).flatten(1, -1);
        per_domain(y, x.device(), |d, rows| rows(&h).apply(&self.unshared[d as usize]))
    }
}
