//! LPIPS v0.1 over AlexNet (Zhang et al., CVPR 2018), as the lpips package computes it and as the official multi-modal
//! code does.
//!
//! Over five ReLU outputs `f_l` of AlexNet, with unit vectors `f̂_l` over channels and non-negative weights `w_l`,
//! `d(x, y) = Σ_l mean_{h,w} Σ_c w_lc·(f̂_l(x) − f̂_l(y))²`. The two differ in how they guard the norm (ε added to it,
//! or to its square) and in what the mean runs over: [`Lpips::distance`] gives one value per pair,
//! [`Lpips::pair_distances`] one per batch.

use super::alexnet::{AlexNet, WIDTHS};
use super::conv::channels_last;
use super::head_keys::HEAD_KEYS;
use super::loader::Loader;
use super::recognise::Network;
use crate::MetricsError;
use crate::preparation::stack;
use crate::weights::{self, Examined, WeightsFile};
use image::RgbImage;
use semrel_nn::checkpoint::StateDict;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

/// The linear heads as StarGAN v2 publishes them.
const STARGAN2_HEADS: &str = "lpips_weights.ckpt";

/// Input scaling `(x − shift)/scale`.
const SHIFT: [f32; 3] = [-0.030, -0.088, -0.188];
const SCALE: [f32; 3] = [0.458, 0.448, 0.450];

/// Smallest side at which the five outputs exist, and at which the last max-pool of AlexNet, which the official
/// multi-modal code runs, does.
const SMALLEST: i64 = 31;
const SMALLEST_IN_GROUPS: i64 = 63;

const EPSILON: f64 = 1e-10;

/// Maximum number of images per forward pass.
const MOST_IMAGES: usize = 32;

/// Range of images given as tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// −1..1.
    #[default]
    Signed,
    /// 0..1, the lpips package's `normalize=True`: `2x − 1` comes first.
    Unit,
}

/// AlexNet with the linear heads of LPIPS.
#[derive(Debug)]
pub struct Lpips {
    trunk: AlexNet,
    heads: Vec<Tensor>,
    device: Device,
}

/// Loads torchvision's AlexNet and the linear heads from the weights folder: those of the lpips package or, where they
/// are absent, StarGAN v2's `lpips_weights.ckpt`, which holds the same numbers.
///
/// # Errors
/// [`MetricsError::Weights`] and [`MetricsError::WeightsOfAnother`] say what to do.
pub fn load(device: Device) -> Result<Lpips, MetricsError> {
    let trunk = Network::AlexNet.load(|state| trunk_of(state, device))?;
    let heads = heads_in(weights::folder(), device)?;
    Ok(Lpips { trunk, heads, device })
}

/// The files that [`load`] reads, trunk and heads, with what their digests say. StarGAN v2's file of the heads has no
/// published digest.
///
/// # Errors
/// [`MetricsError::Weights`] for a file that is not there or cannot be read.
pub fn examine() -> Result<Vec<Examined>, MetricsError> {
    let folder = weights::folder();
    let trunk = weights::ALEXNET.locate_in(folder.clone())?;
    let heads = match stargan2_heads(&folder) {
        Some(path) => WeightsFile { sha256: None, ..weights::LPIPS_ALEX }.examine(&path)?,
        None => weights::LPIPS_ALEX.examine(&weights::LPIPS_ALEX.locate_in(folder)?)?,
    };
    Ok(vec![weights::ALEXNET.examine(&trunk)?, heads])
}

/// StarGAN v2's file of the heads, where it is there and the lpips package's is not.
fn stargan2_heads(folder: &Path) -> Option<PathBuf> {
    let path = folder.join(STARGAN2_HEADS);
    (!folder.join(weights::LPIPS_ALEX.file).exists() && path.exists()).then_some(path)
}

