//! Section of the networks.

use schemars::JsonSchema;
pub use semrel_nn::patchgan::DiscriminatorNorm;
pub use semrel_nn::resnet::Border;
use semrel_nn::{Biases, InitType, Output};
use serde::{Deserialize, Serialize};

/// Family of the generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorKind {
    /// Residual blocks between two halvings and two doublings.
    Resnet,
    /// As `resnet`, but cheaper, with bridges from the encoder to the decoder: for small images and short runs.
    Light,
    /// SinCUT's, of StyleGAN2's blocks.
    Stylegan2,
    /// MUNIT's auto-encoders of content and style, one for each domain.
    Munit,
    /// UNIT's auto-encoders, without styles.
    Unit,
    /// DRIT's encoders of content and attribute, and its decoders.
    Drit,
}

impl GeneratorKind {
    /// Whether it is of both domains, and belongs to a method of its own.
    pub fn is_of_both_domains(self) -> bool {
        matches!(self, Self::Munit | Self::Unit | Self::Drit)
    }
}

/// How DRIT's decoders take an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attributes {
    /// Drawn from a mean and a variance, it joins the channels four times: published for little change of shape.
    Concat,
    /// A code that steers each block: published for more change of shape.
    Feature,
}

/// Family of the discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiscriminatorKind {
    /// PatchGAN.
    Patch,
    /// 1 × 1 convolutions.
    Pixel,
    /// SinCUT's, of StyleGAN2's blocks.
    Stylegan2,
    /// MUNIT's or DRIT's own: a network for each of several scales of the image.
    Scales,
    /// Heads over the fixed features of EfficientNet-Lite0.
    Projected,
    /// `patch` and `projected`; their losses are added.
    Both,
}

impl DiscriminatorKind {
    /// Whether it looks through the features of a fixed network.
    pub fn is_projected(self) -> bool {
        matches!(self, Self::Projected | Self::Both)
    }
}

/// Normalisation of a `resnet` or `light` generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorNorm {
    /// Each channel of each image to mean 0 and variance 1, as published.
    Instance,
    /// The same, then a scale and a shift per channel; scales start at N(1, 0.02²), as published for DistanceGAN.
    InstanceAffine,
    /// Each position to a root mean square of 1 over its channels, then a scale and a shift per channel.
    Pixel,
}

/// Networks of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Family of the generator.
    pub generator: GeneratorKind,
    /// First width of the generator.
    pub ngf: i64,
    /// Residual blocks of the generator; of MUNIT's encoders and decoders each. DRIT's have a fixed number.
    pub blocks: i64,
    /// Normalisation of the generator.
    pub norm: GeneratorNorm,
    /// Borders of a `resnet` generator's convolutions: mirrored (`reflect`), or of zeros (`zero`, DistanceGAN).
    pub border: Border,
    /// How the generator makes its image: `tanh`, as published; `residual`, the input plus what the network gives; `gated`,
    /// input and new image mixed by a mask that the network gives, too; `affine`, the same over a recoloured input (`light` only).
    pub output: Output,
    /// Family of the discriminator.
    pub discriminator: DiscriminatorKind,
    /// Normalisation of the discriminator.
    pub norm_discriminator: DiscriminatorNorm,
    /// First width of the discriminator.
    pub ndf: i64,
    /// Downsamplings of a PatchGAN, or of each of MUNIT's scales.
    pub n_layers: i64,
    /// Scales of `discriminator: scales`.
    pub scales: i64,
    /// Downsample with a blur instead of a strided convolution.
    pub antialias: bool,
    /// Upsample with a blur instead of a strided transposed convolution.
    pub antialias_up: bool,
    /// How weights are initialized; StyleGAN2's and DRIT's networks and `discriminator: scales` have their own initialization.
    pub init: InitType,
    /// How biases of generators and discriminators are initialized: `zero`, or `uniform` within ±1/√fan_in, as PyTorch draws them
    /// where the published code leaves them alone (GcGAN, DistanceGAN).
    /// MUNIT's start at 0, DRIT's as PyTorch's.
    pub init_biases: Biases,
    /// How weights of the heads F are initialized; as `init` where it is absent.
    pub init_heads: Option<InitType>,
    /// Layers of the generator whose features the patch terms compare.
    pub nce_layers: Vec<i64>,
    /// Outputs of the patch projection heads F.
    pub patch_dim: i64,
    /// Numbers of a style (MUNIT) or an attribute (DRIT).
    pub style_dim: i64,
    /// Width of the layers that make the decoder's norms of a style (MUNIT).
    pub mlp_dim: i64,
    /// How DRIT's decoders take an attribute.
    pub attributes: Attributes,
    /// Halvings of DRIT's discriminator of contents. With the published 3, of kernels of 7 and a last one of 4, images have sides of
    /// at least 209.
    pub content_layers: i64,
    /// Their kernel.
    pub content_kernel: i64,
    /// Kernel of the convolution behind them.
    pub content_last_kernel: i64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            generator: GeneratorKind::Resnet,
            ngf: 64,
            blocks: 9,
            norm: GeneratorNorm::Instance,
            border: Border::Reflect,
            output: Output::Tanh,
            discriminator: DiscriminatorKind::Patch,
            norm_discriminator: DiscriminatorNorm::Instance,
            ndf: 64,
            n_layers: 3,
            scales: 3,
            antialias: true,
            antialias_up: true,
            init: InitType::Xavier { gain: 0.02 },
            init_biases: Biases::Zero,
            init_heads: None,
            nce_layers: vec![0, 4, 8, 12, 16],
            patch_dim: 256,
            style_dim: 8,
            mlp_dim: 256,
            attributes: Attributes::Concat,
            content_layers: 3,
            content_kernel: 7,
            content_last_kernel: 4,
        }
    }
}
