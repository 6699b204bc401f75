//! GcGAN (Fu et al., CVPR 2019): a translation that commutes with turning the image.
//!
//! With a turn `f`, a translator G of images as they are and G' of turned ones (the same network, or one of its own), and a
//! discriminator each, D and D', the generators descend the sum of
//!
//! * `λ_GAN (GAN(D(G(x))) + GAN(D'(G'(f(x)))))`,
//! * `λ_geo (|G(x) − sg f⁻¹(G'(f(x)))| + |G'(f(x)) − sg f(G(x))|)`,
//! * `λ_idt (|G(y) − y| + |G'(f(y)) − f(y)|)`.
//!
//! The turned partner of a geometry term is constant (`sg`): both terms are the same number, and each translation gets the gradient
//! of one. One step, as published: the generators, against the discriminators of the step before; then the discriminators, with the
//! translations made before that update.

use crate::adversary::{Adversary, new_adversary};
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::{Config, Geometry, LossConfig};
use crate::networks::{Discriminator, Generator, new_generator, trained};
use crate::one_sided::OneSided;
use anyhow::{Result, ensure};
use semrel_nn::image_pool::ImagePool;
use semrel_nn::{Net, Trained, backward_step_both};
use semrel_train::passes::{first, l1, reproduce, split};
use semrel_train::{Losses, Part};
use tch::{Device, Tensor};

/// A discriminator for images as they are and one for turned ones, and one or two generators.
#[derive(Debug)]
pub struct GcGan {
    /// G and D.
    pub networks: OneSided,
    /// D', of turned images.
    pub turned: Adversary,
    /// G', where turned images have a generator of their own.
    pub own: Option<Trained<Generator>>,
    pub(crate) loss: LossConfig,
}

/// What the generators make of a batch: translations, and images that should stay as they are, where there is an identity term.
#[derive(Debug)]
pub(crate) struct Passed {
    pub fake: Tensor,
    pub fake_turned: Tensor,
    pub same: Option<Tensor>,
    pub same_turned: Option<Tensor>,
}

/// Translations of a step, constant: `G(x)` and `G'(f(x))`.
#[derive(Debug)]
pub struct TurnedFakes {
    /// `G(x)`.
    pub fake: Tensor,
    /// `G'(f(x))`.
    pub turned: Tensor,
}

impl Geometry {
    /// `f(x)` of images `[B, C, H, W]`.
    pub fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Self::Rotate => x.rot90(-1, [2, 3]),
            Self::Flip => x.flip([2]),
        }
    }

    /// `f⁻¹(x)`.
    pub fn undo(self, x: &Tensor) -> Tensor {
        match self {
            Self::Rotate => x.rot90(1, [2, 3]),
            Self::Flip => x.flip([2]),
        }
    }
}

/// `|fake − sg f⁻¹(turned)| + |turned − sg f(fake)|`.
pub fn geometry_consistency(geometry: Geometry, fake: &Tensor, turned: &Tensor) -> Tensor {
    l1(fake, &geometry.undo(turned).detach()) + l1(turned, &geometry.apply(fake).detach())
}

