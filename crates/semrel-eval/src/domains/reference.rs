//! The real images of domains, as an evaluation sees them.

use super::truth::insert;
use super::{DomainImages, DomainMetrics, DomainOptions, DomainTruth, features_and_taps};
use crate::error::AtKey;
use crate::{EvalError, MORE, More};
use semrel_data::ImageStore;
use semrel_data::resize::{Filter, resize};
use semrel_metrics::classify::{NearestMean, REDUCTION, features_from_afar};
use semrel_metrics::extractor::Extractor;
use semrel_metrics::feature_cache;
use semrel_metrics::frechet::{Activations, MeanPrecision};
use semrel_run::scores::{DomainBaseline, DomainProtocol, PairScores, PairTruth};
use semrel_train::Progress;
use std::collections::BTreeMap;
use std::path::Path;
use tch::Tensor;

/// Features of images, seen in two ways.
struct Features {
    /// Of the images as they are, for the Fréchet distance.
    near: Tensor,
    /// Of the images made smaller, for the classifier.
    afar: Tensor,
}

/// The real images of all domains, and a classifier fitted to them.
pub struct DomainReference<'a> {
    pub(super) metrics: &'a DomainMetrics,
    pub(super) images: DomainImages<'a>,
    pub(super) options: DomainOptions,
    /// By domain.
    pub(super) reals: Vec<Activations>,
    /// Features of the source images, by domain.
    sources: Vec<Features>,
    pub(super) classifier: NearestMean,
    pub(super) protocol: DomainProtocol,
    pub(super) truth: Option<DomainTruth>,
    pub(super) more: Option<More>,
}

/// Activations, with an error that says of which images, and which config key their number is from.
pub(super) fn activations(features: &Tensor, of: String, key: &str) -> Result<Activations, EvalError> {
    let named = |error| EvalError::from(error).at_key(key).of(of);
    Activations::new(features, MeanPrecision::Single).map_err(named)
}

impl<'a> DomainReference<'a> {
    /// Reads features of all real images that the evaluation compares with, a batch in memory at a time. They are kept on disk
    /// for the next time.
    ///
    /// # Errors
    /// Images that cannot be read, and domains with too few.
    pub fn new(
        images: DomainImages<'a>,
        metrics: &'a DomainMetrics,
        options: DomainOptions,
        quiet: bool,
    ) -> Result<Self, EvalError> {
        let limit = |most: Option<usize>| most.unwrap_or(usize::MAX);
        let counts = |sizes: Vec<usize>, most: usize| sizes.into_iter().map(|n| n.min(most)).collect::<Vec<_>>();
        let real_counts = counts(images.train.sizes(), limit(options.max_reals));
        let source_counts = counts(images.val.sizes(), limit(options.max_sources));
        let total = real_counts.iter().sum::<usize>() + source_counts.iter().sum::<usize>();
        let mut progress = Progress::new("real images", 0, total as u64, quiet);
        let width = dimensions(metrics.classifying(), options);
        let (mut classes, mut sources, mut reals) = (vec![], vec![], vec![]);
        for (domain, name) in images.domains.iter().enumerate() {
            let mut features = |store, count| {
                features_of(metrics, store, (domain, name.as_str()), (count, width), options, &mut progress)
            };
            let real = features(images.train, real_counts[domain])?;
            reals.push(activations(&real.near, format!("training images of the domain {name}"), "eval.max_reals")?);
            classes.push((name.clone(), real.afar));
            sources.push(features(images.val, source_counts[domain])?);
        }
        progress.finish();
        let classifier = NearestMean::fit(&classes)?;
        let known: Vec<(String, Tensor)> =
            images.domains.iter().cloned().zip(sources.iter().map(|s| s.afar.shallow_clone())).collect();
        let real_accuracy = classifier.validate(&known)?.accuracy;
        let protocol = DomainProtocol {
            extractor: metrics.extractor().name().to_owned(),
            fd_name: metrics.extractor().frechet_name(),
            pd_name: metrics.perceptual_name(),
            num_outs: options.num_outs,
            sources_per_domain: source_counts.into(),
            reals_per_domain: real_counts.into(),
            img_size: options.size.into(),
            classified_at: REDUCTION,
            real_accuracy,
        };
        Ok(Self { metrics, images, options, reals, sources, classifier, protocol, truth: None, more: None })
    }

    /// The same with the truth of the sources, where it is known.
    #[must_use]
    pub fn with_truth(self, truth: Option<DomainTruth>) -> Self {
        Self { truth, ..self }
    }

    /// The same with further scores.
    #[must_use]
    pub fn with_more(self, more: More) -> Self {
        Self { more: Some(more), ..self }
    }

    /// Ordered pairs (source, target) of domains, grouped by target as the published evaluation goes through them.
    pub(super) fn pairs(&self) -> Vec<(usize, usize)> {
        let n = self.images.domains.len();
        (0..n).flat_map(|target| (0..n).filter(move |&s| s != target).map(move |s| (s, target))).collect()
    }

