//! Which domain an image looks like: a nearest-mean classifier on extractor features.
//!
//! Each class is the mean of its images' features. An image belongs to the nearest mean, by the Mahalanobis distance
//! `(x − μ_c)ᵀ S⁻¹ (x − μ_c)` under the covariance within classes, shrunk halfway to a multiple of the identity:
//! `S = ½·Σ_within + ½·(tr Σ_within/d)·I`. This is linear discriminant analysis with equal priors. A plain Euclidean
//! distance would need no covariance, but confuses more real photographs (see the crate's README).
//!
//! For outputs of generators the features are those of [`features_from_afar`]: which domain an image shows is one
//! question, and how sharp it is another, which the Fréchet distance answers.

use crate::MetricsError;
use crate::extractor::Extractor;
use crate::frechet::check;
use image::RgbImage;
use semrel_data::resize::{Filter, resize};
use tch::{Device, Kind, Tensor};

/// How many times smaller a side of an image is made before it is classified.
pub const REDUCTION: u32 = 4;

/// Features [N, d] of images that were made [`REDUCTION`] times smaller, at half the extractor's input size.
///
/// A classifier that was fitted on sharp images takes softness or a faint texture for a weather; after the reduction
/// real images and outputs are alike in both. The measurements that led to it are in the crate's README.
pub fn features_from_afar(extractor: &dyn Extractor, images: &[RgbImage]) -> Tensor {
    let small: Vec<RgbImage> = images
        .iter()
        .map(|image| {
            let side = |length: u32| length.div_ceil(REDUCTION);
            resize(image, side(image.width()), side(image.height()), Filter::Bilinear)
        })
        .collect();
    // Nothing is left in the reduced image that the full input would show.
    extractor.features(&extractor.preparation().halved().prepare(&small, extractor.device()))
}

/// Share of the identity in the covariance.
const SHRINKAGE: f64 = 0.5;

/// A classifier whose classes are means of features.
#[derive(Debug)]
pub struct NearestMean {
    classes: Vec<String>,
    /// `S⁻¹·μ`, double [d, C].
    directions: Tensor,
    /// `−½·μᵀS⁻¹μ`, double [C].
    offsets: Tensor,
}

/// How a classifier fares on images of known classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Share of all images that are recognised.
    pub accuracy: f64,
    /// The same for each class given: its name, share recognised, number of images.
    pub by_class: Vec<(String, f64, usize)>,
}

