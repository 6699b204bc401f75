//! LPIPS, or the perceptual distance over the features of another network.

use super::session::{describe_resize, load};
use anyhow::{Result, bail, ensure};
use image::RgbImage;
use semrel_data::DataError;
use semrel_metrics::MetricsError;
use semrel_metrics::extractor::{Extractor, Resampling, stack};
use semrel_metrics::networks::{self, Lpips, lpips};
use semrel_metrics::perceptual::{distance_of_images, mean_pairwise_of_pictures};
use std::path::PathBuf;
use tch::{Device, Kind, Tensor};

/// Name of LPIPS among the extractors.
const LPIPS: &str = "lpips-alex";

/// A distance of pictures.
pub enum Metric {
    Lpips(Lpips, Device),
    Features(Box<dyn Extractor>),
}

impl Metric {
    /// What can be loaded.
    pub fn names() -> Vec<&'static str> {
        [&networks::NAMES[..], &[LPIPS]].concat()
    }

    /// Loads by name; `weights` are no file, one, or two for LPIPS.
    pub fn load(name: &str, weights: &[PathBuf], resize: Option<Resampling>, device: Device) -> Result<Self> {
        if name != LPIPS {
            ensure!(weights.len() < 2, "--weights: {name} has one file");
            return Ok(Self::Features(load(name, weights.first().map(PathBuf::as_path), resize, device)?));
        }
        ensure!(resize.is_none(), "--resize: LPIPS compares pictures at their own size");
        let lpips = match weights {
            [] => lpips::load(device)?,
            [both] => lpips::load_files(both, both, device)?,
            [trunk, heads] => lpips::load_files(trunk, heads, device)?,
            _ => bail!("--weights: {LPIPS} has two files, of AlexNet and of the linear heads"),
        };
        Ok(Self::Lpips(lpips, device))
    }

    pub fn score(&self) -> String {
        match self {
            Self::Lpips(..) => "LPIPS".into(),
            Self::Features(network) => network.perceptual_name(),
        }
    }

    pub fn extractor(&self) -> &str {
        match self {
            Self::Lpips(..) => "AlexNet with the linear heads of LPIPS v0.1",
            Self::Features(network) => network.name(),
        }
    }

    pub fn resize(&self) -> String {
        match self {
            Self::Lpips(..) => "none: pictures at their own size".into(),
            Self::Features(network) => describe_resize(network.as_ref()),
        }
    }

    /// Whether a pair can be compared.
    pub fn check(&self, a: &RgbImage, b: &RgbImage) -> Result<()> {
        let ((w, h), (v, g)) = (a.dimensions(), b.dimensions());
        let own_size = matches!(self, Self::Lpips(..));
        ensure!(!own_size || (w, h) == (v, g), "{w} x {h} and {v} x {g} pixels: LPIPS needs pairs of one size");
        Ok(())
    }

    /// Distances of pairs.
    pub fn distances(&self, a: &[RgbImage], b: &[RgbImage]) -> Result<Vec<f64>, MetricsError> {
        match self {
            Self::Lpips(lpips, _) => lpips.distance_of_images(a, b),
            Self::Features(network) => distance_of_images(network.as_ref(), a, b),
        }
    }

    /// Mean distance over all pairs of `count` pictures. LPIPS is taken as the official multi-modal code takes it.
    pub fn mean_pairwise(
        &self,
        count: usize,
        read: impl Fn(usize) -> Result<RgbImage, DataError> + Sync,
    ) -> Result<f64, MetricsError> {
        match self {
            Self::Features(network) => mean_pairwise_of_pictures(network.as_ref(), count, read),
            Self::Lpips(lpips, device) => {
                let output = |i| -> Result<Tensor, MetricsError> { Ok(stack(&[read(i)?], *device)? / 127.5 - 1.0) };
                let outputs = (0..count).map(output).collect::<Result<Vec<_>, _>>()?;
                Ok(lpips.pair_distances(&outputs)?.mean(Kind::Double).double_value(&[]))
            }
        }
    }
}
