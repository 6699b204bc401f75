//! DINO's and DINOv2's vision transformers (Caron et al. 2021; Oquab et al. 2023), for inference, under their published state-dict
//! keys.
//!
//! An image is cut into patches of p × p pixels; each becomes a token of width D, and a class token comes first. With position
//! embeddings added, L blocks follow:
//!
//! `x = x + s₁ ⊙ A(LN(x))`, `x = x + s₂ ⊙ W₂ GELU(W₁ LN(x))`,
//!
//! A being self-attention in h heads, and s DINOv2's layer scales (1 for DINO). The feature is the class token after a last LN. The
//! structure distance compares the keys of the last block ([`crate::structure`]).

mod extractor;
mod position;
mod state;

use super::loader::{Loader, Shapes};
use crate::MetricsError;
use semrel_nn::checkpoint::StateDict;
use state::{Block, Linear, Norm};
use tch::{Device, Tensor};

pub use extractor::{VitExtractor, load};

/// Added to the variance of every layer norm; torch's default is ten times as large.
const EPS: f64 = 1e-6;

/// What tells the two families apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// No layer scales; pixels that fill no patch are dropped.
    Dino,
    /// Layer scales, and register tokens after the class token, in the published files 0 or 4; sides are multiples of the patch.
    DinoV2 {
        /// How many there are.
        registers: i64,
    },
}

/// The shape of a transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arch {
    /// Its family.
    pub family: Family,
    /// Side length p of each patch, in pixels.
    pub patch: i64,
    /// Width D of a token.
    pub width: i64,
    /// Heads h of each attention; they divide the width.
    pub heads: i64,
    /// Number L of blocks.
    pub blocks: usize,
    /// Patches per side, n, of the images that it was trained on: the grid of its stored position embedding.
    pub grid: i64,
}

impl Arch {
    /// DINO ViT-S with patches of 8 or 16, trained at 224 × 224.
    pub const fn dino_small(patch: i64) -> Self {
        Self { family: Family::Dino, patch, width: 384, heads: 6, blocks: 12, grid: 224 / patch }
    }

    /// DINO ViT-B with patches of 8 or 16. The structure distance of published tables takes that of 8.
    pub const fn dino_base(patch: i64) -> Self {
        Self { width: 768, heads: 12, ..Self::dino_small(patch) }
    }

    /// DINOv2 ViT-S/14, trained at 518 × 518.
    pub const fn dinov2_small(registers: i64) -> Self {
        Self { family: Family::DinoV2 { registers }, patch: 14, width: 384, heads: 6, blocks: 12, grid: 37 }
    }

    /// DINOv2 ViT-B/14.
    pub const fn dinov2_base(registers: i64) -> Self {
        Self { width: 768, heads: 12, ..Self::dinov2_small(registers) }
    }

    /// DINOv2 ViT-L/14, without registers that of the published FD-DINOv2.
    pub const fn dinov2_large(registers: i64) -> Self {
        Self { width: 1024, heads: 16, blocks: 24, ..Self::dinov2_small(registers) }
    }

    fn registers(&self) -> i64 {
        match self.family {
            Family::Dino => 0,
            Family::DinoV2 { registers } => registers,
        }
    }
}

/// What a pass gives.
#[derive(Debug)]
pub struct Tokens {
    /// All tokens after the last norm, [N, T, D]: the class token, registers, and patches row by row.
    pub all: Tensor,
    /// Keys of the last block, [N, h, T, D/h], with their bias and unscaled.
    pub keys: Tensor,
}

impl Tokens {
    /// The feature of each image, [N, D]: its class token.
    pub fn class(&self) -> Tensor {
        self.all.select(1, 0)
    }

    /// The keys of each image with its heads side by side, [N, T, D], as the structure distance compares them.
    pub fn keys_side_by_side(&self) -> Tensor {
        self.keys.transpose(1, 2).flatten(2, 3)
    }
}

/// A transformer with weights.
#[derive(Debug)]
pub struct Vit {
    arch: Arch,
    patches: Linear,
    class: Tensor,
    position: Tensor,
    registers: Option<Tensor>,
    blocks: Vec<Block>,
    norm: Norm,
    device: Device,
}

