//! `semrel-metrics compare`.

use super::origin::{Choice, Origin};
use super::pairs::Pairs;
use super::report::{fixed, lines};
use super::session::{self, Common};
use super::sets::{self, Set};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use image::RgbImage;
use rayon::prelude::*;
use semrel_data::DataError;
use semrel_metrics::extractor::Extractor;
use semrel_metrics::networks::vit::{self, Vit};
use semrel_metrics::networks::{self, DEFAULT};
use semrel_metrics::ssim::{ms_ssim, pixels, psnr, ssim};
use semrel_metrics::{MetricsError, structure};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use tch::Device;

/// Pictures on each side that are held in memory at a time.
const AT_ONCE: usize = 20;
/// The transformer of the published structure distance.
const DINO: &str = "dino-b8";

/// PSNR, SSIM, MS-SSIM and structure distance of pairs of pictures: translations and what they should be
///
/// Pairs the pictures of two sets by their names without extensions. PSNR (dB, higher is better) and SSIM (1 for equal pictures)
/// are those of 8-bit RGB pictures, averaged over pairs; SSIM uses a Gaussian window of 11 pixels. MS-SSIM, over five scales, is
/// reported if all sides are longer than 160 pixels.
///
/// The structure distance (0 for the same layout) compares the self-similarities of EfficientNet-Lite0's feature maps of blocks 4
/// and 10. It takes no notice of colours, so that it also compares a translation with its input. With --structure dino-b8 it is the
/// published one, of the keys of DINO's last block, whose weights `cargo xtask weights` fetches; tables print it times 100.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Two folders, zips or lists, with pictures of equal names
    #[arg(value_name = "SET", num_args = 1..)]
    sets: Vec<PathBuf>,
    /// Skip pictures that only one side has, instead of refusing them
    #[arg(long)]
    common: bool,
    /// Network whose features tell the layout
    #[arg(long, value_enum, default_value = "effnet-lite0")]
    structure: Layout,
    #[command(flatten)]
    shared: Common,
}

/// Network whose features tell the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// Maps of blocks 4 and 10 of EfficientNet-Lite0
    #[value(name = "effnet-lite0")]
    EfficientNet,
    /// Keys of the last block of DINO ViT-B/8
    #[value(name = "dino-b8")]
    Dino,
}

/// A network that compares the layouts of pictures.
enum Structure {
    Maps(Box<dyn Extractor>),
    Keys(Vit),
}

impl Layout {
    /// What the distance is called.
    fn score(self) -> &'static str {
        match self {
            Self::EfficientNet => "SSD(effnet-lite0)",
            Self::Dino => "DINO structure distance",
        }
    }

    fn load(self, device: Device) -> Result<(Structure, Origin)> {
        match self {
            Self::EfficientNet => {
                let choice = Choice { name: DEFAULT.to_owned(), why: None };
                let (network, origin) = session::load(choice, None, None, device)?;
                Ok((Structure::Maps(network), origin))
            }
            Self::Dino => {
                let file = networks::published(DINO)?;
                let weights =
                    vec![file.examine(&file.locate().map_err(MetricsError::from)?).map_err(MetricsError::from)?];
                Ok((Structure::Keys(vit::load(DINO, None, device)?.1), Origin { chosen: None, weights }))
            }
        }
    }
}

impl Structure {
    fn distances(&self, left: &[RgbImage], right: &[RgbImage]) -> Result<Vec<f64>, MetricsError> {
        match self {
            Self::Maps(network) => {
                structure::distances_of_images(network.as_ref(), &structure::LAYOUT_TAPS, left, right)
            }
            Self::Keys(network) => {
                let distance = |(a, b)| structure::dino_distance(network, a, b, structure::DINO_SIDE);
                left.iter().zip(right).map(distance).collect()
            }
        }
    }
}

/// Scores of a pair.
struct Scores {
    psnr: f64,
    ssim: f64,
    ms_ssim: Option<f64>,
    structure: f64,
}

