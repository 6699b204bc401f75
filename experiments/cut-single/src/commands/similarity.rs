//! `cut-single similarity`.

use super::which::Which;
use anyhow::{Context, Result, ensure};
use clap::Args;
use cut_single::networks::takes;
use cut_single::similarity::{figure, similarity_maps};
use ndarray::{Axis, stack};
use semrel_data::image_io::write_image;
use semrel_data::{read_translation_input, translation_output};
use semrel_train::batches::tensor;
use semrel_train::cli::{Machine, PictureSize, write_json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct SimilarityArgs {
    #[command(flatten)]
    which: Which,
    /// A picture of the source domain.
    image: PathBuf,
    /// The query position, in pixels of the picture as it enters the generator; repeat the option for several.
    #[arg(long, value_name = "X,Y", required = true, value_parser = position)]
    at: Vec<[u32; 2]>,
    /// Layers of the generator [default: those that the run compares; for a file, those of its method, such as 0,4,8,12,16]
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    layers: Option<Vec<i64>>,
    /// Width and height that pictures are resized to, as for `translate`.
    #[arg(long)]
    size: Option<PictureSize>,
    /// Folder for <name>-<x>-<y>.png and .json.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    machine: Machine,
}

fn position(text: &str) -> Result<[u32; 2], String> {
    let at = text.split_once(',').and_then(|(x, y)| Some([x.trim().parse().ok()?, y.trim().parse().ok()?]));
    at.ok_or_else(|| "expected x,y in pixels, such as 120,96".into())
}

/// Writes the maps.
pub fn run(args: &SimilarityArgs) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    let opened = args.which.open(device)?;
    opened.check_place("--out", &args.out)?;
    let image = read_translation_input(&args.image, PictureSize::or(args.size, opened.size))?;
    let input = tensor(&stack(Axis(0), &[image.view()])?, device);
    // Heads belong to the layers that they were trained on.
    let own = args.layers.as_ref().is_none_or(|layers| *layers == opened.layers);
    let heads = opened.heads.as_ref().filter(|_| own).map(|heads| &**heads);
    let layers = args.layers.as_ref().unwrap_or(&opened.layers);
    ensure!(!layers.is_empty(), "the run compares no layers; name those to show with --layers");
    takes(&opened.generator, &image, layers).with_context(|| args.image.display().to_string())?;
    let stem = args.image.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    for &at in &args.at {
        let (maps, output) = similarity_maps(&opened.generator, heads, &input, layers, at)?;
        let output = semrel_metrics::extractor::to_images(&output, semrel_data::image_io::Quantise::Truncate)?;
        let place = args.out.join(format!("{stem}-{}-{}", at[0], at[1]));
        write_image(&place.with_extension("png"), &figure(&maps, &translation_output(image.view()), &output[0]))?;
        write_json(Some(&place.with_extension("json")), &maps)?;
        println!("{}", place.with_extension("png").display());
    }
    Ok(ExitCode::SUCCESS)
}