impl GcGan {
    /// Fresh networks, their weights drawn from torch's generator in the order G, D, D', G'.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let networks = OneSided::new(config, device)?;
        let turned = new_adversary(config, "D_gc", device)?;
        let own = config.loss.own_turned_generator.then(|| new_generator(config, device)).transpose()?;
        Ok(Self { networks, turned, own: own.map(|net| trained(config, net)), loss: config.loss.clone() })
    }

    /// Updates the generators; their translations, as they were before.
    ///
    /// # Errors
    /// Where images are not squares and are to be rotated.
    pub fn generator_step(&mut self, batch: &Batch, losses: &mut Losses) -> Result<TurnedFakes> {
        let (f, Batch { a, b }) = (self.loss.geometry, batch);
        let (height, width) = (a.size()[2], a.size()[3]);
        ensure!(
            f == Geometry::Flip || height == width,
            "images of {width} x {height}: `loss.geometry: rotate` needs squares"
        );
        let generator = &self.networks.generator;
        let kept = (self.loss.lambda_identity > 0.0).then(|| first(b, self.loss.identity_images));
        let n = a.size()[0];
        // What should be translated and what should stay as it is pass a generator as one batch.
        let with_kept = |a: Tensor, kept: Option<Tensor>| match kept {
            Some(kept) => Tensor::cat(&[a, kept], 0),
            None => a,
        };
        let plain = with_kept(a.shallow_clone(), kept.as_ref().map(Tensor::shallow_clone));
        let turned = with_kept(f.apply(a), kept.as_ref().map(|kept| f.apply(kept)));
        let (output, output_turned) = match &self.own {
            Some(own) => (generator.forward(&plain), own.forward(&turned)),
            None => {
                let images = plain.size()[0];
                split(&generator.forward(&Tensor::cat(&[plain, turned], 0)), images)
            }
        };
        let ((fake, same), (fake_turned, same_turned)) = (split(&output, n), split(&output_turned, n));
        let both = |same: Tensor| kept.as_ref().map(|_| same);
        let passed = Passed { fake, fake_turned, same: both(same), same_turned: both(same_turned) };
        Ok(self.descend(&passed, kept.as_ref(), losses))
    }

    /// Updates the generators by what they have made of a batch. `kept` should have stayed as it is.
    pub(crate) fn descend(&mut self, passed: &Passed, kept: Option<&Tensor>, losses: &mut Losses) -> TurnedFakes {
        let (f, OneSided { generator, adversary }) = (self.loss.geometry, &mut self.networks);
        let Passed { fake, fake_turned, same, same_turned } = passed;

        let adversarial = adversary.generator_loss(fake);
        let adversarial_turned = self.turned.generator_loss(fake_turned);
        let geometry = geometry_consistency(f, fake, fake_turned) * self.loss.lambda_geometry;
        for (name, term) in [("G_GAN", &adversarial), ("G_GAN_turned", &adversarial_turned), ("geometry", &geometry)] {
            losses.push(name, term);
        }
        let mut total = adversarial + adversarial_turned + geometry;
        if let (Some(kept), Some(same), Some(same_turned)) = (kept, same, same_turned) {
            let idt = l1(same, kept) * self.loss.lambda_identity;
            let idt_turned = l1(same_turned, &f.apply(kept)) * self.loss.lambda_identity;
            losses.push("idt", &idt);
            losses.push("idt_turned", &idt_turned);
            total += idt + idt_turned;
        }
        losses.push("G", &total);
        match &mut self.own {
            Some(own) => backward_step_both(&total, generator, own),
            None => generator.backward_step(&total),
        }
        TurnedFakes { fake: fake.detach(), turned: fake_turned.detach() }
    }

    /// Updates the discriminators with what the buffers show of the translations.
    pub fn discriminator_step(&mut self, shown: &TurnedFakes, batch: &Batch, losses: &mut Losses) {
        self.networks.adversary.train_on(&shown.fake, &batch.b, losses);
        self.turned.train_on(&shown.turned, &self.loss.geometry.apply(&batch.b), losses);
    }
}

impl Algorithm for GcGan {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let fakes = self.generator_step(batch, &mut losses)?;
        let shown = TurnedFakes {
            fake: self.networks.adversary.earlier(&fakes.fake, info.step),
            turned: self.turned.earlier(&fakes.turned, info.step),
        };
        self.discriminator_step(&shown, batch, &mut losses);
        Ok(losses)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        let images = Tensor::cat(&[&batch.a, &batch.b], 0);
        if let Some(own) = &mut self.own {
            reproduce(own, &self.loss.geometry.apply(&images));
        }
        reproduce(&mut self.networks.generator, &images)
    }

    fn generator(&self) -> &Net<Generator> {
        &self.networks.generator
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        let mut parts = self.networks.parts();
        parts.push(Part::new("D_gc", &mut self.turned.discriminator));
        parts.extend(self.own.as_mut().map(|own| Part::new("G_gc", own)));
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
        for geometry in [Geometry::Rotate, Geometry::Flip] {
            assert_eq!(flat(geometry.undo(&geometry.apply(&x))), [0.0, 1.0, 2.0, 3.0]);
        }
    }

    #[test]
    fn each_translation_gets_the_gradient_of_one_term() {
        let of = || Tensor::randn([2, 3, 8, 8], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let (fake, turned) = (of(), of());
        let loss = geometry_consistency(Geometry::Rotate, &fake, &turned);
        let one = l1(&fake, &Geometry::Rotate.undo(&turned));
        assert!((&loss - &one * 2.0).abs().double_value(&[]) < 1e-12);
        let gradient = |loss: &Tensor| Tensor::run_backward(&[loss], &[&fake], true, false).remove(0);
        assert!((gradient(&loss) - gradient(&one)).abs().max().double_value(&[]) < 1e-12);
    }
}