/// Loads the weights from two files of any name, or both from one: a state dict of the lpips package's whole module.
///
/// # Errors
/// [`MetricsError::Checkpoint`] for a file that cannot be read, [`MetricsError::WeightsOfAnother`] and
/// [`MetricsError::WeightsUnfit`] for one of another network or with keys missing.
pub fn load_files(trunk: &Path, heads: &Path, device: Device) -> Result<Lpips, MetricsError> {
    let trunk = Network::AlexNet.load_file(trunk, |state| trunk_of(state, device))?;
    let heads = Network::LpipsAlexHeads.load_file(heads, |state| heads_of(state, device))?;
    Ok(Lpips { trunk, heads, device })
}

fn heads_in(folder: PathBuf, device: Device) -> Result<Vec<Tensor>, MetricsError> {
    if let Some(of_stargan2) = stargan2_heads(&folder) {
        return Network::LpipsAlexHeads.load_file(&of_stargan2, |state| heads_of(state, device));
    }
    Network::LpipsAlexHeads.load_in(folder, |state| heads_of(state, device))
}

fn trunk_of(state: &StateDict, device: Device) -> Result<AlexNet, MetricsError> {
    let _guard = tch::no_grad_guard();
    let mut loader = Loader::new(state, device);
    let trunk = AlexNet::build(&mut loader);
    loader.finish().map(|()| trunk)
}

fn heads_of(state: &StateDict, device: Device) -> Result<Vec<Tensor>, MetricsError> {
    let _guard = tch::no_grad_guard();
    let mut loader = Loader::new(state, device);
    let has = |[before, after]: &&[&str; 2]| loader.get(&format!("{before}0{after}")).is_some();
    let [before, after] = HEAD_KEYS.iter().find(has).unwrap_or(&HEAD_KEYS[0]);
    let mut head = |(i, &width): (usize, &i64)| {
        let weight = loader.tensor(&format!("{before}{i}{after}"), &[1, width, 1, 1]);
        loader.finished(&weight)
    };
    let heads = WIDTHS.iter().enumerate().map(&mut head).collect();
    loader.finish().map(|()| heads)
}

impl Lpips {
    /// Builds the metric from state dicts in memory, which may be one and the same. Convolutions and heads are taken
    /// under any of their published keys.
    ///
    /// # Errors
    /// [`MetricsError::Checkpoint`] lists missing keys and differing shapes.
    pub fn from_state(trunk: &StateDict, heads: &StateDict, device: Device) -> Result<Self, MetricsError> {
        Ok(Self { trunk: trunk_of(trunk, device)?, heads: heads_of(heads, device)?, device })
    }

    /// The five linear heads [1, C, 1, 1].
    pub fn heads(&self) -> &[Tensor] {
        &self.heads
    }

