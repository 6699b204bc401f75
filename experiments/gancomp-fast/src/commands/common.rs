//! Arguments that commands share.

use anyhow::{Context, Result};
use clap::Args;
use gancomp_fast::config::Config;
use gancomp_fast::folders::Folders;
use semrel_train::config::load;
use std::path::PathBuf;

/// A row, and where its stages lie.
#[derive(Debug, Clone, Args)]
pub struct Row {
    /// The row's YAML file.
    #[arg(default_value = "configs/gancomp-fast/sample/horse2zebra-ours.yaml")]
    pub config: PathBuf,
    /// Folder of all rows; their stages lie in <name>/<stage> below it.
    #[arg(long, default_value = "runs/gancomp-fast", value_name = "DIR")]
    pub runs: PathBuf,
    /// Change a key of the config: --set distill.lambda_recon=100
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

impl Row {
    /// The configuration, checked.
    pub fn load(&self) -> Result<Config> {
        let config: Config = load(&self.config, &self.overrides)?;
        config.validate().with_context(|| self.config.display().to_string())?;
        Ok(config)
    }

    /// Where the stages lie.
    pub fn folders(&self) -> Folders {
        Folders::new(&self.runs)
    }
}
