//! MUNIT (Huang et al., ECCV 2018): an image is a content, which both domains share, and a style of its domain; translating keeps the
//! content and takes a style of the other domain.
//!
//! With auto-encoders of the source domain a and the target domain b, contents c and styles s of the images, and drawn styles
//! z ~ N(0, I), the auto-encoders descend the sum, over both domains, of
//!
//! * `λ_GAN GAN(D_a(x_ba))` with `x_ba = dec_a(c_b, z_a)`: translations look real,
//! * `λ_rec |dec_a(c_a, s_a) − x_a|`: an image is its content and style,
//! * `λ_style |s(x_ba) − z_a|` and `λ_content |c(x_ba) − c_b|`: and so is a translation,
//! * `λ_a |dec_a(c(x_ab), s_a) − x_a|`: translated back in its own style an image is as before,
//! * `λ_vgg` times a perceptual distance of a translation from its source.
//!
//! Nothing is detached. One step, as published: the discriminators, against translations in styles of their own; then the
//! auto-encoders, in new styles. The auto-encoders do not change between, so that images are encoded once.

use super::domains::{AutoEncoders, warm_up};
use crate::algorithm::{Algorithm, Batch, Domain, StepInfo};
use crate::config::Config;
use crate::networks::{Discriminator, Generator, munit_pair};
use anyhow::Result;
use semrel_nn::munit::Pair;
use semrel_nn::{Net, TappedGenerator};
use semrel_train::passes::{Terms, l1, split};
use semrel_train::{Losses, Part};
use tch::{Device, Tensor, no_grad};

/// Styles `[B, S, 1, 1]` in which one update translates.
#[derive(Debug)]
pub struct StyleDraws {
    /// Of the source domain, for the target's contents.
    pub a: Tensor,
    /// Of the target domain, for the source's contents.
    pub b: Tensor,
}

/// Translations of a step, constant.
#[derive(Debug)]
pub struct Translations {
    /// Of source images.
    pub ab: Tensor,
    /// Of target images.
    pub ba: Tensor,
}

/// What the auto-encoders make of a batch.
#[derive(Debug)]
pub(crate) struct Pass {
    /// Content and style of source and target images.
    pub codes: [(Tensor, Tensor); 2],
    /// Images made again of their own content and style.
    pub own: [Tensor; 2],
    /// Translations of source images.
    pub x_ab: Tensor,
    /// Translations of target images.
    pub x_ba: Tensor,
    /// Content and style of the translations of target images, and of those of source images.
    pub again: [(Tensor, Tensor); 2],
}

/// Auto-encoders and discriminators of both domains.
pub type Munit = AutoEncoders<Pair>;

impl Munit {
    /// Fresh networks, their weights drawn from torch's generator in the order auto-encoders, D_A, D_B.
    ///
    /// # Errors
    /// Where the settings make no networks, or weights that a term needs are missing.
    pub fn new(config: &Config, device: Device) -> Result<Self> {
        let (pair, net) = munit_pair(config, device)?;
        Self::with_pair(config, pair, net)
    }

    /// Styles of the update of the discriminators and of that of the auto-encoders.
    pub fn draw(&self, batch: &Batch) -> [StyleDraws; 2] {
        let numbers = self.pair.style_numbers().expect("it has styles");
        let style = |of: &Tensor| Tensor::randn([of.size()[0], numbers, 1, 1], (of.kind(), of.device()));
        let draw = || StyleDraws { a: style(&batch.b), b: style(&batch.a) };
        [draw(), draw()]
    }

