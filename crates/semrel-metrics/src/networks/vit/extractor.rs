//! Vision transformers as extractors: their class token is the feature.

use super::{Arch, Vit};
use crate::MetricsError;
use crate::extractor::{Extractor, Preparation, Resize};
use crate::networks::recognise::Network;
use semrel_data::resize::Filter;
use std::path::Path;
use tch::{Device, Tensor};

/// Side of images as the published evaluations show them: a multiple of 8, 14 and 16.
const SIDE: u32 = 224;

/// The network of the published FD-DINOv2.
const FD_DINOV2: &str = "dinov2-l14";

impl Arch {
    /// The published transformers by their names among extractors; `-reg` are those with four registers.
    pub const NAMED: [(&'static str, Self); 9] = [
        ("dino-s8", Self::dino_small(8)),
        ("dino-s16", Self::dino_small(16)),
        ("dino-b8", Self::dino_base(8)),
        ("dino-b16", Self::dino_base(16)),
        ("dinov2-s14", Self::dinov2_small(0)),
        ("dinov2-s14-reg", Self::dinov2_small(4)),
        ("dinov2-b14", Self::dinov2_base(0)),
        ("dinov2-b14-reg", Self::dinov2_base(4)),
        (FD_DINOV2, Self::dinov2_large(0)),
    ];

    /// The transformer of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, arch)| *arch)
    }

    /// Its name among extractors, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(_, known)| known == self).map(|(name, _)| *name)
    }
}

/// A transformer by its name, with weights from a file, or from the weights folder.
///
/// # Errors
/// [`MetricsError::Unknown`]; those of loading.
pub fn load(name: &str, weights: Option<&Path>, device: Device) -> Result<(Arch, Vit), MetricsError> {
    let known = Arch::NAMED.map(|(name, _)| name).join(", ");
    let unknown = || MetricsError::Unknown { what: "vision transformer", name: name.to_owned(), known };
    let arch = Arch::named(name).ok_or_else(unknown)?;
    let build = |state: &_| Vit::from_state(arch, state, device);
    let network = Network::Vit(arch);
    let vit = match weights {
        Some(path) => network.load_file(path, build)?,
        None => network.load(build)?,
    };
    Ok((arch, vit))
}

/// Class tokens of images of 224 × 224 pixels, which Pillow's bicubic filter makes of any, their proportions aside.
#[derive(Debug)]
pub struct VitExtractor {
    name: &'static str,
    network: Vit,
}

impl VitExtractor {
    /// The extractor of this name.
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(name: &str, weights: Option<&Path>, device: Device) -> Result<Self, MetricsError> {
        let (arch, network) = load(name, weights, device)?;
        Ok(Self { name: arch.name().expect("it was found by its name"), network })
    }

    /// The tokens of patches as a map [N, D, h, w].
    fn map(&self, all: &Tensor, batch: &Tensor) -> Tensor {
        let (arch, size) = (self.network.arch(), batch.size());
        let (rows, columns) = (size[2] / arch.patch, size[3] / arch.patch);
        let patches = all.narrow(1, all.size()[1] - rows * columns, rows * columns);
        patches.transpose(1, 2).reshape([size[0], arch.width, rows, columns])
    }
}

impl Extractor for VitExtractor {
    fn name(&self) -> &str {
        self.name
    }

    /// Only that of ViT-L/14 is the published FD-DINOv2.
    fn frechet_name(&self) -> String {
        if self.name == FD_DINOV2 { "FD-DINOv2".into() } else { format!("FD({})", self.name) }
    }

    fn preparation(&self) -> Preparation {
        let of_bytes = |values: [f32; 3]| values.map(|v| 255.0 * v);
        let (mean, std) = (of_bytes([0.485, 0.456, 0.406]), of_bytes([0.229, 0.224, 0.225]));
        Preparation { width: SIDE, height: SIDE, resize: Resize::Pillow(Filter::Bicubic), mean, std }
    }

    fn device(&self) -> Device {
        self.network.device()
    }

    fn features(&self, batch: &Tensor) -> Tensor {
        self.features_and_taps(batch).0
    }

    fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
        self.features_and_taps(batch).1
    }

    fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
        let tokens = self.network.tokens(batch).expect("images are prepared");
        (tokens.class(), vec![self.map(&tokens.all, batch)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::tests::filled;
    use tch::Kind;

    #[test]
    fn features_are_class_tokens_and_maps_are_patches() {
        let arch = Arch { width: 12, heads: 2, blocks: 1, grid: 2, ..Arch::dinov2_small(4) };
        let network = Vit::from_state(arch, &filled(Vit::shapes(arch)), Device::Cpu).unwrap();
        let extractor = VitExtractor { name: "dinov2-s14-reg", network };
        let batch = Tensor::rand([2, 3, 28, 42], (Kind::Float, Device::Cpu));
        let (features, maps) = extractor.features_and_taps(&batch);
        let all = extractor.network.tokens(&batch).unwrap().all;
        assert_eq!((features.size(), maps[0].size()), (vec![2, 12], vec![2, 12, 2, 3]));
        assert!(features.equal(&all.select(1, 0)));
        // After the class token and four registers, row by row.
        assert!(maps[0].select(2, 1).select(2, 2).equal(&all.select(1, 1 + 4 + 5)));
        assert_eq!(extractor.frechet_name(), "FD(dinov2-s14-reg)");
    }

    #[test]
    fn names_and_shapes_belong_together() {
        for (name, arch) in Arch::NAMED {
            assert_eq!((Arch::named(name), arch.name()), (Some(arch), Some(name)));
        }
        let error = load("dinov3", None, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("dinov3") && error.contains("dinov2-l14"), "{error}");
    }
}
