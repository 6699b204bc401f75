//! The truth: what the translations of the test images should be, where that is known, and how near they come to it.
//!
//! A rendered world knows it, and so does whoever has aligned pairs. It is hidden from training: what is refused is a set that
//! holds a training picture. Perceptual distance, SSIM and PSNR compare the 8-bit pictures; masks, white inside, divide the
//! PSNR into that of what should change and that of what should stay.

pub(crate) mod counterparts;
mod error;
pub(crate) mod likeness;

pub use error::TruthError;

use crate::error::AtKey;
use crate::evaluation::picture;
use crate::image_set::check_each;
use crate::{EvalError, ImageSet, PerceptualDistance};
use counterparts::{Size, by_name, check_hidden, check_pictures, expect_size, in_folder};
use image::{GrayImage, RgbImage};
use likeness::{Likeness, MaskedSquares, MeanLikeness};
use rayon::prelude::*;
use semrel_data::image_io::{dimensions, list_images, read_image, read_rgb};
use semrel_data::transform::multiples_of_four;
use semrel_metrics::extractor::Extractor;
use semrel_run::scores::TruthScores;
use semrel_train::Progress;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tch::{Device, Tensor};

/// Config key of the truth.
pub const TRUTH: &str = "eval.truth";
/// Config key of the masks.
pub const MASKS: &str = "eval.masks";
/// What the key says instead of a folder where the truth of a test image is the other picture of its pair.
pub const PAIRS: &str = "pairs";

/// Pictures on each side that are held in memory at a time.
const AT_ONCE: usize = 20;

/// The truth as a configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TruthChoice<'a> {
    /// A folder, or [`PAIRS`] (`eval.truth`); `None` where the truth is not known.
    pub truth: Option<&'a Path>,
    /// A folder of masks (`eval.masks`).
    pub masks: Option<&'a Path>,
    /// One of [`PerceptualDistance::names`] (`eval.perceptual`).
    pub perceptual: &'a str,
}

/// The test images that have a truth.
#[derive(Debug, Clone, Copy)]
pub struct Tested<'a> {
    /// Those that are translated.
    pub sources: &'a ImageSet,
    /// Test images of the target domain.
    pub targets: &'a ImageSet,
    /// Width and height that sources are resized to; `None` for their own size, rounded to multiples of 4.
    pub size: Option<Size>,
}

/// The truth of test images, with a network that compares.
#[derive(Debug)]
pub struct Truth {
    pictures: Pictures,
    masks: Option<Vec<PathBuf>>,
    perceptual: PerceptualDistance,
}

/// By test image.
#[derive(Debug)]
enum Pictures {
    Files(Vec<PathBuf>),
    /// Members of a set by their numbers, at the size of the translations.
    Members(ImageSet, Vec<usize>, Option<Size>),
}

impl Pictures {
    /// What the translation of a source should be.
    fn read(&self, item: usize) -> Result<RgbImage, EvalError> {
        match self {
            Self::Files(files) => Ok(read_rgb(&files[item])?),
            Self::Members(set, places, size) => picture(set, places[item], *size),
        }
    }
}

