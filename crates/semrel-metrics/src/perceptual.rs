//! Perceptual distance and diversity over an extractor's feature maps.
//!
//! `d(a, b) = Σ_taps mean_{h,w} Σ_c (â − b̂)²`, where `f̂ = f/(|f| + 1e-10)` is the unit vector over channels at each
//! position: LPIPS (Zhang et al., CVPR 2018) with all channels weighted alike. Over EfficientNet-Lite0 it is shown as
//! `PD(effnet-lite0)`.

use crate::MetricsError;
use crate::extractor::{Extractor, to_images};
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::DataError;
use semrel_data::image_io::Quantise;
use tch::{Kind, Tensor};

/// Maximum number of images whose feature maps are held at a time.
const MOST_IMAGES: usize = 40;

/// Distances \[N\] of pairs of images, from their taps [N, C, h, w].
pub fn distance(a: &[Tensor], b: &[Tensor]) -> Tensor {
    let _guard = tch::no_grad_guard();
    let of_tap = |(a, b): (&Tensor, &Tensor)| mean_over_positions(&(unit(a) - unit(b)));
    a.iter().zip(b).map(of_tap).reduce(|sum, tap| sum + tap).expect("an extractor has taps")
}

/// Distances of pairs of 8-bit images.
///
/// # Errors
/// [`MetricsError::TooFew`] unless there are as many images on both sides, and at least one.
pub fn distance_of_images(extractor: &dyn Extractor, a: &[RgbImage], b: &[RgbImage]) -> Result<Vec<f64>, MetricsError> {
    distances(extractor, a, b, |batch| extractor.taps(batch))
}

/// [`distance_of_images`], and the features [N, d] of `a`, from one pass over these.
///
/// # Errors
/// As [`distance_of_images`].
pub fn distance_and_features_of_images(
    extractor: &dyn Extractor,
    a: &[RgbImage],
    b: &[RgbImage],
) -> Result<(Vec<f64>, Tensor), MetricsError> {
    let mut all = vec![];
    let taps = |batch: &Tensor| {
        let (features, taps) = extractor.features_and_taps(batch);
        all.push(features);
        taps
    };
    let distances = distances(extractor, a, b, taps)?;
    Ok((distances, Tensor::cat(&all, 0)))
}

/// Distances of pairs of 8-bit images, a few at a time; `taps` gives the feature maps of the left ones.
fn distances(
    extractor: &dyn Extractor,
    a: &[RgbImage],
    b: &[RgbImage],
    mut taps: impl FnMut(&Tensor) -> Vec<Tensor>,
) -> Result<Vec<f64>, MetricsError> {
    if a.len() != b.len() || a.is_empty() {
        let (found, needed) = (a.len().min(b.len()) as i64, a.len().max(b.len()).max(1) as i64);
        return Err(MetricsError::TooFew { what: "images on one side of pairs", found, needed });
    }
    let prepare = |images: &[RgbImage]| extractor.preparation().prepare(images, extractor.device());
    let mut distances = vec![];
    for (a, b) in a.chunks(MOST_IMAGES / 2).zip(b.chunks(MOST_IMAGES / 2)) {
        distances.extend(to_vec(&distance(&taps(&prepare(a)), &extractor.taps(&prepare(b)))));
    }
    Ok(distances)
}

/// Mean distance over all G(G−1)/2 unordered pairs of G images, for each of N groups, from taps [N·G, C, h, w] with a
/// group's images side by side. Returns \[N\].
///
/// The mean squared difference over pairs is `2/(G−1)·Σᵢ |fᵢ − f̄|²`, so that each image is visited once.
pub fn mean_pairwise(taps: &[Tensor], group: i64) -> Tensor {
    let _guard = tch::no_grad_guard();
    let of_tap = |tap: &Tensor| {
        let size = tap.size();
        let units = unit(tap).reshape([-1, group, size[1], size[2], size[3]]);
        let spread = &units - units.mean_dim(1, true, Kind::Float);
        mean_over_positions(&spread.flatten(0, 1)).view([-1, group]).sum_dim_intlist(1, false, Kind::Float)
    };
    let sum = taps.iter().map(of_tap).reduce(|sum, tap| sum + tap).expect("an extractor has taps");
    sum * (2.0 / (group - 1) as f64)
}

