//! The blocks of Inception v3: branches that run side by side on the block's input.

use super::variant::Variant;
use crate::networks::conv::{Conv, Geometry, max_pool};
use crate::networks::loader::Loader;
use tch::Tensor;

/// ε of every batch norm.
const EPSILON: f64 = 1e-3;

/// A convolution, batch norm and ReLU: keys `NAME.conv.weight` and `NAME.bn.*`.
pub(super) fn unit(loader: &mut Loader, name: &str, geometry: Geometry) -> Conv {
    loader.conv_norm(&format!("{name}.conv"), &format!("{name}.bn"), EPSILON, geometry)
}

/// Poolings of 3 × 3 inside blocks.
#[derive(Debug, Clone, Copy)]
enum Pool {
    /// Average with stride 1 and padding 1; the border is divided by the number of valid positions where `valid`, by 9
    /// otherwise.
    Average { valid: bool },
    /// Maximum with stride 1 and padding 1.
    Max,
    /// Maximum with stride 2 and no padding.
    Reduce,
}

impl Pool {
    fn forward(self, x: &Tensor) -> Tensor {
        match self {
            Self::Average { valid } => x.avg_pool2d([3, 3], [1, 1], [1, 1], false, !valid, None),
            Self::Max => x.max_pool2d([3, 3], [1, 1], [1, 1], [1, 1], false),
            Self::Reduce => max_pool(x),
        }
    }
}

/// A pool, if any, then units one after the other, then, if any, units that all take the last one's output.
#[derive(Debug)]
struct Branch {
    pool: Option<Pool>,
    chain: Vec<Conv>,
    fork: Vec<Conv>,
}

impl Branch {
    fn forward(&self, x: &Tensor, outputs: &mut Vec<Tensor>) {
        let mut x = self.pool.map_or_else(|| x.shallow_clone(), |pool| pool.forward(x));
        for unit in &self.chain {
            x = unit.forward_relu(&x);
        }
        outputs.extend(self.fork.iter().map(|unit| unit.forward_relu(&x)));
        if self.fork.is_empty() {
            outputs.push(x);
        }
    }
}

/// Branches whose outputs are concatenated along channels, in their order.
#[derive(Debug)]
pub(super) struct Block(Vec<Branch>);

impl Block {
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let mut outputs = vec![];
        for branch in &self.0 {
            branch.forward(x, &mut outputs);
        }
        Tensor::cat(&outputs, 1)
    }
}

/// Output channels, kernel and stride of a unit. With stride 2 there is no padding; otherwise it keeps the size.
type Spec<'a> = (&'a str, i64, [i64; 2], i64);

struct Builder<'b, 'a> {
    loader: &'b mut Loader<'a>,
    block: &'static str,
    inputs: i64,
}

impl Builder<'_, '_> {
    fn unit(&mut self, inputs: i64, (name, outputs, kernel, stride): Spec) -> Conv {
        let same = Geometry::same(inputs, outputs, kernel);
        let geometry = if stride == 1 { same } else { same.stride(stride).padding(0) };
        unit(self.loader, &format!("{}.{name}", self.block), geometry)
    }

    fn branch(&mut self, pool: Option<Pool>, chain: &[Spec], fork: &[Spec]) -> Branch {
        let mut inputs = self.inputs;
        let chain = chain.iter().map(|&spec| self.unit(std::mem::replace(&mut inputs, spec.1), spec)).collect();
        let fork = fork.iter().map(|&spec| self.unit(inputs, spec)).collect();
        Branch { pool, chain, fork }
    }
}

const K1: [i64; 2] = [1, 1];
const K3: [i64; 2] = [3, 3];
const ROW7: [i64; 2] = [1, 7];
const COLUMN7: [i64; 2] = [7, 1];
const ROW3: [i64; 2] = [1, 3];
const COLUMN3: [i64; 2] = [3, 1];

