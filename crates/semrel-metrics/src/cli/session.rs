//! What all commands share: the network, the machine, and how results are shown.

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use semrel_metrics::extractor::{Extractor, Resampling, features_of_source};
use semrel_metrics::source::Listing;
use semrel_metrics::{Images, networks};
use semrel_train::{Progress, parse_device, set_threads};
use std::path::PathBuf;
use tch::{Device, Tensor};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Network that features are read from. `cargo xtask weights list` tells whether its weights are there
    #[arg(long, value_name = "NAME", default_value = networks::DEFAULT,
          value_parser = PossibleValuesParser::new(networks::NAMES))]
    pub extractor: String,
    /// File of the network's weights, of any name; from the weights folder where absent
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// How pictures get the size of the network's input: pillow (antialiased, 8-bit), torch (bilinear without
    /// antialiasing, as pytorch-fid) or clean (antialiased floats, as clean-fid); the network's own way where absent
    #[arg(long, value_name = "HOW")]
    resize: Option<Resampling>,
    /// Take of a folder or zip only the pictures at its top with extensions in lower case, as pytorch-fid does; by
    /// default those at any depth
    #[arg(long)]
    flat: bool,
    #[command(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, clap::Args)]
pub struct Machine {
    /// Where to compute: cpu, cuda, cuda:1
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Threads of arithmetic and of decoding; all cores where absent
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
                .context("the threads of decoding cannot be set")?;
        }
        Ok((device, threads))
    }
}

impl Options {
    /// Which pictures of a folder or zip are taken.
    pub fn listing(&self) -> Listing {
        if self.flat { Listing::Flat } else { Listing::Recursive }
    }

    /// Loads the network.
    pub fn network(&self) -> Result<Box<dyn Extractor>> {
        let (device, _) = self.machine.set()?;
        let network = match &self.weights {
            Some(file) => networks::load_file(&self.extractor, file, device)?,
            None => networks::load(&self.extractor, device)?,
        };
        Ok(match self.resize {
            Some(choice) => networks::resampled(network, choice),
            None => network,
        })
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
    format!("{}, to {} x {}", preparation.resize, preparation.width, preparation.height)
}
