//! The published order of a step of `ours` and CUT: every image encoded by itself, nothing shared. For measuring, and to
//! check that sharing changes no loss.

use crate::algorithm::{Batch, When};
use crate::methods::{Contrastive, Draws};
use anyhow::Result;
use semrel_nn::descend_both;
use semrel_train::Terms;
use tch::Tensor;

impl Contrastive {
    /// As [`Contrastive::step_with`], in the published order: the discriminator sees fake and real one after the other, and
    /// translation, identity output and both real images are encoded in passes of their own, with a graph.
    ///
    /// # Errors
    /// As [`Contrastive::step_with`].
    pub fn plain_step(&mut self, batch: &Batch, draws: &Draws, when: When) -> Result<Terms> {
        let mut terms = Terms::new();
        let mut made = self.translate(batch, draws.flip);
        // The published code listens to no layer here.
        made.source = None;

        let fake = self.adversary.pool.query(&made.fake, &mut semrel_data::rng::stream(self.config.seed, "pool D", when.step));
        let real = batch.b.detach().set_requires_grad(self.config.loss.lambda_r1 > 0.0);
        let fake_logits = self.adversary.discriminator.forward(&fake);
        let real_logits = self.adversary.discriminator.forward(&real);
        let judgement = self.adversary.judgement(&fake_logits, &real_logits, &real);
        self.adversary.discriminator.descend(&judgement.total);
        self.adversary.log(&judgement, &mut terms);

        let layers = &self.config.model.nce_layers;
        let join = |first: Vec<Tensor>, second: Option<Vec<Tensor>>| match second {
            Some(second) => first.iter().zip(&second).map(|(a, b)| Tensor::cat(&[a, b], 0)).collect(),
            None => first,
        };
        let mut output = self.generator.encode(&made.fake, layers);
        let source = self.generator.encode(&batch.a, layers);
        let identity = made.identity.as_ref();
        let mut identity_output = identity.map(|image| self.generator.encode(image, layers));
        let identity_source = identity.map(|_| self.generator.encode(&batch.b, layers));
        if draws.flip {
            let back = |maps: &[Tensor]| maps.iter().map(|map| map.flip([3])).collect::<Vec<_>>();
            output = back(&output);
            identity_output = identity_output.as_deref().map(back);
        }
        let compared =
            crate::methods::Compared { output: join(output, identity_output), source: join(source, identity_source) };
        let total = self.generator_loss(batch, &made, &compared, draws, when.epoch, &mut terms)?;
        descend_both(&total, &mut self.generator, &mut self.heads);
        Ok(terms)
    }
}
