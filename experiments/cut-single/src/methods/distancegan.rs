//! DistanceGAN (Benaim & Wolf, NIPS 2017), one-sided, with self-distances.
//!
//! Images that are far apart should stay so: with the distance of an image's left half `L(x)` from its right half `R(x)`,
//! `d(x) = mean |L(x) − R(x)|`, standardised by its mean μ and deviation σ over the training images of its domain,
//! `L_dist = mean_x | (d(x) − μ_A)/σ_A − (d(G(x)) − μ_B)/σ_B |` (the paper's Eq. 5 with the self-distance of its
//! Section 3.2). From the paper's formulas: no published numbers were compared with.

use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::Config;
use crate::networks::{Discriminator, Generator};
use crate::one_sided::OneSided;
use anyhow::{Result, ensure};
use semrel_nn::Net;
use semrel_nn::image_pool::ImagePool;
use semrel_train::passes::{first, l1, reproduce, split};
use semrel_train::{Losses, Part};
use tch::{Device, Kind, Tensor};

/// Mean and deviation of the self-distances of a domain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceStatistics {
    /// μ.
    pub mean: f64,
    /// σ, above 0.
    pub deviation: f64,
}

impl DistanceStatistics {
    /// Of images `[B, C, H, W]`, two or more in all.
    ///
    /// # Errors
    /// Where the distances do not vary: then they cannot be compared.
    pub fn of(images: &[&Tensor]) -> Result<Self> {
        let distances: Vec<Tensor> = images.iter().map(|x| halves_distance(x)).collect();
        let distances = Tensor::cat(&distances, 0).to_kind(Kind::Double);
        ensure!(
            distances.numel() >= 2,
            "`distancegan` needs at least two training images, found {}",
            distances.numel()
        );
        let (mean, deviation) = (distances.mean(None::<Kind>).double_value(&[]), distances.std(true).double_value(&[]));
        ensure!(
            deviation.is_finite() && deviation > 1e-6,
            "`distancegan`: the left and right halves of all training images differ by the same amount ({mean:.4}); it has \
             nothing to preserve"
        );
        Ok(Self { mean, deviation })
    }

    fn standardise(&self, distances: &Tensor) -> Tensor {
        (distances - self.mean) / self.deviation
    }
}

/// `d(x) = mean |L(x) − R(x)|` of each image `[B, C, H, W]`: `[B]`. The middle column of an odd width is left out.
pub fn halves_distance(x: &Tensor) -> Tensor {
    let width = x.size()[3];
    let difference = x.narrow(3, 0, width / 2) - x.narrow(3, width - width / 2, width / 2);
    difference.abs().mean_dim([1i64, 2, 3].as_slice(), false, None::<Kind>)
}

/// Generator and discriminator, with the distances of both domains.
#[derive(Debug)]
pub struct DistanceGan {
    networks: OneSided,
    source: DistanceStatistics,
    target: DistanceStatistics,
    lambda_distance: f64,
    lambda_identity: f64,
    identity_images: Option<i64>,
}

impl DistanceGan {
    /// Fresh networks; the distances of both domains are measured on `images`.
    ///
    /// # Errors
    /// As [`DistanceStatistics::of`].
    pub fn new(config: &Config, device: Device, images: &[Batch]) -> Result<Self> {
        Ok(Self {
            networks: OneSided::new(config, device)?,
            source: DistanceStatistics::of(&images.iter().map(|batch| &batch.a).collect::<Vec<_>>())?,
            target: DistanceStatistics::of(&images.iter().map(|batch| &batch.b).collect::<Vec<_>>())?,
            lambda_distance: config.loss.lambda_distance,
            lambda_identity: config.loss.lambda_identity,
            identity_images: config.loss.identity_images,
        })
    }
}

impl Algorithm for DistanceGan {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let OneSided { generator, adversary } = &mut self.networks;
        let mut losses = Losses::new();
        let n = batch.a.size()[0];
        let target = first(&batch.b, self.identity_images);
        let (fake, same) = if self.lambda_identity > 0.0 {
            let (fake, same) = split(&generator.forward(&Tensor::cat(&[&batch.a, &target], 0)), n);
            (fake, Some(same))
        } else {
            (generator.forward(&batch.a), None)
        };

        adversary.train(&fake, &batch.b, info.step, &mut losses);

        let adversarial = adversary.generator_loss(&fake);
        let before = self.source.standardise(&halves_distance(&batch.a));
        let after = self.target.standardise(&halves_distance(&fake));
        let distance = (before - after).abs().mean(None::<Kind>) * self.lambda_distance;
        losses.push("G_GAN", &adversarial);
        losses.push("distance", &distance);
        let mut total = adversarial + distance;
        if let Some(same) = same {
            let idt = l1(&same, &target) * self.lambda_identity;
            losses.push("idt", &idt);
            total += idt;
        }
        losses.push("G", &total);
        generator.backward_step(&total);
        Ok(losses)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        reproduce(&mut self.networks.generator, &Tensor::cat(&[&batch.a, &batch.b], 0))
    }

    fn generator(&self) -> &Net<Generator> {
        &self.networks.generator
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        self.networks.parts()
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.networks.critics()
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        self.networks.pools()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(rows: [[f32; 4]; 1]) -> Tensor {
        Tensor::from_slice(&rows.concat()).view([1, 1, 1, 4])
    }

    #[test]
    fn distances_of_halves_by_hand() {
        let x = Tensor::cat(&[image([[0.0, 1.0, 3.0, 1.0]]), image([[2.0, 2.0, 2.0, 2.0]])], 0);
        assert_eq!(Vec::<f32>::try_from(halves_distance(&x)).unwrap(), [1.5, 0.0]);
        let odd = Tensor::from_slice(&[1f32, 9.0, 4.0]).view([1, 1, 1, 3]);
        assert_eq!(halves_distance(&odd).double_value(&[0]), 3.0);
        let statistics = DistanceStatistics::of(&[&x]).unwrap();
        assert!((statistics.mean - 0.75).abs() < 1e-9 && (statistics.deviation - 1.5 / 2f64.sqrt()).abs() < 1e-9);
        let standard = statistics.standardise(&halves_distance(&x));
        assert!(standard.sum(Kind::Double).double_value(&[]).abs() < 1e-6);
    }

    #[test]
    fn domains_without_differences_are_refused() {
        let x = image([[1.0; 4]]);
        let text = DistanceStatistics::of(&[&x, &x]).unwrap_err().to_string();
        assert!(text.contains("same amount"), "{text}");
        assert!(DistanceStatistics::of(&[&x]).unwrap_err().to_string().contains("two training images"));
    }
}