impl<'a> TruthChoice<'a> {
    /// The folder of the truth, where one is named.
    pub fn folder(self) -> Option<&'a Path> {
        self.truth.filter(|truth| *truth != Path::new(PAIRS))
    }

    /// Whether the truth of a test image is the other picture of its pair, which is a test image, too.
    pub fn is_of_pairs(self) -> bool {
        self.truth == Some(Path::new(PAIRS))
    }

    /// All files of the folders that are named, on which scores depend. Pairs are test images, which they depend on anyway.
    ///
    /// # Errors
    /// Names the config key of a folder that is not there.
    pub fn files(self) -> Result<Vec<PathBuf>, EvalError> {
        let truth = self.folder();
        let list = |folder: Option<&Path>, key| folder.map_or(Ok(vec![]), |folder| list_images(folder).at_key(key));
        Ok([list(truth, TRUTH)?, list(self.masks, MASKS)?].concat())
    }

    /// Opens the truth of the test images, where a configuration names one, and looks at all that is compared: what would fail
    /// after training is refused before it. `training` are the files that training sees, of both domains.
    ///
    /// # Errors
    /// Names the config key and the folder or file: a folder that is not there, a test image without counterpart, pictures that
    /// cannot be read, have another size or are training pictures, masks that do not fit, a network that cannot be loaded.
    pub fn open<'f>(
        self,
        tested: Tested<'_>,
        training: impl Iterator<Item = &'f PathBuf>,
        device: Device,
        quiet: bool,
    ) -> Result<Option<Truth>, EvalError> {
        if self.truth.is_none() {
            return if self.masks.is_some() { Err(TruthError::MasksAlone).at_key(MASKS) } else { Ok(None) };
        }
        self.with_network(PerceptualDistance::load(self.perceptual, device)?, tested, training, quiet)
    }

    fn with_network<'f>(
        self,
        perceptual: PerceptualDistance,
        tested: Tested<'_>,
        training: impl Iterator<Item = &'f PathBuf>,
        quiet: bool,
    ) -> Result<Option<Truth>, EvalError> {
        let Some(truth) = self.truth else { return Ok(None) };
        let names = tested.sources.output_names()?;
        let sizes = (0..names.len()).map(|i| translated_size(tested, i)).collect::<Result<Vec<_>, _>>()?;
        let pictures = pictures(truth, tested, &names, &sizes, training, quiet).at_key(TRUTH)?;
        let masks = self.masks.map(|folder| masks(folder, &names, &sizes, quiet).at_key(MASKS)).transpose()?;
        let truth = Truth { pictures, masks, perceptual };
        // Whatever pictures are too small for.
        let smallest = (0..sizes.len()).min_by_key(|&i| sizes[i].0.min(sizes[i].1));
        if let Some(i) = smallest {
            let picture = truth.pictures.read(i).at_key(TRUTH)?;
            let both = std::slice::from_ref(&picture);
            let pd = truth.perceptual.of_pairs(both, both);
            pd.and_then(|pd| Likeness::new(pd[0], &picture, &picture))
                .map_err(|error| error.of("the smallest of its pictures").at_key(TRUTH))?;
        }
        Ok(Some(truth))
    }
}

/// Width and height of the translation of a source.
fn translated_size(tested: Tested<'_>, item: usize) -> Result<Size, EvalError> {
    let own = || -> Result<Size, EvalError> {
        let (width, height) = dimensions(&tested.sources.files()[item])?;
        Ok(match tested.sources.half() {
            Some(semrel_data::Side::A) => (width / 2, height),
            Some(semrel_data::Side::B) => (width - width / 2, height),
            None => (width, height),
        })
    };
    Ok(multiples_of_four(tested.size.map_or_else(own, Ok)?))
}

fn pictures<'f>(
    truth: &Path,
    tested: Tested<'_>,
    names: &[PathBuf],
    sizes: &[Size],
    training: impl Iterator<Item = &'f PathBuf>,
    quiet: bool,
) -> Result<Pictures, EvalError> {
    if truth == Path::new(PAIRS) {
        let set = tested.targets;
        let named: BTreeMap<PathBuf, usize> = set.output_names()?.into_iter().zip(0..).collect();
        let places = by_name(&named, names, set.folder(), "truth")?;
        let files: Vec<PathBuf> = places.iter().map(|&place| set.files()[place].clone()).collect();
        check_hidden(&files, training)?;
        let members = Pictures::Members(set.clone(), places, tested.size);
        // They are resized as the sources are; where these keep their size, both must have the same.
        let look = |i: usize| Ok(expect_size(&files[i], members.read(i)?.dimensions(), sizes[i])?);
        check_each("truth of the test images", names.len(), look, quiet)?;
        return Ok(members);
    }
    let files = in_folder(truth, names, "truth")?;
    check_pictures(&files, sizes, quiet)?;
    check_hidden(&list_images(truth)?, training)?;
    Ok(Pictures::Files(files))
}

