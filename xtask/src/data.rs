//! `cargo xtask data`: the sample world on disk, and a check of folders of images.

use crate::workspace::{Workspace, cores};
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use semrel_data::image_io::read_rgb;
use semrel_data::sample_world::{DomainSet, write_domains};
use semrel_data::{DomainFolder, Splits};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Share of images held out for validation where a folder has no `val` or `test`; that of the experiments.
const HOLDOUT: f64 = 0.1;

/// Write the sample world, or check a folder of images
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the sample world: landscapes in 4 seasons and in 5 weathers
    ///
    /// Fills OUT/sample-SIZE/seasons and OUT/sample-SIZE/weather with train/<domain>/*.png and val/<domain>/*.png. The
    /// defaults are the data of the sample profile, which `table1` writes by itself. A complete folder is left alone.
    Sample {
        /// Folder to write to [default: data, in the checkout]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        world: World,
    },
    /// Open a folder of domains and decode every image
    ///
    /// DIR holds train/<domain>/ and val/<domain>/ (or test/<domain>/), or just <domain>/, of which a tenth is then held
    /// out. Prints domains, counts and image sizes; names files that cannot be read and then exits with status 1.
    Check {
        /// The folder
        dir: PathBuf,
    },
}

/// Extent of the sample world; the defaults are the sample profile's.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct World {
    /// Side of the images in pixels
    #[arg(long, default_value_t = World::SAMPLE.size, value_parser = clap::value_parser!(u32).range(8..=1024))]
    size: u32,
    /// Training images a domain
    #[arg(long, default_value_t = World::SAMPLE.train, value_parser = clap::value_parser!(u32).range(1..))]
    train: u32,
    /// Validation images a domain
    #[arg(long, default_value_t = World::SAMPLE.val, value_parser = clap::value_parser!(u32).range(1..))]
    val: u32,
    /// Seed of the landscapes
    #[arg(long, default_value_t = World::SAMPLE.seed)]
    seed: u64,
}

impl World {
    /// Data of the sample profile.
    pub const SAMPLE: Self = Self { size: 64, train: 400, val: 40, seed: 1 };

    /// Folder of one set of domains below `data`.
    pub fn dir(&self, data: &Path, set: DomainSet) -> PathBuf {
        data.join(format!("sample-{}", self.size)).join(match set {
            DomainSet::Seasons => "seasons",
            DomainSet::Weather => "weather",
        })
    }

    /// Writes one set of domains below `data` unless it is there.
    pub fn write(&self, data: &Path, set: DomainSet) -> Result<PathBuf> {
        let dir = self.dir(data, set);
        if write_domains(&dir, set, self.train, self.val, self.size, self.seed)? {
            eprintln!("wrote {}", dir.display());
        }
        Ok(dir)
    }
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Sample { out, world } => {
            let data = out.unwrap_or_else(|| workspace.root.join("data"));
            for set in [DomainSet::Seasons, DomainSet::Weather] {
                println!("{}", world.write(&data, set)?.display());
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { dir } => check(&dir),
    }
}

/// Opens a data set for a table; the error says which layout is right.
pub fn open(dir: &Path) -> Result<Splits> {
    let splits = Splits::open(dir, HOLDOUT).with_context(|| {
        format!("{} must hold train/<domain>/ and val/<domain>/, or <domain>/, with images", dir.display())
    })?;
    let domains = splits.train.len();
    ensure!(domains >= 2, "{}: {domains} domain; translation needs at least two", dir.display());
    Ok(splits)
}

fn check(dir: &Path) -> Result<ExitCode> {
    let splits = open(dir)?;
    println!("{}: {} domains ({})", dir.display(), splits.train.len(), splits.train.names().join(", "));
    println!("{:<24}{:>8}{:>8}  image sizes", "domain", "train", "val");
    let mut unreadable = vec![];
    let (train, val) = (decode_all(&splits.train), decode_all(&splits.val));
    for (name, (mut train, mut val)) in splits.train.names().into_iter().zip(train.into_iter().zip(val)) {
        let counts = (train.good(), val.good());
        for (size, count) in std::mem::take(&mut val.sizes) {
            *train.sizes.entry(size).or_default() += count;
        }
        println!("{name:<24}{:>8}{:>8}  {}", counts.0, counts.1, describe(&train.sizes));
        unreadable.append(&mut train.errors);
        unreadable.append(&mut val.errors);
    }
    if unreadable.is_empty() {
        println!("every image can be read");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} unreadable:", unreadable.len());
    for error in unreadable {
        println!("  {error}");
    }
    Ok(ExitCode::FAILURE)
}

/// What decoding a domain brought.
#[derive(Default)]
struct Decoded {
    /// Number of images by width and height.
    sizes: BTreeMap<(u32, u32), usize>,
    errors: Vec<String>,
}

impl Decoded {
    fn good(&self) -> usize {
        self.sizes.values().sum()
    }
}

fn decode_all(folder: &DomainFolder) -> Vec<Decoded> {
    let decode = |files: &[PathBuf]| {
        let mut decoded = Decoded::default();
        for file in files {
            match read_rgb(file) {
                Ok(image) => *decoded.sizes.entry(image.dimensions()).or_default() += 1,
                Err(error) => decoded.errors.push(format!("{:#}", anyhow::Error::from(error))),
            }
        }
        decoded
    };
    let domain = |files: &[PathBuf]| {
        let share = files.len().div_ceil(cores()).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> = files.chunks(share).map(|part| scope.spawn(move || decode(part))).collect();
            let mut all = Decoded::default();
            for part in parts {
                let part = part.join().expect("decoding does not panic");
                for (size, count) in part.sizes {
                    *all.sizes.entry(size).or_default() += count;
                }
                all.errors.extend(part.errors);
            }
            all
        })
    };
    folder.domains.iter().map(|d| domain(&d.files)).collect()
}

fn describe(sizes: &BTreeMap<(u32, u32), usize>) -> String {
    let side = |pick: fn(&(u32, u32)) -> u32| {
        let (low, high) = (sizes.keys().map(pick).min().unwrap_or(0), sizes.keys().map(pick).max().unwrap_or(0));
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    if sizes.is_empty() { "-".into() } else { format!("{} x {}", side(|s| s.0), side(|s| s.1)) }
}
