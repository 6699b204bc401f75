//! `semrel-metrics segment`.

use super::origin::Origin;
use super::report::{fixed, lines};
use super::session::{Machine, Output};
use anyhow::{Context, Result};
use clap::ValueEnum;
use semrel_data::resize::Filter;
use semrel_metrics::networks::{Drn, drn::Arch};
use semrel_metrics::segmentation::pipeline::COLORS_FOLDER;
use semrel_metrics::segmentation::{
    Accuracy, AccuracyMode, Confusion, HeadConfig, HeadSegmenter, LabelFormat, Pair, PhotoSettings, Segmenter,
    accuracy_confusion, fit_or_find, full_size_confusion, labels::CITYSCAPES, pairs_by_stem, pairs_by_table,
    photo_confusion,
};
use semrel_metrics::weights::{Check, DRN_D_22, DRN_D_105, EFFICIENTNET_LITE0, Examined, folder};
use semrel_train::Progress;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use tch::Device;

/// Label photographs of street scenes and compare with the labels from which they were made
///
/// Photographs and label images are paired by their names without extensions.
///
/// Protocol `single`: both resized to 256 x 128; mean IoU (which the single-modal table calls mAP), pixAcc, classAcc.
/// Protocol `compression`: photographs at their own size, scores enlarged to that of the labels; mean IoU.
///
/// Without DRN's weights a small head on EfficientNet-Lite0 can be fitted to real photographs and labels (--fit-photos,
/// --fit-labels). It has a name of its own, and its scores are not DRN's: score real photographs with it as well, to
/// know what a perfect translation would reach. A fit is stored, and reused for the same pictures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of photographs
    photos: PathBuf,
    /// Folder of label images; with --table, the folder to which its paths are relative
    #[arg(long, value_name = "DIR")]
    labels: PathBuf,
    /// Pair by the lines `number label-path photo-path` of this file, as the compression code has them, instead of by name
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// What label images hold
    #[arg(long, value_enum, default_value_t = Format::Color)]
    label_format: Format,
    /// Published evaluation to follow
    #[arg(long, value_enum, default_value_t = Protocol::Single)]
    protocol: Protocol,
    /// Network that labels the photographs [default: drn-d-22 (single) or drn-d-105 (compression), unless a head is
    /// fitted]
    #[arg(long, value_enum, conflicts_with_all = ["fit_photos", "fit_labels"])]
    network: Option<Network>,
    /// File of the network's weights, of any name [default: the one in the weights folder]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fit_photos", "fit_labels"])]
    weights: Option<PathBuf>,
    /// Folder of real photographs to fit a head to
    #[arg(long, value_name = "DIR", requires = "fit_labels")]
    fit_photos: Option<PathBuf>,
    /// Folder of their label images, in the format of --label-format
    #[arg(long, value_name = "DIR", requires = "fit_photos")]
    fit_labels: Option<PathBuf>,
    /// Number of steps of that fit
    #[arg(long, value_name = "N", default_value_t = HeadConfig::default().steps, requires = "fit_photos",
          value_parser = clap::value_parser!(u64).range(1..))]
    fit_steps: u64,
    /// Compute pixAcc and classAcc as published: red and blue exchanged, divided by 128 x 256 x 500 pixels (single)
    #[arg(long)]
    compatible: bool,
    /// Resize colour labels by the nearest pixel, as Pillow before version 7 did, in place of bicubic (single)
    #[arg(long)]
    nearest_labels: bool,
    /// Folder for predictions, as ids and as colours (single)
    #[arg(long, value_name = "DIR")]
    predictions: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output: Output,
}

/// What label images hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Colours of the Cityscapes palette
    Color,
    /// Train ids, 0 to 18 and 255
    TrainId,
    /// Label ids, 0 to 33
    LabelId,
}

/// A published evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// As in the single-modal experiment
    Single,
    /// As in the compression experiment
    Compression,
}

/// A published network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Network {
    /// DRN-D-22
    #[value(name = "drn-d-22")]
    DrnD22,
    /// DRN-D-105
    #[value(name = "drn-d-105")]
    DrnD105,
}

impl Args {
    fn format(&self) -> LabelFormat {
        match self.label_format {
            Format::Color => LabelFormat::Color,
            Format::TrainId => LabelFormat::TrainId,
            Format::LabelId => LabelFormat::LabelId,
        }
    }

    /// The network, loaded, or the head, fitted; its name, and where its weights are from.
    fn segmenter(&self, device: Device) -> Result<(Box<dyn Segmenter>, String, Origin)> {
        let made = |segmenter: Box<dyn Segmenter>, weights: Examined, named_after: bool| {
            let name = segmenter.name();
            let name = if named_after { format!("{name}, {}", weights.label()) } else { name.to_owned() };
            (segmenter, name, Origin { chosen: None, weights: vec![weights] })
        };
        if let (Some(photos), Some(labels)) = (&self.fit_photos, &self.fit_labels) {
            let head = self.head(photos, labels, device)?;
            let file = EFFICIENTNET_LITE0;
            return Ok(made(Box::new(head), file.examine(&folder().join(file.file))?, false));
        }
        let arch = match (self.network, self.protocol) {
            (Some(Network::DrnD22), _) | (None, Protocol::Single) => Arch::D22,
            (Some(Network::DrnD105), _) | (None, Protocol::Compression) => Arch::D105,
        };
        let published = match arch {
            Arch::D22 => DRN_D_22,
            Arch::D105 => DRN_D_105,
        };
        Ok(match &self.weights {
            Some(file) => {
                let weights = published.examine(file)?;
                let other = weights.check != Check::Matches;
                made(Box::new(Drn::load_file(arch, file, device)?), weights, other)
            }
            None => {
                let network = Drn::load(arch, device)
                    .context("--fit-photos and --fit-labels fit a segmenter that needs no such weights")?;
                made(Box::new(network), published.examine(&folder().join(published.file))?, false)
            }
        })
    }

