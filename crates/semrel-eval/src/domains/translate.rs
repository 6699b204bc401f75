//! What a translator makes of the sources of each pair of domains, scored.

use super::reference::{activations, insert_further};
use super::truth::insert_outputs;
use super::{DomainReference, DomainTruth, Guide, StyleTranslator, features_and_taps};
use crate::extractor::PerceptualDistance;
use crate::more::Layouts;
use crate::truth::likeness::Likeness;
use crate::{EvalError, More};
use image::RgbImage;
use semrel_data::image_io::Quantise;
use semrel_data::resize::{Filter, resize};
use semrel_data::rng::derive_seed;
use semrel_metrics::classify::features_from_afar;
use semrel_metrics::extractor::{stack, to_images};
use semrel_metrics::perceptual::mean_pairwise;
use semrel_run::scores::{DomainEvaluation, GuidedScores};
use semrel_train::Progress;
use semrel_train::batches::tensor;
use std::time::Instant;
use tch::{Kind, Tensor};

/// Outputs whose features are computed together, in whole groups of a source's outputs.
const OUTPUTS_AT_ONCE: i64 = 64;

/// Outputs of a source and sources per pair of the short look at a checkpoint.
const GLANCE: (i64, usize) = (2, 8);

/// What the outputs of one pair of domains leave behind.
#[derive(Default)]
struct Outputs {
    near: Vec<Tensor>,
    afar: Vec<Tensor>,
    /// Perceptual distances of each source, or of each batch.
    distances: Vec<Tensor>,
    /// How near each output comes to the truth, those of a source side by side.
    likeness: Vec<Likeness>,
    layouts: Layouts,
}

/// What outputs are compared with besides the real images.
#[derive(Clone, Copy, Default)]
struct Besides<'a> {
    truth: Option<&'a DomainTruth>,
    more: Option<&'a More>,
}

/// Pictures of a batch's sources, n of each kind.
struct Beside<'a> {
    truths: Option<Vec<RgbImage>>,
    /// The sources themselves, and what compares layouts.
    layouts: Option<(&'a More, Vec<RgbImage>)>,
}

