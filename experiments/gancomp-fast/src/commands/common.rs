//! Arguments that commands share.

use anyhow::Result;
use clap::Args;
use gancomp_fast::config::Config;
use gancomp_fast::folders::Folders;
use gancomp_fast::generators::{Chosen, Which};
use semrel_run::Checked;
use semrel_train::cli::Overrides;
use std::path::PathBuf;

/// A row, and where its stages are.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("overrides", |set| set.help("Change a key of the config: --set distill.lambda_recon=100")))]
pub struct Row {
    /// The row's YAML file; several are merged from left to right.
    #[arg(default_value = "configs/gancomp-fast/sample/horse2zebra-ours.yaml")]
    pub config: Vec<PathBuf>,
    /// Folder of all rows; each stage has its folder <name>/<stage> in it.
    #[arg(long, default_value = "runs/gancomp-fast", value_name = "DIR")]
    pub runs: PathBuf,
    /// Changed keys.
    #[command(flatten)]
    pub set: Overrides,
}

impl Row {
    /// The configuration, checked.
    pub fn load(&self) -> Result<Checked<Config>> {
        Ok(Checked::load(&self.config, &self.set.overrides)?)
    }

    /// Where the stages are.
    pub fn folders(&self) -> Folders {
        Folders::new(&self.runs)
    }
}

/// Which of a row's generators a command takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct Generator {
    /// Which generator: export (fine-tuned if the row has that stage, otherwise distilled), distill (the super-net at a
    /// configuration), finetune or teacher.
    #[arg(long, default_value = "export")]
    pub of: Which,
    /// Configuration of a distilled generator: largest, smallest, or widths such as 16_16_32_16_16_64_16_24 [default:
    /// the search's winner]
    #[arg(long)]
    pub channels: Option<Chosen>,
}
