//! Inception v3 (Szegedy et al., CVPR 2016) as two published evaluations use it.
//!
//! | | [`Variant::Fid`] | [`Variant::Torchvision`] |
//! |---|---|---|
//! | weights | the TensorFlow graph of 2015-12-05, as pytorch-fid publishes it | torchvision's ImageNet weights |
//! | used by | pytorch-fid, the single-modal and compression experiments | the official multi-modal code |
//! | average pools | divide by the number of valid positions | divide by 9 |
//! | pool of `Mixed_7c` | maximum | average |
//! | input | float bilinear to 299² without antialiasing, `2x − 1` | Pillow bilinear to 256², then 299², 8-bit each, ImageNet mean and deviation |
//! | Fréchet distance | `FID` | `FID(inception-v3-torchvision)` |
//!
//! State-dict keys are those of torchvision's `inception_v3`; the classifier and the auxiliary head are not needed.

mod blocks;
mod variant;

pub use variant::Variant;

use super::conv::{Conv, Geometry, channels_last, max_pool, spatial_mean};
use super::loader::{Loader, Shapes};
use super::recognise::Network;
use crate::MetricsError;
use crate::extractor::Extractor;
use crate::preparation::Preparation;
use blocks::{Block, unit};
use semrel_nn::checkpoint::StateDict;
use std::path::Path;
use tch::{Device, Tensor};

/// Where features are read. All but the last are spatial means of inner layers, which pytorch-fid offers for few images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dims {
    /// After the first max-pool.
    D64,
    /// After the second max-pool.
    D192,
    /// After `Mixed_6e`, before the auxiliary head.
    D768,
    /// After the last block: the features of every published FID.
    D2048,
}

impl Dims {
    const ALL: [Self; 4] = [Self::D64, Self::D192, Self::D768, Self::D2048];

    /// Number of features.
    pub fn count(self) -> i64 {
        match self {
            Self::D64 => 64,
            Self::D192 => 192,
            Self::D768 => 768,
            Self::D2048 => 2048,
        }
    }

    /// The layer whose output they are the mean of.
    fn layer(self) -> &'static str {
        match self {
            Self::D64 => "maxpool1",
            Self::D192 => "maxpool2",
            Self::D768 => "Mixed_6e",
            Self::D2048 => "Mixed_7c",
        }
    }
}

#[derive(Debug)]
enum Layer {
    Unit(Conv),
    MaxPool,
    Block(Block),
}

/// The network. Input [N, 3, H, W] prepared by [`Extractor::preparation`], usually 299 × 299; at least 75 × 75.
#[derive(Debug)]
pub struct Inception {
    variant: Variant,
    dims: Dims,
    image_side: u32,
    name: String,
    layers: Vec<(&'static str, Layer)>,
    device: Device,
}

impl Inception {
    /// Loads the published weights from the weights folder.
    ///
    /// # Errors
    /// [`MetricsError::Weights`] and [`MetricsError::WeightsOfAnother`] say what to
    /// do.
    pub fn load(variant: Variant, device: Device) -> Result<Self, MetricsError> {
        Self::network(variant).load(|state| Self::from_state(variant, state, device))
    }

    /// Loads weights from a file of any name, which is checked by its keys and shapes.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] for a file that cannot be read, [`MetricsError::WeightsOfAnother`] and
    /// [`MetricsError::WeightsUnfit`] for one of another network or with keys missing.
    pub fn load_file(variant: Variant, path: &Path, device: Device) -> Result<Self, MetricsError> {
        Self::network(variant).load_file(path, |state| Self::from_state(variant, state, device))
    }

    fn network(variant: Variant) -> Network {
        match variant {
            Variant::Fid => Network::InceptionFid,
            Variant::Torchvision => Network::InceptionTorchvision,
        }
    }

    /// Builds the network from a state dict; keys that it does not need are left out.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] lists missing keys and differing shapes. A classifier of the other variant's size is
    /// one of them: their other keys and shapes are the same.
    pub fn from_state(variant: Variant, state: &StateDict, device: Device) -> Result<Self, MetricsError> {
        let _guard = tch::no_grad_guard();
        let mut loader = Loader::new(state, device);
        let layers = layers(&mut loader, variant);
        loader.check_unused("fc.weight", &[variant.classes(), 2048]);
        loader.finish()?;
        let name = name(variant, Dims::D2048);
        Ok(Self { variant, dims: Dims::D2048, image_side: 256, name, layers, device })
    }

    /// Keys and shapes that a state dict must hold.
    pub fn shapes(variant: Variant) -> Shapes {
        Loader::shapes(|loader| layers(loader, variant))
    }

    /// Reads features at an earlier layer; the layers after it are dropped.
    pub fn with_dims(mut self, dims: Dims) -> Self {
        let last = self.layers.iter().position(|(name, _)| *name == dims.layer());
        self.layers.truncate(last.map_or(self.layers.len(), |last| last + 1));
        self.dims = self.dims.min(dims);
        self.name = name(self.variant, self.dims);
        self
    }

    /// Sets the `image_side` of [`Variant::preparation`]: the generator's image size, 256 by default.
    pub fn with_image_side(mut self, side: u32) -> Self {
        self.image_side = side;
        self
    }

