//! From photographs and label images on disk to a confusion matrix, as the single-modal and the compression evaluation
//! go.
//!
//! The next images are read and resized while the network works.

use super::confusion::Confusion;
use super::label_files::{LabelFormat, LabelImage};
use super::labels::{ChannelOrder, colors_of_ids, ids_of_colors};
use super::pairs::Pair;
use super::scores::AccuracyMode;
use super::segmenter::{Segmenter, argmax, enlarge, scores_of};
use crate::MetricsError;
use image::{GrayImage, RgbImage};
use rayon::prelude::*;
use semrel_data::image_io::{read_rgb, write_image};
use semrel_data::resize::{Filter, nearest_floor, resize};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

/// Images per batch.
const BATCH: usize = 8;

/// Folder of predicted ids.
pub const IDS_FOLDER: &str = "segmapResult";

/// Folder of predicted colours, which [`accuracy_confusion`] reads.
pub const COLORS_FOLDER: &str = "segmapResult_color";

/// Settings of the single-modal evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoSettings {
    /// Width that photograph and label are resized to.
    pub width: u32,
    /// Height likewise.
    pub height: u32,
    /// Filter for colour labels: [`Filter::Bicubic`], Pillow's default since version 7, or [`Filter::Nearest`], that of
    /// older versions. Photographs are always resized by the bicubic one, id maps by the nearest pixel.
    pub label_filter: Filter,
    /// Folder for predictions: PNGs of ids in [`IDS_FOLDER`], of colours in [`COLORS_FOLDER`].
    pub output: Option<PathBuf>,
}

impl Default for PhotoSettings {
    /// 256 wide, 128 high, bicubic labels, no predictions kept.
    fn default() -> Self {
        Self { width: 256, height: 128, label_filter: Filter::Bicubic, output: None }
    }
}

impl PhotoSettings {
    /// The photograph as the segmenter gets it.
    pub fn photo(&self, photo: &RgbImage) -> RgbImage {
        resize(photo, self.width, self.height, Filter::Bicubic)
    }

    /// The ids that predictions are compared with.
    pub fn label(&self, label: &LabelImage) -> GrayImage {
        label.ids_at(self.width, self.height, self.label_filter)
    }
}

/// The single-modal evaluation: photographs and labels at the size of the settings, arg-max of the scores.
///
/// [`Confusion::mean_iou_percent`] of the result is the table's "mAP". `progress` is told how many images are done.
///
/// # Errors
/// The first file that cannot be read or written; [`MetricsError::TooFew`] for no pair at all.
pub fn photo_confusion(
    segmenter: &dyn Segmenter,
    pairs: &[Pair],
    format: LabelFormat,
    settings: &PhotoSettings,
    progress: &mut dyn FnMut(usize),
) -> Result<Confusion, MetricsError> {
    if settings.width == 0 || settings.height == 0 {
        return Err(MetricsError::Setting("photographs cannot be resized to a width or height of 0".into()));
    }
    let load = |pair: &Pair| -> Result<_, MetricsError> {
        Ok((settings.photo(&read_rgb(&pair.photo)?), settings.label(&LabelImage::read(&pair.label, format)?)))
    };
    let mut confusion = Confusion::default();
    in_batches(pairs, load, progress, |pairs, batch| {
        let (photos, labels): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let predictions: Vec<GrayImage> = scores_of(segmenter, &photos)?.iter().map(|s| argmax(s.view())).collect();
        for ((pair, label), prediction) in pairs.iter().zip(&labels).zip(&predictions) {
            confusion.add(label, prediction)?;
            if let Some(folder) = &settings.output {
                let file = format!("{}.png", pair.stem());
                write_image(&folder.join(IDS_FOLDER).join(&file), prediction)?;
                write_image(&folder.join(COLORS_FOLDER).join(&file), &colors_of_ids(prediction))?;
            }
        }
        Ok(())
    })?;
    Ok(confusion)
}

/// The compression evaluation: photographs at their own size, class planes enlarged to the size of the label image
/// ([`enlarge`]), arg-max there.
///
/// [`Confusion::mean_iou_percent`] of the result is the table's mIoU. The published code's labels are train ids at
/// 1024 × 2048.
///
/// # Errors
/// As [`photo_confusion`].
pub fn full_size_confusion(
    segmenter: &dyn Segmenter,
    pairs: &[Pair],
    format: LabelFormat,
    progress: &mut dyn FnMut(usize),
) -> Result<Confusion, MetricsError> {
    let load = |i: usize| -> Result<_, MetricsError> {
        let pair = &pairs[i];
        Ok((read_rgb(&pair.photo)?, LabelImage::read(&pair.label, format)?.ids()))
    };
    full_size_confusion_of(segmenter, pairs.len(), load, progress)
}