impl Vit {
    /// Builds the network from a state dict.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] lists missing keys and differing shapes; [`MetricsError::Setting`] for heads that do not divide the
    /// width.
    pub fn from_state(arch: Arch, state: &StateDict, device: Device) -> Result<Self, MetricsError> {
        state::load(arch, state, device)
    }

    /// Keys that such a network needs, with their shapes. DINOv2's files hold `mask_token` [1, D] besides, which only training uses.
    pub fn shapes(arch: Arch) -> Shapes {
        Loader::shapes(|loader| state::build(arch, loader, Device::Cpu))
    }

    /// Its shape.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// Where the network lies.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Patches per column and row of images [N, 3, H, W].
    fn grid(&self, images: &Tensor) -> Result<(i64, i64), MetricsError> {
        let (size, patch) = (images.size(), self.arch.patch);
        let whole = |side: i64| side >= patch && (self.arch.family == Family::Dino || side % patch == 0);
        match size[..] {
            [_, 3, height, width] if whole(height) && whole(width) => Ok((height / patch, width / patch)),
            _ => {
                let expected = match self.arch.family {
                    Family::Dino => "[N, 3, H, W], H and W at least a patch",
                    Family::DinoV2 { .. } => "[N, 3, H, W], H and W multiples of the patch",
                };
                Err(MetricsError::Shape { what: "images of a vision transformer", found: size, expected })
            }
        }
    }

    /// The position embedding of images [N, 3, H, W], [1, 1 + H/p · W/p, D]: of the class token, and of the patches row by row.
    ///
    /// # Errors
    /// [`MetricsError::Shape`] for images that it does not take.
    pub fn position(&self, images: &Tensor) -> Result<Tensor, MetricsError> {
        let (rows, columns) = self.grid(images)?;
        let square = images.size()[2] == images.size()[3];
        if square && rows * columns == self.arch.grid * self.arch.grid {
            return Ok(self.position.shallow_clone());
        }
        let patches = self.position.narrow(1, 1, self.arch.grid * self.arch.grid);
        let patches = match self.arch.registers() {
            0 => position::resampled(&patches, self.arch.grid, rows, columns),
            _ => position::resampled_antialiased(&patches, self.arch.grid, rows, columns),
        };
        Ok(Tensor::cat(&[self.position.narrow(1, 0, 1), patches], 1))
    }

    /// Tokens of prepared images [N, 3, H, W].
    ///
    /// # Errors
    /// [`MetricsError::Shape`] for images that it does not take.
    pub fn tokens(&self, images: &Tensor) -> Result<Tokens, MetricsError> {
        self.run(images, &mut |_, _| ())
    }

    /// [`Self::tokens`], with each block's number and output [N, T, D] shown to `visit`.
    ///
    /// # Errors
    /// Those of [`Self::tokens`].
    pub fn run(&self, images: &Tensor, visit: &mut dyn FnMut(usize, &Tensor)) -> Result<Tokens, MetricsError> {
        let _guard = tch::no_grad_guard();
        let position = self.position(images)?;
        let (count, width, patch) = (images.size()[0], self.arch.width, self.arch.patch);
        let patches = images.conv2d(&self.patches.weight, Some(&self.patches.bias), [patch; 2], [0; 2], [1; 2], 1);
        let patches = patches.flatten(2, 3).transpose(1, 2);
        let of_each = |token: &Tensor| token.expand([count, -1, width], false);
        let mut x = Tensor::cat(&[of_each(&self.class), patches], 1) + position;
        if let Some(registers) = &self.registers {
            let rest = x.size()[1] - 1;
            x = Tensor::cat(&[x.narrow(1, 0, 1), of_each(registers), x.narrow(1, 1, rest)], 1);
        }
        let mut keys = None;
        for (i, block) in self.blocks.iter().enumerate() {
            let (next, of_block) = block.forward(&x, self.arch.heads);
            visit(i, &next);
            (x, keys) = (next, Some(of_block));
        }
        let keys = keys.expect("at least one block, as `from_state` makes sure of");
        Ok(Tokens { all: self.norm.forward(&x), keys })
    }
}

#[cfg(test)]
mod tests;
