//! The members of the EfficientNet-Lite family: the stages of Lite0, scaled in width and depth (Tan and Le, ICML 2019).

use crate::weights::{EFFICIENTNET_LITE0, EFFICIENTNET_LITE2, WeightsFile};
use std::fmt::Debug;

/// A stage of Lite0: blocks, channels of their outputs, expansion, kernel, stride of the first block.
struct Stage(usize, i64, i64, i64, i64);

const STAGES: [Stage; 7] = [
    Stage(1, 16, 1, 3, 1),
    Stage(2, 24, 6, 3, 2),
    Stage(2, 40, 6, 5, 2),
    Stage(3, 80, 6, 3, 2),
    Stage(3, 112, 6, 5, 1),
    Stage(4, 192, 6, 5, 2),
    Stage(1, 320, 6, 3, 1),
];

/// Stages whose last block's output is a tap: the last ones at 1/2, 1/4, 1/8, 1/16 and 1/32 of the side.
const TAPPED: [usize; 5] = [0, 1, 2, 4, 6];

/// Channels of the stem, which no member scales.
pub(super) const STEM: i64 = 32;

/// A member of the family.
pub trait Member: Debug + Send + Sync + 'static {
    /// Name that scores carry.
    const NAME: &'static str;
    /// Factors of channels and of blocks in a stage, in tenths.
    const SCALE: Scale;
    /// Side of the images that it was trained for.
    const SIDE: u32;
    /// Its published weights.
    const WEIGHTS: WeightsFile;
}

/// Width and depth of a member as multiples of Lite0's, in tenths, so that they are whole numbers.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    width: i64,
    depth: usize,
}

/// Width 1.0, depth 1.0, 224 × 224.
#[derive(Debug)]
pub enum Lite0 {}

impl Member for Lite0 {
    const NAME: &'static str = "effnet-lite0";
    const SCALE: Scale = Scale { width: 10, depth: 10 };
    const SIDE: u32 = 224;
    const WEIGHTS: WeightsFile = EFFICIENTNET_LITE0;
}

/// Width 1.1, depth 1.2, 260 × 260.
#[derive(Debug)]
pub enum Lite2 {}

impl Member for Lite2 {
    const NAME: &'static str = "effnet-lite2";
    const SCALE: Scale = Scale { width: 11, depth: 12 };
    const SIDE: u32 = 260;
    const WEIGHTS: WeightsFile = EFFICIENTNET_LITE2;
}

/// An inverted residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub inputs: i64,
    pub outputs: i64,
    pub expand: i64,
    pub kernel: i64,
    pub stride: i64,
    /// Whether its output is a tap.
    pub tapped: bool,
}

impl Scale {
    /// Scaled, then rounded to the nearest multiple of 8. (The published rule keeps more than nine tenths, which rounding never
    /// takes away here.)
    fn channels(self, channels: i64) -> i64 {
        (channels * self.width + 40) / 80 * 8
    }

    /// Scaled and rounded up; the first and the last stage of the family stay as they are.
    fn blocks(self, stage: usize, blocks: usize) -> usize {
        let ends = stage == 0 || stage + 1 == STAGES.len();
        if ends { blocks } else { (blocks * self.depth).div_ceil(10) }
    }

    /// All blocks, in order.
    pub(super) fn shapes(self) -> Vec<Shape> {
        let (mut shapes, mut inputs) = (vec![], STEM);
        for (i, &Stage(blocks, channels, expand, kernel, stride)) in STAGES.iter().enumerate() {
            let (blocks, outputs) = (self.blocks(i, blocks), self.channels(channels));
            for block in 0..blocks {
                let stride = if block == 0 { stride } else { 1 };
                let tapped = TAPPED.contains(&i) && block + 1 == blocks;
                shapes.push(Shape { inputs, outputs, expand, kernel, stride, tapped });
                inputs = outputs;
            }
        }
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Channels in, channels out, expansion, kernel, stride of every block.
    fn table<M: Member>() -> Vec<(i64, i64, i64, i64, i64)> {
        M::SCALE.shapes().iter().map(|s| (s.inputs, s.outputs, s.expand, s.kernel, s.stride)).collect()
    }

    fn taps<M: Member>() -> Vec<usize> {
        let shapes = M::SCALE.shapes();
        (0..shapes.len()).filter(|&i| shapes[i].tapped).collect()
    }

    #[test]
    fn lite0_has_the_published_blocks() {
        let published = [
            (32, 16, 1, 3, 1),
            (16, 24, 6, 3, 2),
            (24, 24, 6, 3, 1),
            (24, 40, 6, 5, 2),
            (40, 40, 6, 5, 1),
            (40, 80, 6, 3, 2),
            (80, 80, 6, 3, 1),
            (80, 80, 6, 3, 1),
            (80, 112, 6, 5, 1),
            (112, 112, 6, 5, 1),
            (112, 112, 6, 5, 1),
            (112, 192, 6, 5, 2),
            (192, 192, 6, 5, 1),
            (192, 192, 6, 5, 1),
            (192, 192, 6, 5, 1),
            (192, 320, 6, 3, 1),
        ];
        assert_eq!(table::<Lite0>(), published);
        assert_eq!(taps::<Lite0>(), [0, 2, 4, 10, 15]);
    }

    #[test]
    fn lite2_has_the_blocks_of_its_published_weights() {
        let blocks = table::<Lite2>();
        let outputs: Vec<i64> = blocks.iter().map(|block| block.1).collect();
        let published = [vec![16], vec![24; 3], vec![48; 3], vec![88; 4], vec![120; 4], vec![208; 5], vec![352]];
        assert_eq!(outputs, published.concat());
        let strided: Vec<_> = (0..blocks.len()).filter(|&i| blocks[i].4 == 2).map(|i| (i, blocks[i].3)).collect();
        assert_eq!(strided, [(1, 3), (4, 5), (7, 3), (15, 5)]);
        assert_eq!(taps::<Lite2>(), [0, 3, 6, 14, 20]);
    }
}
