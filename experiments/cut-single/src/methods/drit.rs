//! DRIT and DRIT++ (Lee et al., ECCV 2018, IJCV 2020): an image is a content, which both domains share, and an attribute of its domain.
//!
//! Of each batch the first image of either domain is encoded; the others are real images for the discriminators of translations with
//! random attributes. Two discriminators of each domain judge translations, one those with attributes of images, the other those with
//! random ones; a fifth tells contents of the two domains apart, which the encoders try to prevent. It learns from every batch, all else
//! from every `d_iter`-th one.
//!
//! One full step, as published: one pass of encoders and decoders; the five discriminators; then encoders and decoders twice, down
//! the loss of encoded attributes and down that of random ones. **The second gradient is taken on the graph of the pass before the first
//! update**: what the layers put out is as it was, but where a gradient passes through a weight, the weight is the new one. The attribute
//! encoder takes no part in the second update.

mod forward;
mod losses;

pub use forward::{DritDraws, Forwarded};
pub use losses::{content_discriminator as content_discriminator_loss, undecided};

use crate::adversary::{Adversary, new_adversary};
use crate::algorithm::{Algorithm, Batch, Domain as Role, StepInfo};
use crate::config::{Config, LossConfig};
use crate::networks::{Discriminator, Generator, content_discriminator, drit_translator};
use anyhow::{Result, ensure};
use semrel_nn::drit::{ContentDiscriminator, Domain, Translator};
use semrel_nn::{AdamConfig, Net, Trained, TrainedPart, flat_gradients, flat_gradients_of_first};
use semrel_train::adversary::{Critic, DiscriminatorLosses};
use semrel_train::passes::{Terms, l1};
use semrel_train::{Losses, Part};
use std::rc::Rc;
use tch::{Device, Tensor, no_grad};

/// Encoders, decoders and discriminators of both domains.
#[derive(Debug)]
pub struct Drit {
    pub(crate) translator: Rc<Translator>,
    /// The same encoders and decoders, which as a generator translate from A, the source, to B.
    pub generator: Net<Generator>,
    /// Optimisers of the attribute encoder, the content encoder and the decoders.
    pub parts: [TrainedPart; 3],
    /// Discriminators of A and of B, of translations with attributes of images.
    pub encoded: [Adversary; 2],
    /// Discriminators of A and of B, of translations with random attributes.
    pub random: [Adversary; 2],
    /// The discriminator of contents.
    pub content: Trained<ContentDiscriminator>,
    pub(crate) loss: LossConfig,
    pub(crate) d_iter: u64,
    clip: f64,
    /// Rate of the content discriminator, relative to that of all others.
    content_rate: f64,
    /// Nothing that the published order computes again is shared.
    pub(crate) plainly: bool,
}

/// Names of the parts of encoders and decoders, as published.
const PARTS: [&str; 3] = ["enc_a", "enc_c", "gen"];

/// Whether batch `batch` (from 0) of `batches` updates everything; otherwise it updates the discriminator of contents alone. As
/// published every `d_iter`-th does, and the last two of an epoch.
pub fn updates_all(batch: u64, batches: u64, d_iter: u64) -> bool {
    (batch + 1).is_multiple_of(d_iter) || batch + 2 >= batches
}

