//! DRIT's discriminators of images and of contents.

use super::blocks::{Conv, SpectralConv, leaky};
use crate::NetworkError;
use crate::error::positive;
use crate::layers::{half, least_side};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use tch::{Tensor, nn};

/// What an [`ImageDiscriminator`] consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDiscriminatorConfig {
    /// Channels of images.
    pub channels: i64,
    /// First width.
    pub width: i64,
    /// Scales; with 1 the network is a deeper one of its own.
    pub scales: i64,
    /// Weights of spectral norm 1.
    pub spectral: bool,
}

#[derive(Debug)]
enum AnyConv {
    Plain(Conv),
    Spectral(SpectralConv),
}

impl AnyConv {
    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        match self {
            Self::Plain(conv) => conv.forward(x),
            Self::Spectral(conv) => conv.forward(x, training),
        }
    }
}

/// Convolutions with leaky rectifiers between them.
#[derive(Debug)]
struct Tower(Vec<AnyConv>);

impl Tower {
    fn forward(&self, x: &Tensor, training: bool) -> Tensor {
        let last = self.0.len() - 1;
        self.0.iter().enumerate().fold(x.shallow_clone(), |h, (i, conv)| {
            let h = conv.forward(&h, training);
            if i == last { h } else { leaky(&h) }
        })
    }
}

/// Halvings of each scale where there are several, and of the network of a single one.
const HALVINGS: [i64; 2] = [4, 6];

/// Image discriminator: logits of each scale. Keys `Diss.<scale>.*`, or `model.*` with one.
#[derive(Debug)]
pub struct ImageDiscriminator {
    config: ImageDiscriminatorConfig,
    towers: Vec<Tower>,
    training: Cell<bool>,
}

impl ImageDiscriminatorConfig {
    /// Whether a network can be built like this.
    ///
    /// # Errors
    /// [`NetworkError::Setting`] for numbers below 1 or beyond reason.
    pub fn check(&self) -> Result<(), NetworkError> {
        positive("channels", self.channels)?;
        positive("width", self.width)?;
        match (1..=8).contains(&self.scales) {
            true => Ok(()),
            false => Err(NetworkError::Setting { setting: "scales", value: self.scales, expected: "1 to 8" }),
        }
    }

    /// Least side of images: mirrored borders need two pixels.
    pub fn least_side(&self) -> i64 {
        match self.scales {
            1 => least_side(1, HALVINGS[1], |side| (side - 1) / 2 + 1),
            scales => least_side(scales, HALVINGS[0], |side| (side - 2) / 2 + 1),
        }
    }
}

impl ImageDiscriminator {
    /// Parameters start with torch's defaults; the published code draws them anew.
    pub fn new(path: &nn::Path, config: &ImageDiscriminatorConfig) -> Self {
        let conv = |path: &nn::Path, channels, geometry| match config.spectral {
            true => AnyConv::Spectral(SpectralConv::new(path, channels, geometry)),
            false => AnyConv::Plain(Conv::new(path, channels, geometry)),
        };
        let single = config.scales == 1;
        let (halvings, kernel) = (HALVINGS[usize::from(single)], if single { 3 } else { 4 });
        let tower = |path: &nn::Path| {
            let width = |level: i64| if level < 0 { config.channels } else { config.width << level };
            let down = |i: i64| conv(&(path / i / "model" / 1), (width(i - 1), width(i)), (kernel, 2, 1));
            let mut convs: Vec<AnyConv> = (0..halvings).map(down).collect();
            convs.push(conv(&(path / halvings), (width(halvings - 1), 1), (1, 1, 0)));
            Tower(convs)
        };
        let towers = match single {
            true => vec![tower(&(path / "model"))],
            false => (0..config.scales).map(|s| tower(&(path / "Diss" / s))).collect(),
        };
        Self { config: *config, towers, training: Cell::new(true) }
    }

    /// Least side of images.
    pub fn least_side(&self) -> i64 {
        self.config.least_side()
    }

    /// Whether its weights have spectral norm 1: then every pass changes them.
    pub fn is_spectral(&self) -> bool {
        self.config.spectral
    }

    /// Switches between training (`true`, as networks start) and evaluation, which only spectral norm tells apart.
    pub fn set_training(&self, training: bool) {
        self.training.set(training);
    }

    /// Logits of each scale `[B, 1, h, w]`; of a single one over images and positions in one row.
    pub fn forward(&self, x: &Tensor) -> Vec<Tensor> {
        let mut image = x.shallow_clone();
        let mut logits = vec![];
        for (i, tower) in self.towers.iter().enumerate() {
            if i > 0 {
                image = half(&image);
            }
            logits.push(tower.forward(&image, self.training.get()));
        }
        if logits.len() == 1 { vec![logits[0].reshape([-1])] } else { logits }
    }
}

/// What a [`ContentDiscriminator`] consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentDiscriminatorConfig {
    /// Channels of the content.
    pub channels: i64,
    /// Halving convolutions.
    pub layers: i64,
    /// Their kernel.
    pub kernel: i64,
    /// Kernel of the convolution after them, which has no border.
    pub last_kernel: i64,
}

impl ContentDiscriminatorConfig {
    /// The published one: three halvings by kernels of 7, and one kernel of 4: sides of 53 and more.
    pub fn published(channels: i64) -> Self {
        Self { channels, layers: 3, kernel: 7, last_kernel: 4 }
    }

    /// Least side of contents.
    pub fn least_side(&self) -> i64 {
        (2..).find(|&side| self.takes(side)).expect("some side is enough")
    }

    fn takes(&self, mut side: i64) -> bool {
        for _ in 0..self.layers {
            // The border is one pixel on each side.
            if side < 2 || side + 2 < self.kernel {
                return false;
            }
            side = (side + 2 - self.kernel) / 2 + 1;
        }
        side >= self.last_kernel
    }
}

/// Content discriminator: logits over images and positions in one row. Keys `model.*`.
#[derive(Debug)]
pub struct ContentDiscriminator(Tower);

impl ContentDiscriminator {
    /// Parameters start with torch's defaults; the published code draws them anew.
    pub fn new(path: &nn::Path, config: &ContentDiscriminatorConfig) -> Self {
        let (path, both) = (&(path / "model"), (config.channels, config.channels));
        let part = |i: i64| path / i / "model" / 1;
        let mut convs: Vec<AnyConv> =
            (0..config.layers).map(|i| AnyConv::Plain(Conv::new(&part(i), both, (config.kernel, 2, 1)))).collect();
        convs.push(AnyConv::Plain(Conv::new(&part(config.layers), both, (config.last_kernel, 1, 0))));
        convs.push(AnyConv::Plain(Conv::new(&(path / (config.layers + 1)), (config.channels, 1), (1, 1, 0))));
        Self(Tower(convs))
    }

    /// Logits `[n]` of contents.
    pub fn forward(&self, content: &Tensor) -> Tensor {
        self.0.forward(content, true).reshape([-1])
    }
}
