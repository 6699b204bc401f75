//! Generators as ONNX files: written from a state dict ([`graph`]), run without libtorch ([`runtime`]).

pub mod graph;
pub mod nodes;
pub mod rewrite;
pub mod runtime;

pub use graph::model;
pub use runtime::OnnxGenerator;
