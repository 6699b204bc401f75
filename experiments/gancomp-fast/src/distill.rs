//! Distillation of the once-for-all student, and its fine-tuning.
//!
//! One step, as published: draw a configuration; run teacher and student; take the gradients of D and of the student's side
//! from D as it is; only then step all optimisers.
//!
//! `L = λ_gan · GAN(D(·)) + λ_recon · Recon + λ_distill · Σ_i |A_i(S_i) − T_i|² + Σ_i SRC_i + Σ_i DCE_i`
//!
//! over the taps S_i of the student and T_i of the teacher; the last two with [`Method::Ours`] only. The student reproduces
//! the real image of a pair, or the teacher's image where images are unaligned. Every image is encoded once: the translating
//! passes give the taps, and D's pass over the student's image serves both sides of the game.

use crate::algorithm::{Algorithm, StepInfo};
use crate::config::{Config, DistillConfig, Method, Recon, TrainConfig};
use crate::networks::{Adapters, Heads, TAPS, new_adapters, new_discriminator, new_heads, new_student, trained};
use anyhow::{Context, Result};
use semrel_data::rng::stream;
use semrel_eval::{Forward, Scorer};
use semrel_loss::distillation::{DistillationConfig, DistillationTerms, distillation_terms};
use semrel_loss::patch_sampler::PatchSampler;
use semrel_loss::{Gradient, LossError};
use semrel_nn::channels::{ChannelSet, Channels, Weighting};
use semrel_nn::mobile_resnet::SuperMobileResnet;
use semrel_nn::{Discriminator, Net, Trained, flat_gradients, flat_gradients_of_first};
use semrel_train::adversary::{Adversary, Critic, Domain, Game, Logits};
use semrel_train::batches::Batch;
use semrel_train::passes::Generator;
use semrel_train::{Losses, Part};
use tch::{Device, Kind, Reduction, Tensor, no_grad};

/// What a step draws besides images.
#[derive(Debug)]
pub struct Draws {
    /// The configuration of the student.
    pub channels: Channels,
    /// Patch positions, one vector a tap; not read without heads.
    pub positions: Vec<Tensor>,
}

/// Teacher and student with everything that trains the student.
#[derive(Debug)]
pub struct Distillation {
    /// The teacher, which does not change.
    pub teacher: Net<Generator>,
    /// The student.
    pub student: Trained<SuperMobileResnet>,
    /// D, of images, or of inputs and outputs together where they come in pairs.
    pub adversary: Adversary<Discriminator>,
    /// A, from the student's taps to the teacher's.
    pub adapters: Trained<Adapters>,
    /// F, with [`Method::Ours`].
    pub heads: Option<Trained<Heads>>,
    /// The configurations that the student is trained at.
    pub channels: ChannelSet,
    loss: DistillConfig,
    aligned: bool,
    epochs: u64,
    seed: u64,
}

/// What teacher and student make of an image.
struct Passes {
    /// The teacher's image and taps, constant.
    taught: (Tensor, Vec<Tensor>),
    /// The student's.
    made: (Tensor, [Tensor; 4]),
}

impl Distillation {
    /// A fresh student with discriminator, adapters and heads, their weights drawn from torch's generator in the order G, D,
    /// A, F, to be trained at `channels` for a stage of settings `train`.
    ///
    /// # Errors
    /// Where the settings make no networks, or a configuration is wider than the student.
    pub fn new(
        config: &Config,
        teacher: Net<Generator>,
        channels: ChannelSet,
        train: &TrainConfig,
        device: Device,
    ) -> Result<Self> {
        channels.largest().check_within(config.model.student_ngf).context("config key `distill.channels`")?;
        let loss = config.distill.clone();
        let game = Game { gan: loss.gan, lambda_gan: loss.lambda_gan, lambda_r1: 0.0, seed: config.seed };
        Ok(Self {
            teacher,
            student: trained(train, new_student(config, device)?),
            adversary: Adversary::new("D", trained(train, new_discriminator(config, device)?), 0, game),
            adapters: trained(train, new_adapters(config, device)),
            heads: match config.method {
                Method::Ours => Some(trained(train, new_heads(config, device)?)),
                Method::Fast => None,
            },
            channels,
            loss,
            aligned: config.aligned(),
            epochs: train.epochs(),
            seed: config.seed,
        })
    }

