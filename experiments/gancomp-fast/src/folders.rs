//! Where the stages of a row lie.

use crate::config::Config;
use crate::data::Stage;
use std::path::PathBuf;

/// The folder of all rows, `runs/gancomp-fast` where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    base: PathBuf,
}

impl Folders {
    /// Rows below `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// Folder of the run of a stage.
    pub fn of(&self, stage: Stage, config: &Config) -> PathBuf {
        match stage {
            Stage::Teacher => self.teacher(config),
            Stage::Distill => self.distill(config),
            Stage::Finetune => self.finetune(config),
        }
    }

    /// Folder of the teacher's run, which rows of one task may share.
    pub fn teacher(&self, config: &Config) -> PathBuf {
        self.base.join(config.teacher_name())
    }

    /// Folder of a row.
    pub fn row(&self, config: &Config) -> PathBuf {
        self.base.join(&config.name)
    }

    /// Folder of the distillation's run.
    pub fn distill(&self, config: &Config) -> PathBuf {
        self.row(config).join("distill")
    }

    /// Folder of the search's results.
    pub fn search(&self, config: &Config) -> PathBuf {
        self.row(config).join("search")
    }

    /// Folder of the exported files.
    pub fn export(&self, config: &Config) -> PathBuf {
        self.row(config).join("export")
    }

    /// Folder of the fine-tuning's run.
    pub fn finetune(&self, config: &Config) -> PathBuf {
        self.row(config).join("finetune")
    }
}
