//! The fit of the segmentation head.

use super::head::{CELL, Head, HeadConfig, pooled_taps};
use super::label_files::{LabelFormat, LabelImage};
use super::labels::CLASSES;
use super::pairs::Pair;
use super::pipeline::in_batches;
use crate::extractor::Extractor;
use crate::{EfficientNetLite0, MetricsError};
use image::GrayImage;
use semrel_data::image_io::read_rgb;
use semrel_data::resize::Filter;
use semrel_nn::{Adam, AdamConfig, Net, flat_gradients};
use std::f64::consts::PI;
use std::ops::ControlFlow;
use tch::{Kind, Tensor};

/// How far a fit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FitProgress {
    /// Another process fits the same head: it will be found when that has ended.
    Waiting,
    /// Feature maps of the pictures.
    Features {
        /// Pictures that are done.
        done: usize,
        /// All pictures.
        total: usize,
    },
    /// Steps of the optimiser.
    Steps {
        /// Steps that are done.
        done: u64,
        /// All steps.
        total: u64,
        /// Cross-entropy of the step, in nats per pixel.
        loss: f64,
    },
}

/// Steps of linear warm-up of the learning rate.
const WARM_UP: f64 = 30.0;

/// Exponent of a class's share of the pixels in the weight of its pixels. Measured on street scenes: 0 leaves thin and
/// small objects out, one half costs the frequent classes more than it gains.
const RARITY: f64 = -0.25;

/// Least share that a weight is computed from.
const RAREST: f64 = 1e-4;

/// What the fit needs of all pictures.
struct Examples {
    /// Feature maps [N, C, h, w] per tap, in half precision: they are read in every pass.
    taps: Vec<Tensor>,
    /// Pixels by class of each cell, uint8 [N, 19, H/4, W/4]; those without class are in none.
    counts: Tensor,
}

pub(super) fn fit(
    extractor: &EfficientNetLite0,
    pairs: &[Pair],
    format: LabelFormat,
    config: &HeadConfig,
    progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>,
) -> Result<Net<Head>, MetricsError> {
    let examples = examples(extractor, pairs, format, config, progress)?;
    if examples.counts.count_nonzero(None).int64_value(&[]) == 0 {
        return Err(MetricsError::TooFew { what: "labelled pixels of training pictures", found: 0, needed: 1 });
    }
    let head = Head::new(config, extractor.device());
    normalise(&head, &examples.taps);
    let mut adam =
        Adam::new(AdamConfig { lr: config.lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-4 }, &head);
    let weights = class_weights(&examples.counts);
    for step in 0..config.steps {
        let rows = rows(config, pairs.len(), step).to_device(extractor.device());
        let of = |t: &Tensor| t.index_select(0, &rows).to_kind(Kind::Float);
        let taps: Vec<Tensor> = examples.taps.iter().map(of).collect();
        let loss = cross_entropy(&head.forward(&taps), &(of(&examples.counts) * &weights));
        let gradient = flat_gradients(&loss, &[head.parameters().collect()]).remove(0);
        adam.config.lr = config.lr * rate(step as f64, config.steps as f64);
        adam.step(&head, gradient);
        let loss = loss.double_value(&[]);
        tell(progress, FitProgress::Steps { done: step + 1, total: config.steps, loss })?;
    }
    Ok(head)
}

fn tell(progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>, state: FitProgress) -> Result<(), MetricsError> {
    if progress(state).is_break() { Err(MetricsError::Interrupted) } else { Ok(()) }
}

fn examples(
    extractor: &EfficientNetLite0,
    pairs: &[Pair],
    format: LabelFormat,
    config: &HeadConfig,
    progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>,
) -> Result<Examples, MetricsError> {
    let _guard = tch::no_grad_guard();
    let preparation = config.preparation(extractor);
    let load = |pair: &Pair| -> Result<_, MetricsError> {
        let label = LabelImage::read(&pair.label, format)?.ids_at(config.width, config.height, Filter::Nearest);
        Ok((read_rgb(&pair.photo)?, cell_counts(&label)))
    };
    let (mut taps, mut all_counts) = (vec![], vec![]);
    let mut done = 0;
    in_batches(pairs, load, &mut |_| (), |_, batch| {
        done += batch.len();
        let (photos, counts): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let maps = pooled_taps(extractor, &preparation.prepare(&photos, extractor.device()));
        taps.push(maps.iter().map(|map| map.to_kind(Kind::Half)).collect::<Vec<_>>());
        let size = [photos.len() as i64, CLASSES as i64, (config.height / CELL).into(), (config.width / CELL).into()];
        all_counts.push(Tensor::from_data_size(&counts.concat(), &size, Kind::Uint8).to_device(extractor.device()));
        tell(progress, FitProgress::Features { done, total: pairs.len() })
    })?;
    let joined = (0..taps[0].len()).map(|i| Tensor::cat(&taps.iter().map(|maps| &maps[i]).collect::<Vec<_>>(), 0));
    Ok(Examples { taps: joined.collect(), counts: Tensor::cat(&all_counts, 0) })
}

