//! What discriminators of several scales share.

use tch::Tensor;

/// The next scale: means of 3 × 3 pixels at every second place, of those within the image.
pub(crate) fn half(image: &Tensor) -> Tensor {
    image.avg_pool2d([3, 3], [2, 2], [1, 1], false, false, None)
}

/// Least side of images whose maps have a side of 2 or more before each of `layers` convolutions on each of `scales` scales: what a
/// mirrored border of one pixel needs. `after` gives the side after a convolution.
pub(crate) fn least_side(scales: i64, layers: i64, after: impl Fn(i64) -> i64) -> i64 {
    let fits = |side: i64| {
        let each_scale = std::iter::successors(Some(side), |side| Some((side - 1) / 2 + 1)).take(scales as usize);
        let maps = |side: i64| std::iter::successors(Some(side), |map| (*map >= 2).then(|| after(*map)));
        each_scale
            .into_iter()
            .all(|side| maps(side).take(layers as usize).filter(|map| *map >= 2).count() == layers as usize)
    };
    (1..).find(|&side| fits(side)).expect("some side is enough")
}
