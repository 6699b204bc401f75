//! `cut-single explore`.

use anyhow::{Context, Result, ensure};
use clap::Args;
use cut_single::explore::{Explorer, Subject, check_folder, common_layers, labels, sample};
use cut_single::networks::takes;
use ndarray::{Axis, stack};
use semrel_data::image_io::Quantise;
use semrel_data::{read_translation_input, translation_output};
use semrel_metrics::extractor::to_images;
use semrel_train::Progress;
use semrel_train::batches::tensor;
use semrel_train::cli::{Machine, PictureSize};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// Folders of runs, or of checkpoints in them, or files of generators; the page switches between them.
    #[arg(value_name = "RUN|CHECKPOINT|FILE", required = true)]
    runs: Vec<PathBuf>,
    /// Pictures of the source domain.
    #[arg(long, value_name = "PICTURE", required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// Folder for the page, which is index.html in it. An explorer that is already there is replaced.
    #[arg(long)]
    out: PathBuf,
    /// The runs' checkpoint: `last`, `best` or a step.
    #[arg(long, default_value = "last")]
    checkpoint: String,
    /// Layers of the generators [default: those that the runs compare; for a file, those of its method, such as 0,4,8,12,16]
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    layers: Option<Vec<i64>>,
    /// Maximum number of positions per layer: larger maps are thinned to an even grid.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(4..=16384))]
    positions: u32,
    /// Width and height that pictures are resized to, as for `translate`.
    #[arg(long)]
    size: Option<PictureSize>,
    /// Address of a page to link back to, such as ../index.html.
    #[arg(long, value_name = "ADDRESS")]
    back: Option<String>,
    #[command(flatten)]
    machine: Machine,
}

/// Writes the page.
pub fn run(args: &ExploreArgs, quiet: bool) -> Result<ExitCode> {
    let (device, _) = args.machine.set()?;
    // Whatever is wrong is reported before anything is written.
    check_folder(&args.out)?;
    for file in &args.input {
        ensure!(!file.is_dir(), "{}: a folder; expected a picture", file.display());
    }
    let subjects: Vec<Subject> =
        args.runs.iter().map(|place| Subject::open(place, &args.checkpoint, device)).collect::<Result<_>>()?;
    let layers = common_layers(&subjects, args.layers.as_deref())?;
    let names: Vec<(String, u64)> = subjects.iter().map(|subject| (subject.name(), subject.step)).collect();

    let read = |subject: &Subject| -> Result<Vec<_>> {
        let own = subject.config.as_ref().map_or(Some((256, 256)), |config| config.test_size());
        let size = PictureSize::or(args.size, own);
        args.input.iter().map(|file| Ok(read_translation_input(file, size)?)).collect()
    };
    let inputs = subjects.iter().map(read).collect::<Result<Vec<_>>>()?;
    ensure!(!layers.is_empty(), "the run compares no layers; name those to show with --layers");
    for (subject, images) in subjects.iter().zip(&inputs) {
        for (file, image) in args.input.iter().zip(images) {
            takes(&subject.generator, image, &layers)
                .with_context(|| format!("{}: {}", subject.place.display(), file.display()))?;
        }
    }

    let mut explorer = Explorer::new(&args.out, i64::from(args.positions))?;
    explorer.back(args.back.clone());
    for file in &args.input {
        explorer.picture(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    let mut bar = Progress::new("pictures", 0, (subjects.len() * args.input.len()) as u64, quiet);
    for ((r, (subject, label)), images) in subjects.iter().zip(labels(&names)).enumerate().zip(&inputs) {
        explorer.run(subject, label);
        for (p, image) in images.iter().enumerate() {
            let input = tensor(&stack(Axis(0), &[image.view()])?, device);
            let found = sample(subject, &input, &layers, i64::from(args.positions))
                .with_context(|| args.input[p].display().to_string())?;
            let output = to_images(&found.output, Quantise::Truncate)?.remove(0);
            explorer.sample(p, &translation_output(image.view()), &output, &found)?;
            bar.set((r * images.len() + p + 1) as u64);
        }
    }
    bar.finish();
    println!("{}", explorer.finish()?.display());
    Ok(ExitCode::SUCCESS)
}
