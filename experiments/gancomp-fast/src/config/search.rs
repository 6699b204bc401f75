//! Section of the search.

use super::Reference;
use schemars::JsonSchema;
use semrel_nn::channels::Weighting;
use semrel_run::search;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Evolution search for the best configuration within a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// What a configuration may cost.
    pub budget: Budget,
    /// The score that decides.
    pub criterion: Criterion,
    /// Configurations of the first generation, and children of every later one.
    pub population: usize,
    /// Rounds of selection.
    pub generations: usize,
    /// Share of the children that are mutations; the others are cross-overs.
    pub mutation_ratio: f64,
    /// Share of the population that become parents.
    pub parent_ratio: f64,
    /// Probability that a mutation redraws a position.
    pub mutation_probability: f64,
    /// How the first generation is drawn.
    pub weighting: WeightingKind,
    /// Parameter a of the weighting; it favours small widths above 1.
    pub weight: f64,
    /// Source images looked at, the first in order; if omitted, all that `data` sets aside for the search.
    pub max_images: Option<usize>,
    /// Images per batch.
    pub batch_size: i64,
    /// Real images of the target domain that a Fréchet distance refers to. If omitted, as published: those that are set
    /// aside for the search if images come in pairs, otherwise what evaluations refer to (`eval.statistics`, else
    /// `eval.reference`). Where `eval.select` is not `test`, other images stand in for those of the test, as in evaluations.
    pub reference: Option<SearchReference>,
    /// NumPy archive with mean `mu` and covariance `sigma` of the features of the real images, in place of `reference`.
    pub statistics: Option<PathBuf>,
    /// Table of the labels of the search's images, as `eval.label_table`.
    pub label_table: Option<PathBuf>,
}

impl SearchConfig {
    /// How the first generation is drawn.
    pub fn weighting(&self) -> Weighting {
        match self.weighting {
            WeightingKind::Uniform => Weighting::Uniform,
            WeightingKind::Arithmetic => Weighting::Arithmetic(self.weight),
            WeightingKind::Geometric => Weighting::Geometric(self.weight),
        }
    }
}

/// Upper limits, at images of `data.image_size`; each that is given must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Multiply-accumulate operations of one image.
    pub macs: Option<f64>,
    /// Parameters of the stand-alone network.
    pub parameters: Option<f64>,
    /// Measured milliseconds of one image.
    pub milliseconds: Option<f64>,
}

impl From<Budget> for search::Budget {
    fn from(Budget { macs, parameters, milliseconds }: Budget) -> Self {
        Self { macs, parameters, milliseconds }
    }
}

/// What makes one configuration better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// A smaller Fréchet distance.
    Frechet,
    /// A larger mean IoU.
    Miou,
}

/// Real images of the target domain that a Fréchet distance refers to in the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SearchReference {
    /// The training images that are set aside for the search, at least two.
    Search,
    /// The test images.
    Test,
    /// The training images.
    Train,
    /// Test and training images.
    All,
}

impl SearchReference {
    /// Its name in YAML and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Test => "test",
            Self::Train => "train",
            Self::All => "all",
        }
    }
}

impl From<Reference> for SearchReference {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Test => Self::Test,
            Reference::Train => Self::Train,
            Reference::All => Self::All,
        }
    }
}

/// Weights of the choices of a position, in list order, for the first generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WeightingKind {
    /// Equal.
    Uniform,
    /// `(n − 1)/(a − 1) + j` for choice j of n.
    Arithmetic,
    /// `aʲ`.
    Geometric,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            criterion: Criterion::Frechet,
            population: 100,
            generations: 500,
            mutation_ratio: 0.5,
            parent_ratio: 0.25,
            mutation_probability: 0.2,
            weighting: WeightingKind::Uniform,
            weight: 1.0,
            max_images: None,
            batch_size: 32,
            reference: None,
            statistics: None,
            label_table: None,
        }
    }
}
