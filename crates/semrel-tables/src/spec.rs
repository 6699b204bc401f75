//! What makes one table different from another.

use super::columns::{Column, Published};
use super::error::TableError;
use super::evaluated::{Baselined, Evaluated, Terms};
use super::folders;
use super::leaves::Leaves;
use super::profile::Profile;
use semrel_data::Direction;
use semrel_world::{DomainSet, PairWorld};
use serde_json::Value;
use std::path::Path;

/// A table: one constant each, in a file of its own.
pub struct Spec {
    /// Name of the command, and beginning of the names of its files and runs.
    pub name: &'static str,
    /// Heading of the written table.
    pub title: &'static str,
    /// What trains and evaluates its rows.
    pub program: &'static dyn Program,
    /// Its data sets.
    pub datasets: &'static [DatasetSpec],
    /// Its rows, in its order.
    pub methods: &'static [Method],
    /// Methods whose rows are made before the others, so that there is soon something to see: the paper's, and that which it
    /// builds on.
    pub first: &'static [&'static str],
    /// The method that is told what each training image should become, which no other is. Unless it is named, its rows are made
    /// where that is known, which is in the sample world.
    pub supervised: Option<&'static str>,
    /// What else is to be said of the paper's numbers, where they are shown.
    pub beside: Option<&'static str>,
    /// What else is to be said of the rows that are shown, and of what was measured on them.
    pub notes: fn(Profile, &[&Method], &[Terms]) -> Vec<String>,
}

/// A data set of the paper.
pub struct DatasetSpec {
    /// Its name, that of its folder in `data` and the beginning of the names of its configurations.
    pub name: &'static str,
    /// The images that the paper's scores are of.
    pub images: PaperImages,
    /// What stands in for it in the profile `sample`.
    pub sample: SampleWorld,
}

/// The images that scores of the paper are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaperImages {
    /// Test images that are translated, of each domain where there are several.
    pub sources: u64,
    /// Which real images translations are compared with: `test`, `train` or `all`.
    pub reference: &'static str,
    /// Their numbers by domain, in ascending order: all readings of what the paper says.
    pub reals: &'static [&'static [u64]],
}

/// A part of the sample world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleWorld {
    /// Several domains.
    Domains(DomainSet),
    /// Two.
    Pair(PairWorld),
}

/// A row: losses to train with.
pub struct Method {
    /// As in names of rows, files and configurations.
    pub name: &'static str,
    /// As the table prints it.
    pub title: &'static str,
    /// The paper's numbers, as many as it gives.
    pub paper: &'static [PaperNumber],
}

/// A number of the paper: data set, score as [`Column::is_called`] knows it, value.
pub type PaperNumber = (&'static str, &'static str, f64);

/// A call of the program that makes a part of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// What it does, shown while it runs.
    pub label: &'static str,
    /// The program's command.
    pub action: &'static str,
    /// Where it leaves its run, inside the folder of the row; empty where it is that folder.
    pub folder: &'static str,
    /// What it tells of itself.
    pub leaves: Leaves,
}

impl Stage {
    /// The only stage of rows that are trained in one go.
    pub const TRAIN: Self = Self { label: "training", action: "train", folder: "", leaves: Leaves::Epochs };
}

/// How a program is told where a row lies, and what to evaluate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// The folder itself: `train CONFIG --run-dir RUN`, `eval RUN --checkpoint C`.
    Folder,
    /// Names inside a folder of runs: `ACTION CONFIG --runs DIR --set name=RUN --set teacher.name=RUN`, where the teacher is
    /// the row that this one needs; `eval CONFIG … --of WHAT`.
    Names,
}

/// How checkpoints, and the paper beside them, are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A line each.
    Lines,
    /// A column each, within every score.
    Columns,
}

/// A program that trains and evaluates, as a table sees it. What most programs have in common is the default.
pub trait Program: Sync {
    /// Name of package and binary, and of its folders in `configs` and `runs`.
    fn name(&self) -> &'static str;

    /// What is measured.
    fn columns(&self) -> &'static [Column];

    /// What the paper measured it by.
    fn published(&self) -> &'static Published;

    /// Reads the result of an evaluation.
    ///
    /// # Errors
    /// Names the key that does not fit.
    fn evaluated(&self, value: &Value) -> Result<Evaluated, String>;

    /// Reads the result of a baseline.
    ///
    /// # Errors
    /// Names the key that does not fit.
    fn baselined(&self, value: &Value) -> Result<Baselined, String>;

    /// How it is shown.
    fn layout(&self) -> Layout {
        Layout::Columns
    }

    /// What is evaluated of a row: checkpoints, or `measured` where there is one result.
    fn checkpoints(&self) -> &'static [&'static str] {
        &["last", "best"]
    }

    /// The stages of a method's rows, in their order.
    fn stages(&self, _method: &str) -> &'static [Stage] {
        &[Stage::TRAIN]
    }

    /// The method whose configuration a method's rows have: its own, or that of one whose stages begin with its own.
    fn configuration(&self, method: &'static str) -> &'static str {
        method
    }

    /// The method whose row on the same data must be done first.
    fn needs(&self, _method: &str) -> Option<&'static str> {
        None
    }

    /// How rows are addressed.
    fn address(&self) -> Address {
        Address::Folder
    }

    /// Label of a line with the scores of real images, where there are any.
    fn ceiling(&self) -> &'static str {
        "real photographs"
    }

    /// The call that draws a row's picture, without run folder, checkpoint and `--out`. Where there is none, pictures are
    /// put together of the translations that an evaluation leaves.
    fn drawing(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Plots that runs leave, shown with the table: what they show, and their file in the run folder.
    fn plots(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Checks the layout of a data set: of two domains, unless a program has others.
    ///
    /// # Errors
    /// [`TableError::Layout`], which says which layout is right.
    fn check_data(&self, dir: &Path) -> Result<(), TableError> {
        folders::check_pair(dir)
    }

    /// What the names of configurations for the user's own images begin with.
    fn own_stem(&self, _dir: &Path) -> &'static str {
        "data"
    }

    /// Changes to the configuration that the user's own images need.
    fn own_settings(&self, _dir: &Path, _direction: Option<Direction>) -> Vec<String> {
        vec![]
    }

    /// What was measured, and on what: from the results of baselines and evaluations.
    fn describe(&self, evaluations: &[&Evaluated], baselines: &[&Baselined]) -> Vec<String>;
}

impl SampleWorld {
    /// Name of what stands in for the data set in the profile `sample`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domains(DomainSet::Seasons) => "seasons",
            Self::Domains(DomainSet::Weather) => "weather",
            Self::Pair(world) => world.name(),
        }
    }
}
