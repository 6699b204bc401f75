//! NEGCUT's: the updates of N and of G and F each encode all images, and take their means.

use super::{PlainOrder, train_plainly};
use crate::algorithm::{Batch, StepInfo};
use crate::methods::{Compared, Embedded, NegCut, NegativeDraws};
use anyhow::Result;
use semrel_train::Losses;
use tch::Tensor;

impl NegCut {
    /// Patches of both branches, and the means of the sources, each image encoded by itself.
    fn plainly_compared(
        &self,
        batch: &Batch,
        fake: &Tensor,
        identity: Option<&Tensor>,
        draws: &NegativeDraws,
    ) -> Result<(Compared, Vec<Tensor>)> {
        let (cut, layers) = (&self.cut, &self.cut.config.model.nce_layers);
        let branch = |output: &Tensor, input: &Tensor, positions: &[Tensor]| -> Result<(Embedded, Vec<Tensor>)> {
            let mut features = cut.generator.encode(output, layers);
            let source = cut.generator.encode(input, layers);
            if draws.patches.flip {
                features = features.iter().map(|map| map.flip([3])).collect();
            }
            let queries = cut.project_reordered(&features, positions)?;
            let keys = cut.project_reordered(&source, positions)?;
            Ok((Embedded { queries, keys }, self.momentum.mean_embeddings(&source)?))
        };
        let (translation, mut means) = branch(fake, &batch.a, &draws.patches.positions)?;
        let Some(output) = identity else { return Ok((Compared { translation, identity: None }, means)) };
        let (identity, more) = branch(output, &cut.target(batch), &draws.patches.identity_positions)?;
        for (mean, more) in means.iter_mut().zip(more) {
            *mean = Tensor::cat(&[&*mean, &more], 0);
        }
        Ok((Compared { translation, identity: Some(identity) }, means))
    }
}

impl PlainOrder for NegCut {
    fn plain_step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let [of_n, of_g] = self.draw(batch)?;
        let n = batch.a.size()[0];
        let mut losses = Losses::new();
        let made = self.cut.translate(batch, of_g.patches.flip);
        let fake = self.cut.adversary.earlier(&made.fake, info.step);
        train_plainly(&mut self.cut.adversary, &fake, &batch.b, &mut losses);

        let identity = made.identity.as_ref();
        let (compared, means) = self.plainly_compared(batch, &made.fake, identity, &of_n)?;
        let loss = self.negatives_loss(&compared.detached(), &self.make(&means, &of_n.noise)?, n, &mut losses)?;
        self.negatives.backward_step(&loss);

        let (compared, means) = self.plainly_compared(batch, &made.fake, identity, &of_g)?;
        self.generator_step(&compared, &self.make(&means, &of_g.noise)?, &made.fake, n, &mut losses)?;
        Ok(losses)
    }
}