/// Pixels by class of each cell, [19, H/4, W/4] in row-major order.
fn cell_counts(label: &GrayImage) -> Vec<u8> {
    let (width, height) = ((label.width() / CELL) as usize, (label.height() / CELL) as usize);
    let mut counts = vec![0; CLASSES * width * height];
    for (x, y, pixel) in label.enumerate_pixels() {
        let class = usize::from(pixel.0[0]);
        if class < CLASSES {
            counts[(class * height + (y / CELL) as usize) * width + (x / CELL) as usize] += 1;
        }
    }
    counts
}

/// Brings every channel of every tap to mean 0 and standard deviation 1 over the pictures.
fn normalise(head: &Head, taps: &[Tensor]) {
    for (i, tap) in taps.iter().enumerate() {
        let rows = tap.size()[0];
        // One picture at a time: a float copy of all would be twice as large as the maps themselves.
        let moments = |f: fn(Tensor) -> Tensor| {
            let sums = (0..rows)
                .map(|n| f(tap.get(n).to_kind(Kind::Double)).mean_dim([1i64, 2].as_slice(), false, Kind::Double));
            Tensor::stack(&sums.collect::<Vec<_>>(), 0).mean_dim(0, false, Kind::Double)
        };
        let mean = moments(|t| t);
        let variance = moments(|t| t.square()) - mean.square();
        head.set_normalisation(i, &mean, &variance.clamp_min(1e-6).sqrt());
    }
}

/// Weight [1, 19, 1, 1] of a pixel of each class, `share^(−1/4)`, scaled so that the mean over all pixels is 1.
fn class_weights(counts: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    let pixels = counts.sum_dim_intlist([0i64, 2, 3].as_slice(), true, Kind::Double);
    let share = &pixels / pixels.sum(Kind::Double);
    let weights = share.clamp_min(RAREST).pow_tensor_scalar(RARITY);
    let mean = (&weights * share).sum(Kind::Double);
    (weights / mean).to_kind(Kind::Float)
}

/// Pictures of a step, int64 [batch]: drawn without replacement.
fn rows(config: &HeadConfig, pictures: usize, step: u64) -> Tensor {
    let mut rng = semrel_data::rng::stream(config.seed, "segmenter.batch", step);
    let rows = rand::seq::index::sample(&mut rng, pictures, config.batch.min(pictures));
    Tensor::from_slice(&rows.into_iter().map(|row| row as i64).collect::<Vec<_>>())
}

/// `−Σ_c n_c·log p_c/Σ n` over all cells, with (weighted) pixels `n_c` by class: the cross-entropy of the pixels, all those
/// of a cell having its probabilities.
fn cross_entropy(logits: &Tensor, counts: &Tensor) -> Tensor {
    let pixels = counts.sum(Kind::Float).clamp_min(1.0);
    -(logits.log_softmax(1, Kind::Float) * counts).sum(Kind::Float) / pixels
}

/// Linear warm-up, then half a cosine down to 0.
fn rate(step: f64, steps: f64) -> f64 {
    ((step + 1.0) / WARM_UP).min(1.0) * 0.5 * (1.0 + (PI * step / steps).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;
    use tch::Device;

    #[test]
    fn cells_count_their_labelled_pixels() {
        let label = GrayImage::from_fn(8, 4, |x, y| {
            Luma([if x < 3 {
                2
            } else if y == 0 {
                255
            } else {
                10
            }])
        });
        let counts = cell_counts(&label);
        assert_eq!((counts[2 * 2], counts[2 * 2 + 1]), (12, 0));
        assert_eq!((counts[10 * 2], counts[10 * 2 + 1]), (3, 12));
        assert_eq!(counts.iter().map(|&c| u32::from(c)).sum::<u32>(), 27);
    }

    #[test]
    fn rare_classes_weigh_more_and_the_mean_stays() {
        let counts = Tensor::zeros([2, 19, 1, 1], (Kind::Uint8, Device::Cpu));
        let _ = counts.get(0).get(3).fill_(16);
        let _ = counts.get(1).get(4).fill_(1);
        let weights = class_weights(&counts).view([19]);
        let of = |class: i64| weights.double_value(&[class]);
        assert!((of(4) / of(3) - 2.0).abs() < 1e-6);
        assert!((16.0 * of(3) + of(4) - 17.0).abs() < 1e-5);
    }

    #[test]
    fn cross_entropy_is_that_of_the_pixels() {
        let logits = Tensor::zeros([1, 19, 1, 2], (Kind::Float, Device::Cpu));
        let counts = logits.zeros_like();
        let _ = counts.get(0).get(3).fill_(16.0);
        assert!((cross_entropy(&logits, &counts).double_value(&[]) - 19f64.ln()).abs() < 1e-6);
        assert_eq!(cross_entropy(&logits, &counts.zeros_like()).double_value(&[]), 0.0);
    }
}