impl Drit {
    /// Fresh networks, their weights drawn from torch's generator in the order encoders and decoders, D_A, D_B, D_A2, D_B2, D_content.
    ///
    /// # Errors
    /// Where the settings make no networks.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let (translator, generator) = drit_translator(config, device)?;
        let part = |name: &str| TrainedPart::new(&generator, &format!("{name}."), config.adam());
        let of_content = AdamConfig { lr: config.optim.lr_content.unwrap_or(config.optim.lr), ..config.adam() };
        let critic = |name| Ok::<_, anyhow::Error>(new_adversary(config, name, device)?.with_weight(1.0));
        Ok(Self {
            parts: PARTS.map(part),
            encoded: [critic("D_A")?, critic("D_B")?],
            random: [critic("D_A2")?, critic("D_B2")?],
            content: Trained::new(content_discriminator(config, device)?, of_content),
            translator,
            generator,
            loss: config.loss.clone(),
            d_iter: config.optim.d_iter,
            clip: config.optim.clip_content,
            content_rate: config.optim.lr_content.map_or(1.0, |rate| rate / config.optim.lr),
            plainly: false,
        })
    }

    /// An update of the discriminator of contents alone, with noise of the two encoded images.
    pub fn content_step(&mut self, batch: &Batch, noise: &[Tensor; 2], losses: &mut Losses) {
        let content = |domain, x: &Tensor, noise: &Tensor| self.translator.content.forward(domain, &first(x)) + noise;
        let contents = no_grad(|| [content(Domain::A, &batch.a, &noise[0]), content(Domain::B, &batch.b, &noise[1])]);
        self.update_content(&contents, losses);
    }

    /// A full step with given draws; also what the pass made.
    ///
    /// # Errors
    /// Where a batch has fewer than two images.
    pub fn step_with(&mut self, batch: &Batch, draws: &DritDraws, losses: &mut Losses) -> Result<Forwarded> {
        ensure!(
            batch.a.size()[0] > 1,
            "a batch of one image: `drit` encodes the first and takes the others for real ones; config key \
             `train.batch_size`: at least 2"
        );
        let made = Forwarded::new(&self.translator, batch, draws, self.plainly);

        self.update_discriminators(batch, &made, losses);
        self.update_content(&made.contents, losses);

        let first = self.encoded_loss(batch, &made, losses);
        self.descend(&first, 0, flat_gradients_of_first);

        // Autograd does not see that the flat buffer has changed: this gradient takes old activations and new weights.
        let second = self.random_loss(&made, draws, losses);
        self.descend(&second, 1, flat_gradients);
        Ok(made)
    }

    /// One step down `loss` of the parts from number `from` on.
    fn descend(&mut self, loss: &Tensor, from: usize, gradients: fn(&Tensor, &[Vec<&Tensor>]) -> Vec<Tensor>) {
        let of = |part: &TrainedPart| part.parameters(&self.generator);
        let parameters: Vec<Vec<&Tensor>> = self.parts[from..].iter().map(of).collect();
        for (part, gradient) in self.parts[from..].iter_mut().zip(gradients(loss, &parameters)) {
            part.step(&self.generator, gradient);
        }
    }

    fn update_discriminators(&mut self, batch: &Batch, made: &Forwarded, losses: &mut Losses) {
        for (d, real, fake) in zipped(&mut self.encoded, batch, &made.fake) {
            train(d, &first(real), std::slice::from_ref(fake), self.plainly, losses);
        }
        for (d, real, fakes) in zipped(&mut self.random, batch, &made.random) {
            train(d, &real.narrow(0, 1, real.size()[0] - 1), fakes, self.plainly, losses);
        }
    }

    /// `BCE(D(c_b), 1) + BCE(D(c_a), 0)`, its gradient no longer than `clip`.
    fn update_content(&mut self, [a, b]: &[Tensor; 2], losses: &mut Losses) {
        let loss =
            losses::content_discriminator(&self.content.forward(&a.detach()), &self.content.forward(&b.detach()));
        let gradient = flat_gradients(&loss, &[self.content.parameters()]).remove(0);
        let norm = gradient.norm();
        let shortened = gradient * (self.clip / (&norm + 1e-6)).clamp_max(1.0);
        self.content.step(shortened);
        losses.push("D_content", &loss);
        losses.push("D_content_gradient", &norm);
    }

    /// The loss of encoded attributes: adversarial, of contents, reconstructions, and priors.
    fn encoded_loss(&self, batch: &Batch, made: &Forwarded, losses: &mut Losses) -> Tensor {
        let l = &self.loss;
        let mut terms = Terms::new(losses);
        for (d, fake, name) in
            [(&self.encoded[0], &made.fake[0], "G_GAN_A"), (&self.encoded[1], &made.fake[1], "G_GAN_B")]
        {
            terms.add(name, 1.0, d.generator_loss(fake));
        }
        for (content, name) in made.contents.iter().zip(["G_content_A", "G_content_B"]) {
            terms.add(name, l.lambda_gan, undecided(&self.content.forward(content)));
        }
        for ((attribute, content), names) in
            made.attributes.iter().zip(&made.contents).zip([["KL_A", "KL_content_A"], ["KL_B", "KL_content_B"]])
        {
            terms.add(names[0], l.lambda_kl, losses::attribute_prior(attribute));
            terms.add(names[1], l.lambda_kl_content, content.square().mean(None::<tch::Kind>));
        }
        let [x_a, x_b] = [first(&batch.a), first(&batch.b)];
        terms.add("cycle_A", l.lambda_a, l1(&made.cycles[0], &x_a));
        terms.add("cycle_B", l.lambda_b, l1(&made.cycles[1], &x_b));
        terms.add("recon_A", l.lambda_reconstruction, l1(&made.own[0], &x_a));
        terms.add("recon_B", l.lambda_reconstruction, l1(&made.own[1], &x_b));
        terms.total("G")
    }

    /// The loss of random attributes: adversarial, attributes found again, and different images for different attributes.
    fn random_loss(&self, made: &Forwarded, draws: &DritDraws, losses: &mut Losses) -> Tensor {
        let l = &self.loss;
        let mut terms = Terms::new(losses);
        for ((d, fakes), name) in self.random.iter().zip(&made.random).zip(["G_GAN_A2", "G_GAN_B2"]) {
            let judged = fakes.iter().map(|fake| d.generator_loss(fake));
            terms.add(name, 1.0, judged.reduce(|a, b| a + b).expect("one attribute at least"));
        }
        for (found, name) in made.found.iter().zip(["style_A", "style_B"]) {
            terms.add(name, l.lambda_style, l1(found, &draws.z[0]));
        }
        // Of B first: A → B is the first translation.
        if let [one, other] = draws.z.as_slice() {
            for (fakes, name) in made.random.iter().rev().zip(["modes_AB", "modes_BA"]) {
                terms.add(name, l.lambda_diversity, losses::mode_seeking(fakes, one, other));
            }
        }
        terms.total("G2")
    }
}