    fn head(&self, photos: &Path, labels: &Path, device: Device) -> Result<HeadSegmenter> {
        Ok(fit_or_find(&pairs_by_stem(photos, labels)?, self.format(), self.fit_steps, device, self.output.quiet)?)
    }

    /// The matrix of mean IoU, and pixAcc and classAcc where the protocol has them.
    fn scores(&self, segmenter: &dyn Segmenter, pairs: &[Pair]) -> Result<(Confusion, Option<Accuracy>)> {
        let mut bar = Progress::new("photographs".to_owned(), 0, pairs.len() as u64, self.output.quiet);
        let mut progress = |done: usize| bar.set(done as u64);
        let (confusion, accuracy) = match self.protocol {
            Protocol::Compression => (full_size_confusion(segmenter, pairs, self.format(), &mut progress)?, None),
            Protocol::Single => {
                let label_filter = if self.nearest_labels { Filter::Nearest } else { Filter::Bicubic };
                let settings =
                    PhotoSettings { label_filter, output: self.predictions.clone(), ..PhotoSettings::default() };
                let confusion = photo_confusion(segmenter, pairs, self.format(), &settings, &mut progress)?;
                let accuracy = self.accuracy(&confusion, pairs)?;
                (confusion, Some(accuracy))
            }
        };
        bar.finish();
        Ok((confusion, accuracy))
    }

    /// In the compatible mode, which has a folder of predictions, colours are compared as the published script reads them
    /// back from there.
    fn accuracy(&self, confusion: &Confusion, pairs: &[Pair]) -> Result<Accuracy> {
        let (true, Some(folder)) = (self.compatible, &self.predictions) else {
            return Ok(Accuracy::new(confusion, AccuracyMode::Corrected)?);
        };
        let predicted = |pair: &Pair| Pair {
            photo: folder.join(COLORS_FOLDER).join(format!("{}.png", pair.stem())),
            label: pair.label.clone(),
        };
        let pairs: Vec<Pair> = pairs.iter().map(predicted).collect();
        let mode = AccuracyMode::Compatible;
        Ok(Accuracy::new(&accuracy_confusion(&pairs, mode, &mut |_| ())?, mode)?)
    }
}

pub fn run(args: Args) -> Result<()> {
    let (device, _) = args.machine.set()?;
    anyhow::ensure!(
        !args.compatible || (args.protocol == Protocol::Single && args.label_format == Format::Color),
        "--compatible belongs to --protocol single and labels in colour"
    );
    anyhow::ensure!(
        !args.compatible || args.predictions.is_some(),
        "--compatible reads colour maps back from disk: name a folder for them, --predictions DIR"
    );
    let pairs = match &args.table {
        Some(table) => pairs_by_table(&args.photos, table, &args.labels)?,
        None => pairs_by_stem(&args.photos, &args.labels)?,
    };
    let (segmenter, name, origin) = args.segmenter(device)?;
    let (confusion, accuracy) = args.scores(segmenter.as_ref(), &pairs)?;
    let mean_iou = confusion.mean_iou_percent()?;
    let by_class = CITYSCAPES.iter().zip(confusion.iou()).filter_map(|(class, iou)| Some((class.name, iou? * 100.0)));
    let mut out = std::io::stdout().lock();
    let protocol = match args.protocol {
        Protocol::Single => "single-modal, 256 x 128",
        Protocol::Compression => "compression, size of the labels",
    };
    if args.output.json {
        let report = json!({
            "segmenter": name,
            "weights": origin.weights_json(),
            "protocol": protocol,
            "compatible": args.compatible,
            "photographs": pairs.len(),
            "mean_iou": mean_iou,
            "pixel_accuracy": accuracy.map(|a| a.pixel_percent),
            "class_accuracy": accuracy.map(|a| a.class_percent),
            "iou": by_class.collect::<std::collections::BTreeMap<_, _>>(),
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let mut about = vec![("mean IoU", format!("{mean_iou:.2} %"))];
    if let Some(accuracy) = accuracy {
        about.push(("pixAcc", format!("{} %", fixed(accuracy.pixel_percent, 2))));
        about.push((
            "classAcc",
            format!("{} % (mean over 19 classes, absent ones count 0)", fixed(accuracy.class_percent, 2)),
        ));
    }
    about.push(("segmenter", name));
    about.extend(origin.describe());
    about.push(("protocol", format!("{protocol}{}", if args.compatible { ", accuracies as published" } else { "" })));
    about.push(("photographs", format!("{} in {}", pairs.len(), args.photos.display())));
    about.extend(by_class.map(|(name, iou)| (name, format!("IoU {iou:.1} %"))));
    Ok(writeln!(out, "{}", lines(&about))?)
}
