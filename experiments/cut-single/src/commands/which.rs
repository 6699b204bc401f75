//! A generator as a command names it.

use anyhow::{Result, bail, ensure};
use clap::Args;
use cut_single::config::Config;
use cut_single::networks::{Generator, new_generator};
use cut_single::published::{OfFile, generator_of_file, load_generator};
use cut_single::trained::open_run;
use semrel_nn::Net;
use semrel_run::Checked;
use semrel_run::place::{self, Made, PlaceError};
use std::path::{Path, PathBuf};
use tch::Device;

/// Which generator a command takes.
#[derive(Debug, Args)]
pub struct Which {
    /// Folder of a run, or a generator's file: a published one, such as *_net_G.pth, MUNIT's gen_*.pt or DRIT's *.pth, or safetensors.
    #[arg(value_name = "RUN|FILE")]
    generator: PathBuf,
    /// The run's checkpoint: `last`, `best` or a step.
    #[arg(long, default_value = "last")]
    checkpoint: String,
    /// YAML file that describes the network of a generator's file; repeat the option to merge several from left to
    /// right [default: as the file tells, if it was exported; otherwise recognized from its keys and shapes]
    #[arg(long)]
    config: Vec<PathBuf>,
}

/// A generator as it was named, with what it compares and the size of its pictures.
pub struct Opened {
    pub generator: Net<Generator>,
    pub heads: Option<Net<semrel_loss::patch_sampler::PatchSampler>>,
    pub layers: Vec<i64>,
    pub size: Option<(u32, u32)>,
    /// Of a run, of an exported file, or as it was given beside a generator's file.
    pub config: Option<Config>,
    /// Whether the images of its configuration may be here: an exported file does not say where they are.
    images_are_named: bool,
}

impl Opened {
    /// Refuses a folder for pictures where they would join what the run reads ([`place::check`]).
    pub fn check_place(&self, option: &'static str, folder: &Path) -> Result<(), PlaceError> {
        let inputs = self.config.as_ref().filter(|_| self.images_are_named).map(Config::inputs);
        place::check(option, folder, Made::Folder, inputs.as_ref().map_or(&[], |inputs| inputs))
    }
}

impl Which {
    pub fn open(&self, device: Device) -> Result<Opened> {
        let path = &self.generator;
        if path.is_dir() {
            ensure!(
                self.config.is_empty(),
                "--config belongs to a generator's file; {} is the folder of a run",
                path.display()
            );
            let run = open_run(path, &self.checkpoint, None, &[], device)?;
            let (layers, size) = (run.config.model.nce_layers.clone(), run.config.test_size());
            let config = Some(run.config.into_inner());
            let (generator, heads) = (run.generator, run.heads);
            return Ok(Opened { generator, heads, layers, size, config, images_are_named: true });
        }
        if !path.exists() {
            bail!("{}: no such file or folder; expected a run's folder, or a generator's file", path.display());
        }
        let (generator, size, layers, config) = match self.config.as_slice() {
            [] => {
                let OfFile { generator, config, recognised } = generator_of_file(path, device)?;
                let layers = config.model.nce_layers.clone();
                match recognised {
                    true => (generator, Some((256, 256)), layers, None),
                    false => (generator, config.test_size(), layers, Some(config)),
                }
            }
            files => {
                let config: Checked<Config> = Checked::load(files, &[])?;
                let generator = new_generator(&config, device)?;
                load_generator(&generator, path)?;
                let config = config.into_inner();
                (generator, config.test_size(), config.model.nce_layers.clone(), Some(config))
            }
        };
        Ok(Opened { generator, heads: None, layers, size, config, images_are_named: !self.config.is_empty() })
    }
}
