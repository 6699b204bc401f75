//! The truth of translations between many domains, of which a source may have several.

use super::{DomainImages, DomainMetrics, DomainOptions, features_and_taps};
use crate::EvalError;
use crate::error::AtKey;
use crate::truth::TRUTH;
use crate::truth::counterparts::{check_hidden, check_pictures, in_folder};
use crate::truth::likeness::{Likeness, MeanLikeness};
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::image_io::{list_images, read_rgb};
use semrel_data::translate::output_names;
use semrel_metrics::perceptual::{distance, distance_of_images};
use semrel_run::scores::{GuidedTruth, PairTruth};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// What the sources of each domain should be in each other one: `<folder>/<target>/<source>/` with a picture for each of the
/// sources that are evaluated, of the same name and of the size of the outputs.
#[derive(Debug)]
pub struct DomainTruth {
    /// Truths by source file, for each pair (source, target) of domains.
    pairs: BTreeMap<(usize, usize), BTreeMap<PathBuf, PathBuf>>,
}

impl DomainTruth {
    /// Opens the truth of `images`, and looks at all of it: what would fail after training is refused before it.
    ///
    /// # Errors
    /// Names the config key and the folder or file: a folder that is not there, a source without counterpart, pictures that
    /// cannot be read, have another size or are training pictures.
    pub fn open(
        folder: &Path,
        images: DomainImages<'_>,
        options: DomainOptions,
        quiet: bool,
    ) -> Result<Self, EvalError> {
        let most = options.max_sources.unwrap_or(usize::MAX);
        let mut pairs = BTreeMap::new();
        for (source, source_name) in images.domains.iter().enumerate() {
            let count = images.val.sizes()[source].min(most);
            let sources: Vec<PathBuf> = (0..count).map(|item| images.val.file(source, item).clone()).collect();
            for (item, file) in sources.iter().enumerate() {
                // One that is left out would have another take its place.
                if images.val.try_get(source, item)?.is_none() {
                    read_rgb(file).at_key(TRUTH)?;
                }
            }
            let names = output_names(&sources, images.val.folder(source)).at_key(TRUTH)?;
            for (target, target_name) in images.domains.iter().enumerate().filter(|(target, _)| *target != source) {
                let folder = folder.join(target_name).join(source_name);
                let truths = in_folder(&folder, &names, "truth").at_key(TRUTH)?;
                pairs.insert((source, target), sources.iter().cloned().zip(truths).collect());
            }
        }
        let truth = Self { pairs };
        let files: Vec<PathBuf> = truth.pairs.values().flat_map(|of_pair| of_pair.values().cloned()).collect();
        check_pictures(&files, &vec![(options.size, options.size); files.len()], quiet).at_key(TRUTH)?;
        let training = |domain: usize, count: usize| (0..count).map(move |item| images.train.file(domain, item));
        let training = images.train.sizes().into_iter().enumerate().flat_map(|(domain, count)| training(domain, count));
        check_hidden(&list_images(folder).at_key(TRUTH)?, training).at_key(TRUTH)?;
        Ok(truth)
    }

    /// The truths of sources of one domain in another.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub(super) fn of(&self, pair: (usize, usize), sources: &[PathBuf]) -> Result<Vec<RgbImage>, EvalError> {
        let of_pair = &self.pairs[&pair];
        // Sources are a prefix of the files that were looked up.
        sources.par_iter().map(|source| Ok(read_rgb(&of_pair[source])?)).collect()
    }
}

impl DomainMetrics {
    /// How near outputs come to the truths of their sources: outputs of one source lie side by side, `group` of them. `taps` are
    /// those of the extractor, of all outputs.
    pub(super) fn likeness(
        &self,
        outputs: &[RgbImage],
        taps: &[Tensor],
        truths: &[RgbImage],
        group: usize,
    ) -> Result<Vec<Likeness>, EvalError> {
        let beside: Vec<RgbImage> = truths.iter().flat_map(|truth| std::iter::repeat_n(truth.clone(), group)).collect();
        let distances = match self.perceptual() {
            Some(other) => other.of_pairs(outputs, &beside)?,
            None => {
                let repeated = |tap: &Tensor| tap.repeat_interleave_self_int(group as i64, 0, None);
                let of_truths: Vec<Tensor> =
                    features_and_taps(self.extractor(), truths).1.iter().map(repeated).collect();
                let distances = distance(taps, &of_truths).to_kind(Kind::Double);
                Vec::try_from(distances).expect("one dimension")
            }
        };
        like(&distances, outputs, &beside)
    }

    /// How near pictures come to others.
    pub(super) fn likeness_of_pictures(
        &self,
        pictures: &[RgbImage],
        truths: &[RgbImage],
    ) -> Result<Vec<Likeness>, EvalError> {
        let distances = match self.perceptual() {
            Some(other) => other.of_pairs(pictures, truths)?,
            None => distance_of_images(self.extractor(), pictures, truths)?,
        };
        like(&distances, pictures, truths)
    }
}

fn like(distances: &[f64], pictures: &[RgbImage], truths: &[RgbImage]) -> Result<Vec<Likeness>, EvalError> {
    let pairs = distances.par_iter().zip(pictures).zip(truths);
    pairs.map(|((pd, picture), truth)| Likeness::new(*pd, picture, truth)).collect()
}

/// Adds means over the pictures of a pair of domains.
pub(super) fn insert(scores: &mut PairTruth, pair: &str, all: &[Likeness]) {
    let MeanLikeness { pd, ssim, psnr, .. } = MeanLikeness::over(all);
    scores.pd.insert(pair.to_owned(), pd);
    scores.ssim.insert(pair.to_owned(), ssim);
    scores.psnr.insert(pair.to_owned(), psnr);
}

/// Adds means over the outputs of a pair of domains, `group` of each source side by side: over all, and over the nearest of
/// each source.
pub(super) fn insert_outputs(scores: &mut GuidedTruth, pair: &str, all: &[Likeness], group: usize) {
    insert(&mut scores.mean, pair, all);
    let nearest = |of_source: &[Likeness]| of_source.iter().copied().min_by(|a, b| a.pd.total_cmp(&b.pd));
    let nearest: Vec<Likeness> = all.chunks(group.max(1)).filter_map(nearest).collect();
    insert(&mut scores.nearest, pair, &nearest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_output_of_each_source_is_told_apart() {
        let likeness = |pd: f64| Likeness { pd, ssim: 1.0 / pd, psnr: 10.0 * pd };
        let all = [3.0, 1.0, 2.0, 4.0, 8.0, 6.0].map(likeness);
        let mut scores = GuidedTruth::default();
        insert_outputs(&mut scores, "a2b", &all, 3);
        assert_eq!((scores.mean.pd.mean, scores.nearest.pd.mean), (4.0, 2.5));
        assert_eq!((scores.nearest.ssim.pairs["a2b"], scores.nearest.psnr.mean), (0.625, 25.0));
        insert_outputs(&mut scores, "b2a", &[likeness(1.5)], 3);
        assert_eq!((scores.mean.pd.mean, scores.nearest.pd.mean), (2.75, 2.0));
    }
}