/// The encoded image of a batch.
fn first(images: &Tensor) -> Tensor {
    images.narrow(0, 0, 1)
}

/// Discriminators of A and B with the real images of their domains and what else belongs to these.
fn zipped<'a, T>(
    critics: &'a mut [Adversary; 2],
    batch: &'a Batch,
    of_domain: &'a [T; 2],
) -> impl Iterator<Item = (&'a mut Adversary, &'a Tensor, &'a T)> {
    critics.iter_mut().zip([&batch.a, &batch.b]).zip(of_domain).map(|((d, real), fakes)| (d, real, fakes))
}

/// Updates a discriminator with the sum of its losses on each of the fakes, each with the same real images.
fn train(d: &mut Adversary, real: &Tensor, fakes: &[Tensor], plainly: bool, losses: &mut Losses) {
    d.discriminator.prepare_step();
    // Every pass of a network of spectral norm changes it; the others need not see the real images twice.
    let again = plainly || d.discriminator.changes_in_passes();
    let mut kept = None;
    let mut sum: Option<DiscriminatorLosses> = None;
    for fake in fakes {
        let of_fake = d.discriminator.logits(&fake.detach());
        let of_real = kept.take().filter(|_| !again).unwrap_or_else(|| d.discriminator.logits(real));
        let loss = d.discriminator_loss_of(&of_fake, &of_real, real);
        kept = Some(of_real);
        sum = Some(match sum {
            Some(before) => before.plus(loss),
            None => loss,
        });
    }
    let loss = sum.expect("one fake at least");
    d.discriminator.backward_step(&loss.total);
    d.log(&loss, losses);
}

impl Algorithm for Drit {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        if updates_all(info.batch, info.batches, self.d_iter) {
            let draws = DritDraws::new(&self.translator, batch, self.loss.lambda_diversity > 0.0)?;
            self.step_with(batch, &draws, &mut losses)?;
        } else {
            let noise = DritDraws::content_noise(&self.translator, batch)?;
            self.content_step(batch, &noise, &mut losses);
        }
        Ok(losses)
    }

    /// Encoders and decoders learn to reproduce images of both domains, without noise.
    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        let Translator { content, attribute, decoders, .. } = &*self.translator;
        let own = |domain, x: &Tensor| {
            let made = decoders.forward(domain, &content.forward(domain, x), &attribute.forward(domain, x).mean);
            l1(&made, x)
        };
        let loss = own(Domain::A, &batch.a) + own(Domain::B, &batch.b);
        self.descend(&loss, 0, flat_gradients);
        let mut losses = Losses::new();
        losses.push("warmup", &loss);
        losses
    }

    fn generator(&self) -> &Net<Generator> {
        &self.generator
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        let ([a, b], [a2, b2]) = (&mut self.encoded, &mut self.random);
        let mut parts: Vec<Part<'_>> =
            PARTS.iter().zip(&mut self.parts).map(|(name, part)| Part::of(name, part, &self.generator)).collect();
        for (name, d) in [("D_A", a), ("D_B", b), ("D_A2", a2), ("D_B2", b2)] {
            parts.push(Part::new(name, &mut d.discriminator));
        }
        parts.push(Part::new("D_content", &mut self.content));
        parts
    }

    fn critics(&self) -> Vec<(&Discriminator, Role)> {
        let roles = [Role::Source, Role::Target];
        let all = self.encoded.iter().zip(roles).chain(self.random.iter().zip(roles));
        all.map(|(d, role)| (&**d.discriminator, role)).collect()
    }

    fn set_lr(&mut self, lr: f64, lr_discriminator: f64) {
        let content_rate = self.content_rate;
        for part in self.parts() {
            part.adam.config.lr = match part.name {
                "D_content" => lr * content_rate,
                name if name.starts_with('D') => lr_discriminator,
                _ => lr,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_batch_and_the_last_two_update_everything() {
        let plan = |batches, d_iter| -> String {
            (0..batches).map(|batch| if updates_all(batch, batches, d_iter) { 'F' } else { 'C' }).collect()
        };
        assert_eq!(plan(10, 3), "CCFCCFCCFF");
        assert_eq!(plan(2, 3), "FF");
        assert_eq!(plan(4, 1), "FFFF");
    }
}
