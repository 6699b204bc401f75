//! Which network's weights a file holds, recognized by keys and shapes, and loading with that check.

use super::head_keys::HEAD_KEYS;
use super::vit::{Arch, Family};
use crate::MetricsError;
use crate::weights::{self, WeightsError, WeightsFile};
use semrel_nn::checkpoint::{CheckpointError, StateDict, load_any};
use std::path::{Path, PathBuf};
use tch::Tensor;

/// Networks and parts of networks whose published weights are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The FID Inception.
    InceptionFid,
    /// torchvision's Inception v3.
    InceptionTorchvision,
    /// torchvision's AlexNet.
    AlexNet,
    /// torchvision's VGG-16.
    Vgg16,
    /// LPIPS over AlexNet as the lpips package saves it: trunk and linear heads.
    LpipsAlex,
    /// The linear heads of LPIPS over AlexNet alone, as either package has them.
    LpipsAlexHeads,
    /// DRN-D-22 with a segmentation head.
    DrnD22,
    /// DRN-D-105 with a segmentation head.
    DrnD105,
    /// EfficientNet-Lite0.
    EfficientNetLite0,
    /// EfficientNet-Lite2.
    EfficientNetLite2,
    /// DINO or DINOv2 of this shape.
    Vit(Arch),
    /// Not used here; known so that an error can name it.
    Foreign(&'static str),
}

impl Network {
    /// The network whose weights these seem to be. Prefixes of training checkpoints do not matter.
    pub fn of(state: &StateDict) -> Option<Self> {
        let bare = |key: &str| key.trim_start_matches("state_dict.").trim_start_matches("module.").to_owned();
        let state: StateDict = state.iter().map(|(key, tensor)| (bare(key), tensor.shallow_clone())).collect();
        Self::of_bare(&state)
    }

    fn of_bare(state: &StateDict) -> Option<Self> {
        let size = |key: &str| state.get(key).map(Tensor::size).unwrap_or_default();
        let has = |key: &str| state.contains_key(key);
        let rows = |key: &str| size(key).first().copied().unwrap_or_default();
        if has("Conv2d_1a_3x3.conv.weight") && has("Mixed_7c.branch_pool.conv.weight") {
            let auxiliary = state.keys().any(|key| key.starts_with("AuxLogits."));
            return match rows("fc.weight") {
                1008 => Some(Self::InceptionFid),
                1000 => Some(Self::InceptionTorchvision),
                _ if auxiliary => Some(Self::InceptionTorchvision),
                // Without its classifier either may have been meant.
                _ => None,
            };
        }
        if has("net.slice1.0.weight") || has("alexnet.layers.0.weight") {
            let trunk = [size("net.slice1.0.weight"), size("alexnet.layers.0.weight")];
            let alex = trunk.contains(&vec![64, 3, 11, 11]);
            return Some(if alex { Self::LpipsAlex } else { Self::Foreign("LPIPS over another network than AlexNet") });
        }
        if let Some(widths) = head_widths(state) {
            let alex = widths == [64, 192, 384, 256, 256];
            let other = Self::Foreign("the linear heads of LPIPS over another network than AlexNet");
            return Some(if alex { Self::LpipsAlexHeads } else { other });
        }
        match size("features.0.weight")[..] {
            [64, 3, 11, 11] => return Some(Self::AlexNet),
            [64, 3, 3, 3] if has("features.1.weight") => {
                return Some(Self::Foreign("torchvision's VGG with batch norm"));
            }
            [64, 3, 3, 3] if has("features.34.weight") => return Some(Self::Foreign("torchvision's VGG-19")),
            [64, 3, 3, 3] if has("features.28.weight") => return Some(Self::Vgg16),
            _ => {}
        }
        if has("base.0.0.weight") && has("seg.weight") {
            let blocks = |stage: usize| (0..).take_while(|i| has(&format!("base.{stage}.{i}.conv1.weight"))).count();
            return Some(match ([3, 4, 5, 6].map(blocks), has("base.3.0.conv3.weight")) {
                ([2, 2, 2, 2], false) => Self::DrnD22,
                ([3, 4, 23, 3], true) => Self::DrnD105,
                _ => Self::Foreign("a dilated residual network of another depth"),
            });
        }
        if has("_conv_stem.weight") && has("_blocks.15._project_conv.weight") {
            let blocks = (0..).take_while(|i| has(&format!("_blocks.{i}._project_conv.weight"))).count();
            return Some(match (blocks, has("_blocks.0._se_reduce.weight")) {
                (16, false) => Self::EfficientNetLite0,
                (21, false) => Self::EfficientNetLite2,
                _ => Self::Foreign("another EfficientNet than Lite0 and Lite2"),
            });
        }
        if has("cls_token") && has("patch_embed.proj.weight") {
            let arch = vit(state);
            let published = arch.filter(|arch| arch.name().is_some()).map(Self::Vit);
            return Some(published.unwrap_or(Self::Foreign("another vision transformer than DINO's and DINOv2's")));
        }
        if has("layer1.0.conv1.weight") && has("layer4.0.conv1.weight") {
            return Some(Self::Foreign("torchvision's ResNet"));
        }
        None
    }