    pub(super) fn pair_name(&self, source: usize, target: usize) -> String {
        format!("{}2{}", self.images.domains[source], self.images.domains[target])
    }

    /// Scores of the sources themselves.
    ///
    /// # Errors
    /// Domains with too few sources.
    pub fn baseline(&self) -> Result<DomainBaseline, EvalError> {
        let (mut fd, mut target_accuracy, mut more) = (PairScores::default(), PairScores::default(), BTreeMap::new());
        for (source, target) in self.pairs() {
            let features = &self.sources[source];
            let name = self.pair_name(source, target);
            let own = activations(&features.near, format!("{name}: sources of a domain"), "eval.max_sources")?;
            fd.insert(name.clone(), own.distance(&self.reals[target])?);
            let looks = self.classifier.target_accuracy(&features.afar, &self.images.domains[target])?;
            target_accuracy.insert(name.clone(), looks);
            if let Some(asked) = &self.more {
                insert_further(&mut more, &name, self.of_features(asked, target, &features.near)?);
                insert_further(&mut more, &name, asked.of_unchanged_layouts());
            }
        }
        let truth = self.truth.as_ref().map(|truth| self.sources_against(truth)).transpose()?;
        Ok(DomainBaseline { protocol: self.protocol.clone(), fd, target_accuracy, truth, more })
    }

    /// Further scores of features [N, D] of a domain's translations.
    pub(super) fn of_features(
        &self,
        more: &More,
        target: usize,
        features: &Tensor,
    ) -> Result<BTreeMap<String, f64>, EvalError> {
        more.of_features(&self.reals[target].features(), features).at_key(MORE)
    }

    /// How near the sources come to the truth as they are.
    fn sources_against(&self, truth: &DomainTruth) -> Result<PairTruth, EvalError> {
        let (store, size, mut scores) = (self.images.val, self.options.size, PairTruth::default());
        for (source, target) in self.pairs() {
            let count = store.sizes()[source].min(self.options.max_sources.unwrap_or(usize::MAX));
            let mut all = vec![];
            for first in (0..count).step_by(self.options.batch) {
                let (mut files, mut images) = (vec![], vec![]);
                for item in first..count.min(first + self.options.batch) {
                    if let Some(image) = store.try_get(source, item)? {
                        files.push(store.file(source, item).clone());
                        images.push(resize(&image, size, size, Filter::Bilinear));
                    }
                }
                if !images.is_empty() {
                    let truths = truth.of((source, target), &files)?;
                    all.extend(self.metrics.likeness_of_pictures(&images, &truths)?);
                }
            }
            insert(&mut scores, &self.pair_name(source, target), &all);
        }
        Ok(scores)
    }
}

/// Adds further scores of a pair of domains.
pub(super) fn insert_further(
    scores: &mut BTreeMap<String, PairScores>,
    pair: &str,
    of_pair: impl IntoIterator<Item = (String, f64)>,
) {
    for (name, score) in of_pair {
        scores.entry(name).or_default().insert(pair.to_owned(), score);
    }
}

/// Features of the first `count` images of a domain, from the cache if they are there.
fn features_of(
    metrics: &DomainMetrics,
    store: &ImageStore,
    (domain, name): (usize, &str),
    (count, width): (usize, i64),
    options: DomainOptions,
    progress: &mut Progress,
) -> Result<Features, EvalError> {
    let files: Vec<&Path> = (0..count).map(|item| store.file(domain, item).as_path()).collect();
    let (extractor, classifying) = (metrics.extractor(), metrics.classifying());
    let both = |what: &str| format!("{} near, {what}afar/{REDUCTION}", extractor.name());
    let looks =
        if extractor.name() == classifying.name() { both("") } else { both(&format!("{} ", classifying.name())) };
    let place = feature_cache::place(&looks, options.size.into(), &files);
    let mut told = 0;
    let both = feature_cache::cached(place, || -> Result<Tensor, EvalError> {
        let (mut features, mut left) = (vec![], count);
        for images in store.eval_images(domain, options.size, options.batch) {
            let mut images = images?;
            images.truncate(left);
            left -= images.len();
            if images.is_empty() {
                break;
            }
            let near = features_and_taps(extractor, &images).0;
            features.push(Tensor::cat(&[near, features_from_afar(classifying, &images)], 1));
            progress.inc(images.len() as u64);
            told += images.len();
        }
        if features.is_empty() {
            return Err(EvalError::NoImage(name.to_owned()));
        }
        Ok(Tensor::cat(&features, 0))
    })?;
    progress.inc((count - told) as u64);
    let near = both.size()[1] - width;
    Ok(Features { near: both.narrow(1, 0, near), afar: both.narrow(1, near, width) })
}

/// Number of features that the classifier sees.
fn dimensions(classifying: &dyn Extractor, options: DomainOptions) -> i64 {
    features_from_afar(classifying, &[image::RgbImage::new(options.size, options.size)]).size()[1]
}