/// Mean distance over all pairs of `count` pictures that `read` gives by number.
///
/// The sums of [`mean_pairwise`] are taken over a few pictures at a time, so that any number fits into memory.
///
/// # Errors
/// [`MetricsError::TooFew`] for fewer than two pictures, and those that cannot be read.
pub fn mean_pairwise_of_pictures(
    extractor: &dyn Extractor,
    count: usize,
    read: impl Fn(usize) -> Result<RgbImage, DataError> + Sync,
) -> Result<f64, MetricsError> {
    if count < 2 {
        return Err(MetricsError::TooFew { what: "pictures of a group", found: count as i64, needed: 2 });
    }
    let _guard = tch::no_grad_guard();
    // Of each tap Σᵢ fᵢ and Σᵢ |fᵢ|², in double precision: they nearly cancel where pictures are alike.
    let mut sums: Vec<(Tensor, f64)> = vec![];
    for start in (0..count).step_by(MOST_IMAGES) {
        let end = count.min(start + MOST_IMAGES);
        let images: Vec<RgbImage> = (start..end).into_par_iter().map(&read).collect::<Result<_, _>>()?;
        let taps = extractor.taps(&extractor.preparation().prepare(&images, extractor.device()));
        for (i, tap) in taps.iter().enumerate() {
            let units = unit(tap).to_kind(Kind::Double);
            let squares = units.square().sum(Kind::Double).double_value(&[]);
            let sum = units.sum_dim_intlist(0, false, Kind::Double);
            match sums.get_mut(i) {
                Some(total) => *total = (&total.0 + sum, total.1 + squares),
                None => sums.push((sum, squares)),
            }
        }
    }
    let of_tap = |(sum, squares): &(Tensor, f64)| {
        let positions = (sum.size()[1] * sum.size()[2]) as f64;
        (squares - sum.square().sum(Kind::Double).double_value(&[]) / count as f64) / positions
    };
    Ok(sums.iter().map(of_tap).sum::<f64>() * 2.0 / (count - 1) as f64)
}

/// Diversity of G outputs for each of N sources: the mean distance over all pairs of a source's outputs.
///
/// `outputs` are G tensors [N, 3, H, W] in −1..1, one per latent code or reference. They become 8-bit images and take
/// the extractor's usual way. The official multi-modal protocol averages over the batch of sources, then over batches,
/// then over ordered pairs of domains; the values returned are those of the sources.
///
/// # Errors
/// [`MetricsError::TooFew`] for fewer than two outputs, [`MetricsError::Shape`] where they differ in shape.
pub fn diversity(extractor: &dyn Extractor, outputs: &[Tensor], quantise: Quantise) -> Result<Vec<f64>, MetricsError> {
    let group = outputs.len();
    if group < 2 {
        return Err(MetricsError::TooFew { what: "outputs per source", found: group as i64, needed: 2 });
    }
    if let Some(other) = outputs.iter().find(|o| o.size() != outputs[0].size()) {
        return Err(MetricsError::Shape {
            what: "outputs",
            found: other.size(),
            expected: "one shape for all outputs",
        });
    }
    let images: Vec<Vec<RgbImage>> = outputs.iter().map(|o| to_images(o, quantise)).collect::<Result<_, _>>()?;
    let sources = images[0].len();
    let sources_at_once = (MOST_IMAGES / group).max(1);
    let mut values = vec![];
    for start in (0..sources).step_by(sources_at_once) {
        let end = sources.min(start + sources_at_once);
        let side_by_side: Vec<RgbImage> =
            (start..end).flat_map(|source| images.iter().map(move |output| output[source].clone())).collect();
        let batch = extractor.preparation().prepare(&side_by_side, extractor.device());
        values.extend(to_vec(&mean_pairwise(&extractor.taps(&batch), group as i64)));
    }
    Ok(values)
}

/// Unit vectors over channels.
fn unit(tap: &Tensor) -> Tensor {
    tap / (tap.square().sum_dim_intlist(1, true, Kind::Float).sqrt() + 1e-10)
}

/// Squared length over channels, averaged over positions: [N, C, h, w] → [N].
fn mean_over_positions(difference: &Tensor) -> Tensor {
    difference.square().sum_dim_intlist(1, false, Kind::Float).mean_dim([1i64, 2].as_slice(), false, Kind::Float)
}

