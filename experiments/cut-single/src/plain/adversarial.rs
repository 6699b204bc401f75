//! GcGAN's, DistanceGAN's and DRIT's.

use super::{PlainOrder, train_plainly};
use crate::algorithm::{Algorithm, Batch, StepInfo};
use crate::methods::{DistanceGan, Drit, GcGan, Passed};
use anyhow::Result;
use semrel_train::Losses;
use semrel_train::passes::first;

impl PlainOrder for GcGan {
    /// What should be translated and what should stay as it is pass the generators one after the other.
    fn plain_step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let (f, l) = (self.loss.geometry, &self.loss);
        let kept = (l.lambda_identity > 0.0).then(|| first(&batch.b, l.identity_images));
        let turning = self.own.as_ref().unwrap_or(&self.networks.generator);
        let passed = Passed {
            fake: self.networks.generator.forward(&batch.a),
            fake_turned: turning.forward(&f.apply(&batch.a)),
            same: kept.as_ref().map(|kept| self.networks.generator.forward(kept)),
            same_turned: kept.as_ref().map(|kept| turning.forward(&f.apply(kept))),
        };
        let fakes = self.descend(&passed, kept.as_ref(), &mut losses);
        let fake = self.networks.adversary.earlier(&fakes.fake, info.step);
        train_plainly(&mut self.networks.adversary, &fake, &batch.b, &mut losses);
        let turned = self.turned.earlier(&fakes.turned, info.step);
        train_plainly(&mut self.turned, &turned, &f.apply(&batch.b), &mut losses);
        Ok(losses)
    }
}

impl PlainOrder for DistanceGan {
    /// The discriminators see fake and real images one after the other.
    fn plain_step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let mut losses = Losses::new();
        let fakes = self.generator_step(batch, &mut losses);
        let fake = self.d_a.earlier(&fakes.fake_b, info.step);
        train_plainly(&mut self.d_a, &fake, &batch.b, &mut losses);
        if let (Some(d_b), Some(fake_a)) = (&mut self.d_b, &fakes.fake_a) {
            let fake = d_b.earlier(fake_a, info.step);
            train_plainly(d_b, &fake, &batch.a, &mut losses);
        }
        Ok(losses)
    }
}

impl PlainOrder for Drit {
    /// Translations pass the attribute encoder one after the other, and the discriminators of random attributes see the real images
    /// again with each fake.
    fn plain_step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        self.plainly = true;
        self.step(batch, info)
    }
}
