//! No code: one set of features of the dependencies that programs share.
//!
//! Cargo compiles a dependency with the features that the packages of one command ask for. Here all of them are asked for, so that
//! `cargo run -p cut-single` finds what `cargo test --workspace` has built.
#![warn(missing_docs)]