    /// One step with given draws: those of the discriminators' update, and those of the auto-encoders'; also the latter's translations,
    /// as they were before.
    pub fn step_with(&mut self, batch: &Batch, draws: &[StyleDraws; 2]) -> (Losses, Translations) {
        let ([of_d, of_g], Pair { a, b, .. }) = (draws, &*self.pair);
        let (x_a, x_b) = (&batch.a, &batch.b);
        let n = (x_a.size()[0], x_b.size()[0]);
        let mut losses = Losses::new();
        let ((c_a, s_a), (c_b, s_b)) = (a.encode(x_a), b.encode(x_b));

        let shown = no_grad(|| Translations { ba: a.decode(&c_b, &of_d.a), ab: b.decode(&c_a, &of_d.b) });
        self.critics.train(&shown, batch, &mut losses);

        // A decoder makes its domain's own images and translations in one pass: no layer mixes images.
        let decode = |images: [&Tensor; 2], styles: [&Tensor; 2]| (Tensor::cat(&images, 0), Tensor::cat(&styles, 0));
        let (contents, styles) = decode([&c_a, &c_b], [&s_a, &of_g.a]);
        let (own_a, x_ba) = split(&a.decode(&contents, &styles), n.0);
        let (contents, styles) = decode([&c_b, &c_a], [&s_b, &of_g.b]);
        let (own_b, x_ab) = split(&b.decode(&contents, &styles), n.1);
        let again = [a.encode(&x_ba), b.encode(&x_ab)];

        let pass = Pass { codes: [(c_a, s_a), (c_b, s_b)], own: [own_a, own_b], x_ab, x_ba, again };
        let total = self.generator_loss(batch, &pass, of_g, &mut losses);
        self.generator.backward_step(&total);
        (losses, Translations { ab: pass.x_ab.detach(), ba: pass.x_ba.detach() })
    }

    /// What the auto-encoders descend.
    pub(crate) fn generator_loss(&self, batch: &Batch, pass: &Pass, drawn: &StyleDraws, losses: &mut Losses) -> Tensor {
        let (Pair { a, b, .. }, l) = (&*self.pair, &self.loss);
        let (x_a, x_b) = (&batch.a, &batch.b);
        let Pass { codes: [(c_a, s_a), (c_b, s_b)], own: [own_a, own_b], x_ab, x_ba, again } = pass;
        let [(c_b_again, z_a), (c_a_again, z_b)] = again;
        let adversarial = self.critics.generator_loss(x_ab, x_ba, losses);
        let mut terms = Terms::new(losses);
        terms.include(adversarial);
        let mut add = |name: &'static str, weight: f64, term: Tensor| terms.add(name, weight, term);
        add("recon_A", l.lambda_reconstruction, l1(own_a, x_a));
        add("recon_B", l.lambda_reconstruction, l1(own_b, x_b));
        add("style_A", l.lambda_style, l1(z_a, &drawn.a));
        add("style_B", l.lambda_style, l1(z_b, &drawn.b));
        add("content_A", l.lambda_content, l1(c_a_again, c_a));
        add("content_B", l.lambda_content, l1(c_b_again, c_b));
        if l.lambda_a > 0.0 {
            add("cycle_A", l.lambda_a, l1(&a.decode(c_a_again, s_a), x_a));
        }
        if l.lambda_b > 0.0 {
            add("cycle_B", l.lambda_b, l1(&b.decode(c_b_again, s_b), x_b));
        }
        if let Some([vgg_a, vgg_b]) = self.perceptual.distances([(x_ba, x_b), (x_ab, x_a)]) {
            add("vgg_A", l.lambda_vgg, vgg_a);
            add("vgg_B", l.lambda_vgg, vgg_b);
        }
        terms.total("G")
    }
}

impl Algorithm for Munit {
    fn step(&mut self, batch: &Batch, _info: StepInfo) -> Result<Losses> {
        let draws = self.draw(batch);
        Ok(self.step_with(batch, &draws).0)
    }

    /// Each auto-encoder learns to reproduce images of its domain.
    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        let Pair { a, b, .. } = &*self.pair;
        let of = |(content, style): (Tensor, Tensor), own: &semrel_nn::munit::Generator| own.decode(&content, &style);
        let loss = l1(&of(a.encode(&batch.a), a), &batch.a) + l1(&of(b.encode(&batch.b), b), &batch.b);
        warm_up(&mut self.generator, &loss)
    }

    fn generator(&self) -> &Net<Generator> {
        &self.generator
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        self.critics.parts_with(&mut self.generator)
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.critics.critics()
    }
}
