//! Random choices of an image buffer that a case lists.

use crate::Case;
use tch::{Kind, Tensor};

/// Uniform numbers and slots, handed out in their order.
pub struct ListedDraws {
    uniform: std::vec::IntoIter<f64>,
    slot: std::vec::IntoIter<i64>,
}

impl ListedDraws {
    /// Those of the inputs `uniform` and `slot`; none where an input is absent.
    pub fn of(case: &Case, uniform: &str, slot: &str) -> Self {
        let list = |name: &str| if case.has_input(name) { case.input(name) } else { Tensor::from_slice::<f64>(&[]) };
        let uniform: Vec<f64> = Vec::try_from(list(uniform).to_kind(Kind::Double)).expect("uniform numbers");
        let slot: Vec<i64> = Vec::try_from(list(slot).to_kind(Kind::Int64)).expect("slots");
        Self { uniform: uniform.into_iter(), slot: slot.into_iter() }
    }

    /// The next number.
    pub fn uniform(&mut self) -> f64 {
        self.uniform.next().expect("another uniform number")
    }

    /// The next slot.
    pub fn slot(&mut self) -> usize {
        self.slot.next().expect("another slot") as usize
    }

    /// Whether nothing is left.
    ///
    /// # Errors
    /// How much is left.
    pub fn used_up(&self) -> Result<(), String> {
        match (self.uniform.len(), self.slot.len()) {
            (0, 0) => Ok(()),
            left => Err(format!("{left:?} draws (uniform, slot) were not used")),
        }
    }
}
