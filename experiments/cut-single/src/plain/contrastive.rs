//! CUT's and the paper's.

use super::{PlainOrder, train_plainly};
use crate::algorithm::{Batch, StepInfo};
use crate::config::Config;
use crate::methods::{Compared, Contrastive, Draws, Embedded};
use crate::networks::new_published_generator;
use anyhow::Result;
use semrel_loss::LossError;
use semrel_loss::patch_sampler::PatchSampler;
use semrel_nn::backward_step_both;
use semrel_train::Losses;
use tch::{Device, Tensor};

impl Contrastive {
    /// As [`Contrastive::new`], with a generator that computes every operation as published: for [`Contrastive::plain_step_with`].
    ///
    /// # Errors
    /// As [`Contrastive::new`].
    pub fn plain(config: &Config, device: Device) -> Result<Self> {
        Self::with_generator(config, new_published_generator(config, device)?)
    }

    /// As [`Contrastive::step_with`], in the published order: the discriminator sees fake and real one after the other, and
    /// translation, identity output and both real images are encoded in passes of their own, with a graph.
    ///
    /// The method must have been made by [`Contrastive::plain`]: with another generator, whose operations are not the
    /// published ones, something else is measured.
    ///
    /// # Errors
    /// As [`Contrastive::step_with`].
    pub fn plain_step_with(&mut self, batch: &Batch, draws: &Draws, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let mut made = self.translate(batch, draws.flip);
        // The published code taps no layer here.
        made.source = None;

        let fake = self.adversary.earlier(&made.fake, info.step);
        train_plainly(&mut self.adversary, &fake, &batch.b, &mut losses);

        let branch = |output: &Tensor, input: &Tensor, positions: &[Tensor]| -> Result<Embedded> {
            let layers = &self.config.model.nce_layers;
            let mut features = self.generator.encode(output, layers);
            let source = self.generator.encode(input, layers);
            if draws.flip {
                features = features.iter().map(|map| map.flip([3])).collect();
            }
            let queries = self.project_reordered(&features, positions)?;
            Ok(Embedded { queries, keys: self.project_reordered(&source, positions)? })
        };
        let translation = branch(&made.fake, &batch.a, &draws.positions)?;
        let identity = match &made.identity {
            Some(identity) => Some(branch(identity, &self.target(batch), &draws.identity_positions)?),
            None => None,
        };
        let compared = Compared { translation, identity };
        let total = self.generator_loss(batch, &made, &compared, info, &mut losses)?;
        backward_step_both(&total, &mut self.generator, &mut self.heads);
        Ok(losses)
    }

    /// F as published: all positions of a map are brought into rows before some are picked.
    pub(super) fn project_reordered(&self, maps: &[Tensor], positions: &[Tensor]) -> Result<Vec<Tensor>, LossError> {
        let pick = |(map, ids): (&Tensor, &Tensor)| {
            let rows = map.permute([0, 2, 3, 1]).flatten(1, 2).index(&[None, Some(ids)]);
            rows.transpose(1, 2).unsqueeze(-1)
        };
        let picked: Vec<Tensor> = maps.iter().zip(positions).map(pick).collect();
        let all: Vec<i64> = positions.iter().map(|ids| ids.size()[0]).collect();
        self.heads.project(&picked, &PatchSampler::positions(&all, 0, self.generator.device()))
    }
}

impl PlainOrder for Contrastive {
    fn plain_step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let draws = self.draw(batch)?;
        self.plain_step_with(batch, &draws, info)
    }
}