/// As [`full_size_confusion`], of `count` photographs and the ids that belong to them, which `load` gives by number.
///
/// # Errors
/// As [`photo_confusion`], and those of `load`.
pub fn full_size_confusion_of<E: From<MetricsError> + Send>(
    segmenter: &dyn Segmenter,
    count: usize,
    load: impl Fn(usize) -> Result<(RgbImage, GrayImage), E> + Send + Sync,
    progress: &mut dyn FnMut(usize),
) -> Result<Confusion, E> {
    let mut confusion = Confusion::default();
    let items: Vec<usize> = (0..count).collect();
    in_batches(
        &items,
        |&i| load(i),
        progress,
        |_, batch| {
            let (photos, labels): (Vec<RgbImage>, Vec<GrayImage>) = batch.into_iter().unzip();
            Ok(add_full_size(&mut confusion, segmenter, &photos, &labels)?)
        },
    )?;
    Ok(confusion)
}

/// As [`full_size_confusion`], of photographs in memory and the ids that belong to them, one for one.
///
/// # Errors
/// [`MetricsError::TooFew`] for no picture at all, [`MetricsError::Setting`] unless there are as many labels.
pub fn pictures_confusion(
    segmenter: &dyn Segmenter,
    photos: &[RgbImage],
    labels: &[GrayImage],
) -> Result<Confusion, MetricsError> {
    if photos.len() != labels.len() {
        return Err(MetricsError::Setting(format!("{} photographs and {} labels", photos.len(), labels.len())));
    }
    if photos.is_empty() {
        return Err(MetricsError::TooFew { what: "pairs of photograph and label", found: 0, needed: 1 });
    }
    let mut confusion = Confusion::default();
    for (photos, labels) in photos.chunks(BATCH).zip(labels.chunks(BATCH)) {
        add_full_size(&mut confusion, segmenter, photos, labels)?;
    }
    Ok(confusion)
}

fn add_full_size(
    confusion: &mut Confusion,
    segmenter: &dyn Segmenter,
    photos: &[RgbImage],
    mut labels: &[GrayImage],
) -> Result<(), MetricsError> {
    for same in photos.chunk_by(|a, b| a.dimensions() == b.dimensions()) {
        let (of_same, rest) = labels.split_at(same.len());
        labels = rest;
        for (scores, label) in scores_of(segmenter, same)?.iter().zip(of_same) {
            let (width, height) = label.dimensions();
            confusion.add(label, &argmax(enlarge(scores.view(), height as usize, width as usize).view()))?;
        }
    }
    Ok(())
}

/// The confusion matrix of the published accuracy script: colour images of predictions ([`COLORS_FOLDER`], the `photo` of
/// each pair) against colour label images, which are brought to the predictions' size by OpenCV's nearest neighbour.
///
/// # Errors
/// As [`photo_confusion`].
pub fn accuracy_confusion(
    pairs: &[Pair],
    mode: AccuracyMode,
    progress: &mut dyn FnMut(usize),
) -> Result<Confusion, MetricsError> {
    let load = |pair: &Pair| -> Result<_, MetricsError> { Ok((read_rgb(&pair.photo)?, read_rgb(&pair.label)?)) };
    let mut confusion = Confusion::default();
    in_batches(pairs, load, progress, |_, batch| {
        batch.iter().try_for_each(|(prediction, label)| add_colors(&mut confusion, prediction, label, mode))
    })?;
    Ok(confusion)
}

/// One image of [`accuracy_confusion`].
///
/// # Errors
/// None for images that are not empty.
pub fn add_colors(
    confusion: &mut Confusion,
    prediction: &RgbImage,
    label: &RgbImage,
    mode: AccuracyMode,
) -> Result<(), MetricsError> {
    let order = match mode {
        AccuracyMode::Corrected => ChannelOrder::Rgb,
        AccuracyMode::Compatible => ChannelOrder::Swapped,
    };
    let label = nearest_floor(label, prediction.width(), prediction.height());
    confusion.add(&ids_of_colors(&label, order), &ids_of_colors(prediction, order))
}

