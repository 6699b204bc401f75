//! Multi-task discriminator `D(x, y)`.

use super::style_encoder::Trunk;
use crate::layers::conv;
use tch::{Tensor, nn};

/// One real/fake logit for each domain. Keys `main.*`.
#[derive(Debug)]
pub struct Discriminator {
    trunk: Trunk,
    heads: nn::Conv2D,
}

impl Discriminator {
    /// `width` is 2¹⁴/img_size and `max_width` 512 as published.
    pub fn new(path: &nn::Path, img_size: i64, width: i64, max_width: i64, num_domains: i64) -> Self {
        let main = path / "main";
        let trunk = Trunk::new(&main, img_size, width, max_width);
        let heads = conv(&main / trunk.next, trunk.width, num_domains, 1, 1, 0);
        Self { trunk, heads }
    }

    /// Logits of all domains `[B, num_domains]`.
    pub fn all_logits(&self, x: &Tensor) -> Tensor {
        self.trunk.forward(x).apply(&self.heads).flatten(1, -1)
    }

    /// Logit of each image's own domain `[B]`.
    pub fn forward(&self, x: &Tensor, y: &[i64]) -> Tensor {
        let index = Tensor::from_slice(y).to_device(x.device()).unsqueeze(1);
        self.all_logits(x).gather(1, &index, false).squeeze_dim(1)
    }
}
