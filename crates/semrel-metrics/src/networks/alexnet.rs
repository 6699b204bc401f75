//! The convolutions of AlexNet (Krizhevsky, 2014), on which LPIPS looks at images.

use super::conv::{Conv, Geometry, max_pool};
use super::loader::Loader;
use tch::Tensor;

/// Channels of the five ReLU outputs.
pub(super) const WIDTHS: [i64; 5] = [64, 192, 384, 256, 256];

/// Keys of the convolutions: torchvision's, those of the lpips package, and those of the official multi-modal code.
pub(super) const KEYS: [[&str; 5]; 3] = [
    ["features.0", "features.3", "features.6", "features.8", "features.10"],
    ["net.slice1.0", "net.slice2.3", "net.slice3.6", "net.slice4.8", "net.slice5.10"],
    ["alexnet.layers.0", "alexnet.layers.3", "alexnet.layers.6", "alexnet.layers.8", "alexnet.layers.10"],
];

/// Five convolutions with ReLU, and a max-pool before the second and the third.
#[derive(Debug)]
pub(super) struct AlexNet(Vec<Conv>);

impl AlexNet {
    /// Takes the weights from whichever of [`KEYS`] the state dict has.
    pub fn build(loader: &mut Loader) -> Self {
        let has = |keys: &&[&str; 5]| loader.get(&format!("{}.weight", keys[0])).is_some();
        let keys = KEYS.iter().find(has).unwrap_or(&KEYS[0]);
        let geometries = [
            Geometry::square(3, 64, 11).stride(4).padding(2),
            Geometry::square(64, 192, 5),
            Geometry::square(192, 384, 3),
            Geometry::square(384, 256, 3),
            Geometry::square(256, 256, 3),
        ];
        Self(keys.iter().zip(geometries).map(|(key, geometry)| loader.conv(key, geometry)).collect())
    }

    /// The ReLU outputs [N, C, h, w], from scaled images [N, 3, H, W].
    pub fn maps(&self, images: &Tensor) -> Vec<Tensor> {
        let mut maps: Vec<Tensor> = vec![];
        for (i, conv) in self.0.iter().enumerate() {
            let map = match maps.last() {
                None => conv.forward_relu(images),
                Some(before) if i < 3 => conv.forward_relu(&max_pool(before)),
                Some(before) => conv.forward_relu(before),
            };
            maps.push(map);
        }
        maps
    }
}