    /// The network in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::InceptionFid => "the FID Inception",
            Self::InceptionTorchvision => "torchvision's Inception v3",
            Self::AlexNet => "torchvision's AlexNet",
            Self::Vgg16 => "torchvision's VGG-16",
            Self::LpipsAlex => "LPIPS over AlexNet, trunk and linear heads",
            Self::LpipsAlexHeads => "the linear heads of LPIPS over AlexNet",
            Self::DrnD22 => "DRN-D-22",
            Self::DrnD105 => "DRN-D-105",
            Self::EfficientNetLite0 => "EfficientNet-Lite0",
            Self::EfficientNetLite2 => "EfficientNet-Lite2",
            Self::Vit(arch) => arch.name().unwrap_or("a vision transformer"),
            Self::Foreign(name) => name,
        }
    }

    /// The published file of its weights.
    pub fn file(self) -> Option<WeightsFile> {
        Some(match self {
            Self::InceptionFid => weights::FID_INCEPTION,
            Self::InceptionTorchvision => weights::TORCHVISION_INCEPTION,
            Self::AlexNet => weights::ALEXNET,
            Self::Vgg16 => weights::VGG16,
            Self::LpipsAlexHeads => weights::LPIPS_ALEX,
            Self::DrnD22 => weights::DRN_D_22,
            Self::DrnD105 => weights::DRN_D_105,
            Self::EfficientNetLite0 => weights::EFFICIENTNET_LITE0,
            Self::EfficientNetLite2 => weights::EFFICIENTNET_LITE2,
            Self::Vit(arch) => return weights::by_name(arch.name()?),
            Self::LpipsAlex | Self::Foreign(_) => return None,
        })
    }

    /// Builds from the published file in the weights folder.
    pub(super) fn load<T>(self, build: impl FnOnce(&StateDict) -> Result<T, MetricsError>) -> Result<T, MetricsError> {
        self.load_in(weights::folder(), build)
    }

    pub(super) fn load_in<T>(
        self,
        folder: PathBuf,
        build: impl FnOnce(&StateDict) -> Result<T, MetricsError>,
    ) -> Result<T, MetricsError> {
        let file = self.file().expect("networks that are loaded by name have a file");
        let path = match file.locate_in(folder) {
            Err(differs @ WeightsError::Digest { .. }) => {
                // A file of another network under this name deserves a better word than its digest.
                if let WeightsError::Digest { path, .. } = &differs
                    && let Ok(state) = load_any(path)
                {
                    self.refuse_others(path, &state)?;
                }
                return Err(differs.into());
            }
            other => other?,
        };
        self.load_file(&path, build)
    }

    /// Builds from a file of any name.
    pub(super) fn load_file<T>(
        self,
        path: &Path,
        build: impl FnOnce(&StateDict) -> Result<T, MetricsError>,
    ) -> Result<T, MetricsError> {
        let state = load_any(path)?;
        self.refuse_others(path, &state)?;
        build(&state).map_err(|error| match error {
            MetricsError::Checkpoint(source @ CheckpointError::Mismatch { .. }) => {
                MetricsError::WeightsUnfit { path: path.to_owned(), needed: self.describe(), source }
            }
            other => other,
        })
    }

    fn refuse_others(self, path: &Path, state: &StateDict) -> Result<(), MetricsError> {
        match Self::of(state) {
            // The package's own state dict of LPIPS holds both of the parts that are needed.
            Some(Self::LpipsAlex) if matches!(self, Self::AlexNet | Self::LpipsAlexHeads) => Ok(()),
            Some(found) if found != self => Err(MetricsError::WeightsOfAnother {
                path: path.to_owned(),
                found: found.describe(),
                needed: self.describe(),
                file: self.file().map_or("", |file| file.file),
            }),
            _ => Ok(()),
        }
    }
}

/// The shape of a vision transformer, as its keys and shapes tell. timm's conversions have other keys, and none.
fn vit(state: &StateDict) -> Option<Arch> {
    let size = |key: &str| state.get(key).map(Tensor::size).unwrap_or_default();
    let &[width, 3, patch, _] = size("patch_embed.proj.weight").as_slice() else { return None };
    let &[1, positions, _] = size("pos_embed").as_slice() else { return None };
    let blocks = (0..).take_while(|i| state.contains_key(&format!("blocks.{i}.norm1.weight"))).count();
    let registers = size("register_tokens").get(1).copied().unwrap_or_default();
    let family = match state.contains_key("blocks.0.ls1.gamma") {
        true => Family::DinoV2 { registers },
        false => Family::Dino,
    };
    let grid = ((positions - 1) as f64).sqrt() as i64;
    // Heads have 64 numbers in all published ones.
    Some(Arch { family, patch, width, heads: width / 64, blocks, grid }).filter(|_| !state.contains_key("reg_token"))
}

/// Input channels of the linear heads of LPIPS, under any of their names.
fn head_widths(state: &StateDict) -> Option<Vec<i64>> {
    HEAD_KEYS.iter().find_map(|[before, after]| {
        let widths: Vec<i64> = (0..5)
            .map_while(|i| state.get(&format!("{before}{i}{after}")))
            .map(|head| head.size().get(1).copied().unwrap_or_default())
            .collect();
        (!widths.is_empty()).then_some(widths)
    })
}