    /// Runs prepared images [N, 3, H, W] and shows the output [N, C, h, w] of each layer with its name (`Conv2d_1a_3x3`,
    /// `maxpool1`, `Mixed_5b`); returns the last.
    pub fn run(&self, batch: &Tensor, see: &mut dyn FnMut(&'static str, &Tensor)) -> Tensor {
        let _guard = tch::no_grad_guard();
        let mut x = channels_last(batch);
        for (name, layer) in &self.layers {
            x = match layer {
                Layer::Unit(conv) => conv.forward_relu(&x),
                Layer::MaxPool => max_pool(&x),
                Layer::Block(block) => block.forward(&x),
            };
            see(name, &x);
        }
        x
    }
}

/// Name that scores carry.
fn name(variant: Variant, dims: Dims) -> String {
    let base = match variant {
        Variant::Fid => "inception-fid",
        Variant::Torchvision => "inception-torchvision",
    };
    match dims {
        Dims::D2048 => base.to_owned(),
        dims => format!("{base}-{}", dims.count()),
    }
}

impl Extractor for Inception {
    fn name(&self) -> &str {
        &self.name
    }

    fn frechet_name(&self) -> String {
        match (self.variant, self.dims) {
            (Variant::Fid, Dims::D2048) => "FID".to_owned(),
            (Variant::Fid, dims) => format!("FID({})", dims.count()),
            (Variant::Torchvision, Dims::D2048) => "FID(inception-v3-torchvision)".to_owned(),
            (Variant::Torchvision, dims) => format!("FID(inception-v3-torchvision-{})", dims.count()),
        }
    }

    fn preparation(&self) -> Preparation {
        self.variant.preparation(self.image_side)
    }

    fn device(&self) -> Device {
        self.device
    }

    fn features(&self, batch: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        spatial_mean(&self.run(batch, &mut |_, _| ()))
    }

    fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
        self.features_and_taps(batch).1
    }

    fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
        let _guard = tch::no_grad_guard();
        let mut taps = vec![];
        let last = self.run(batch, &mut |name, x| {
            if Dims::ALL.iter().any(|dims| dims.layer() == name) {
                taps.push(x.shallow_clone());
            }
        });
        (spatial_mean(&last), taps)
    }
}

fn layers(loader: &mut Loader, variant: Variant) -> Vec<(&'static str, Layer)> {
    let mut layers = vec![];
    let stem = |loader: &mut Loader, name, geometry| (name, Layer::Unit(unit(loader, name, geometry)));
    let k3 = |inputs, outputs| Geometry::square(inputs, outputs, 3);
    layers.push(stem(loader, "Conv2d_1a_3x3", k3(3, 32).stride(2).padding(0)));
    layers.push(stem(loader, "Conv2d_2a_3x3", k3(32, 32).padding(0)));
    layers.push(stem(loader, "Conv2d_2b_3x3", k3(32, 64)));
    layers.push(("maxpool1", Layer::MaxPool));
    layers.push(stem(loader, "Conv2d_3b_1x1", Geometry::square(64, 80, 1)));
    layers.push(stem(loader, "Conv2d_4a_3x3", k3(80, 192).padding(0)));
    layers.push(("maxpool2", Layer::MaxPool));
    let mut block = |name, block| layers.push((name, Layer::Block(block)));
    for (name, inputs, pooled) in [("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)] {
        block(name, blocks::a(loader, name, variant, inputs, pooled));
    }
    block("Mixed_6a", blocks::b(loader, "Mixed_6a"));
    for (name, inner) in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)] {
        block(name, blocks::c(loader, name, variant, inner));
    }
    block("Mixed_7a", blocks::d(loader, "Mixed_7a"));
    block("Mixed_7b", blocks::e(loader, "Mixed_7b", variant, 1280, false));
    block("Mixed_7c", blocks::e(loader, "Mixed_7c", variant, 2048, true));
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::tests::filled;
    use crate::preparation::Resize;
    use semrel_data::resize::Filter;
    use tch::Kind;

    #[test]
    fn the_published_layers_and_nothing_else() {
        let shapes = Inception::shapes(Variant::Fid);
        assert_eq!(shapes, Inception::shapes(Variant::Torchvision));
        assert_eq!(shapes.values().filter(|size| size.len() == 4).count(), 94);
        assert_eq!(shapes.len(), 94 * 5);
    }

    #[test]
    fn features_taps_and_names_at_every_depth() {
        let state = filled(Inception::shapes(Variant::Fid));
        let batch = crate::testing::normal(1, &[2, 3, 96, 80]).to_kind(Kind::Float);
        for (dims, fid) in Dims::ALL.into_iter().zip(["FID(64)", "FID(192)", "FID(768)", "FID"]) {
            let network = Inception::from_state(Variant::Fid, &state, Device::Cpu).unwrap().with_dims(dims);
            assert_eq!(network.frechet_name(), fid);
            let (features, taps) = network.features_and_taps(&batch);
            assert_eq!(features.size(), [2, dims.count()]);
            assert!(features.equal(&network.features(&batch)));
            let widths: Vec<i64> = taps.iter().map(|tap| tap.size()[1]).collect();
            assert_eq!(widths.last(), Some(&dims.count()));
            assert!(widths.is_sorted() && spatial_mean(taps.last().unwrap()).equal(&features));
        }
        let network = Inception::from_state(Variant::Torchvision, &state, Device::Cpu).unwrap().with_image_side(64);
        assert_eq!(
            (network.name(), network.frechet_name().as_str()),
            ("inception-torchvision", "FID(inception-v3-torchvision)")
        );
        let resize = Resize::PillowTwice { first: 64, filter: Filter::Bilinear };
        assert_eq!(network.preparation().resize, resize);
    }

    #[test]
    fn the_other_variants_weights_are_refused() {
        let mut state = filled(Inception::shapes(Variant::Fid));
        for (variant, other) in [(Variant::Fid, 1000), (Variant::Torchvision, 1008)] {
            state.insert("fc.weight".to_owned(), Tensor::zeros([other, 2048], (Kind::Float, Device::Cpu)));
            let text = Inception::from_state(variant, &state, Device::Cpu).unwrap_err().to_string();
            assert!(text.contains("fc.weight") && text.contains(&other.to_string()), "{text}");
        }
    }
}
