//! `semrel-metrics stats`.

use super::report::lines;
use super::session::{Options, describe_resize};
use super::sets;
use anyhow::{Result, ensure};
use semrel_metrics::Activations;
use semrel_metrics::frechet::MeanPrecision;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Write mean and covariance of a set's features to an .npz
///
/// The file holds `mu` and `sigma` in double precision, as pytorch-fid and GAN Compression read and write them, and the
/// number of pictures `n`. The `fid` command takes it in place of the pictures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder, zip or list
    set: PathBuf,
    /// File to write
    #[arg(short, long = "output", value_name = "FILE.npz")]
    output_file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    options: Options,
}

pub fn run(args: Args) -> Result<()> {
    let (options, file) = (&args.options, &args.output_file);
    ensure!(sets::is_statistics(file), "{}: its name must end in .npz", file.display());
    ensure!(args.overwrite || !file.exists(), "{}: exists already; --overwrite replaces it", file.display());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        ensure!(folder.is_dir(), "{}: no such folder to write to", folder.display());
    }
    let set = sets::open_one(&args.set, options.common.listing())?;
    let images = set.pictures()?;
    set.ensure_two()?;
    let (network, origin) = options.network()?;
    let features = options.common.output.features(network.as_ref(), images, &set.label)?;
    let statistics = Activations::new(&features, MeanPrecision::Double)?.statistics();
    statistics.write_npz(file)?;
    let mut out = std::io::stdout().lock();
    let dimensions = statistics.mean.len();
    if options.common.output.json {
        let report = json!({
            "file": file,
            "extractor": network.name(),
            "chosen": origin.chosen,
            "weights": origin.weights_json(),
            "resize": describe_resize(network.as_ref()),
            "dimensions": dimensions,
            "set": set.to_json(),
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let mut about = vec![
        ("wrote", file.display().to_string()),
        ("extractor", format!("{}, {dimensions} features", network.name())),
        ("resize", describe_resize(network.as_ref())),
        ("set", set.describe()),
    ];
    about.splice(2..2, origin.describe());
    Ok(writeln!(out, "{}", lines(&about))?)
}