    /// Draws a configuration from its own stream, and positions from torch's generator.
    pub fn draw(&self, batch: &Batch, step: u64) -> Draws {
        let channels = self.channels.sample(&mut stream(self.seed, "channels", step), Weighting::Uniform);
        let size = batch.a.size();
        let areas = [size[2] / 4 * (size[3] / 4); TAPS.len()];
        let positions = match self.heads {
            Some(_) => PatchSampler::positions(&areas, self.loss.semantic.num_patches, batch.a.device()),
            None => vec![],
        };
        Draws { channels, positions }
    }

    /// One step with given draws; also returns the student's image as it was before the update.
    ///
    /// # Errors
    /// Where features do not fit the losses.
    pub fn step_with(&mut self, batch: &Batch, draws: &Draws, epoch: u64) -> Result<(Losses, Tensor)> {
        let mut losses = Losses::new();
        let passes = Passes {
            taught: no_grad(|| self.teacher.forward_tapped(&batch.a, &TAPS)),
            made: self.student.forward_tapped(&batch.a, &draws.channels),
        };
        let discriminator = &self.adversary.discriminator;
        discriminator.prepare_step();
        let fake_logits = discriminator.logits(&self.seen(batch, &passes.made.0));
        let real_logits = discriminator.logits(&self.seen(batch, &batch.b));

        let judged = self.adversary.discriminator_loss_of(&fake_logits, &real_logits, &batch.b);
        self.adversary.log(&judged, &mut losses);
        let of_discriminator =
            flat_gradients_of_first(&judged.total, &[self.adversary.discriminator.parameters()]).remove(0);

        let total = self.student_loss(batch, &passes, &fake_logits, draws, epoch, &mut losses)?;
        let mut networks = vec![self.student.parameters(), self.adapters.parameters()];
        networks.extend(self.heads.as_ref().map(Trained::parameters));
        let mut gradients = flat_gradients(&total, &networks).into_iter();
        let mut next = || gradients.next().expect("a gradient for each network");

        self.student.step(next());
        self.adapters.step(next());
        if let Some(heads) = &mut self.heads {
            heads.step(next());
        }
        self.adversary.discriminator.step(of_discriminator);
        Ok((losses, passes.made.0.detach()))
    }

    /// What D is shown: an image, or input and image where they come in pairs.
    pub(crate) fn seen(&self, batch: &Batch, image: &Tensor) -> Tensor {
        if self.aligned { Tensor::cat(&[&batch.a, image], 1) } else { image.shallow_clone() }
    }

    /// The loss of student, adapters and heads.
    fn student_loss(
        &self,
        batch: &Batch,
        passes: &Passes,
        fake_logits: &Logits,
        draws: &Draws,
        epoch: u64,
        losses: &mut Losses,
    ) -> Result<Tensor> {
        let gan = self.adversary.generator_loss_of(fake_logits);
        let aim = if self.aligned { &batch.b } else { &passes.taught.0 };
        let recon = self.loss.recon.distance(&passes.made.0, aim) * self.loss.lambda_recon;
        losses.push("G_gan", &gan);
        losses.push("G_recon", &recon);
        let mut total = gan + recon;
        if self.loss.lambda_distill > 0.0 {
            let distill = self.activations(passes, losses) * self.loss.lambda_distill;
            losses.push("G_distill", &distill);
            total += distill;
        }
        if let Some(heads) = &self.heads {
            let semantic = self.relations(heads, passes, draws, epoch).context("the semantic terms")?;
            for (name, of_taps) in [("SRC", &semantic.src), ("DCE", &semantic.dce)] {
                let sum = of_taps.sum(None::<Kind>);
                for tap in 0..TAPS.len() {
                    losses.push(format!("G_{name}{tap}"), &of_taps.get(tap as i64));
                }
                losses.push(format!("G_{name}"), &sum);
                total += sum;
            }
            losses.number("gamma", self.gamma(epoch));
        }
        losses.push("G", &total);
        Ok(total)
    }

    /// `Σ_i mean |A_i(S_i) − T_i|²`.
    fn activations(&self, passes: &Passes, losses: &mut Losses) -> Tensor {
        let taps = self.adapters.0.iter().zip(passes.made.1.iter().zip(&passes.taught.1)).enumerate();
        let distances = taps.map(|(i, (adapter, (student, teacher)))| {
            let distance = adapter.forward(student).mse_loss(teacher, Reduction::Mean);
            losses.push(format!("G_distill{i}"), &distance);
            distance
        });
        distances.reduce(|a, b| a + b).expect("there are taps")
    }

