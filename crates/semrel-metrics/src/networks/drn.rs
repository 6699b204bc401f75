//! Dilated residual networks for semantic segmentation (Yu, Koltun & Funkhouser, CVPR 2017), architecture D.
//!
//! Nine stages `base.0` … `base.8` at an eighth of the input's resolution, a 1 × 1 classifier `seg`, and a fixed bilinear
//! enlargement `up` by 8. DRN-D-22 scores the single-modal Cityscapes translations, DRN-D-105 those of compression.

use super::conv::{Conv, Geometry, channels_last};
use super::loader::{Loader, Shapes};
use super::recognise::Network;
use crate::MetricsError;
use crate::preparation::stack;
use crate::segmentation::Segmenter;
use image::RgbImage;
use semrel_nn::checkpoint::StateDict;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Number of Cityscapes' training classes.
const CLASSES: i64 = 19;

/// ε of every batch norm.
const EPSILON: f64 = 1e-5;

const MEAN: [f64; 3] = [0.29010095242892997, 0.32808144844279574, 0.28696394422942517];
const STD: [f64; 3] = [0.1829540508368939, 0.18656561047509476, 0.18447508988480435];

/// Depth of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// DRN-D-22: two basic blocks per stage.
    D22,
    /// DRN-D-105: 3, 4, 23 and 3 bottlenecks.
    D105,
}

impl Arch {
    /// As scores and commands name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::D22 => "drn-d-22",
            Self::D105 => "drn-d-105",
        }
    }

    /// Blocks of stages 3 to 6.
    fn blocks(self) -> [usize; 4] {
        match self {
            Self::D22 => [2, 2, 2, 2],
            Self::D105 => [3, 4, 23, 3],
        }
    }

    fn network(self) -> Network {
        match self {
            Self::D22 => Network::DrnD22,
            Self::D105 => Network::DrnD105,
        }
    }
}

/// A residual block: convolutions with ReLU between, added to the shortcut, ReLU.
#[derive(Debug)]
struct Block {
    convs: Vec<Conv>,
    shortcut: Option<Conv>,
}

impl Block {
    fn forward(&self, x: &Tensor) -> Tensor {
        let (last, before) = self.convs.split_last().expect("a block has convolutions");
        let mut inner = x.shallow_clone();
        for conv in before {
            inner = conv.forward_relu(&inner);
        }
        let mut sum = last.forward(&inner);
        let _ = match &self.shortcut {
            Some(conv) => sum.g_add_(&conv.forward(x)),
            None => sum.g_add_(x),
        };
        sum.relu_()
    }
}

#[derive(Debug)]
enum Stage {
    Conv(Conv),
    Blocks(Vec<Block>),
}

/// The network. Input: images [N, 3, H, W] as [`Drn::prepare`] makes them.
#[derive(Debug)]
pub struct Drn {
    arch: Arch,
    stages: Vec<Stage>,
    seg: Conv,
    up: Tensor,
    device: Device,
}

impl Drn {
    /// Loads the published Cityscapes weights from the weights folder.
    ///
    /// # Errors
    /// [`MetricsError::Weights`] and [`MetricsError::WeightsOfAnother`] say what to do, [`MetricsError::WeightsUnfit`]
    /// what does not fit.
    pub fn load(arch: Arch, device: Device) -> Result<Self, MetricsError> {
        arch.network().load(|state| Self::from_state(arch, state, device))
    }

    /// Loads weights from a file of any name, which is checked by its keys and shapes: a state dict, or a training
    /// checkpoint that wraps one in `state_dict` with `module.` before each key.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] for a file that cannot be read, [`MetricsError::WeightsOfAnother`] and
    /// [`MetricsError::WeightsUnfit`] for one of another network or with keys missing.
    pub fn load_file(arch: Arch, path: &Path, device: Device) -> Result<Self, MetricsError> {
        arch.network().load_file(path, |state| Self::from_state(arch, state, device))
    }

    /// Builds the network from a state dict; keys that it does not need are left out. The number of classes is that of
    /// `seg.weight`; `up.weight`, which is the bilinear kernel, may be missing.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] lists missing keys and differing shapes.
    pub fn from_state(arch: Arch, state: &StateDict, device: Device) -> Result<Self, MetricsError> {
        let _guard = tch::no_grad_guard();
        let mut loader = Loader::new(state, device);
        let network = Self::build(&mut loader, arch, device);
        loader.finish().map(|()| network)
    }

    /// Keys and shapes that a state dict for 19 classes must hold.
    pub fn shapes(arch: Arch) -> Shapes {
        Loader::shapes(|loader| Self::build(loader, arch, Device::Cpu))
    }