    /// The five ReLU outputs [N, C, h, w] of images [N, 3, H, W].
    pub fn maps(&self, images: &Tensor, range: Range) -> Vec<Tensor> {
        let _guard = tch::no_grad_guard();
        let channels = |values: [f32; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]).to_device(self.device);
        let images = images.to_device(self.device).to_kind(Kind::Float);
        let signed = if range == Range::Unit { images * 2.0 - 1.0 } else { images };
        self.trunk.maps(&channels_last(&((signed - channels(SHIFT)) / channels(SCALE))))
    }

    /// Distances [N, 1, 1, 1] of pairs of images [N, 3, H, W], as the lpips package returns them.
    ///
    /// # Errors
    /// [`MetricsError::Shape`] where the shapes differ or a side is below 31.
    pub fn distance(&self, x: &Tensor, y: &Tensor, range: Range) -> Result<Tensor, MetricsError> {
        let layers = self.layer_distances(x, y, range)?;
        Ok(layers.sum_dim_intlist(1, false, Kind::Float).view([-1, 1, 1, 1]))
    }

    /// The five layers' parts [N, 5] of the distance.
    ///
    /// # Errors
    /// As [`Lpips::distance`].
    pub fn layer_distances(&self, x: &Tensor, y: &Tensor, range: Range) -> Result<Tensor, MetricsError> {
        let _guard = tch::no_grad_guard();
        let mean = |map: &Tensor| map.mean_dim([1i64, 2, 3].as_slice(), false, Kind::Float);
        Ok(Tensor::stack(&self.differences(x, y, range)?.iter().map(mean).collect::<Vec<_>>(), 1))
    }

    /// The distance at each pixel, [N, 1, H, W]: the lpips package's `spatial=True`. Each layer's differences are enlarged
    /// bilinearly (`align_corners=False`) to the size of the images and summed.
    ///
    /// # Errors
    /// As [`Lpips::distance`].
    pub fn spatial(&self, x: &Tensor, y: &Tensor, range: Range) -> Result<Tensor, MetricsError> {
        let _guard = tch::no_grad_guard();
        let differences = self.differences(x, y, range)?;
        let enlarged = differences.iter().map(|map| map.upsample_bilinear2d(&x.size()[2..], false, None, None));
        Ok(enlarged.reduce(|sum, map| sum + map).expect("five layers"))
    }

    /// Weighted squared differences [N, 1, h, w] of each layer.
    fn differences(&self, x: &Tensor, y: &Tensor, range: Range) -> Result<Vec<Tensor>, MetricsError> {
        check_images(x, SMALLEST)?;
        if x.size() != y.size() {
            let expected = "the shape of the images they are compared with";
            return Err(MetricsError::Shape { what: "images", found: y.size(), expected });
        }
        let (x, y) = (self.maps(x, range), self.maps(y, range));
        let unit = |f: &Tensor| f / (channel_squares(f).sqrt() + EPSILON);
        let of_layer = |((x, y), head): ((&Tensor, &Tensor), &Tensor)| weighted(&(unit(x) - unit(y)).square_(), head);
        Ok(x.iter().zip(&y).zip(&self.heads).map(of_layer).collect())
    }

    /// Distances of pairs of 8-bit images at their own size, as the package's scripts compute them from files.
    ///
    /// # Errors
    /// [`MetricsError::TooFew`] unless there are as many images on both sides, [`MetricsError::Shape`] where the two images
    /// of a pair differ in size or are too small.
    pub fn distance_of_images(&self, x: &[RgbImage], y: &[RgbImage]) -> Result<Vec<f64>, MetricsError> {
        if x.len() != y.len() || x.is_empty() {
            let (found, needed) = (x.len().min(y.len()) as i64, x.len().max(y.len()).max(1) as i64);
            return Err(MetricsError::TooFew { what: "images on one side of pairs", found, needed });
        }
        let mut distances = vec![];
        while distances.len() < x.len() {
            let (x, y) = (&x[distances.len()..], &y[distances.len()..]);
            // Neighbours of one size go through the network together.
            let alike = x.iter().take(MOST_IMAGES).take_while(|image| image.dimensions() == x[0].dimensions()).count();
            let batch = |images: &[RgbImage]| Ok::<_, MetricsError>(stack(images, self.device)? / 127.5 - 1.0);
            let values = self.distance(&batch(&x[..alike])?, &batch(&y[..alike])?, Range::Signed)?;
            distances.extend(Vec::<f64>::try_from(values.view([-1]).to_kind(Kind::Double)).expect("one dimension"));
        }
        Ok(distances)
    }

    /// Distances \[G(G−1)/2\] between G outputs of the same B sources as the official multi-modal code computes them, in the
    /// order (0, 1), (0, 2), …, (G−2, G−1). `outputs` are G tensors [B, 3, H, W] in −1..1, neither clamped nor quantised.
    ///
    /// Each value is a mean over batch and positions. The protocol reports the mean over pairs, then over batches, then
    /// over ordered pairs of domains.
    ///
    /// # Errors
    /// [`MetricsError::TooFew`] for fewer than two outputs, [`MetricsError::Shape`] where they differ in shape or a side is
    /// below 63.
    pub fn pair_distances(&self, outputs: &[Tensor]) -> Result<Tensor, MetricsError> {
        let found = outputs.len() as i64;
        if found < 2 {
            return Err(MetricsError::TooFew { what: "outputs per source", found, needed: 2 });
        }
        for output in outputs {
            check_images(output, SMALLEST_IN_GROUPS)?;
            if output.size() != outputs[0].size() {
                let expected = "one shape for all outputs";
                return Err(MetricsError::Shape { what: "outputs", found: output.size(), expected });
            }
        }
        let maps: Vec<_> = outputs.iter().map(|output| self.maps(output, Range::Signed)).collect();
        Ok(pair_distances(&maps, &self.heads))
    }
}

