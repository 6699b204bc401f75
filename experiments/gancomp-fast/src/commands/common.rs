//! Arguments that commands share.

use anyhow::Result;
use clap::Args;
use gancomp_fast::config::Config;
use gancomp_fast::folders::Folders;
use gancomp_fast::generators::{Chosen, Which};
use semrel_run::Checked;
use std::path::PathBuf;

/// A row, and where its stages lie.
#[derive(Debug, Clone, Args)]
pub struct Row {
    /// The row's YAML file; several are merged from left to right.
    #[arg(default_value = "configs/gancomp-fast/sample/horse2zebra-ours.yaml")]
    pub config: Vec<PathBuf>,
    /// Folder of all rows; their stages lie in <name>/<stage> below it.
    #[arg(long, default_value = "runs/gancomp-fast", value_name = "DIR")]
    pub runs: PathBuf,
    /// Change a key of the config: --set distill.lambda_recon=100
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

impl Row {
    /// The configuration, checked.
    pub fn load(&self) -> Result<Checked<Config>> {
        Ok(Checked::load(&self.config, &self.overrides)?)
    }

    /// Where the stages lie.
    pub fn folders(&self) -> Folders {
        Folders::new(&self.runs)
    }
}

/// Which of a row's generators a command takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct Generator {
    /// Which generator: export (fine-tuned where the row has that, else distilled), distill (the super-net at a configuration),
    /// finetune or teacher.
    #[arg(long, default_value = "export")]
    pub of: Which,
    /// Configuration of a distilled one, such as 16_16_32_16_16_64_16_24, largest or smallest; the search's winner where
    /// absent.
    #[arg(long)]
    pub channels: Option<Chosen>,
}
