//! Section of the networks.

use schemars::JsonSchema;
use semrel_nn::Output;
use semrel_nn::stargan2::{GeneratorConfig, GeneratorKind, default_width};
use serde::{Deserialize, Serialize};

/// Networks of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Which generator: `official` (the multi-modal code's, for `ours`), `stargan-v2` (for the compared methods), or `light`
    /// (for short runs: pixel norm, and bridges from encoder to decoder).
    pub generator: GeneratorKind,
    /// First width of all convolutional networks; if omitted, 2¹⁴/image_size (64 at 256).
    pub width: Option<i64>,
    /// Upper bound of the widths; the patch discriminator of `discriminator: both` goes to eight times its first.
    pub max_width: i64,
    /// Length of a style code.
    pub style_dim: i64,
    /// Length of a latent code.
    pub latent_dim: i64,
    /// Width of the mapping network.
    pub mapping_width: i64,
    /// Outputs of the patch projection heads F.
    pub patch_dim: i64,
    /// Instance norm before the generator's last convolution, as published; `light` has none.
    pub output_norm: bool,
    /// How the generator makes its image: `plain`, the last convolution's output, as published; `residual`, the input plus it;
    /// `gated`, input and new image mixed by a mask that the network gives, too; `affine`, the same over the input in other
    /// colours, by a transform that changes smoothly over the image (`light` alone has it).
    pub output: OutputKind,
    /// What judges images: `stargan-v2`, the published network, by whole images and with R1; `both`, for short runs: patches, and
    /// heads over the fixed features of EfficientNet-Lite0, by hinge losses and with spectral norm.
    pub discriminator: DiscriminatorKind,
}

/// How the generator makes its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// The last convolution's output.
    Plain,
    /// The input plus it.
    Residual,
    /// Input and new image, mixed by a mask.
    Gated,
    /// The same, over the input in colours that change smoothly over the image; only `light` has it.
    Affine,
}

/// What judges images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiscriminatorKind {
    /// The published network, one logit for each domain.
    StarganV2,
    /// Patches, and heads over the fixed features of EfficientNet-Lite0, with a logit for each domain at each position.
    Both,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            generator: GeneratorKind::Official,
            width: None,
            max_width: 512,
            style_dim: 64,
            latent_dim: 16,
            mapping_width: 512,
            patch_dim: 256,
            output_norm: true,
            output: OutputKind::Plain,
            discriminator: DiscriminatorKind::StarganV2,
        }
    }
}

impl ModelConfig {
    /// First width for images of `image_size`.
    pub fn first_width(&self, img_size: i64) -> i64 {
        self.width.unwrap_or_else(|| default_width(img_size))
    }

    /// The generator's shape for images of `image_size`.
    pub fn generator_config(&self, img_size: i64) -> GeneratorConfig {
        GeneratorConfig {
            kind: self.generator,
            img_size,
            width: self.first_width(img_size),
            max_width: self.max_width,
            style_dim: self.style_dim,
            output_norm: self.output_norm,
            output: match self.output {
                OutputKind::Plain => None,
                OutputKind::Residual => Some(Output::Residual),
                OutputKind::Gated => Some(Output::Gated),
                OutputKind::Affine => Some(Output::Affine),
            },
        }
    }
}