pub fn run(args: Args) -> Result<()> {
    sets::expect_number(&args.sets, 2..=2);
    let output = &args.shared.output;
    let sets = sets::open(&args.sets, args.shared.listing())?;
    let (a, b) = (sets[0].pictures()?, sets[1].pictures()?);
    let pairs = Pairs::by_name(a, b, args.common)?;
    let (device, _) = args.shared.machine.set()?;
    let (network, origin) = args.structure.load(device)?;
    let name = args.structure.score();
    let mut progress = output.progress("pairs", pairs.places.len());
    let mut scores = vec![];
    for chunk in pairs.places.chunks(AT_ONCE) {
        let read = |&(i, j): &(usize, usize)| Ok((a.read(i)?, b.read(j)?));
        let (left, right): (Vec<RgbImage>, Vec<RgbImage>) =
            chunk.par_iter().map(read).collect::<Result<Vec<_>, DataError>>()?.into_iter().unzip();
        let path = |images: &semrel_metrics::Images, i: usize| images.path().join(&images.names()[i]);
        let named = |at: usize| format!("{} and {}", path(a, chunk[at].0).display(), path(b, chunk[at].1).display());
        scores.extend(compared(&network, &left, &right, &named)?);
        progress.set(scores.len() as u64);
    }
    progress.finish();
    let mut out = std::io::stdout().lock();
    if output.json {
        let pair = |(&(i, _), s): (&(usize, usize), &Scores)| {
            json!({
                "name": a.names()[i], "psnr": decibels(s.psnr), "ssim": s.ssim, "ms_ssim": s.ms_ssim,
                "structure": s.structure,
            })
        };
        let report = json!({
            "psnr": decibels(mean(&scores, |s| s.psnr)),
            "ssim": mean(&scores, |s| s.ssim),
            "ms_ssim": multi_scale(&scores),
            "structure": { "score": name, "mean": mean(&scores, |s| s.structure) },
            "equal": equal(&scores),
            "weights": origin.weights_json(),
            "sets": sets.iter().map(Set::to_json).collect::<Vec<_>>(),
            "left_out": pairs.left_out,
            "pairs": pairs.places.iter().zip(&scores).map(pair).collect::<Vec<_>>(),
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let mut head = vec![
        ("PSNR", format!("{} dB", fixed(mean(&scores, |s| s.psnr), 2))),
        ("SSIM", fixed(mean(&scores, |s| s.ssim), 4)),
    ];
    head.extend(multi_scale(&scores).map(|value| ("MS-SSIM", fixed(value, 4))));
    head.push((name, fixed(mean(&scores, |s| s.structure), 4)));
    let mut about = vec![("pairs", scores.len().to_string())];
    if equal(&scores) > 0 {
        about.push((
            "equal",
            format!("{} pairs are equal in every pixel, so that the mean PSNR is infinite", equal(&scores)),
        ));
    }
    about.extend(origin.describe());
    about.extend(sets.iter().map(|set| ("set", set.describe())));
    if pairs.left_out > 0 {
        about.push(("left out", format!("{} pictures that only one side has", pairs.left_out)));
    }
    Ok(writeln!(out, "{}\n\n{}", lines(&head), lines(&about))?)
}

/// Scores of pairs; `named` says which they are.
fn compared(
    network: &Structure,
    left: &[RgbImage],
    right: &[RgbImage],
    named: &(dyn Fn(usize) -> String + Sync),
) -> Result<Vec<Scores>> {
    let of_pixels = |at: usize| -> Result<(f64, f64, Option<f64>)> {
        let (a, b) = (pixels(&left[at]), pixels(&right[at]));
        let of_pair = || named(at);
        let (psnr, ssim) = (psnr(a, b).with_context(of_pair)?, ssim(a, b).with_context(of_pair)?);
        Ok((psnr, ssim, ms_ssim(a, b).ok()))
    };
    let of_pixels: Vec<_> = (0..left.len()).into_par_iter().map(of_pixels).collect::<Result<_>>()?;
    let structure = network.distances(left, right)?;
    ensure!(structure.iter().all(|value| value.is_finite()), "the structure distance is not finite");
    let scores = |((psnr, ssim, ms_ssim), structure)| Scores { psnr, ssim, ms_ssim, structure };
    Ok(of_pixels.into_iter().zip(structure).map(scores).collect())
}

fn mean(scores: &[Scores], pick: fn(&Scores) -> f64) -> f64 {
    scores.iter().map(pick).sum::<f64>() / scores.len() as f64
}

/// Mean MS-SSIM, if every pair has one.
fn multi_scale(scores: &[Scores]) -> Option<f64> {
    let all: Vec<f64> = scores.iter().map(|s| s.ms_ssim).collect::<Option<_>>()?;
    Some(all.iter().sum::<f64>() / all.len() as f64)
}

/// Number of pairs that are equal in every pixel.
fn equal(scores: &[Scores]) -> usize {
    scores.iter().filter(|s| s.psnr == f64::INFINITY).count()
}

/// JSON has no infinity.
fn decibels(psnr: f64) -> Value {
    if psnr.is_finite() { json!(psnr) } else { json!("inf") }
}
