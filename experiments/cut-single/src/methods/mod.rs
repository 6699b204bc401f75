//! The methods, one file each.

mod contrastive;
mod cyclegan;
mod distancegan;
mod gcgan;
mod lsesim;
mod negcut;

pub(crate) use contrastive::{Compared, Embedded};
pub use contrastive::{Contrastive, Draws};
pub use cyclegan::CycleGan;
pub use distancegan::{DistanceGan, DistanceStatistics, halves_distance};
pub use gcgan::GcGan;
pub use lsesim::LSeSim;
pub use negcut::NegCut;

use crate::networks::Generator;
use semrel_nn::{Trained, flat_gradients};
use semrel_train::Terms;
use tch::{Kind, Reduction, Tensor};

/// `mean |a − b|`.
fn l1(a: &Tensor, b: &Tensor) -> Tensor {
    a.l1_loss(b, Reduction::Mean)
}

/// A warm-up step of one generator: `mean |G(x) − x|` on images of both domains.
fn reproduce(generator: &mut Trained<Generator>, images: &Tensor) -> Terms {
    let loss = l1(&generator.forward(images), images);
    let gradient = flat_gradients(&loss, &[generator.parameters()]).remove(0);
    generator.step(gradient);
    let mut terms = Terms::new();
    terms.push("warmup", &loss.to_kind(Kind::Float));
    terms
}

/// The two parts of a batch that was joined of two.
fn split(t: &Tensor, first: i64) -> (Tensor, Tensor) {
    (t.narrow(0, 0, first), t.narrow(0, first, t.size()[0] - first))
}
