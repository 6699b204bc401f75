//! Tables whose rows are configurations with changes: what a sweep trains, or a test of claims.

use super::spec::{DatasetSpec, Method, Program, Spec};
use std::path::{Path, PathBuf};

/// A row: a configuration, and changes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Name of the row, and part of the name of its runs.
    pub name: String,
    /// As the table prints it.
    pub title: String,
    /// The configuration.
    pub configuration: Configuration,
    /// Changes to it, `key=value`.
    pub settings: Vec<String>,
}

/// Where a configuration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configuration {
    /// That of a method's row, on whatever data set.
    Method(String),
    /// This file.
    File(PathBuf),
}

impl Configuration {
    /// The file, for the data set whose configurations are called after `stem`.
    pub fn file(&self, configs: &Path, stem: &str) -> PathBuf {
        match self {
            Self::Method(method) => configs.join(format!("{stem}-{method}.yaml")),
            Self::File(file) => file.clone(),
        }
    }
}

/// The table of these rows, which are compared with the one called `own`. Its strings live as long as the process: those of other
/// tables are constants, and a call of a program makes one.
pub fn spec(
    name: &str,
    title: &str,
    program: &'static dyn Program,
    datasets: &'static [DatasetSpec],
    variants: &[Variant],
    own: &str,
) -> &'static Spec {
    let text = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let method = |variant: &Variant| Method { name: text(&variant.name), title: text(&variant.title), paper: &[] };
    let methods: Vec<Method> = variants.iter().map(method).collect();
    Box::leak(Box::new(Spec {
        name: text(name),
        title: text(title),
        program,
        datasets,
        methods: Box::leak(methods.into_boxed_slice()),
        first: Box::leak(Box::new([text(own)])),
        supervised: None,
        beside: None,
        notes: |_, _, _| vec![],
    }))
}
