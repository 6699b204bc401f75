//! LPIPS, or the perceptual distance over the features of another network.

use super::origin::{Choice, LPIPS, Origin};
use super::session::{self, describe_resize};
use anyhow::{Result, bail, ensure};
use image::RgbImage;
use semrel_data::DataError;
use semrel_metrics::MetricsError;
use semrel_metrics::extractor::{Extractor, Resampling, stack};
use semrel_metrics::networks::{self, Lpips, lpips};
use semrel_metrics::perceptual::{distance_of_images, mean_pairwise_of_pictures};
use semrel_metrics::weights::{ALEXNET, LPIPS_ALEX};
use std::path::PathBuf;
use tch::{Device, Tensor};

/// A distance of pictures.
pub struct Metric {
    kind: Kind,
    score: String,
    pub origin: Origin,
}

enum Kind {
    Lpips(Lpips, Device),
    Features(Box<dyn Extractor>),
}

impl Metric {
    /// What can be loaded.
    pub fn names() -> Vec<&'static str> {
        [&networks::NAMES[..], &[LPIPS]].concat()
    }

    /// Loads by name, or LPIPS where its weights are at hand; `weights` holds no file, one, or two for LPIPS.
    pub fn load(name: Option<&str>, weights: &[PathBuf], resize: Option<Resampling>, device: Device) -> Result<Self> {
        let file = weights.first().map(PathBuf::as_path);
        let choice = Choice::make(name, file, LPIPS, lpips::examine)?;
        if choice.name != LPIPS {
            ensure!(weights.len() < 2, "--weights: {} has one file", choice.name);
            let (network, origin) = session::load(choice, file, resize, device)?;
            return Ok(Self { score: network.perceptual_name(), kind: Kind::Features(network), origin });
        }
        ensure!(resize.is_none(), "--resize: LPIPS compares pictures at their own size");
        let (lpips, examined) = match weights {
            [] => (lpips::load(device)?, lpips::examine()?),
            [both] => (lpips::load_files(both, both, device)?, vec![LPIPS_ALEX.examine(both)?]),
            [trunk, heads] => {
                (lpips::load_files(trunk, heads, device)?, vec![ALEXNET.examine(trunk)?, LPIPS_ALEX.examine(heads)?])
            }
            _ => bail!("--weights: {LPIPS} has two files, of AlexNet and of the linear heads"),
        };
        let score = networks::lpips_score_name(&examined);
        let origin = Origin { chosen: choice.why, weights: examined };
        Ok(Self { kind: Kind::Lpips(lpips, device), score, origin })
    }

    /// `LPIPS` with its published weights, else a name that tells the network and weights that are not published.
    pub fn score(&self) -> &str {
        &self.score
    }

    pub fn extractor(&self) -> &str {
        match &self.kind {
            Kind::Lpips(..) => "AlexNet with the linear heads of LPIPS v0.1",
            Kind::Features(network) => network.name(),
        }
    }

    pub fn resize(&self) -> String {
        match &self.kind {
            Kind::Lpips(..) => "none: pictures at their own size".into(),
            Kind::Features(network) => describe_resize(network.as_ref()),
        }
    }

    /// Whether a pair can be compared.
    pub fn check(&self, a: &RgbImage, b: &RgbImage) -> Result<()> {
        let ((w, h), (v, g)) = (a.dimensions(), b.dimensions());
        let own_size = matches!(self.kind, Kind::Lpips(..));
        ensure!(!own_size || (w, h) == (v, g), "{w} x {h} and {v} x {g} pixels: LPIPS needs pairs of one size");
        Ok(())
    }

    /// Distances of pairs.
    pub fn distances(&self, a: &[RgbImage], b: &[RgbImage]) -> Result<Vec<f64>, MetricsError> {
        match &self.kind {
            Kind::Lpips(lpips, _) => lpips.distance_of_images(a, b),
            Kind::Features(network) => distance_of_images(network.as_ref(), a, b),
        }
    }

    /// Mean distance over all pairs of `count` pictures. LPIPS is taken as the official multi-modal code takes it.
    pub fn mean_pairwise(
        &self,
        count: usize,
        read: impl Fn(usize) -> Result<RgbImage, DataError> + Sync,
    ) -> Result<f64, MetricsError> {
        match &self.kind {
            Kind::Features(network) => mean_pairwise_of_pictures(network.as_ref(), count, read),
            Kind::Lpips(lpips, device) => {
                let output = |i| -> Result<Tensor, MetricsError> { Ok(stack(&[read(i)?], *device)? / 127.5 - 1.0) };
                let outputs = (0..count).map(output).collect::<Result<Vec<_>, _>>()?;
                Ok(lpips.pair_distances(&outputs)?.mean(tch::Kind::Double).double_value(&[]))
            }
        }
    }
}
