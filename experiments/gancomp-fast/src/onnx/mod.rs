//! Generators as ONNX files: written from a state dict ([`graph`]), run without libtorch ([`runtime`]).

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

pub mod graph;
pub mod nodes;
pub mod rewrite;
pub mod runtime;

pub use graph::model;
pub use runtime::OnnxGenerator;
