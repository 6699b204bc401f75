//! MUNIT's: both updates encode the images, and decoders make one kind of image after the other.

use super::{PlainOrder, train_plainly};
use crate::algorithm::{Batch, StepInfo};
use crate::methods::{Munit, Pass, Translations};
use anyhow::Result;
use semrel_nn::munit::Pair;
use semrel_train::Losses;
use tch::no_grad;

impl PlainOrder for Munit {
    fn plain_step(&mut self, batch: &Batch, _info: StepInfo) -> Result<Losses> {
        let ([of_d, of_g], Pair { a, b, .. }) = (self.draw(batch), &*self.pair);
        let (x_a, x_b) = (&batch.a, &batch.b);
        let mut losses = Losses::new();
        let shown = no_grad(|| {
            let ((c_a, _), (c_b, _)) = (a.encode(x_a), b.encode(x_b));
            Translations { ba: a.decode(&c_b, &of_d.a), ab: b.decode(&c_a, &of_d.b) }
        });
        train_plainly(&mut self.critics.a, &shown.ba, x_a, &mut losses);
        train_plainly(&mut self.critics.b, &shown.ab, x_b, &mut losses);

        let ((c_a, s_a), (c_b, s_b)) = (a.encode(x_a), b.encode(x_b));
        let own = [a.decode(&c_a, &s_a), b.decode(&c_b, &s_b)];
        let (x_ba, x_ab) = (a.decode(&c_b, &of_g.a), b.decode(&c_a, &of_g.b));
        let again = [a.encode(&x_ba), b.encode(&x_ab)];
        let pass = Pass { codes: [(c_a, s_a), (c_b, s_b)], own, x_ab, x_ba, again };
        let total = self.generator_loss(batch, &pass, &of_g, &mut losses);
        self.generator.backward_step(&total);
        Ok(losses)
    }
}
