//! Pix2Pix (Isola et al., CVPR 2017), the teacher of paired tasks.
//!
//! `L_D = ½ (L(D(x, G(x)), fake) + L(D(x, y), real))`, then, with the updated D,
//! `L_G = λ_gan · L(D(x, G(x)), real) + λ_recon · mean |G(x) − y|`.

use crate::config::{Config, TeacherConfig};
use crate::networks::{new_discriminator, new_teacher, trained};
use anyhow::Result;
use semrel_nn::{Discriminator, Trained};
use semrel_train::adversary::{Adversary, Game};
use semrel_train::batches::Batch;
use semrel_train::passes::{Generator, l1};
use semrel_train::{Losses, Part};
use tch::{Device, Tensor};

/// G and a D of inputs and outputs.
#[derive(Debug)]
pub struct Pix2Pix {
    /// G.
    pub generator: Trained<Generator>,
    /// D.
    pub adversary: Adversary<Discriminator>,
    loss: TeacherConfig,
}

impl Pix2Pix {
    /// Fresh networks, their weights drawn from torch's generator in the order G, D.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let loss = config.teacher.clone();
        let generator = trained(&loss.train, new_teacher(config, device)?);
        let discriminator = trained(&loss.train, new_discriminator(config, device)?);
        let game = Game { gan: loss.gan, lambda_gan: loss.lambda_gan, lambda_r1: 0.0, seed: config.seed };
        Ok(Self { generator, adversary: Adversary::new("D", discriminator, 0, game), loss })
    }

    /// One step; also returns the output as it was before the update.
    pub fn step(&mut self, batch: &Batch, step: u64) -> (Losses, Tensor) {
        let mut losses = Losses::new();
        let fake = self.generator.forward(&batch.a);
        let seen = Tensor::cat(&[&batch.a, &fake], 1);

        self.adversary.train(&seen.detach(), &Tensor::cat(&[&batch.a, &batch.b], 1), step, &mut losses);

        let gan = self.adversary.generator_loss(&seen);
        let recon = l1(&fake, &batch.b) * self.loss.lambda_recon;
        losses.push("G_gan", &gan);
        losses.push("G_recon", &recon);
        let total = gan + recon;
        losses.push("G", &total);
        self.generator.backward_step(&total);
        (losses, fake.detach())
    }

    /// All networks, for checkpoints.
    pub fn parts(&mut self) -> Vec<Part<'_>> {
        vec![Part::new("G", &mut self.generator), Part::new("D", &mut self.adversary.discriminator)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tch::{Kind, no_grad};

    #[test]
    fn the_generator_is_judged_by_the_new_discriminator() {
        let config = json!({
            "name": "x", "method": "fast",
            "data": { "root": "unused", "layout": "aligned", "load_size": 36, "image_size": 32 },
            "model": { "teacher_ngf": 2, "ndf": 2 }, "distill": { "channels": "test" },
            "teacher": { "gan": "hinge", "lambda_gan": 2.0, "lambda_recon": 3.0, "train": { "lr": 0.01 } },
        });
        let config: Config = serde_json::from_value(config).unwrap();
        let mut networks = Pix2Pix::new(&config, Device::Cpu).unwrap();
        let wave =
            |step: f64| (Tensor::arange(3 * 32 * 32, (Kind::Float, Device::Cpu)) * step).sin().view([1, 3, 32, 32]);
        let batch = Batch { a: wave(0.7), b: wave(0.3) };
        let judged = |networks: &Pix2Pix, image: &Tensor| {
            let seen = Tensor::cat(&[&batch.a, image], 1);
            let patch = networks.adversary.discriminator.patch().expect("as published");
            no_grad(|| patch.forward(&seen)).mean(Kind::Float).double_value(&[])
        };
        let fake = no_grad(|| networks.generator.forward(&batch.a));
        let before = judged(&networks, &fake);
        let (losses, image) = networks.step(&batch, 0);
        let term = |name: &str| losses.get(name).unwrap().double_value(&[]);
        assert!((&image - &fake).abs().max().double_value(&[]) < 1e-6);
        let after = judged(&networks, &fake);
        assert!((term("G_gan") + 2.0 * after).abs() < 1e-5 && (before - after).abs() > 1e-4);
        let recon = (&fake - &batch.b).abs().mean(Kind::Float).double_value(&[]);
        assert!((term("G_recon") - 3.0 * recon).abs() < 1e-5);
        assert!((term("G") - term("G_gan") - term("G_recon")).abs() < 1e-5);
        assert!((term("D") - (term("D_fake") + term("D_real")) / 2.0).abs() < 1e-6);
    }
}
