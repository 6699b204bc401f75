//! The networks of MUNIT and UNIT.

mod blocks;
mod discriminator;
mod generator;
mod pair;
mod perceptual;

pub use blocks::{Activation, Assigned, AssignedNorm, DiscriminatorNorm, LayerNorm, Pad};
pub use discriminator::{DiscriminatorConfig, MultiScaleDiscriminator};
pub use generator::{ContentEncoder, Decoder, Generator, GeneratorConfig, StyleEncoder, UnitGenerator};
pub use pair::{Pair, UnitPair, initialise};
pub use perceptual::Vgg;
