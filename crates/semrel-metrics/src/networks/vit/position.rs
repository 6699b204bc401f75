//! Position embeddings of other grids than the stored one.

use tch::{Kind, Tensor};

/// The published code adds this to each side m of the new grid before it computes the scale, so that rounding cannot drop a row. The
/// step between samples is therefore `n/(m + 0.1)` instead of `n/m`.
const OFFSET: f64 = 0.1;

/// [1, n·n, D] as [1, D, n, n], in double precision.
fn as_map(patches: &Tensor, n: i64) -> Tensor {
    patches.to_kind(Kind::Double).view([1, n, n, -1]).permute([0, 3, 1, 2])
}

fn as_tokens(map: &Tensor) -> Tensor {
    map.flatten(2, 3).transpose(1, 2).to_kind(Kind::Float)
}

/// DINO, and DINOv2 without registers: bicubic with a = −0.75 at steps of `n/(rows + 0.1)` and `n/(columns + 0.1)`, never antialiased.
pub fn resampled(patches: &Tensor, n: i64, rows: i64, columns: i64) -> Tensor {
    let scale = |side: i64| (side as f64 + OFFSET) / n as f64;
    as_tokens(&as_map(patches, n).upsample_bicubic2d([rows, columns], false, scale(rows), scale(columns)))
}

/// DINOv2 with registers: antialiased bicubic with a = −0.5, at steps of `n/rows` and `n/columns`.
pub fn resampled_antialiased(patches: &Tensor, n: i64, rows: i64, columns: i64) -> Tensor {
    as_tokens(&as_map(patches, n).internal_upsample_bicubic2d_aa([rows, columns], false, None, None))
}