impl DomainReference<'_> {
    /// Evaluates a translator with styles of both kinds.
    ///
    /// # Errors
    /// Images that cannot be read, too few outputs, outputs that are not finite.
    pub fn evaluate(
        &self,
        translator: &dyn StyleTranslator,
        checkpoint: &str,
        step: u64,
        quiet: bool,
    ) -> Result<DomainEvaluation, EvalError> {
        let began = Instant::now();
        let latent = self.scores(translator, Guide::Latent, self.options.num_outs, usize::MAX, quiet)?;
        let reference = self.scores(translator, Guide::Reference, self.options.num_outs, usize::MAX, quiet)?;
        let (seconds, protocol) = (began.elapsed().as_secs_f64(), self.protocol.clone());
        let checkpoint = checkpoint.to_owned();
        Ok(DomainEvaluation { checkpoint, step, select: None, protocol, latent, reference, seconds })
    }

    /// A short look at a translator, for choosing the best checkpoint: the mean latent-guided Fréchet distance with two outputs
    /// of each of at most 8 sources per pair.
    ///
    /// # Errors
    /// As [`DomainReference::evaluate`].
    pub fn glance(&self, translator: &dyn StyleTranslator) -> Result<f64, EvalError> {
        Ok(self.scores_with(Besides::default(), translator, Guide::Latent, GLANCE, true)?.fd.mean)
    }

    /// Scores of one guide, with `num_outs` outputs of at most `most` sources per domain.
    ///
    /// # Errors
    /// As [`DomainReference::evaluate`].
    pub fn scores(
        &self,
        translator: &dyn StyleTranslator,
        guide: Guide,
        num_outs: i64,
        most: usize,
        quiet: bool,
    ) -> Result<GuidedScores, EvalError> {
        let besides = Besides { truth: self.truth.as_ref(), more: self.more.as_ref() };
        self.scores_with(besides, translator, guide, (num_outs, most), quiet)
    }

    fn scores_with(
        &self,
        besides: Besides<'_>,
        translator: &dyn StyleTranslator,
        guide: Guide,
        (num_outs, most): (i64, usize),
        quiet: bool,
    ) -> Result<GuidedScores, EvalError> {
        let _guard = tch::no_grad_guard();
        let most = most.min(self.options.max_sources.unwrap_or(usize::MAX));
        let label = if guide == Guide::Latent { "latent-guided" } else { "reference-guided" };
        let per_pair: Vec<u64> = self.images.val.sizes().iter().map(|&n| n.min(most) as u64).collect();
        let total = self.pairs().iter().map(|&(s, _)| per_pair[s]).sum::<u64>() * num_outs as u64;
        let mut progress = Progress::new(label, 0, total, quiet);
        let mut scores = GuidedScores::default();
        for (source, target) in self.pairs() {
            let made = self.outputs(besides, translator, (source, target), guide, (num_outs, most), &mut progress)?;
            let name = self.pair_name(source, target);
            let of = format!("{name}: outputs (`eval.num_outs` of each of `eval.max_sources` sources)");
            let near = Tensor::cat(&made.near, 0);
            let own = activations(&near, of, "eval.max_sources")?;
            scores.fd.insert(name.clone(), own.distance(&self.reals[target])?);
            if num_outs > 1 {
                let mean = Tensor::cat(&made.distances, 0).mean(Kind::Double).double_value(&[]);
                scores.pd.insert(name.clone(), mean);
            }
            let looks = self.classifier.target_accuracy(&Tensor::cat(&made.afar, 0), &self.images.domains[target])?;
            scores.target_accuracy.insert(name.clone(), looks);
            if besides.truth.is_some() {
                let scores = scores.truth.get_or_insert_default();
                insert_outputs(scores, &name, &made.likeness, num_outs as usize);
            }
            if let Some(more) = besides.more {
                insert_further(&mut scores.more, &name, self.of_features(more, target, &near)?);
                insert_further(&mut scores.more, &name, made.layouts.means());
            }
        }
        progress.finish();
        Ok(scores)
    }

    /// The outputs of one ordered pair of domains.
    fn outputs(
        &self,
        besides: Besides<'_>,
        translator: &dyn StyleTranslator,
        (source, target): (usize, usize),
        guide: Guide,
        (num_outs, most): (i64, usize),
        progress: &mut Progress,
    ) -> Result<Outputs, EvalError> {
        let (images, options) = (self.images, self.options);
        // Each pair draws its own codes, whatever was evaluated before it.
        let pair = (source * images.domains.len() + target) as u64;
        tch::manual_seed(derive_seed(options.seed, "eval", pair));
        let mut references = References { reference: self, target, next: source * 7 };
        let (mut made, mut left) = (Outputs::default(), most);
        for batch in images.val.eval_batches(source, options.size as usize, options.batch) {
            let batch = batch?;
            let sources = tensor(&batch.images, translator.device());
            let n = sources.size()[0].min(left as i64);
            left -= n as usize;
            if n == 0 {
                break;
            }
            let mut styles = || match guide {
                Guide::Latent => Ok(translator.random_styles(n, target)),
                Guide::Reference => references.styles(translator, n),
            };
            let styles = (0..num_outs).map(|_| styles()).collect::<Result<Vec<_>, _>>()?;
            let sources = sources.narrow(0, 0, n);
            let outputs = translator.outputs(&sources, &styles);
            let of_pair = |truth: &DomainTruth| truth.of((source, target), &batch.files[..n as usize]);
            let beside = Beside {
                truths: besides.truth.map(of_pair).transpose()?,
                layouts: besides
                    .more
                    .filter(|more| more.compares_layouts())
                    .map(|more| Ok::<_, EvalError>((more, to_images(&sources, Quantise::Round)?)))
                    .transpose()?,
            };
            self.measure(&outputs, &beside, &mut made, progress)?;
        }
        Ok(made)
    }

    /// Features and distances of a batch: `outputs` are one tensor `[n, 3, H, W]` for each style.
    fn measure(
        &self,
        outputs: &[Tensor],
        beside: &Beside<'_>,
        made: &mut Outputs,
        progress: &mut Progress,
    ) -> Result<(), EvalError> {
        let (num_outs, n) = (outputs.len() as i64, outputs[0].size()[0]);
        let (extractor, perceptual) = (self.metrics.extractor(), self.metrics.perceptual());
        if num_outs > 1
            && let Some(distance) = perceptual.and_then(|p| p.of_outputs(outputs)).transpose()?
        {
            made.distances.push(Tensor::from_slice(&[distance]));
        }
        // A source's outputs side by side, as the pairwise distance wants them; whole groups at a time.
        let outputs = Tensor::stack(outputs, 1);
        let groups = (OUTPUTS_AT_ONCE / num_outs).max(1);
        for start in (0..n).step_by(groups as usize) {
            let group = outputs.narrow(0, start, groups.min(n - start)).flatten(0, 1);
            if group.isfinite().all().int64_value(&[]) != 1 {
                return Err(EvalError::NotFinite);
            }
            let images = to_images(&group, Quantise::Round)?;
            let (features, taps) = features_and_taps(extractor, &images);
            made.near.push(features);
            made.afar.push(features_from_afar(self.metrics.classifying(), &images));
            let group = start as usize..n.min(start + groups) as usize;
            if let Some(truths) = &beside.truths {
                let truths = &truths[group.clone()];
                made.likeness.extend(self.metrics.likeness(&images, &taps, truths, num_outs as usize)?);
            }
            if let Some((more, sources)) = &beside.layouts {
                more.add_layouts(&sources[group], &images, &mut made.layouts)?;
            }
            if num_outs > 1 {
                let own = perceptual.map(PerceptualDistance::extractor);
                match own {
                    None => made.distances.push(mean_pairwise(&taps, num_outs)),
                    Some(Some(other)) => {
                        made.distances.push(mean_pairwise(&features_and_taps(other, &images).1, num_outs))
                    }
                    Some(None) => {}
                }
            }
            progress.inc(images.len() as u64);
        }
        Ok(())
    }
}

/// Reference images of a target domain, in file order and without end. They start at another image for each source domain, so
/// that pairs do not share all their references.
struct References<'a> {
    reference: &'a DomainReference<'a>,
    target: usize,
    next: usize,
}

impl References<'_> {
    /// Styles of the next `n` references.
    fn styles(&mut self, translator: &dyn StyleTranslator, n: i64) -> Result<Tensor, EvalError> {
        let (store, size) = (self.reference.images.val, self.reference.options.size);
        let mut images: Vec<RgbImage> = vec![];
        while (images.len() as i64) < n {
            let image = store.get(self.target, self.next % store.sizes()[self.target])?;
            images.push(resize(&image, size, size, Filter::Bilinear));
            self.next += 1;
        }
        let batch = stack(&images, translator.device())?.contiguous() / 127.5 - 1.0;
        Ok(translator.styles_of(&batch, self.target))
    }
}
