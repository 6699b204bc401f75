//! VGG-16 (Simonyan & Zisserman, ICLR 2015) with torchvision's ImageNet weights: the fixed features of the
//! spatially-correlative loss.

use super::conv::{Conv, Geometry, channels_last};
use super::loader::Loader;
use super::recognise::Network;
use crate::MetricsError;
use semrel_nn::checkpoint::StateDict;
use std::path::Path;
use tch::{Device, Tensor};

/// The layers that F-LSeSim and LSeSim compare: relu3_1, relu4_1 and relu4_3.
pub const LSESIM_LAYERS: [usize; 3] = [4, 7, 9];

/// The thirteen convolutions: number in the key `features.<n>`, output channels, and whether a max-pool of 2 × 2 comes
/// before.
const CONVS: [(usize, i64, bool); 13] = [
    (0, 64, false),
    (2, 64, false),
    (5, 128, true),
    (7, 128, false),
    (10, 256, true),
    (12, 256, false),
    (14, 256, false),
    (17, 512, true),
    (19, 512, false),
    (21, 512, false),
    (24, 512, true),
    (26, 512, false),
    (28, 512, false),
];

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// The convolutions of VGG-16 up to the deepest layer asked for. Layers are numbered over the thirteen ReLU outputs:
/// relu1_1 is 0, relu1_2 is 1, relu2_1 is 2, …, relu5_3 is 12.
#[derive(Debug)]
pub struct Vgg16 {
    convs: Vec<Conv>,
    layers: Vec<usize>,
    device: Device,
}

impl Vgg16 {
    /// Loads the published weights from the weights folder.
    ///
    /// # Errors
    /// [`MetricsError::Weights`] and [`MetricsError::WeightsOfAnother`] say what to
    /// do; [`MetricsError::Unknown`] names a layer that does not exist.
    pub fn load(layers: &[usize], device: Device) -> Result<Self, MetricsError> {
        Network::Vgg16.load(|state| Self::from_state(state, layers, device))
    }

    /// Loads weights from a file of any name, which is checked by its keys and shapes.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`], [`MetricsError::WeightsOfAnother`], [`MetricsError::WeightsUnfit`],
    /// [`MetricsError::Unknown`].
    pub fn load_file(path: &Path, layers: &[usize], device: Device) -> Result<Self, MetricsError> {
        Network::Vgg16.load_file(path, |state| Self::from_state(state, layers, device))
    }

    /// Builds the network from a state dict, which must hold the convolutions up to the deepest of `layers`.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] lists missing keys and differing shapes, [`MetricsError::Unknown`] names a layer that
    /// does not exist.
    pub fn from_state(state: &StateDict, layers: &[usize], device: Device) -> Result<Self, MetricsError> {
        let _guard = tch::no_grad_guard();
        if let Some(layer) = layers.iter().find(|&&layer| layer >= CONVS.len()) {
            let known = "0 (relu1_1) to 12 (relu5_3)".to_owned();
            return Err(MetricsError::Unknown { what: "layer of VGG-16", name: layer.to_string(), known });
        }
        let mut loader = Loader::new(state, device);
        let convs = Self::build(&mut loader, layers.iter().max().map_or(0, |deepest| deepest + 1));
        loader.finish()?;
        Ok(Self { convs, layers: layers.to_owned(), device })
    }

    fn build(loader: &mut Loader, count: usize) -> Vec<Conv> {
        let mut inputs = 3;
        let conv = |&(n, outputs, _): &(usize, i64, bool)| {
            loader.conv(&format!("features.{n}"), Geometry::square(std::mem::replace(&mut inputs, outputs), outputs, 3))
        };
        CONVS[..count].iter().map(conv).collect()
    }

    /// Where the network lies.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The ReLU outputs [N, C, h, w] of the layers, in the order in which they were asked for, of images [N, 3, H, W] in
    /// −1..1 of any size. Records gradients towards the images where they ask for them, never towards the weights.
    ///
    /// Images are first mapped to `((x + 1)/2 − mean)/std` with ImageNet's mean and deviation.
    pub fn maps(&self, images: &Tensor) -> Vec<Tensor> {
        let channels = |values: [f32; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]).to_device(self.device);
        let mut x = channels_last(&(((images + 1.0) / 2.0 - channels(MEAN)) / channels(STD)));
        let mut maps: Vec<Tensor> = vec![];
        for (conv, (_, _, pool)) in self.convs.iter().zip(CONVS) {
            if pool {
                x = x.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
            }
            x = conv.forward_relu(&x);
            maps.push(x.shallow_clone());
        }
        self.layers.iter().map(|&layer| maps[layer].shallow_clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::tests::filled;
    use crate::testing::normal;
    use tch::Kind;

    fn state() -> StateDict {
        filled(Loader::shapes(|loader| Vgg16::build(loader, 10)))
    }

    #[test]
    fn the_layers_asked_for_in_their_order() {
        let state = state();
        let images = normal(1, &[2, 3, 64, 48]).to_kind(Kind::Float);
        let maps = |layers: &[usize]| Vgg16::from_state(&state, layers, Device::Cpu).unwrap().maps(&images);
        let in_order = maps(&LSESIM_LAYERS);
        let sizes: Vec<_> = in_order.iter().map(Tensor::size).collect();
        assert_eq!(sizes, [[2, 256, 16, 12], [2, 512, 8, 6], [2, 512, 8, 6]]);
        assert!(in_order.iter().all(|map| map.min().double_value(&[]) >= 0.0));
        let reversed = maps(&[9, 7, 4]);
        assert!(in_order.iter().zip(reversed.iter().rev()).all(|(a, b)| a.equal(b)));
        assert!(maps(&[]).is_empty());
    }

    #[test]
    fn gradients_reach_the_images_and_nothing_else() {
        let network = Vgg16::from_state(&state(), &[4], Device::Cpu).unwrap();
        let images = normal(1, &[1, 3, 32, 32]).to_kind(Kind::Float).set_requires_grad(true);
        network.maps(&images)[0].sum(Kind::Float).backward();
        assert!(images.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0);
        assert!(network.convs.iter().all(|conv| !conv.weight.requires_grad()));
    }

    #[test]
    fn layers_beyond_the_last_and_missing_convolutions_are_errors() {
        let text = Vgg16::from_state(&state(), &[4, 13], Device::Cpu).unwrap_err().to_string();
        assert!(text.contains("no layer of VGG-16 13") && text.contains("relu5_3"), "{text}");
        let text = Vgg16::from_state(&state(), &[10], Device::Cpu).unwrap_err().to_string();
        assert!(text.contains("missing keys: features.24.weight"), "{text}");
    }
}
