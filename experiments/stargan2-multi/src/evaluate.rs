//! The published evaluation: latent- and reference-guided outputs for every ordered pair of domains.
//!
//! For each pair, every source image is translated `num_outs` times. The Fréchet distance compares the outputs with the
//! training images of the target domain, the perceptual distance is the mean over all pairs of a source's outputs, and
//! the target accuracy is the share of outputs that, seen from afar, a classifier fitted on real images puts into the
//! target domain.

use crate::config::Config;
use crate::data::Data;
use crate::networks::Translator;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use semrel_data::ImageStore;
use semrel_data::image_io::Quantise;
use semrel_data::rng::derive_seed;
use semrel_metrics::classify::{NearestMean, REDUCTION, features_from_afar};
use semrel_metrics::extractor::{Extractor, to_images};
use semrel_metrics::feature_cache;
use semrel_metrics::frechet::{Activations, MeanPrecision};
use semrel_metrics::perceptual::mean_pairwise;
use semrel_train::Progress;
use semrel_train::batches::tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use tch::{Device, Kind, Tensor, no_grad};

/// Where styles come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guide {
    /// Random latent codes.
    Latent,
    /// Validation images of the target domain.
    Reference,
}

/// A score for each ordered pair of domains (`autumn2spring`), and their mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean over pairs.
    pub mean: f64,
    /// By pair.
    pub pairs: BTreeMap<String, f64>,
}

impl Score {
    fn insert(&mut self, pair: String, value: f64) {
        self.pairs.insert(pair, value);
        self.mean = self.pairs.values().sum::<f64>() / self.pairs.len() as f64;
    }
}

/// Scores of one guide.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Fréchet distance to the training images of the target domain.
    pub fd: Score,
    /// Mean perceptual distance between a source's outputs.
    pub pd: Score,
    /// Share of outputs that look like the target domain.
    pub target_accuracy: Score,
}

/// Images of each domain: a number where domains are equal, otherwise one for each in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Counts {
    /// As many of each.
    Equal(usize),
    /// By domain.
    ByDomain(Vec<usize>),
}

impl From<Vec<usize>> for Counts {
    fn from(counts: Vec<usize>) -> Self {
        match counts.first() {
            Some(&first) if counts.iter().all(|&n| n == first) => Self::Equal(first),
            _ => Self::ByDomain(counts),
        }
    }
}

/// What scores refer to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Name of the feature extractor.
    pub extractor: String,
    /// Name of the Fréchet distance.
    pub fd_name: String,
    /// Name of the perceptual distance.
    pub pd_name: String,
    /// Outputs per source image and target domain.
    pub num_outs: i64,
    /// Source images per domain.
    pub sources_per_domain: Counts,
    /// Training images per domain that outputs are compared with.
    pub reals_per_domain: Counts,
    /// Side of the images.
    pub img_size: i64,
    /// How many times smaller a side of an image is made before it is classified.
    pub classified_at: u32,
    /// Share of real validation images that the classifier recognises: the ceiling of the target accuracy.
    pub real_accuracy: f64,
}

/// Scores of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// `last`, `best`, or a file.
    pub checkpoint: String,
    /// Its step.
    pub step: u64,
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Latent-guided.
    pub latent: Scores,
    /// Reference-guided.
    pub reference: Scores,
    /// Seconds that the evaluation took.
    pub seconds: f64,
}

/// Scores of the sources themselves, not translated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Fréchet distance of the sources to the training images of the target domain.
    pub fd: Score,
    /// Share of the sources that look like the target domain.
    pub target_accuracy: Score,
}

/// Features of images, seen in two ways.
struct Features {
    /// Of the images as they are, for the Fréchet distance.
    near: Tensor,
    /// Of the images made smaller, for the classifier.
    afar: Tensor,
}

/// The real images of a data set, as an extractor sees them.
pub struct Reference<'a> {
    extractor: &'a dyn Extractor,
    data: &'a Data,
    config: &'a Config,
    /// By domain.
    reals: Vec<Activations>,
    /// Features of the source images, by domain.
    sources: Vec<Features>,
    classifier: NearestMean,
    protocol: Protocol,
}