impl NearestMean {
    /// Fits the classes from their names and features [N_c, d].
    ///
    /// # Errors
    /// [`MetricsError::TooFew`] for fewer than two classes or an empty one, [`MetricsError::Dimensions`],
    /// [`MetricsError::Shape`], [`MetricsError::NotFinite`].
    pub fn fit(classes: &[(String, Tensor)]) -> Result<Self, MetricsError> {
        let _guard = tch::no_grad_guard();
        if classes.len() < 2 {
            return Err(MetricsError::TooFew { what: "classes", found: classes.len() as i64, needed: 2 });
        }
        let width = check(&classes[0].1)?.1;
        let (mut means, mut centred) = (vec![], vec![]);
        for (_, features) in classes {
            if rows(features, width)? == 0 {
                return Err(MetricsError::TooFew { what: "images of a class", found: 0, needed: 1 });
            }
            let features = double(features);
            let mean = features.mean_dim(0, true, Kind::Double);
            centred.push(features - &mean);
            means.push(mean);
        }
        let (means, centred) = (Tensor::cat(&means, 0), Tensor::cat(&centred, 0));
        let within = centred.tr().matmul(&centred) / centred.size()[0] as f64;
        let spread = within.trace().double_value(&[]) / width as f64;
        let identity = Tensor::eye(width, (Kind::Double, Device::Cpu));
        // One image per class has no spread: distances are then Euclidean.
        let shrunk =
            if spread > 0.0 { within * (1.0 - SHRINKAGE) + &identity * (spread * SHRINKAGE) } else { identity };
        let directions = means.tr().cholesky_solve(&shrunk.linalg_cholesky(false), false);
        let offsets = (means.tr() * &directions).sum_dim_intlist(0, false, Kind::Double) * -0.5;
        Ok(Self { classes: classes.iter().map(|(name, _)| name.clone()).collect(), directions, offsets })
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Class of each of the images with features [N, d].
    ///
    /// # Errors
    /// [`MetricsError::Dimensions`], [`MetricsError::Shape`], [`MetricsError::NotFinite`].
    pub fn predict(&self, features: &Tensor) -> Result<Vec<usize>, MetricsError> {
        let _guard = tch::no_grad_guard();
        rows(features, self.directions.size()[0])?;
        let scores = double(features).matmul(&self.directions) + &self.offsets;
        let nearest: Vec<i64> = Vec::try_from(scores.argmax(1, false)).expect("one dimension");
        Ok(nearest.into_iter().map(|class| class as usize).collect())
    }

    /// Share of the images that looks like each class; the shares sum to 1.
    ///
    /// # Errors
    /// As [`NearestMean::predict`]; [`MetricsError::TooFew`] for no image.
    pub fn shares(&self, features: &Tensor) -> Result<Vec<f64>, MetricsError> {
        let predicted = self.predict(features)?;
        if predicted.is_empty() {
            return Err(MetricsError::TooFew { what: "images to classify", found: 0, needed: 1 });
        }
        let mut counts = vec![0usize; self.classes.len()];
        predicted.iter().for_each(|&class| counts[class] += 1);
        Ok(counts.into_iter().map(|count| count as f64 / predicted.len() as f64).collect())
    }

    /// Share of the images that looks like `class`: of outputs of a translation into that domain, its target accuracy.
    ///
    /// # Errors
    /// As [`NearestMean::shares`]; [`MetricsError::UnknownClass`].
    pub fn target_accuracy(&self, features: &Tensor, class: &str) -> Result<f64, MetricsError> {
        let position = self
            .classes
            .iter()
            .position(|name| name == class)
            .ok_or_else(|| MetricsError::UnknownClass { name: class.to_owned(), known: self.classes.join(", ") })?;
        Ok(self.shares(features)?[position])
    }

    /// Accuracy on real images that were not used to fit: what a perfect translation could reach, and whether the
    /// classifier is to be trusted at all.
    ///
    /// # Errors
    /// As [`NearestMean::target_accuracy`].
    pub fn validate(&self, classes: &[(String, Tensor)]) -> Result<Validation, MetricsError> {
        let mut by_class = vec![];
        for (name, features) in classes {
            by_class.push((name.clone(), self.target_accuracy(features, name)?, features.size()[0] as usize));
        }
        let all: usize = by_class.iter().map(|(_, _, count)| count).sum();
        let right: f64 = by_class.iter().map(|(_, share, count)| share * *count as f64).sum();
        Ok(Validation { accuracy: right / all.max(1) as f64, by_class })
    }
}

/// Number of rows of finite features [N, width].
fn rows(features: &Tensor, width: i64) -> Result<i64, MetricsError> {
    let (count, found) = check(features)?;
    if found != width {
        return Err(MetricsError::Dimensions { left: width as usize, right: found as usize });
    }
    Ok(count)
}

fn double(features: &Tensor) -> Tensor {
    features.to_device(Device::Cpu).to_kind(Kind::Double)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extractor::{Preparation, Resize};
    use crate::testing::normal;
    use proptest::prelude::*;

    /// Three classes whose first feature is noise of great variance and whose second tells them apart.
    fn world(seed: i64, n: i64) -> Vec<(String, Tensor)> {
        let scale = Tensor::from_slice(&[30.0, 1.0, 1.0, 1.0]);
        let class = |c: i64| normal(seed + c, &[n, 4]) * &scale + Tensor::from_slice(&[0.0, 6.0 * c as f64, 0.0, 0.0]);
        ["a", "b", "c"].into_iter().zip(0..).map(|(name, c)| (name.to_owned(), class(c))).collect()
    }

    /// The mean of each channel of what arrives, and the size of it.
    struct Means;

    impl Extractor for Means {
        fn name(&self) -> &str {
            "means"
        }
        fn preparation(&self) -> Preparation {
            Preparation {
                width: 31,
                height: 16,
                resize: Resize::Pillow(Filter::Bilinear),
                mean: [0.0; 3],
                std: [1.0; 3],
            }
        }
        fn device(&self) -> Device {
            Device::Cpu
        }
        fn features(&self, batch: &Tensor) -> Tensor {
            let &[n, _, height, width] = batch.size().as_slice() else { panic!("images") };
            let size = Tensor::from_slice(&[height as f32, width as f32]).expand([n, 2], false);
            let spread = batch.std_dim([2i64, 3].as_slice(), false, false);
            Tensor::cat(&[batch.mean_dim([2i64, 3].as_slice(), false, Kind::Float), spread, size], 1)
        }
        fn taps(&self, batch: &Tensor) -> Vec<Tensor> {
            vec![batch.shallow_clone()]
        }
        fn features_and_taps(&self, batch: &Tensor) -> (Tensor, Vec<Tensor>) {
            (self.features(batch), self.taps(batch))
        }
    }

    #[test]
    fn fine_texture_is_not_seen_from_afar() {
        // Stripes of one pixel and the grey that they average to; sides that are no multiple of the reduction.
        let stripes = RgbImage::from_fn(30, 17, |x, _| image::Rgb([if x % 2 == 0 { 255 } else { 1 }; 3]));
        let grey = RgbImage::from_pixel(30, 17, image::Rgb([128; 3]));
        let near: Vec<f32> = Vec::try_from(
            Means.features(&Means.preparation().prepare(std::slice::from_ref(&stripes), Device::Cpu)).view(-1),
        )
        .unwrap();
        assert!(near[3] > 50.0 && near[6..] == [16.0, 31.0], "{near:?}");
        let afar = features_from_afar(&Means, &[stripes, grey]);
        let [stripes, grey]: [Vec<f32>; 2] = [0, 1].map(|i| Vec::try_from(afar.get(i)).unwrap());
        assert!(stripes[3] < 12.0 && (stripes[0] - grey[0]).abs() < 4.0, "{stripes:?}");
        assert!(grey[3] == 0.0 && grey[6..] == [8.0, 16.0], "{grey:?}");
    }

    #[test]
    fn held_out_images_are_recognised_despite_a_noisy_feature() {
        let fitted = NearestMean::fit(&world(1, 200)).unwrap();
        let validation = fitted.validate(&world(100, 100)).unwrap();
        assert!(validation.accuracy > 0.6, "{validation:?}");
        assert_eq!(validation.by_class.len(), 3);
        // The same features in shuffled classes are recognised at chance.
        let swapped: Vec<_> =
            world(100, 100).into_iter().zip(["b", "c", "a"]).map(|((_, f), n)| (n.into(), f)).collect();
        assert!(fitted.validate(&swapped).unwrap().accuracy < 0.3);
    }

    #[test]
    fn one_image_a_class_is_plain_nearest_neighbour() {
        let one = |values: [f64; 2]| Tensor::from_slice(&values).view([1, 2]);
        let fitted = NearestMean::fit(&[("a".into(), one([0.0, 0.0])), ("b".into(), one([4.0, 0.0]))]).unwrap();
        let x = Tensor::cat(&[one([1.9, 50.0]), one([2.1, -50.0])], 0);
        assert_eq!(fitted.predict(&x).unwrap(), [0, 1]);
        assert_eq!(fitted.shares(&x).unwrap(), [0.5, 0.5]);
        assert_eq!(fitted.target_accuracy(&x, "b").unwrap(), 0.5);
    }

    #[test]
    fn errors_are_typed() {
        let classes = world(1, 5);
        let fitted = NearestMean::fit(&classes).unwrap();
        assert!(matches!(NearestMean::fit(&classes[..1]), Err(MetricsError::TooFew { .. })));
        assert!(matches!(fitted.predict(&normal(1, &[3, 5])), Err(MetricsError::Dimensions { left: 4, right: 5 })));
        assert!(matches!(fitted.shares(&normal(1, &[0, 4])), Err(MetricsError::TooFew { .. })));
        let error = fitted.target_accuracy(&normal(1, &[3, 4]), "winter").unwrap_err().to_string();
        assert!(error.contains("winter") && error.contains("a, b, c"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn rotations_and_shifts_change_no_prediction(seed in 0i64..1000, n in 2i64..12) {
            let rotation = Tensor::linalg_qr(&normal(seed, &[4, 4]), "complete").0;
            let turn = |t: &Tensor| t.matmul(&rotation) + 2.0;
            let turned: Vec<_> = world(seed, n).into_iter().map(|(name, f)| (name, turn(&f))).collect();
            let x = normal(seed + 50, &[20, 4]) * 10.0;
            let plain = NearestMean::fit(&world(seed, n)).unwrap();
            let other = NearestMean::fit(&turned).unwrap();
            prop_assert_eq!(plain.predict(&x).unwrap(), other.predict(&turn(&x)).unwrap());
            prop_assert!((plain.shares(&x).unwrap().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
