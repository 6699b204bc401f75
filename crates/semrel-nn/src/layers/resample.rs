//! Anti-aliased resampling: a binomial blur joined to a change of resolution.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

/// How an image is continued beyond its border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadType {
    /// Mirrored, the border pixel not repeated.
    Reflect,
    /// The border pixel repeated.
    Replicate,
    /// Zeros.
    Zero,
}

impl PadType {
    /// Pads `[left, right, top, bottom]` pixels.
    fn pad(self, x: &Tensor, sides: [i64; 4]) -> Tensor {
        match self {
            Self::Reflect => x.reflection_pad2d(sides),
            Self::Replicate => x.replication_pad2d(sides),
            Self::Zero => x.constant_pad_nd(sides),
        }
    }
}

/// The `size × size` outer product of the binomial row `size − 1`, divided by its sum; `size` is 1 to 7.
pub fn binomial_filter(size: i64) -> Tensor {
    let mut row = vec![1f64];
    for _ in 1..size {
        let shifted = [0.0].iter().chain(&row).zip(row.iter().chain(&[0.0])).map(|(a, b)| a + b).collect();
        row = shifted;
    }
    let row = Tensor::from_slice(&row);
    let outer = row.outer(&row);
    (&outer / outer.sum(tch::Kind::Double)).to_kind(tch::Kind::Float)
}

fn filter_buffer(path: &nn::Path, channels: i64, size: i64, gain: f64) -> Tensor {
    let filter = (binomial_filter(size) * gain).repeat([channels, 1, 1, 1]);
    let mut buffer = path.zeros_no_train("filt", &filter.size());
    tch::no_grad(|| buffer.copy_(&filter));
    buffer
}

/// Blur and keep every second position; the output side is ⌈H/2⌉. The kernel is the buffer `filt` `[C, 1, f, f]`.
#[derive(Debug)]
pub struct Downsample {
    filter: Tensor,
    size: i64,
    pad: PadType,
}

impl Downsample {
    /// Products for each output position, over all channels.
    pub(crate) fn taps(&self) -> u64 {
        self.filter.numel() as u64
    }

    /// CUT's networks use size 3 and reflection.
    pub fn new(path: &nn::Path, channels: i64, size: i64, pad: PadType) -> Self {
        Self { filter: filter_buffer(path, channels, size, 1.0), size, pad }
    }

    /// `[B, C, H, W]` to `[B, C, ⌈H/2⌉, ⌈W/2⌉]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (before, after) = ((self.size - 1) / 2, self.size / 2);
        let padded = self.pad.pad(x, [before, after, before, after]);
        padded.conv2d(&self.filter, None::<Tensor>, [2], [0], [1], x.size()[1])
    }
}

/// Double the resolution and blur; the kernel is the buffer `filt` `[C, 1, f, f]`, which contains the factor 4.
#[derive(Debug)]
pub struct Upsample {
    filter: Tensor,
    size: i64,
    pad: PadType,
}

impl Upsample {
    /// As [`Downsample::taps`].
    pub(crate) fn taps(&self) -> u64 {
        self.filter.numel() as u64
    }

    /// CUT's networks use size 4 and replication.
    pub fn new(path: &nn::Path, channels: i64, size: i64, pad: PadType) -> Self {
        Self { filter: filter_buffer(path, channels, size, 4.0), size, pad }
    }

    /// `[B, C, H, W]` to `[B, C, 2H, 2W]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let padded = self.pad.pad(x, [1; 4]);
        let padding = 1 + (self.size - 1) / 2;
        let channels = x.size()[1];
        let y = padded.conv_transpose2d(&self.filter, None::<Tensor>, [2], [padding], [0], channels, [1]);
        let (h, w) = (y.size()[2], y.size()[3]);
        let drop = 1 + i64::from(self.size % 2 == 0);
        y.narrow(2, 1, h - drop).narrow(3, 1, w - drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn constant_images_stay_constant() {
        let store = nn::VarStore::new(Device::Cpu);
        let x = Tensor::ones([1, 2, 9, 7], (Kind::Float, Device::Cpu)) * 3.0;
        for (size, pad) in [(3, PadType::Reflect), (4, PadType::Replicate)] {
            let down = Downsample::new(&(store.root() / "d" / size), 2, size, pad).forward(&x);
            assert_eq!(down.size(), [1, 2, 5, 4]);
            assert!((down - 3.0).abs().max().double_value(&[]) < 1e-6);
            let up = Upsample::new(&(store.root() / "u" / size), 2, size, pad).forward(&x);
            assert_eq!(up.size(), [1, 2, 18, 14]);
            assert!((up - 3.0).abs().max().double_value(&[]) < 1e-6);
        }
    }
}
