//! Small parts of a generator's step that several methods share.

use crate::Losses;
use semrel_nn::{TappedGenerator, Trained};
use tch::{Kind, Reduction, Tensor};

/// An image-to-image generator of any family.
pub type Generator = Box<dyn TappedGenerator>;

/// `mean |a − b|`.
pub fn l1(a: &Tensor, b: &Tensor) -> Tensor {
    a.l1_loss(b, Reduction::Mean)
}

/// The two parts of a batch that was joined of two.
pub fn split(t: &Tensor, first: i64) -> (Tensor, Tensor) {
    (t.narrow(0, 0, first), t.narrow(0, first, t.size()[0] - first))
}

/// The first `at_most` images of a batch `[B, C, H, W]`; all of them where there is no limit. Identity terms ask generators to leave
/// these as they are.
pub fn first(images: &Tensor, at_most: Option<i64>) -> Tensor {
    let n = images.size()[0];
    images.narrow(0, 0, at_most.map_or(n, |most| most.min(n)))
}

/// A warm-up step of one generator: `mean |G(x) − x|` on images of both domains.
pub fn reproduce(generator: &mut Trained<Generator>, images: &Tensor) -> Losses {
    let loss = l1(&generator.forward(images), images);
    generator.backward_step(&loss);
    let mut losses = Losses::new();
    losses.push("warmup", &loss.to_kind(Kind::Float));
    losses
}

/// A sum of weighted terms, each of which is reported with its weight.
#[derive(Debug)]
pub struct Terms<'a> {
    losses: &'a mut Losses,
    total: Option<Tensor>,
}

impl<'a> Terms<'a> {
    /// An empty sum.
    pub fn new(losses: &'a mut Losses) -> Self {
        Self { losses, total: None }
    }

    /// Adds `weight · term`.
    pub fn add(&mut self, name: &'static str, weight: f64, term: Tensor) {
        let term = term * weight;
        self.losses.push(name, &term);
        self.include(term);
    }

    /// Adds a term that is weighted and reported already.
    pub fn include(&mut self, term: Tensor) {
        self.total = Some(match self.total.take() {
            Some(total) => total + term,
            None => term,
        });
    }

    /// The sum, reported as `name`.
    ///
    /// Panics where nothing was added.
    pub fn total(self, name: &'static str) -> Tensor {
        let total = self.total.expect("terms were added");
        self.losses.push(name, &total);
        total
    }
}