impl<'a> Reference<'a> {
    /// Reads features of all real images that the evaluation compares with.
    pub fn new(config: &'a Config, data: &'a Data, extractor: &'a dyn Extractor, quiet: bool) -> Result<Self> {
        let size = config.data.image_size as u32;
        let limit = |most: Option<usize>| most.unwrap_or(usize::MAX);
        let (most_reals, most_sources) = (limit(config.eval.max_reals), limit(config.eval.max_sources));
        let counts = |sizes: Vec<usize>, most: usize| sizes.into_iter().map(|n| n.min(most)).collect::<Vec<_>>();
        let (real_counts, source_counts) =
            (counts(data.train.sizes(), most_reals), counts(data.val.sizes(), most_sources));
        let total = real_counts.iter().sum::<usize>() + source_counts.iter().sum::<usize>();
        let mut progress = Progress::new("real images", 0, total as u64, quiet);
        let mut done = 0;
        let mut features_of = |store: &ImageStore, domain: usize, count: usize| -> Result<Features> {
            let files: Vec<&Path> = (0..count).map(|item| store.file(domain, item).as_path()).collect();
            let place = feature_cache::place(
                &format!("{} near, afar/{REDUCTION}", extractor.name()),
                config.data.image_size,
                &files,
            );
            let both = feature_cache::cached(place, || -> Result<Tensor> {
                let (mut features, mut left) = (vec![], count);
                for images in store.eval_images(domain, size, config.eval.batch_size as usize) {
                    let mut images = images?;
                    images.truncate(left);
                    left -= images.len();
                    if images.is_empty() {
                        break;
                    }
                    let near = features_and_taps(extractor, &images).0;
                    features.push(Tensor::cat(&[near, features_from_afar(extractor, &images)], 1));
                    progress.inc(images.len() as u64);
                }
                ensure!(!features.is_empty(), "domain {}: no readable image to evaluate with", data.domains[domain]);
                Ok(Tensor::cat(&features, 0))
            })?;
            done += count as u64;
            progress.set(done);
            let [near, afar] = <[Tensor; 2]>::try_from(both.chunk(2, 1)).expect("two halves");
            Ok(Features { near, afar })
        };
        let (mut classes, mut sources, mut reals) = (vec![], vec![], vec![]);
        for (domain, name) in data.domains.iter().enumerate() {
            let real = features_of(&data.train, domain, real_counts[domain])?;
            let activations = Activations::new(&real.near, MeanPrecision::Single);
            reals
                .push(activations.with_context(|| format!("training images of the domain {name} (`eval.max_reals`)"))?);
            classes.push((name.clone(), real.afar));
            sources.push(features_of(&data.val, domain, source_counts[domain])?);
        }
        progress.finish();
        let classifier = NearestMean::fit(&classes)?;
        let known: Vec<(String, Tensor)> =
            data.domains.iter().cloned().zip(sources.iter().map(|s: &Features| s.afar.shallow_clone())).collect();
        let real_accuracy = classifier.validate(&known)?.accuracy;
        let name = extractor.name();
        let protocol = Protocol {
            extractor: name.to_owned(),
            fd_name: format!("FD({name})"),
            pd_name: format!("PD({name})"),
            num_outs: config.eval.num_outs,
            sources_per_domain: source_counts.into(),
            reals_per_domain: real_counts.into(),
            img_size: config.data.image_size,
            classified_at: REDUCTION,
            real_accuracy,
        };
        Ok(Self { extractor, data, config, reals, sources, classifier, protocol })
    }