    /// SRC and DCE between the patches of student and teacher, projected by the same heads; the teacher's are constant.
    fn relations(
        &self,
        heads: &Heads,
        passes: &Passes,
        draws: &Draws,
        epoch: u64,
    ) -> Result<DistillationTerms, LossError> {
        let patches = |map: &Tensor, ids: &Tensor| {
            let picked = map.flatten(2, 3).index_select(2, ids);
            picked.transpose(1, 2).flatten(0, 1)
        };
        let project = |taps: &[Tensor]| -> Vec<Tensor> {
            let places = heads.0.iter().zip(&draws.positions);
            taps.iter().zip(places).map(|(map, (head, ids))| head.forward(&patches(map, ids))).collect()
        };
        let queries = project(&passes.made.1);
        let keys = no_grad(|| project(&passes.taught.1));
        let s = &self.loss.semantic;
        let config = DistillationConfig::default()
            .with_lambda_src(s.lambda_src)
            .with_lambda_dce(s.lambda_dce)
            .with_hard(s.hard)
            .with_tau(s.temperature)
            .with_gradient(Gradient::ClosedForm);
        distillation_terms(&queries, &keys, &config, self.gamma(epoch))
    }

    fn gamma(&self, epoch: u64) -> f64 {
        self.loss.semantic.gamma(epoch, self.epochs)
    }
}

impl Recon {
    /// The distance of `image` from its aim.
    fn distance(self, image: &Tensor, aim: &Tensor) -> Tensor {
        match self {
            Self::L1 => image.l1_loss(aim, Reduction::Mean),
            Self::L2 => image.mse_loss(aim, Reduction::Mean),
            Self::SmoothL1 => image.smooth_l1_loss(aim, Reduction::Mean, 1.0),
        }
    }
}

impl Algorithm for Distillation {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let draws = self.draw(batch, info.step);
        Ok(self.step_with(batch, &draws, info.epoch)?.0)
    }

    fn translate(&self, images: &Tensor) -> Vec<(&'static str, Tensor)> {
        let mut outputs = vec![("teacher", self.teacher.forward(images))];
        outputs.extend(self.looked_at().into_iter().map(|(name, c)| (name, self.student.forward(images, &c))));
        outputs
    }

    fn scores(&self, scorer: &Scorer) -> Result<Vec<(&'static str, f64)>> {
        let of = |c: Channels| {
            let network = self.student.at(&c);
            scorer
                .frechet(&Forward { device: self.student.device(), forward: |images: &Tensor| network.forward(images) })
        };
        let scores = self.looked_at().into_iter().map(|(name, c)| Ok((name, of(c)?)));
        let scores: Vec<(&'static str, f64)> = scores.collect::<Result<_>>()?;
        let mean = scores.iter().map(|(_, score)| score).sum::<f64>() / scores.len() as f64;
        let named = scores.into_iter().map(|(name, score)| match name {
            LARGEST => ("eval/fd_largest", score),
            _ => ("eval/fd_smallest", score),
        });
        Ok([("eval/fd", mean)].into_iter().chain(named).collect())
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        vec![(&self.adversary.discriminator, Domain::Target)]
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        let mut parts = vec![
            Part::new("G", &mut self.student),
            Part::new("D", &mut self.adversary.discriminator),
            Part::new("A", &mut self.adapters),
        ];
        parts.extend(self.heads.as_mut().map(|heads| Part::new("F", heads)));
        parts
    }
}

const LARGEST: &str = "largest";
const SMALLEST: &str = "smallest";

impl Distillation {
    /// The configurations that evaluations look at: the largest and the smallest, or the only one.
    fn looked_at(&self) -> Vec<(&'static str, Channels)> {
        let (largest, smallest) = (self.channels.largest(), self.channels.smallest());
        let all = [(LARGEST, largest), (SMALLEST, smallest)];
        all.into_iter().take(if largest == smallest { 1 } else { 2 }).collect()
    }
}

#[cfg(test)]
#[path = "distill_tests.rs"]
mod tests;