    fn build(loader: &mut Loader, arch: Arch, device: Device) -> Self {
        let stages = stages(loader, arch);
        let classes = loader.get("seg.weight").and_then(|seg| seg.size().first().copied()).unwrap_or(CLASSES);
        let seg = loader.conv("seg", Geometry::square(512, classes, 1));
        let up = match loader.get("up.weight") {
            Some(_) => loader.tensor("up.weight", &[classes, 1, 16, 16]),
            None => bilinear_kernel(classes),
        };
        Self { arch, stages, seg, up: loader.finished(&up), device }
    }

    /// Where the network lies.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Images of one size as input [N, 3, H, W]: `(v/255 − mean)/std` with the mean and deviation of Cityscapes.
    ///
    /// # Errors
    /// Those of [`common_size`](crate::extractor::common_size).
    pub fn prepare(&self, images: &[RgbImage]) -> Result<Tensor, MetricsError> {
        let channels = |values: [f64; 3]| {
            Tensor::from_slice(&values).to_kind(Kind::Float).view([1, 3, 1, 1]).to_device(self.device)
        };
        Ok((stack(images, self.device)? / 255.0 - channels(MEAN)) / channels(STD))
    }

    /// Class scores [N, classes, ⌈H/8⌉, ⌈W/8⌉] before the enlargement. `see` is shown the output of each stage with its
    /// number.
    pub fn scores(&self, batch: &Tensor, see: &mut dyn FnMut(usize, &Tensor)) -> Tensor {
        let _guard = tch::no_grad_guard();
        let mut x = channels_last(&batch.to_device(self.device));
        for (i, stage) in self.stages.iter().enumerate() {
            x = match stage {
                Stage::Conv(conv) => conv.forward_relu(&x),
                Stage::Blocks(blocks) => blocks.iter().fold(x, |x, block| block.forward(&x)),
            };
            see(i, &x);
        }
        self.seg.forward(&x)
    }

    /// Log-probabilities [N, classes, 8·⌈H/8⌉, 8·⌈W/8⌉] of class scores: the enlargement, then log-softmax over classes.
    /// Near the border the kernel is not renormalised, so that scores shrink toward 0 there.
    pub fn enlarge(&self, scores: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let groups = self.up.size()[0];
        let up = scores.conv_transpose2d(&self.up, None::<Tensor>, [8, 8], [4, 4], [0, 0], groups, [1, 1]);
        up.log_softmax(1, Kind::Float)
    }

    /// Log-probabilities [N, classes, 8·⌈H/8⌉, 8·⌈W/8⌉] of prepared images [N, 3, H, W].
    pub fn log_probabilities(&self, batch: &Tensor) -> Tensor {
        self.enlarge(&self.scores(batch, &mut |_, _| ()))
    }
}

impl Segmenter for Drn {
    fn name(&self) -> &'static str {
        self.arch.name()
    }

    /// Log-probabilities; of images whose sides are not multiples of 8, what the enlargement has beyond them is cut off.
    fn class_scores(&self, images: &[RgbImage]) -> Result<Tensor, MetricsError> {
        let batch = self.prepare(images)?;
        let size = batch.size();
        Ok(self.log_probabilities(&batch).narrow(2, 0, size[2]).narrow(3, 0, size[3]))
    }
}

/// `w[i, j] = (1 − |i/8 − 15/16|)·(1 − |j/8 − 15/16|)` for every class: [classes, 1, 16, 16].
fn bilinear_kernel(classes: i64) -> Tensor {
    let side: Vec<f64> = (0..16).map(|i| 1.0 - (f64::from(i) / 8.0 - 15.0 / 16.0).abs()).collect();
    let side = Tensor::from_slice(&side);
    side.outer(&side).view([1, 1, 16, 16]).repeat([classes, 1, 1, 1])
}

fn stages(loader: &mut Loader, arch: Arch) -> Vec<Stage> {
    let conv = |loader: &mut Loader, stage: usize, geometry| {
        let [conv, norm] = [0, 1].map(|i| format!("base.{stage}.{i}"));
        Stage::Conv(loader.conv_norm(&conv, &norm, EPSILON, geometry))
    };
    let mut stages = vec![
        conv(loader, 0, Geometry::square(3, 16, 7)),
        conv(loader, 1, Geometry::square(16, 16, 3)),
        conv(loader, 2, Geometry::square(16, 32, 3).stride(2)),
    ];
    let mut inputs = 32;
    for (i, (width, stride, dilation)) in [(64, 2, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4)].into_iter().enumerate() {
        let block = |b: usize| {
            let key = format!("base.{}.{b}", 3 + i);
            let stride = if b == 0 { stride } else { 1 };
            block(loader, arch, &key, &mut inputs, Geometry::square(0, width, 3).stride(stride).dilation(dilation))
        };
        stages.push(Stage::Blocks((0..arch.blocks()[i]).map(block).collect()));
    }
    stages.push(conv(loader, 7, Geometry::square(inputs, 512, 3).dilation(2)));
    stages.push(conv(loader, 8, Geometry::square(512, 512, 3)));
    stages
}