    /// Ordered pairs (source, target) of domains, grouped by target as the published evaluation goes through them.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let n = self.data.domains.len();
        (0..n).flat_map(|target| (0..n).filter(move |&s| s != target).map(move |s| (s, target))).collect()
    }

    fn pair_name(&self, source: usize, target: usize) -> String {
        format!("{}2{}", self.data.domains[source], self.data.domains[target])
    }

    /// Scores of the sources themselves.
    pub fn baseline(&self) -> Result<Baseline> {
        let (mut fd, mut target_accuracy) = (Score::default(), Score::default());
        for (source, target) in self.pairs() {
            let features = &self.sources[source];
            let name = self.pair_name(source, target);
            let activations = Activations::new(&features.near, MeanPrecision::Single)
                .with_context(|| format!("{name}: sources of a domain (`eval.max_sources`)"))?;
            fd.insert(name.clone(), activations.distance(&self.reals[target])?);
            target_accuracy.insert(name, self.classifier.target_accuracy(&features.afar, &self.data.domains[target])?);
        }
        Ok(Baseline { protocol: self.protocol.clone(), fd, target_accuracy })
    }

    /// Evaluates networks in both ways.
    pub fn evaluate(&self, translator: &Translator, checkpoint: &str, step: u64, quiet: bool) -> Result<Evaluation> {
        let began = Instant::now();
        let eval = &self.config.eval;
        let latent = self.scores(translator, Guide::Latent, eval.num_outs, usize::MAX, quiet)?;
        let reference = self.scores(translator, Guide::Reference, eval.num_outs, usize::MAX, quiet)?;
        let seconds = began.elapsed().as_secs_f64();
        let protocol = self.protocol.clone();
        Ok(Evaluation { checkpoint: checkpoint.to_owned(), step, protocol, latent, reference, seconds })
    }

    /// A short look at networks, for choosing the best checkpoint: the mean latent-guided Fréchet distance with two
    /// outputs of each of at most 8 sources a pair.
    pub fn glance(&self, translator: &Translator) -> Result<f64> {
        Ok(self.scores(translator, Guide::Latent, 2, 8, true)?.fd.mean)
    }

    /// Scores of one guide, with `num_outs` outputs of at most `most` sources a domain.
    pub fn scores(
        &self,
        translator: &Translator,
        guide: Guide,
        num_outs: i64,
        most: usize,
        quiet: bool,
    ) -> Result<Scores> {
        let _guard = tch::no_grad_guard();
        let eval = &self.config.eval;
        let size = self.config.data.image_size as usize;
        let most = most.min(eval.max_sources.unwrap_or(usize::MAX));
        let label = if guide == Guide::Latent { "latent-guided" } else { "reference-guided" };
        let per_pair: Vec<u64> = self.data.val.sizes().iter().map(|&n| n.min(most) as u64).collect();
        let total = self.pairs().iter().map(|&(s, _)| per_pair[s]).sum::<u64>() * num_outs as u64;
        let mut progress = Progress::new(label, 0, total, quiet);
        let mut scores = Scores::default();
        for (source, target) in self.pairs() {
            // Each pair draws its own codes, whatever was evaluated before it.
            let pair = (source * self.data.domains.len() + target) as u64;
            tch::manual_seed(derive_seed(self.config.seed, "eval", pair));
            let mut references = References::new(self, target, source);
            let (mut near, mut afar, mut distances, mut left) = (vec![], vec![], vec![], most);
            for batch in self.data.val.eval_batches(source, size, eval.batch_size as usize) {
                let images = tensor(&batch?.images, translator.generator.device());
                let images = images.narrow(0, 0, images.size()[0].min(left as i64));
                let n = images.size()[0];
                left -= n as usize;
                if n == 0 {
                    break;
                }
                let encoded = translator.generator.encode(&images, &[]).bottleneck;
                let mut outputs = vec![];
                for _ in 0..num_outs {
                    let style = match guide {
                        Guide::Latent => {
                            let options = (Kind::Float, images.device());
                            let z = Tensor::randn([n, self.config.model.latent_dim], options);
                            translator.mapping_network.forward(&z, &vec![target as i64; n as usize])
                        }
                        Guide::Reference => references.styles(translator, n)?,
                    };
                    outputs.push(translator.generator.decode(&encoded, &style));
                }
                // A source's outputs side by side, as the pairwise distance wants them; whole groups at a time.
                let outputs = Tensor::stack(&outputs, 1);
                let groups = (64 / num_outs).max(1);
                for start in (0..n).step_by(groups as usize) {
                    let group = outputs.narrow(0, start, groups.min(n - start)).flatten(0, 1);
                    let images = to_images(&group, Quantise::Round)?;
                    let (features, taps) = features_and_taps(self.extractor, &images);
                    near.push(features);
                    afar.push(features_from_afar(self.extractor, &images));
                    if num_outs > 1 {
                        distances.push(mean_pairwise(&taps, num_outs));
                    }
                    progress.inc(group.size()[0] as u64);
                }
            }
            let name = self.pair_name(source, target);
            let activations = Activations::new(&Tensor::cat(&near, 0), MeanPrecision::Single)
                .with_context(|| format!("{name}: outputs (`eval.num_outs` of each of `eval.max_sources` sources)"))?;
            scores.fd.insert(name.clone(), activations.distance(&self.reals[target])?);
            if num_outs > 1 {
                let mean = Tensor::cat(&distances, 0).mean(Kind::Double).double_value(&[]);
                scores.pd.insert(name.clone(), mean);
            }
            let accuracy = self.classifier.target_accuracy(&Tensor::cat(&afar, 0), &self.data.domains[target])?;
            scores.target_accuracy.insert(name, accuracy);
        }
        progress.finish();
        Ok(scores)
    }
}