fn masks(folder: &Path, names: &[PathBuf], sizes: &[Size], quiet: bool) -> Result<Vec<PathBuf>, EvalError> {
    let files = in_folder(folder, names, "mask")?;
    let all = Mutex::new(MaskedSquares::default());
    let look = |i: usize| {
        let mask = read_mask(&files[i])?;
        expect_size(&files[i], mask.dimensions(), sizes[i])?;
        let blank = RgbImage::new(mask.width(), mask.height());
        let mut all = all.lock().expect("nothing panics that holds it");
        *all = all.plus(MaskedSquares::of(&blank, &blank, &mask));
        Ok(())
    };
    check_each("masks of the test images", files.len(), look, quiet)?;
    let all = all.into_inner().expect("nothing panics that holds it");
    match all.lacking() {
        Some(lacking) => Err(TruthError::OneColour { folder: folder.to_owned(), lacking }.into()),
        None => Ok(files),
    }
}

fn read_mask(file: &Path) -> Result<GrayImage, EvalError> {
    Ok(read_image(file)?.to_luma8())
}

impl Truth {
    /// What perceptual distances are called.
    pub fn perceptual_name(&self) -> String {
        self.perceptual.name()
    }

    /// How near 8-bit pictures come to it, one file for each test image, in their order; and their features [N, d] where
    /// `extractor` is the network that compares them: it looks at each once then.
    ///
    /// # Errors
    /// Files that cannot be read, and pictures of another size.
    pub fn scores(
        &self,
        files: &[PathBuf],
        extractor: &dyn Extractor,
        quiet: bool,
    ) -> Result<(TruthScores, Option<Tensor>), EvalError> {
        let mut features = vec![];
        let mut bar = Progress::new("distance to the truth", 0, files.len() as u64, quiet);
        let (pictures, mut all, mut squares) = (&self.pictures, vec![], MaskedSquares::default());
        for first in (0..files.len()).step_by(AT_ONCE) {
            let items = first..files.len().min(first + AT_ONCE);
            let read = |i: usize| -> Result<(RgbImage, RgbImage), EvalError> {
                let (picture, truth) = (read_rgb(&files[i])?, pictures.read(i)?);
                expect_size(&files[i], picture.dimensions(), truth.dimensions())?;
                Ok((picture, truth))
            };
            let pairs: Vec<_> = items.clone().into_par_iter().map(read).collect::<Result<_, _>>()?;
            let (left, right): (Vec<RgbImage>, Vec<RgbImage>) = pairs.into_iter().unzip();
            let (pd, found) = self.perceptual.of_pairs_with_features(&left, &right, extractor)?;
            features.extend(found);
            let like = |(i, pd): (usize, &f64)| Likeness::new(*pd, &left[i], &right[i]);
            all.extend(pd.par_iter().enumerate().map(like).collect::<Result<Vec<_>, EvalError>>()?);
            if let Some(masks) = &self.masks {
                let of = |(i, (picture, truth)): (usize, (&RgbImage, &RgbImage))| -> Result<_, EvalError> {
                    Ok(MaskedSquares::of(picture, truth, &read_mask(&masks[i])?))
                };
                let parts = items.into_par_iter().zip(left.par_iter().zip(&right)).map(of);
                let parts: Vec<_> = parts.collect::<Result<_, _>>()?;
                squares = parts.into_iter().fold(squares, MaskedSquares::plus);
            }
            bar.set(all.len() as u64);
        }
        bar.finish();
        let MeanLikeness { pd, ssim, psnr, equal } = MeanLikeness::over(&all);
        let masked = self.masks.as_ref().map(|_| squares.psnr());
        let of_pictures: Vec<f64> = all.iter().map(|likeness| likeness.pd).collect();
        // A number that is not finite could not be read back.
        let pd_of_pictures = if of_pictures.iter().all(|pd| pd.is_finite()) { of_pictures } else { vec![] };
        let scores = TruthScores { pd_name: self.perceptual_name(), pd, ssim, psnr, equal, masked, pd_of_pictures };
        Ok((scores, (!features.is_empty()).then(|| Tensor::cat(&features, 0))))
    }
}

#[cfg(test)]
mod tests;
