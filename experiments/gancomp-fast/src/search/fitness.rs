//! Quality of a configuration: what the super-net makes of the search's pictures at it, scored.
//!
//! The sub-network runs on slices of the super-net's weights ([`SuperMobileResnet::at`]): nothing is rebuilt or copied.

use crate::config::{Config, Criterion};
use crate::data::Data;
use crate::latency::{Latency, Runs, measure};
use crate::looked_at::{
    extractor, labels_of_search, options_of_search, reference_of_search, segmenter, sources_of_search,
};
use crate::search::cache::Key;
use crate::search::cost::Stopwatch;
use crate::trained::weights_digest;
use anyhow::{Result, bail};
use image::RgbImage;
use semrel_eval::{Forward, Inputs, MeanIou, ReferenceSet, Scorer};
use semrel_metrics::extractor::features_of_images;
use semrel_nn::Net;
use semrel_nn::channels::Channels;
use semrel_nn::mobile_resnet::{SubMobileResnet, SuperMobileResnet, Variant};
use tch::{Device, Kind, Tensor, no_grad};

/// Scores configurations of a super-net.
pub struct Fitness<'a> {
    student: &'a Net<SuperMobileResnet>,
    score: Score,
}

enum Score {
    Frechet(Box<Scorer>),
    Miou(Inputs, MeanIou),
}

impl<'a> Fitness<'a> {
    /// Reads the search's pictures, and the real images or the labels.
    ///
    /// # Errors
    /// Names the config key and the file: pictures, statistics or labels that cannot be read or do not fit.
    pub fn new(
        config: &Config,
        data: &Data,
        student: &'a Net<SuperMobileResnet>,
        device: Device,
        quiet: bool,
    ) -> Result<Self> {
        let inputs = Inputs::held(&sources_of_search(config, data)?, options_of_search(config))?;
        let score = match config.search.criterion {
            Criterion::Frechet => {
                let extractor = extractor(config).load(device)?;
                let reference = ReferenceSet::new(&reference_of_search(config, data)?, extractor.as_ref(), quiet)?;
                Score::Frechet(Box::new(Scorer::new(extractor, reference, inputs)))
            }
            Criterion::Miou => {
                let segmenter = segmenter(config, data, device, quiet)?;
                Score::Miou(inputs, MeanIou::new(segmenter, &labels_of_search(config, data)?)?)
            }
        };
        Ok(Self { student, score })
    }

    /// By the Fréchet distance, with a scorer at hand.
    pub fn frechet(student: &'a Net<SuperMobileResnet>, scorer: Scorer) -> Self {
        Self { student, score: Score::Frechet(Box::new(scorer)) }
    }

    /// Features of pictures, where the Fréchet distance is the quality.
    ///
    /// # Errors
    /// A quality without features.
    pub fn features(&self, pictures: &[RgbImage]) -> Result<Tensor> {
        match &self.score {
            Score::Frechet(scorer) => Ok(features_of_images(scorer.extractor(), pictures)?),
            Score::Miou(..) => bail!("a mean IoU has no features"),
        }
    }

    /// The search's pictures.
    pub fn inputs(&self) -> &Inputs {
        match &self.score {
            Score::Frechet(scorer) => scorer.inputs(),
            Score::Miou(inputs, _) => inputs,
        }
    }

    /// Name of the quality, such as `FD(effnet-lite0)`.
    pub fn name(&self) -> String {
        match &self.score {
            Score::Frechet(scorer) => scorer.extractor().frechet_name(),
            Score::Miou(_, miou) => miou.name(),
        }
    }

    /// Real images that a Fréchet distance refers to, where their number is known.
    pub fn reals(&self) -> Option<u64> {
        match &self.score {
            Score::Frechet(scorer) => scorer.reference().count(),
            Score::Miou(..) => None,
        }
    }

    /// The key of its values: the super-net's weights and all that they are scored by, the same on every machine.
    ///
    /// # Errors
    /// Names the file of a real image that cannot be read.
    pub fn key(&self) -> Result<Key> {
        let weights = weights_digest(&self.student.state());
        Ok(match &self.score {
            Score::Frechet(scorer) => Key::new("fd", &[&weights, &scorer.identity()?]),
            Score::Miou(inputs, miou) => Key::new("miou", &[&weights, &miou.identity(), &inputs.digest()?]),
        })
    }

    /// What the super-net makes of the pictures at a configuration.
    ///
    /// # Errors
    /// None is known for a configuration within the super-net.
    pub fn outputs(&self, channels: &Channels) -> Result<Vec<RgbImage>> {
        let network = self.student.at(channels);
        let forward = |images: &Tensor| network.forward(images);
        Ok(self.inputs().outputs(&Forward { device: self.student.device(), forward })?)
    }

    /// Quality of pictures, one for each of the search's.
    ///
    /// # Errors
    /// Features that are not finite.
    pub fn score(&self, outputs: &[RgbImage]) -> Result<f64> {
        match &self.score {
            Score::Frechet(scorer) => Ok(scorer.distance_of(outputs)?),
            Score::Miou(_, miou) => Ok(miou.percent(outputs)?),
        }
    }

    /// Quality of a configuration.
    ///
    /// # Errors
    /// As [`Fitness::score`].
    pub fn quality(&self, channels: &Channels) -> Result<f64> {
        self.score(&self.outputs(channels)?)
    }
}

/// Measures networks under libtorch.
#[derive(Debug, Clone)]
pub struct Torch {
    /// Width and height of the images.
    pub size: (u32, u32),
    /// Where to compute.
    pub device: Device,
    /// Threads of arithmetic, as they are set.
    pub threads: usize,
    /// How often.
    pub runs: Runs,
}

impl Torch {
    /// Time of a pass of one random image.
    ///
    /// # Errors
    /// None is known.
    pub fn time(&self, forward: &dyn Fn(&Tensor) -> Tensor) -> Result<Latency> {
        let (width, height) = self.size;
        let image = Tensor::rand([1, 3, height.into(), width.into()], (Kind::Float, self.device)) * 2.0 - 1.0;
        measure(self.runs, self.threads, &mut || {
            // Reading a number waits for a device that computes on its own.
            let _ = no_grad(|| forward(&image)).flatten(0, -1).get(0).double_value(&[]);
            Ok(())
        })
    }
}

/// A stopwatch of stand-alone networks with random weights.
#[derive(Debug, Clone)]
pub struct SubNets {
    /// How they are measured.
    pub torch: Torch,
    /// What they are apart from their widths.
    pub variant: Variant,
}

impl Stopwatch for SubNets {
    fn measure(&mut self, channels: &Channels) -> Result<Latency> {
        let network = Net::new(self.torch.device, |p| SubMobileResnet::of_variant(p, channels, self.variant));
        self.torch.time(&|image| network.forward(image))
    }

    fn conditions(&self) -> String {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find(|line| line.starts_with("model name")).unwrap_or(std::env::consts::ARCH);
        let Torch { size, device, threads, runs } = &self.torch;
        let published = format!("{size:?} {device:?} {threads} threads, {runs:?}, {model}");
        if self.variant == Variant::default() { published } else { format!("{published}, {:?}", self.variant) }
    }
}
