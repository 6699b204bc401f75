//! The networks of DRIT and DRIT++.

mod blocks;
mod decoders;
mod discriminators;
mod encoders;
mod translator;

pub use blocks::{LayerNorm, initialise};
pub use decoders::{ConcatDecoder, Decoders, FeatureDecoder, SharedBlock};
pub use discriminators::{
    ContentDiscriminator, ContentDiscriminatorConfig, ImageDiscriminator, ImageDiscriminatorConfig,
};
pub use encoders::{Attribute, AttributeEncoder, ContentEncoder, Domain};
pub use translator::{Translator, TranslatorConfig};