/// A block from `inputs` channels, which become those of its output; `main` is the geometry of its 3 × 3 convolution with
/// the stride. A change of width asks for a convolution as shortcut.
fn block(loader: &mut Loader, arch: Arch, key: &str, inputs: &mut i64, main: Geometry) -> Block {
    let (width, from) = (main.outputs, *inputs);
    let plan = match arch {
        Arch::D22 => vec![Geometry { inputs: from, ..main }, Geometry { inputs: width, ..main.stride(1) }],
        Arch::D105 => vec![
            Geometry::square(from, width, 1),
            Geometry { inputs: width, ..main },
            Geometry::square(width, 4 * width, 1),
        ],
    };
    let outputs = plan[plan.len() - 1].outputs;
    let conv = |(i, geometry): (usize, Geometry)| {
        let i = i + 1;
        loader.conv_norm(&format!("{key}.conv{i}"), &format!("{key}.bn{i}"), EPSILON, geometry)
    };
    let convs = plan.into_iter().enumerate().map(conv).collect();
    let shortcut = (from != outputs).then(|| {
        let [conv, norm] = [0, 1].map(|i| format!("{key}.downsample.{i}"));
        loader.conv_norm(&conv, &norm, EPSILON, Geometry::square(from, outputs, 1).stride(main.stride))
    });
    *inputs = outputs;
    Block { convs, shortcut }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::tests::filled;
    use crate::testing::normal;

    #[test]
    fn outputs_are_whole_eighths_and_probabilities() {
        let network = Drn::from_state(Arch::D22, &filled(Drn::shapes(Arch::D22)), Device::Cpu).unwrap();
        let images = [RgbImage::new(41, 24), RgbImage::from_pixel(41, 24, image::Rgb([255, 128, 7]))];
        let batch = network.prepare(&images).unwrap();
        let black = -MEAN[0] / STD[0];
        assert!((batch.double_value(&[0, 0, 3, 3]) - black).abs() < 1e-6);
        let scores = network.scores(&batch, &mut |_, _| ());
        assert_eq!(scores.size(), [2, 19, 3, 6]);
        let log_probabilities = network.log_probabilities(&batch);
        assert_eq!(log_probabilities.size(), [2, 19, 24, 48]);
        let sums = log_probabilities.exp().sum_dim_intlist(1, false, Kind::Float);
        assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-5);
        assert!(matches!(
            network.prepare(&[RgbImage::new(8, 8), RgbImage::new(8, 9)]),
            Err(MetricsError::Sizes { .. })
        ));
    }

    #[test]
    fn training_checkpoints_and_files_without_the_enlargement_are_accepted() {
        let state = filled(Drn::shapes(Arch::D22));
        assert!(!state.contains_key("up.weight"));
        let x = normal(1, &[1, 3, 32, 32]).to_kind(Kind::Float);
        let run = |state: &StateDict| Drn::from_state(Arch::D22, state, Device::Cpu).unwrap().log_probabilities(&x);
        let want = run(&state);
        for prefix in ["module.", "state_dict.", "state_dict.module."] {
            let mut wrapped: StateDict =
                state.iter().map(|(k, t)| (format!("{prefix}{k}"), t.shallow_clone())).collect();
            wrapped.insert("best_prec1".to_owned(), Tensor::from(68.0));
            wrapped.insert(format!("{prefix}up.weight"), bilinear_kernel(19));
            assert!(run(&wrapped).equal(&want), "{prefix}");
        }
    }

    #[test]
    fn the_kernel_interpolates() {
        // Far from the border, enlarging a ramp by 8 gives a ramp eight times as flat.
        let ramp = Tensor::arange(8, (Kind::Float, Device::Cpu)).view([1, 1, 1, 8]).expand([1, 1, 8, 8], false);
        let kernel = bilinear_kernel(1).to_kind(Kind::Float);
        let up = ramp.conv_transpose2d(&kernel, None::<Tensor>, [8, 8], [4, 4], [0, 0], 1, [1, 1]);
        let inner = up.narrow(2, 8, 48).narrow(3, 8, 48);
        let step = inner.narrow(3, 1, 47) - inner.narrow(3, 0, 47);
        assert!((step - 0.125).abs().max().double_value(&[]) < 1e-5);
        assert!(up.double_value(&[0, 0, 0, 60]) < up.double_value(&[0, 0, 30, 60]));
    }

    #[test]
    fn both_depths_have_the_published_convolutions() {
        // One weight a convolution of the trunk, and the classifier's.
        let convs = |arch| Drn::shapes(arch).values().filter(|size| size.len() == 4).count();
        // 5 plain stages; 8 blocks of 2 and 4 shortcuts; 33 blocks of 3 and 4 shortcuts.
        assert_eq!(convs(Arch::D22), 5 + 8 * 2 + 4 + 1);
        assert_eq!(convs(Arch::D105), 5 + 33 * 3 + 4 + 1);
    }
}
