//! Section of the networks.

use schemars::JsonSchema;
use semrel_nn::layers::NormType;
use semrel_nn::mobile_resnet::Variant;
pub use semrel_nn::patchgan::DiscriminatorNorm;
use semrel_nn::patchgan::PatchGanKind;
use semrel_nn::{Doubling, InitType, Output};
use serde::{Deserialize, Serialize};

/// Networks of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// First width of the teacher (`ngf`).
    pub teacher_ngf: i64,
    /// First width of the super-net at its largest; at least that of the teacher, with whom it shares the heads.
    pub student_ngf: i64,
    /// First width of the discriminators.
    pub ndf: i64,
    /// What the discriminators look at: `n_layers: 3` (PatchGAN), or `pixel`.
    #[serde(with = "discriminator_kind")]
    #[schemars(with = "discriminator_kind::Written")]
    pub discriminator: PatchGanKind,
    /// A second discriminator whose loss is added: heads over the fixed features of EfficientNet-Lite0. It looks at images
    /// alone, also where they come in pairs.
    pub projected: bool,
    /// Normalisation of the discriminators: `instance`, as published; `spectral`, weights of spectral norm 1 instead.
    pub norm_discriminator: DiscriminatorNorm,
    /// Normalisation of teacher and students: `instance`, as published, or `pixel`, which keeps brightness and colours.
    pub norm: GeneratorNorm,
    /// How teacher and students make their image: `tanh`, as published, or `residual`, the input plus what the network gives.
    /// Others are refused.
    pub output: Output,
    /// How teacher and students double the sides of their maps: `transposed`, as published, or `smooth`, by kernels averaged over
    /// neighbours, which leave no lattice.
    pub doubling: Doubling,
    /// How weights of generators and discriminators are initialized; adapters and heads always start with N(0, 0.02²).
    pub init: InitType,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            teacher_ngf: 64,
            student_ngf: 64,
            ndf: 64,
            discriminator: PatchGanKind::NLayers(3),
            projected: false,
            norm_discriminator: DiscriminatorNorm::Instance,
            norm: GeneratorNorm::Instance,
            output: Output::Tanh,
            doubling: Doubling::Transposed,
            init: InitType::COMPRESSION,
        }
    }
}

impl ModelConfig {
    /// What teacher and students are apart from their widths.
    pub fn variant(&self) -> Variant {
        Variant { norm: self.norm.into(), output: self.output, doubling: self.doubling }
    }
}

/// Normalisation of teacher and students, without parameters: any width has the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GeneratorNorm {
    /// Each channel of an image to mean 0 and variance 1, as published.
    #[default]
    Instance,
    /// Each position to a mean square of 1 over its channels.
    Pixel,
}

impl From<GeneratorNorm> for NormType {
    fn from(norm: GeneratorNorm) -> Self {
        match norm {
            GeneratorNorm::Instance => Self::Instance,
            GeneratorNorm::Pixel => Self::PixelPlain,
        }
    }
}

/// `pixel`, or the number of halvings of a PatchGAN.
mod discriminator_kind {
    use super::PatchGanKind;
    use schemars::JsonSchema;
    use serde::de::{Error, Unexpected};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(untagged, expecting = "expected `pixel`, or the number of halvings of a PatchGAN (published: 3)")]
    pub(super) enum Written {
        Layers(i64),
        Name(String),
    }

    pub fn serialize<S: Serializer>(kind: &PatchGanKind, to: S) -> Result<S::Ok, S::Error> {
        match kind {
            PatchGanKind::NLayers(layers) => Written::Layers(*layers),
            PatchGanKind::Pixel => Written::Name("pixel".into()),
        }
        .serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PatchGanKind, D::Error> {
        match Written::deserialize(from)? {
            Written::Layers(layers) => Ok(PatchGanKind::NLayers(layers)),
            Written::Name(name) if name == "pixel" => Ok(PatchGanKind::Pixel),
            Written::Name(name) => {
                let expected = "`pixel`, or the number of halvings of a PatchGAN (published: 3)";
                Err(D::Error::invalid_value(Unexpected::Str(&name), &expected))
            }
        }
    }
}