/// [`Lpips::pair_distances`] from feature maps: for each of G outputs, one [B, C, h, w] per layer; `heads` hold a
/// weight [1, C, 1, 1] per layer.
pub fn pair_distances(maps: &[Vec<Tensor>], heads: &[Tensor]) -> Tensor {
    let _guard = tch::no_grad_guard();
    let unit = |f: &Tensor| f * (channel_squares(f) + EPSILON).rsqrt();
    let of_layer = |(layer, head): (usize, &Tensor)| {
        let units: Vec<Tensor> = maps.iter().map(|maps| unit(&maps[layer])).collect();
        let pairs = units.iter().enumerate().flat_map(|(i, a)| units[i + 1..].iter().map(move |b| (a, b)));
        let mean = |(a, b): (&Tensor, &Tensor)| weighted(&(a - b).square_(), head).mean(Kind::Float);
        Tensor::stack(&pairs.map(mean).collect::<Vec<_>>(), 0)
    };
    heads.iter().enumerate().map(of_layer).reduce(|sum, layer| sum + layer).expect("a head a layer")
}

/// `Σ_c f²`: [N, C, h, w] → [N, 1, h, w].
fn channel_squares(f: &Tensor) -> Tensor {
    f.square().sum_dim_intlist(1, true, Kind::Float)
}

/// `Σ_c w_c·x_c`: [N, C, h, w] → [N, 1, h, w].
fn weighted(x: &Tensor, head: &Tensor) -> Tensor {
    x.conv2d(head, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1)
}