/// Loads batches on all cores, one ahead of their use.
pub(super) fn in_batches<I: Sync, T: Send, E: From<MetricsError> + Send>(
    items: &[I],
    load: impl Fn(&I) -> Result<T, E> + Send + Sync,
    progress: &mut dyn FnMut(usize),
    mut consume: impl FnMut(&[I], Vec<T>) -> Result<(), E>,
) -> Result<(), E> {
    if items.is_empty() {
        return Err(MetricsError::TooFew { what: "pairs of photograph and label", found: 0, needed: 1 }.into());
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for batch in items.chunks(BATCH) {
                let loaded: Result<Vec<T>, E> = batch.par_iter().map(&load).collect();
                let failed = loaded.is_err();
                // The receiver is gone only after an error.
                if sender.send((batch, loaded)).is_err() || failed {
                    break;
                }
            }
        });
        let mut done = 0;
        for (batch, loaded) in receiver {
            consume(batch, loaded?)?;
            done += batch.len();
            progress(done);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::labels::PALETTE;
    use super::super::pairs::pairs_by_stem;
    use super::super::scores::Accuracy;
    use super::*;
    use crate::extractor::stack;
    use std::path::Path;
    use tch::{Kind, Tensor};

    /// Labels pixels by the nearest colour of the palette.
    struct NearestColor;

    impl Segmenter for NearestColor {
        fn name(&self) -> &'static str {
            "nearest-color"
        }
        fn class_scores(&self, images: &[RgbImage]) -> Result<Tensor, MetricsError> {
            let images = stack(images, tch::Device::Cpu)?;
            let distance = |color: &[u8; 3]| {
                let color = Tensor::from_slice(color).to_kind(Kind::Float).view([1, 3, 1, 1]);
                -(&images - color).abs().sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
            };
            Ok(Tensor::stack(&PALETTE[..19].iter().map(distance).collect::<Vec<_>>(), 1))
        }
    }

    /// Stripes of all classes, `count` images of 64 × 64.
    fn write_stripes(folder: &Path, count: u32) {
        for i in 0..count {
            let image = RgbImage::from_fn(64, 64, |x, y| image::Rgb(PALETTE[((x / 4 + y / 16 + i) % 19) as usize]));
            write_image(&folder.join(format!("{i}.png")), &image).unwrap();
        }
    }

    #[test]
    fn labels_that_are_photographs_score_full_marks_and_predictions_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let labels = dir.path().join("labels");
        write_stripes(&labels, 11);
        let pairs = pairs_by_stem(&labels, &labels).unwrap();
        let output = dir.path().join("out");
        let settings = PhotoSettings { width: 64, height: 32, output: Some(output.clone()), ..Default::default() };
        let mut told = vec![];
        let mut progress = |done| told.push(done);
        let confusion = photo_confusion(&NearestColor, &pairs, LabelFormat::Color, &settings, &mut progress).unwrap();
        assert_eq!(told, [8, 11]);
        assert_eq!(confusion.mean_iou_percent().unwrap(), 100.0);
        assert_eq!(confusion.pixels(), 11 * 64 * 32);

        let ids = image::open(output.join(IDS_FOLDER).join("7.png")).unwrap();
        assert_eq!((ids.color(), ids.width(), ids.height()), (image::ColorType::L8, 64, 32));
        let maps = pairs_by_stem(&output.join(COLORS_FOLDER), &output.join(COLORS_FOLDER)).unwrap();
        let accuracy = |mode| Accuracy::new(&accuracy_confusion(&maps, mode, &mut |_| ()).unwrap(), mode).unwrap();
        assert_eq!(accuracy(AccuracyMode::Corrected).pixel_percent, 100.0);
        // The swapped palette drops and merges classes, and the divisor is that of other images.
        let compatible = accuracy(AccuracyMode::Compatible);
        assert!(compatible.class_percent < 75.0 && compatible.pixel_percent < 0.2, "{compatible:?}");
    }

    #[test]
    fn photographs_keep_their_size_where_predictions_are_enlarged() {
        let dir = tempfile::tempdir().unwrap();
        let (photos, labels) = (dir.path().join("photos"), dir.path().join("labels"));
        for (i, size) in [(0, 16), (1, 16), (2, 24)] {
            let half = |side: u32| move |x: u32, _: u32| image::Rgb(PALETTE[if x < side / 2 { 0 } else { 10 }]);
            write_image(&photos.join(format!("{i}.png")), &RgbImage::from_fn(size, 8, half(size))).unwrap();
            write_image(&labels.join(format!("{i}.png")), &RgbImage::from_fn(64, 32, half(64))).unwrap();
        }
        let pairs = pairs_by_stem(&photos, &labels).unwrap();
        let confusion = full_size_confusion(&NearestColor, &pairs, LabelFormat::Color, &mut |_| ()).unwrap();
        let photos: Vec<RgbImage> = pairs.iter().map(|pair| read_rgb(&pair.photo).unwrap()).collect();
        let labels: Vec<GrayImage> =
            pairs.iter().map(|pair| LabelImage::read(&pair.label, LabelFormat::Color).unwrap().ids()).collect();
        assert_eq!(pictures_confusion(&NearestColor, &photos, &labels).unwrap(), confusion);
        assert!(pictures_confusion(&NearestColor, &photos, &labels[1..]).is_err());
        assert!(matches!(pictures_confusion(&NearestColor, &[], &[]), Err(MetricsError::TooFew { .. })));
        assert_eq!((confusion.pixels(), confusion.mean_iou_percent().unwrap()), (3 * 64 * 32, 100.0));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_nothing_at_all_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        write_stripes(dir.path(), 30);
        let pairs = pairs_by_stem(dir.path(), dir.path()).unwrap();
        let run = |pairs: &[Pair], settings: &PhotoSettings| {
            photo_confusion(&NearestColor, pairs, LabelFormat::Color, settings, &mut |_| ())
        };
        assert!(matches!(run(&[], &PhotoSettings::default()), Err(MetricsError::TooFew { .. })));
        assert!(matches!(
            run(&pairs, &PhotoSettings { width: 0, ..Default::default() }),
            Err(MetricsError::Setting(_))
        ));
        std::fs::write(dir.path().join("17.png"), b"no image").unwrap();
        let text = run(&pairs, &PhotoSettings::default()).unwrap_err().to_string();
        assert!(text.contains("17.png"), "{text}");
    }
}
