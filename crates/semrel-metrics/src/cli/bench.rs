//! `semrel-metrics bench`.

use super::session::Machine;
use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use image::RgbImage;
use rand::RngExt;
use rayon::prelude::*;
use semrel_data::image_io::{read_rgb, write_image};
use semrel_data::resize::{Filter, resize};
use semrel_data::rng::stream;
use semrel_metrics::extractor::features_of_source;
use semrel_metrics::frechet::MeanPrecision;
use semrel_metrics::source::Listing;
use semrel_metrics::{Activations, Images, frechet_distance, networks};
use semrel_train::memory::peak_mib;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tch::Tensor;

/// Measure decoding, features and distances: one JSON object
///
/// Times are medians of three runs. Pictures are generated, 256 x 256, and written as PNG to a temporary folder.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Number of pictures
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(32..=100_000))]
    pictures: u32,
    /// Number of features of the statistics whose distance is computed
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..=8192))]
    dimensions: u32,
    /// Network that features are read from
    #[arg(long, value_name = "NAME", default_value = networks::DEFAULT,
          value_parser = PossibleValuesParser::new(networks::NAMES))]
    extractor: String,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Serialize)]
struct Report {
    extractor: String,
    device: String,
    threads: usize,
    pictures: u32,
    picture_size: [u32; 2],
    /// Decoding alone, on all threads.
    decoded_per_second: f64,
    /// Resize and scaling alone, on all threads.
    prepared_per_second: f64,
    /// The network alone, on prepared batches of 32.
    network_per_second: f64,
    /// From files to features, as `fid` does it.
    files_per_second: f64,
    /// Peak memory up to there.
    peak_memory_mib: u64,
    dimensions: u32,
    distances: Vec<Distance>,
    peak_memory_with_distances_mib: u64,
}

/// Seconds from features, or from statistics, to the distance.
#[derive(Serialize)]
struct Distance {
    /// Pictures on each side.
    pictures: i64,
    /// From features, by the cheaper route.
    from_features: f64,
    /// From mean and covariance, by symmetric eigenproblems.
    from_statistics: f64,
}

const SIDE: u32 = 256;

pub fn run(args: Args) -> Result<()> {
    let (device, threads) = args.machine.set()?;
    let network = networks::load(&args.extractor, device)?;
    let folder = Folder::new()?;
    let files = write_pictures(&folder.0, args.pictures)?;
    let images = Images::open(&folder.0, Listing::Recursive)?;
    let n = f64::from(args.pictures);
    let decoded: Vec<RgbImage> = files[..32].par_iter().map(|file| read_rgb(file)).collect::<Result<_, _>>()?;
    let batch = network.preparation().prepare(&decoded, device);
    let report = Report {
        decoded_per_second: n / median(|| Ok(files.par_iter().try_for_each(|file| read_rgb(file).map(drop))?))?,
        prepared_per_second: 32.0 / median(|| Ok(network.preparation().prepare(&decoded, device)))?,
        network_per_second: 32.0 / median(|| Ok(wait_for(&network.features(&batch))))?,
        files_per_second: n / median(|| Ok(wait_for(&features_of_source(network.as_ref(), &images, &mut |_| ())?)))?,
        peak_memory_mib: peak_mib(),
        distances: [500, 2 * i64::from(args.dimensions)]
            .into_iter()
            .map(|pictures| measure_distance(pictures, args.dimensions.into()))
            .collect::<Result<_>>()?,
        peak_memory_with_distances_mib: peak_mib(),
        extractor: network.name().to_owned(),
        device: format!("{device:?}").to_lowercase(),
        threads,
        pictures: args.pictures,
        picture_size: [SIDE; 2],
        dimensions: args.dimensions,
    };
    Ok(writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(&report)?)?)
}

fn measure_distance(pictures: i64, dimensions: i64) -> Result<Distance> {
    let side = |shift: f64| {
        let features = Tensor::rand([pictures, dimensions], (tch::Kind::Float, tch::Device::Cpu)) + shift;
        Activations::new(&features, MeanPrecision::Double)
    };
    let (a, b) = (side(0.0)?, side(0.1)?);
    let statistics = (a.statistics(), b.statistics());
    Ok(Distance {
        pictures,
        from_features: median(|| Ok(a.distance(&b)?))?,
        from_statistics: median(|| Ok(frechet_distance(&statistics.0, &statistics.1)?))?,
    })
}

/// Median seconds of three runs.
fn median<T>(mut work: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut seconds = [0.0; 3];
    for slot in &mut seconds {
        let began = Instant::now();
        work()?;
        *slot = began.elapsed().as_secs_f64();
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[1])
}

/// A number out of features: a device that computes on its own is waited for.
fn wait_for(features: &Tensor) -> f64 {
    features.sum(tch::Kind::Float).double_value(&[])
}

/// Blotches of colour with fine grain, which compress about as photographs do.
fn write_pictures(folder: &Path, count: u32) -> Result<Vec<PathBuf>> {
    let write = |i: u32| {
        let mut rng = stream(1, "bench", i.into());
        let blotches = RgbImage::from_fn(9, 9, |_, _| image::Rgb(rng.random()));
        let mut picture = resize(&blotches, SIDE, SIDE, Filter::Bicubic);
        picture.iter_mut().for_each(|v| *v = v.saturating_add(rng.random_range(0..8)));
        let file = folder.join(format!("{i:05}.png"));
        write_image(&file, &picture)?;
        Ok(file)
    };
    (0..count).into_par_iter().map(write).collect()
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("semrel-metrics-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("{}: cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
