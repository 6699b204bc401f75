//! What all commands share: the network, the machine, and how results are shown.

use super::origin::{Choice, Origin};
use super::sets::{self, Set};
use anyhow::{Context, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use semrel_data::resize::Filter;
use semrel_metrics::extractor::{Extractor, Resampling, Resize, features_of_source};
use semrel_metrics::networks::resampled;
use semrel_metrics::source::Listing;
use semrel_metrics::weights::{FID_INCEPTION, folder};
use semrel_metrics::{Images, networks};
use semrel_train::{Progress, parse_device, set_threads};
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    pub common: Common,
}

/// Which network features are read from.
#[derive(Debug, clap::Args)]
pub struct Network {
    /// Network that features are read from [default: inception-fid if its published weights are present,
    /// otherwise effnet-lite0]. `cargo xtask weights list` shows which are present
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(networks::NAMES))]
    extractor: Option<String>,
    /// File of its weights, in place of the one in the weights folder. Unless it is the published file, the score is
    /// named after it
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// How pictures are resized to the size of the network's input: as Pillow does (antialiased, 8-bit), as torch does
    /// (bilinear, not antialiased, not rounded), or as clean-fid does (antialiased, not rounded) [default: as the
    /// network was published]
    #[arg(long, value_name = "HOW", value_parser = resampling())]
    resize: Option<Resampling>,
}

/// What does not depend on the score.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Take only the pictures at the top level of a folder or zip whose extensions are in lower case, as pytorch-fid
    /// does [default: pictures at any depth]
    #[arg(long)]
    flat: bool,
    #[command(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    pub output: Output,
}

/// Parses `--resize`.
pub fn resampling() -> impl TypedValueParser<Value = Resampling> {
    PossibleValuesParser::new(["pillow", "torch", "clean"]).try_map(|name| name.parse::<Resampling>())
}

#[derive(Debug, clap::Args)]
pub struct Machine {
    /// Device to compute on: cpu, cuda, cuda:1
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Number of threads for computing and decoding [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Output {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,
}

impl Machine {
    /// Sets threads, and returns device and number of threads.
    pub fn set(&self) -> Result<(Device, usize)> {
        let device = parse_device(&self.device)?;
        let threads = set_threads(self.threads)?;
        if self.threads.is_some() {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build_global()
                .context("the number of decoding threads cannot be set")?;
        }
        Ok((device, threads))
    }
}

/// Sets of pictures, and what a network sees in them.
pub struct Featured {
    /// The sets, as they were named.
    pub sets: Vec<Set>,
    /// By set, [N, d].
    pub features: Vec<Tensor>,
    /// The network.
    pub network: Box<dyn Extractor>,
    /// Where its weights are from.
    pub origin: Origin,
}

impl Options {
    /// Opens two sets or more, and looks at all of their pictures: what is wrong with one of them is told before any is looked at.
    pub fn features(&self, paths: &[PathBuf]) -> Result<Featured> {
        sets::expect_number(paths, 2..=usize::MAX);
        let sets = sets::open(paths, self.common.listing())?;
        let pictures = sets.iter().map(Set::pictures).collect::<Result<Vec<_>>>()?;
        sets.iter().try_for_each(Set::ensure_two)?;
        let (network, origin) = self.network()?;
        let features = pictures
            .iter()
            .zip(&sets)
            .map(|(images, set)| self.common.output.features(network.as_ref(), images, &set.label))
            .collect::<Result<_>>()?;
        Ok(Featured { sets, features, network, origin })
    }

    /// Sets the machine and loads the network.
    pub fn network(&self) -> Result<(Box<dyn Extractor>, Origin)> {
        let (device, _) = self.common.machine.set()?;
        let Network { extractor, weights, resize } = &self.network;
        let at_hand = || Ok(FID_INCEPTION.locate()?);
        let choice = Choice::make(extractor.as_deref(), weights.as_deref(), "inception-fid", at_hand)?;
        load(choice, weights.as_deref(), *resize, device)
    }
}

/// Loads a network by name, with weights and resize of choice.
pub fn load(
    choice: Choice,
    weights: Option<&Path>,
    resize: Option<Resampling>,
    device: Device,
) -> Result<(Box<dyn Extractor>, Origin)> {
    let name = &choice.name;
    let network = match weights {
        Some(file) => networks::load_file(name, file, device)?,
        None => networks::load(name, device)?,
    };
    let published = networks::published(name)?;
    let path = weights.map_or_else(|| folder().join(published.file), Path::to_owned);
    let origin = Origin { chosen: choice.why, weights: vec![published.examine(&path)?] };
    Ok(match resize {
        Some(choice) => (resampled(network, choice), origin),
        None => (network, origin),
    })
}

impl Common {
    /// Which pictures of a folder or zip are taken.
    pub fn listing(&self) -> Listing {
        if self.flat { Listing::Flat } else { Listing::Recursive }
    }
}

impl Output {
    /// A display of progress to `total`.
    pub fn progress(&self, label: impl Into<String>, total: usize) -> Progress {
        Progress::new(label, 0, total as u64, self.quiet)
    }

    /// Features [N, d] of a set's pictures, with progress.
    pub fn features(&self, network: &dyn Extractor, images: &Images, label: &str) -> Result<Tensor> {
        let mut progress = self.progress(label, images.len());
        let features = features_of_source(network, images, &mut |done| progress.set(done as u64))?;
        progress.finish();
        Ok(features)
    }
}

/// How pictures get the size of a network's input, in words.
pub fn describe_resize(network: &dyn Extractor) -> String {
    let preparation = network.preparation();
    let size = format!("to {} x {}", preparation.width, preparation.height);
    let pillow = |filter: Filter| format!("Pillow {}, 8-bit", format!("{filter:?}").to_lowercase());
    match preparation.resize {
        Resize::Pillow(filter) => format!("{}, {size}", pillow(filter)),
        Resize::PillowTwice { first, filter } => format!("{}, to {first} x {first}, then {size}", pillow(filter)),
        Resize::PillowCropped { shorter, filter } => {
            format!(
                "{}, shorter side to {shorter}, the middle {} x {}",
                pillow(filter),
                preparation.width,
                preparation.height
            )
        }
        Resize::TensorFlow => format!("TensorFlow 1 bilinear, not antialiased, not rounded, {size}"),
        Resize::Torch => format!("torch bilinear, not antialiased, not rounded, {size}"),
        Resize::Clean => format!("clean-fid: Pillow bicubic, not rounded, {size}"),
    }
}