fn to_vec(values: &Tensor) -> Vec<f64> {
    Vec::try_from(values.to_kind(Kind::Double)).expect("one dimension")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extractor::{Preparation, Resize};
    use crate::testing::normal;
    use proptest::prelude::*;
    use semrel_data::resize::Filter;
    use tch::Device;

    fn taps(seed: i64, n: i64) -> Vec<Tensor> {
        [[n, 4, 6, 5], [n, 9, 3, 2]].map(|size| normal(seed, &size).to_kind(Kind::Float)).into()
    }

    #[test]
    fn orthogonal_and_opposite_vectors() {
        let e = |values: [f32; 2]| vec![Tensor::from_slice(&values).view([1, 2, 1, 1])];
        let d = |a, b| distance(&e(a), &e(b)).double_value(&[0]);
        assert_eq!(d([3.0, 0.0], [0.0, 0.5]), 2.0);
        assert_eq!(d([3.0, 0.0], [-1.0, 0.0]), 4.0);
        assert_eq!(d([3.0, 0.0], [7.0, 0.0]), 0.0);
        assert_eq!(d([0.0, 0.0], [0.0, 2.0]), 1.0);
    }

    /// Taps: the image itself, and its halves of rows.
    struct Halves;

    impl Extractor for Halves {
        fn name(&self) -> &'static str {
            "halves"
        }
        fn preparation(&self) -> Preparation {
            Preparation {
                width: 6,
                height: 4,
                resize: Resize::Pillow(Filter::Bilinear),
                mean: [100.0; 3],
                std: [50.0; 3],
            }
        }
        fn device(&self) -> Device {
            Device::Cpu
        }
        fn features(&self, batch: &Tensor) -> Tensor {
            batch.flatten(1, -1)
        }
        fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
            vec![batch.shallow_clone(), batch.narrow(2, 0, 2)]
        }
        fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
            (self.features(batch), self.taps(batch))
        }
    }

    #[test]
    fn pictures_in_parts_are_as_all_at_once() {
        let pictures: Vec<RgbImage> = (0..50u32)
            .map(|i| RgbImage::from_fn(6, 4, |x, y| image::Rgb([(i * 5 + x) as u8, (i * y) as u8, (x * y * i) as u8])))
            .collect();
        for count in [2, 7, 40, 50] {
            let all = Halves.taps(&Halves.preparation().prepare(&pictures[..count], Device::Cpu));
            let want = to_vec(&mean_pairwise(&all, count as i64))[0];
            let got = mean_pairwise_of_pictures(&Halves, count, |i| Ok(pictures[i].clone())).unwrap();
            assert!((got - want).abs() < 1e-5 * want, "{count}: {got} {want}");
        }
        let same = mean_pairwise_of_pictures(&Halves, 3, |_| Ok(pictures[1].clone())).unwrap();
        assert!(same.abs() < 1e-6, "{same}");
        assert!(matches!(
            mean_pairwise_of_pictures(&Halves, 1, |i| Ok(pictures[i].clone())),
            Err(MetricsError::TooFew { found: 1, .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn one_visit_equals_all_pairs(seed in 0i64..1000, n in 1i64..4, group in 2i64..6) {
            let all = taps(seed, n * group);
            let got = to_vec(&mean_pairwise(&all, group));
            for source in 0..n {
                let of = |i: i64| all.iter().map(|t| t.narrow(0, source * group + i, 1)).collect::<Vec<_>>();
                let pairs: Vec<f64> = (0..group)
                    .flat_map(|i| (i + 1..group).map(move |j| (i, j)))
                    .map(|(i, j)| distance(&of(i), &of(j)).double_value(&[0]))
                    .collect();
                let mean = pairs.iter().sum::<f64>() / pairs.len() as f64;
                prop_assert!((got[source as usize] - mean).abs() < 1e-5 * mean, "{} {mean}", got[source as usize]);
            }
        }

        #[test]
        fn symmetric_bounded_and_blind_to_scale(seed in 0i64..1000, scale in 0.1..10.0f64) {
            let (a, b) = (taps(seed, 3), taps(seed + 1, 3));
            let (ab, ba) = (to_vec(&distance(&a, &b)), to_vec(&distance(&b, &a)));
            prop_assert_eq!(&ab, &ba);
            prop_assert!(ab.iter().all(|d| (0.0..=8.0).contains(d)));
            let scaled: Vec<Tensor> = a.iter().map(|t| t * scale).collect();
            prop_assert!(to_vec(&distance(&a, &scaled)).iter().all(|d| d.abs() < 1e-9));
        }
    }
}
