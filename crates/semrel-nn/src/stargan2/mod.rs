//! The StarGAN v2 family: the generator of the official multi-modal code, that of plain StarGAN v2, and the networks
//! that both share.
//!
//! Choi et al., "StarGAN v2: Diverse Image Synthesis for Multiple Domains", CVPR 2020; the multi-modal experiment of
//! the paper replaces the generator (two plain convolution blocks down and up around 4 + 4 bottleneck blocks).

mod blocks;
mod discriminator;
mod generator;
mod light;
mod mapping;
mod style_encoder;

pub use blocks::{AdainResBlk, ConvBlk, ResBlk, Resample};
pub use discriminator::Discriminator;
pub use generator::{Encoded, Generator, GeneratorConfig, GeneratorKind};
pub use mapping::MappingNetwork;
pub use style_encoder::StyleEncoder;

use tch::{Device, Tensor};

/// First width of a network for images of `img_size` pixels: 2¹⁴ / img_size (64 at 256).
pub fn default_width(img_size: i64) -> i64 {
    (1 << 14) / img_size
}

/// Row `b` of `heads(d, rows)` where `y[b] = d`: evaluates each domain's head on the rows that belong to it only.
fn per_domain(y: &[i64], device: Device, head: impl Fn(i64, &dyn Fn(&Tensor) -> Tensor) -> Tensor) -> Tensor {
    let mut domains = y.to_vec();
    domains.sort_unstable();
    domains.dedup();
    if let [only] = domains[..] {
        return head(only, &Tensor::shallow_clone);
    }
    let mut order = Vec::with_capacity(y.len());
    let mut parts = Vec::with_capacity(domains.len());
    for d in domains {
        let rows: Vec<i64> = (0..y.len() as i64).filter(|&b| y[b as usize] == d).collect();
        let index = Tensor::from_slice(&rows).to_device(device);
        parts.push(head(d, &|t: &Tensor| t.index_select(0, &index)));
        order.extend(rows);
    }
    // Rows come grouped by domain; the inverse permutation brings them back into batch order.
    let mut inverse = vec![0i64; order.len()];
    for (at, &row) in order.iter().enumerate() {
        inverse[row as usize] = at as i64;
    }
    Tensor::cat(&parts, 0).index_select(0, &Tensor::from_slice(&inverse).to_device(device))
}