/// Reference images of a target domain, in file order and without end.
struct References<'a> {
    reference: &'a Reference<'a>,
    target: usize,
    next: usize,
}

impl<'a> References<'a> {
    /// Starts at another image for each source domain, so that pairs do not share all their references.
    fn new(reference: &'a Reference<'a>, target: usize, source: usize) -> Self {
        Self { reference, target, next: source * 7 }
    }

    /// Styles of the next `n` references.
    fn styles(&mut self, translator: &Translator, n: i64) -> Result<Tensor> {
        let store = &self.reference.data.val;
        let size = self.reference.config.data.image_size as u32;
        let mut images: Vec<RgbImage> = vec![];
        while (images.len() as i64) < n {
            let image = store.get(self.target, self.next % store.sizes()[self.target])?;
            images.push(semrel_data::resize::resize(&image, size, size, semrel_data::resize::Filter::Bilinear));
            self.next += 1;
        }
        let batch = to_tensor(&images, translator.generator.device());
        Ok(translator.style_encoder.forward(&batch, &vec![self.target as i64; n as usize]))
    }
}

/// 8-bit images of equal size as `[N, 3, H, W]` in [-1, 1].
pub fn to_tensor(images: &[RgbImage], device: Device) -> Tensor {
    let (w, h) = images[0].dimensions();
    let bytes: Vec<u8> = images.iter().flat_map(|i| i.as_raw().iter().copied()).collect();
    let pixels = Tensor::from_data_size(&bytes, &[images.len() as i64, h.into(), w.into(), 3], Kind::Uint8);
    pixels.to_device(device).permute([0, 3, 1, 2]).to_kind(Kind::Float).contiguous() / 127.5 - 1.0
}

/// Pooled features and taps of images, from one pass of the network.
fn features_and_taps(extractor: &dyn Extractor, images: &[RgbImage]) -> (Tensor, Vec<Tensor>) {
    no_grad(|| extractor.features_and_taps(&extractor.preparation().prepare(images, extractor.device())))
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn counts_are_told_by_domain_where_they_differ() {
        let text = |counts: Vec<usize>| serde_json::to_string(&Counts::from(counts)).unwrap();
        assert_eq!(text(vec![3, 3]), "3");
        assert_eq!(text(vec![3, 2, 3]), "[3,2,3]");
        assert_eq!(serde_json::from_str::<Counts>("[3,2,3]").unwrap(), Counts::ByDomain(vec![3, 2, 3]));
    }
}
