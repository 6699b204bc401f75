//! Keys of the linear heads of LPIPS in the files that are published.

/// What is put before and after the number of a linear head in its key: `alex.pth` of the lpips package, a state dict of
/// that package's module, and StarGAN v2's `lpips_weights.ckpt`.
pub(super) const HEAD_KEYS: [[&str; 2]; 3] =
    [["lin", ".model.1.weight"], ["lins.", ".model.1.weight"], ["lpips_weights.", ".main.1.weight"]];