fn check_images(images: &Tensor, smallest: i64) -> Result<(), MetricsError> {
    match images.size()[..] {
        [_, 3, height, width] if height.min(width) >= smallest => Ok(()),
        _ => Err(MetricsError::Shape {
            what: "images",
            found: images.size(),
            expected: match smallest {
                SMALLEST => "[N, 3, H, W] with sides of at least 31",
                _ => "[N, 3, H, W] with sides of at least 63",
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::tests::filled;
    use crate::testing::normal;
    use proptest::prelude::*;

    fn lpips() -> Lpips {
        let trunk = filled(Loader::shapes(AlexNet::build));
        let head =
            |(i, &width): (usize, &i64)| (format!("lin{i}.model.1.weight"), normal(i as i64, &[1, width, 1, 1]).abs());
        Lpips::from_state(&trunk, &WIDTHS.iter().enumerate().map(head).collect(), Device::Cpu).unwrap()
    }

    fn images(seed: i64, count: i64, side: i64) -> Tensor {
        (normal(seed, &[count, 3, side, side]) / 2.0).clamp(-1.0, 1.0).to_kind(Kind::Float)
    }

    fn values(distances: &Tensor) -> Vec<f64> {
        Vec::try_from(distances.view([-1]).to_kind(Kind::Double)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn a_symmetric_distance_in_either_range(seed in 0i64..1000, side in 63i64..80) {
            let (lpips, x, y) = (lpips(), images(seed, 2, side), images(seed + 1, 2, side));
            let distance = |x, y, range| values(&lpips.distance(x, y, range).unwrap());
            let d = distance(&x, &y, Range::Signed);
            prop_assert_eq!(&d, &distance(&y, &x, Range::Signed));
            prop_assert!(d.iter().all(|d| *d > 0.0));
            prop_assert_eq!(distance(&x, &x, Range::Signed), [0.0, 0.0]);
            let unit = distance(&((&x + 1.0) / 2.0), &((&y + 1.0) / 2.0), Range::Unit);
            prop_assert!(d.iter().zip(unit).all(|(a, b)| (a - b).abs() < 1e-4 * a));
        }

        #[test]
        fn pairs_are_the_distances_of_the_package_averaged_over_the_batch(seed in 0i64..1000) {
            let lpips = lpips();
            let outputs: Vec<Tensor> = (0..3).map(|i| images(seed + i, 2, 64)).collect();
            let pairs = values(&lpips.pair_distances(&outputs).unwrap());
            let mean = |i: usize, j: usize| {
                let d = values(&lpips.distance(&outputs[i], &outputs[j], Range::Signed).unwrap());
                d.iter().sum::<f64>() / d.len() as f64
            };
            for (pair, want) in pairs.into_iter().zip([mean(0, 1), mean(0, 2), mean(1, 2)]) {
                prop_assert!((pair - want).abs() < 1e-4 * want, "{} {}", pair, want);
            }
        }
    }

    #[test]
    fn heads_come_from_either_file_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let load = || heads_in(folder.path().to_owned(), Device::Cpu);
        let text = load().unwrap_err().to_string();
        assert!(text.contains(weights::LPIPS_ALEX.file) && text.contains("lpips==0.1.4"), "{text}");
        let write = |file: &str| {
            let head = |(i, &width): (usize, &i64)| {
                (format!("lpips_weights.{i}.main.1.weight"), Tensor::ones([1, width, 1, 1], (Kind::Float, Device::Cpu)))
            };
            let state = WIDTHS.iter().enumerate().map(head).collect();
            semrel_nn::checkpoint::save(folder.path().join(file), &state, &Default::default()).unwrap();
        };
        write(STARGAN2_HEADS);
        assert_eq!(load().unwrap().iter().map(|head| head.size()[1]).collect::<Vec<_>>(), WIDTHS);
        // The package's file goes first, and its digest is known.
        write(weights::LPIPS_ALEX.file);
        assert!(matches!(load(), Err(MetricsError::Weights(weights::WeightsError::Digest { .. }))));
    }

    #[test]
    fn the_map_has_the_size_of_the_images() {
        let (lpips, x, y) = (lpips(), images(1, 1, 70), images(2, 1, 70));
        let map = lpips.spatial(&x, &y, Range::Signed).unwrap();
        assert_eq!(map.size(), [1, 1, 70, 70]);
        assert!(map.min().double_value(&[]) >= 0.0);
        assert_eq!(lpips.distance(&x, &y, Range::Signed).unwrap().size(), [1, 1, 1, 1]);
    }

    #[test]
    fn images_of_several_sizes_keep_their_order() {
        let picture = |i: u32| {
            let side = if i.is_multiple_of(3) { 40 } else { 50 };
            RgbImage::from_fn(side, side, |x, y| image::Rgb([(x * i) as u8, (y * y) as u8, (x * y + i) as u8]))
        };
        let (x, y): (Vec<_>, Vec<_>) = ((1..8).map(picture).collect(), (1..8).map(|i| picture(i + 6)).collect());
        let lpips = lpips();
        let together = lpips.distance_of_images(&x, &y).unwrap();
        for (i, d) in together.iter().enumerate() {
            let alone = lpips.distance_of_images(&x[i..=i], &y[i..=i]).unwrap()[0];
            assert!((alone - d).abs() < 1e-5 * d, "{alone} {d}");
        }
        assert!(matches!(lpips.distance_of_images(&x, &y[1..]), Err(MetricsError::TooFew { .. })));
        assert!(matches!(lpips.distance_of_images(&x[..1], &y[2..3]), Err(MetricsError::Shape { .. })));
    }

    #[test]
    fn images_too_small_for_the_network_are_refused() {
        let lpips = lpips();
        let (x, y) = (images(1, 1, 31), images(2, 1, 31));
        assert!(lpips.distance(&x, &y, Range::Signed).is_ok());
        let text = lpips.distance(&images(1, 1, 30), &y, Range::Signed).unwrap_err().to_string();
        assert!(text.contains("[1, 3, 30, 30]") && text.contains("at least 31"), "{text}");
        assert!(lpips.pair_distances(&[images(1, 1, 63), images(2, 1, 63)]).is_ok());
        let text = lpips.pair_distances(&[images(1, 1, 62), images(2, 1, 62)]).unwrap_err().to_string();
        assert!(text.contains("at least 63"), "{text}");
        assert!(matches!(lpips.pair_distances(&[x]), Err(MetricsError::TooFew { .. })));
    }
}
