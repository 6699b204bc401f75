//! GcGAN (Fu et al., CVPR 2019): a translation that commutes with turning the image.
//!
//! With a turn `f` and one translator `G` for images as they are and turned (shared weights), a discriminator each:
//! `L_G = GAN(D(G(x))) + GAN(D_f(G(f(x)))) + λ_geo (|G(x) − f⁻¹(G(f(x)))| + |G(f(x)) − f(G(x))|)`, plus
//! `λ_idt |G(y) − y|` as its authors add. As `f` only moves pixels, both geometry terms are the same number, half of which
//! sends its gradient either way. From the paper's formulas: no published numbers were compared with.

use crate::adversary::{Adversary, new_adversary};
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::{Config, Geometry, LossConfig};
use crate::networks::{Discriminator, Generator};
use crate::one_sided::OneSided;
use anyhow::{Result, ensure};
use semrel_nn::Net;
use semrel_nn::image_pool::ImagePool;
use semrel_train::passes::{first, l1, reproduce, split};
use semrel_train::{Losses, Part};
use tch::{Device, Tensor};

/// One generator, a discriminator for images as they are and one for turned ones.
#[derive(Debug)]
pub struct GcGan {
    networks: OneSided,
    turned: Adversary,
    loss: LossConfig,
}

impl Geometry {
    /// `f(x)` of images `[B, C, H, W]`.
    fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Self::Rotate => x.rot90(-1, [2, 3]),
            Self::Flip => x.flip([2]),
        }
    }
}

impl GcGan {
    /// Fresh networks, their weights drawn from torch's generator.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        Ok(Self {
            networks: OneSided::new(config, device)?,
            turned: new_adversary(config, "D_gc", device)?,
            loss: config.loss.clone(),
        })
    }
}

impl Algorithm for GcGan {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let (f, Batch { a, b }) = (self.loss.geometry, batch);
        let (height, width) = (a.size()[2], a.size()[3]);
        ensure!(
            f == Geometry::Flip || height == width,
            "images of {width} x {height}: `loss.geometry: rotate` needs squares"
        );
        let OneSided { generator, adversary } = &mut self.networks;
        let mut losses = Losses::new();
        let n = a.size()[0];
        let mut images = vec![a.shallow_clone(), f.apply(a)];
        if self.loss.lambda_identity > 0.0 {
            images.push(first(b, self.loss.identity_images));
        }
        let (fakes, same) = split(&generator.forward(&Tensor::cat(&images, 0)), 2 * n);
        let (fake, fake_turned) = split(&fakes, n);

        adversary.train(&fake, b, info.step, &mut losses);
        self.turned.train(&fake_turned, &f.apply(b), info.step, &mut losses);

        let adversarial = adversary.generator_loss(&fake) + self.turned.generator_loss(&fake_turned);
        let geometry = l1(&fake_turned, &f.apply(&fake)) * (2.0 * self.loss.lambda_geometry);
        losses.push("G_GAN", &adversarial);
        losses.push("geometry", &geometry);
        let mut total = adversarial + geometry;
        if self.loss.lambda_identity > 0.0 {
            let idt = l1(&same, &first(b, self.loss.identity_images)) * self.loss.lambda_identity;
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
        let mut parts = self.networks.parts();
        parts.push(Part::new("D_gc", &mut self.turned.discriminator));
        parts
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        let mut critics = self.networks.critics();
        critics.push((&self.turned.discriminator, Domain::Target));
        critics
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        let mut pools = self.networks.pools();
        pools.push(("gc", &mut self.turned.pool));
        pools
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn turns() {
        let x = Tensor::arange(4, (Kind::Float, Device::Cpu)).view([1, 1, 2, 2]);
        let flat = |t: Tensor| Vec::<f32>::try_from(t.reshape([-1])).unwrap();
        // 0 1      2 0
        // 2 3  to  3 1
        assert_eq!(flat(Geometry::Rotate.apply(&x)), [2.0, 0.0, 3.0, 1.0]);
        assert_eq!(flat(Geometry::Flip.apply(&x)), [2.0, 3.0, 0.0, 1.0]);
    }

    #[test]
    fn both_geometry_terms_are_one_number() {
        let (fake, turned) = (
            Tensor::randn([2, 3, 8, 8], (Kind::Double, Device::Cpu)),
            Tensor::randn([2, 3, 8, 8], (Kind::Double, Device::Cpu)),
        );
        let back = turned.rot90(1, [2, 3]);
        let difference = l1(&turned, &Geometry::Rotate.apply(&fake)) - l1(&fake, &back);
        assert!(difference.double_value(&[]).abs() < 1e-12);
    }
}