/// Block A, 35 × 35: `inputs` → 224 + `pooled` channels.
pub(super) fn a(loader: &mut Loader, block: &'static str, variant: Variant, inputs: i64, pooled: i64) -> Block {
    let pool = Pool::Average { valid: variant == Variant::Fid };
    let mut b = Builder { loader, block, inputs };
    Block(vec![
        b.branch(None, &[("branch1x1", 64, K1, 1)], &[]),
        b.branch(None, &[("branch5x5_1", 48, K1, 1), ("branch5x5_2", 64, [5, 5], 1)], &[]),
        b.branch(
            None,
            &[("branch3x3dbl_1", 64, K1, 1), ("branch3x3dbl_2", 96, K3, 1), ("branch3x3dbl_3", 96, K3, 1)],
            &[],
        ),
        b.branch(Some(pool), &[("branch_pool", pooled, K1, 1)], &[]),
    ])
}

/// Block B, 35 × 35 → 17 × 17: 288 → 768 channels.
pub(super) fn b(loader: &mut Loader, block: &'static str) -> Block {
    let mut b = Builder { loader, block, inputs: 288 };
    Block(vec![
        b.branch(None, &[("branch3x3", 384, K3, 2)], &[]),
        b.branch(
            None,
            &[("branch3x3dbl_1", 64, K1, 1), ("branch3x3dbl_2", 96, K3, 1), ("branch3x3dbl_3", 96, K3, 2)],
            &[],
        ),
        b.branch(Some(Pool::Reduce), &[], &[]),
    ])
}

/// Block C, 17 × 17: 768 → 768 channels, `c` inside.
pub(super) fn c(loader: &mut Loader, block: &'static str, variant: Variant, c: i64) -> Block {
    let pool = Pool::Average { valid: variant == Variant::Fid };
    let mut b = Builder { loader, block, inputs: 768 };
    Block(vec![
        b.branch(None, &[("branch1x1", 192, K1, 1)], &[]),
        b.branch(
            None,
            &[("branch7x7_1", c, K1, 1), ("branch7x7_2", c, ROW7, 1), ("branch7x7_3", 192, COLUMN7, 1)],
            &[],
        ),
        b.branch(
            None,
            &[
                ("branch7x7dbl_1", c, K1, 1),
                ("branch7x7dbl_2", c, COLUMN7, 1),
                ("branch7x7dbl_3", c, ROW7, 1),
                ("branch7x7dbl_4", c, COLUMN7, 1),
                ("branch7x7dbl_5", 192, ROW7, 1),
            ],
            &[],
        ),
        b.branch(Some(pool), &[("branch_pool", 192, K1, 1)], &[]),
    ])
}

/// Block D, 17 × 17 → 8 × 8: 768 → 1280 channels.
pub(super) fn d(loader: &mut Loader, block: &'static str) -> Block {
    let mut b = Builder { loader, block, inputs: 768 };
    Block(vec![
        b.branch(None, &[("branch3x3_1", 192, K1, 1), ("branch3x3_2", 320, K3, 2)], &[]),
        b.branch(
            None,
            &[
                ("branch7x7x3_1", 192, K1, 1),
                ("branch7x7x3_2", 192, ROW7, 1),
                ("branch7x7x3_3", 192, COLUMN7, 1),
                ("branch7x7x3_4", 192, K3, 2),
            ],
            &[],
        ),
        b.branch(Some(Pool::Reduce), &[], &[]),
    ])
}

/// Block E, 8 × 8: `inputs` → 2048 channels. In the FID variant the last of the two takes the maximum where the first
/// takes the average.
pub(super) fn e(loader: &mut Loader, block: &'static str, variant: Variant, inputs: i64, last: bool) -> Block {
    let pool = match variant {
        Variant::Fid if last => Pool::Max,
        Variant::Fid => Pool::Average { valid: true },
        Variant::Torchvision => Pool::Average { valid: false },
    };
    let mut b = Builder { loader, block, inputs };
    Block(vec![
        b.branch(None, &[("branch1x1", 320, K1, 1)], &[]),
        b.branch(
            None,
            &[("branch3x3_1", 384, K1, 1)],
            &[("branch3x3_2a", 384, ROW3, 1), ("branch3x3_2b", 384, COLUMN3, 1)],
        ),
        b.branch(
            None,
            &[("branch3x3dbl_1", 448, K1, 1), ("branch3x3dbl_2", 384, K3, 1)],
            &[("branch3x3dbl_3a", 384, ROW3, 1), ("branch3x3dbl_3b", 384, COLUMN3, 1)],
        ),
        b.branch(Some(pool), &[("branch_pool", 192, K1, 1)], &[]),
    ])
}
