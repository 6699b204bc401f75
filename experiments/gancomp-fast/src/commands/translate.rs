//! Translation of files.

use anyhow::{Result, bail, ensure};
use clap::Args;
use gancomp_fast::config::Config;
use gancomp_fast::export::SIZE;
use gancomp_fast::folders::Folders;
use gancomp_fast::generators::{Chosen, Which, of_file, open};
use gancomp_fast::onnx::OnnxGenerator;
use gancomp_fast::translate::Translator;
use semrel_data::translate::{TranslateOptions, jobs};
use semrel_nn::checkpoint::metadata;
use semrel_run::Checked;
use semrel_run::place::{self, Made};
use semrel_train::cli::{Machine, Overrides, PictureSize, TranslationArgs, translating};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tch::Device;

#[derive(Debug, Args)]
#[command(
    mut_arg("overrides", |set| set.help("Change a key of the row's config")),
    mut_arg("size", |size| size.help(
        "Width and height that pictures are resized to, such as 256x256, or `own`: their own size; either way each side is \
         rounded to the nearest multiple of 4 [default: the size of the row's test images, which exported files record; \
         256x256 for other files]",
    )),
)]
pub struct TranslateArgs {
    /// The network and the pictures: a generator's file (exported, a super-net with --channels, or a teacher) or a
    /// row's YAML file; then a picture, or a folder of pictures at any depth. With --onnx, only the pictures.
    #[arg(value_names = ["NETWORK", "PICTURES"], num_args = 1..=2, required = true)]
    paths: Vec<PathBuf>,
    /// Translate with this ONNX file, without libtorch.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["of", "channels", "runs", "overrides"])]
    onnx: Option<PathBuf>,
    /// Which generator of a row: export, distill, finetune or teacher [default: export]
    #[arg(long)]
    of: Option<Which>,
    /// Configuration of a super-net.
    #[arg(long)]
    channels: Option<Chosen>,
    /// Folder of all rows.
    #[arg(long, default_value = "runs/gancomp-fast", value_name = "DIR")]
    runs: PathBuf,
    #[command(flatten)]
    set: Overrides,
    #[command(flatten)]
    translations: TranslationArgs,
    /// Pictures per batch.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    batch: Option<u32>,
    #[command(flatten)]
    machine: Machine,
}

impl TranslateArgs {
    fn network_and_pictures(&self) -> Result<(Option<&Path>, &Path)> {
        match (&self.onnx, &self.paths[..]) {
            (Some(_), [pictures]) => Ok((None, pictures)),
            (None, [network, pictures]) => Ok((Some(network), pictures)),
            (Some(file), _) => bail!("--onnx {}: this is the network; give only the pictures besides", file.display()),
            (None, _) => bail!("expected a network and the pictures (or --onnx FILE and the pictures)"),
        }
    }

    /// The translator, and the size of its pictures.
    fn open(&self, network: Option<&Path>, device: Device) -> Result<(Translator, (u32, u32))> {
        let Some(path) = network else {
            let file = self.onnx.as_ref().expect("there is a network otherwise");
            let generator = OnnxGenerator::load(file)?;
            let usual = usual(generator.about());
            return Ok((Translator::Onnx(generator), usual));
        };
        if path.is_dir() {
            bail!(
                "{}: a folder; expected a generator's file, or the YAML file of a row (with --of: teacher, distill, finetune, \
                 export)",
                path.display()
            );
        }
        if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            let config: Checked<Config> = Checked::load(&[path], &self.set.overrides)?;
            if let Some(folder) = &self.translations.out {
                place::check("--out", folder, Made::Folder, &config.inputs())?;
            }
            let which = self.of.unwrap_or(Which::Export);
            let opened = open(&config, &Folders::new(&self.runs), which, self.channels, device)?;
            return Ok((Translator::Torch(opened.generator), config.test_size()));
        }
        ensure!(
            path.extension().is_none_or(|end| end != "onnx"),
            "{}: an ONNX file; pass it by --onnx, followed by only the pictures",
            path.display()
        );
        ensure!(path.exists(), "{}: no such file; expected a generator's file, or a row's YAML file", path.display());
        ensure!(
            self.of.is_none() && self.set.overrides.is_empty(),
            "--of and --set belong to a row's YAML file; {} is a generator's file",
            path.display()
        );
        let channels = match self.channels {
            None => None,
            Some(Chosen::Channels(channels)) => Some(channels),
            Some(_) => bail!(
                "--channels: a file has no set of configurations, so `largest` and `smallest` mean nothing; give the widths"
            ),
        };
        // Published files are pickled and tell nothing.
        let usual = usual(&metadata(path).unwrap_or_default());
        Ok((Translator::Torch(of_file(path, channels, device)?.generator), usual))
    }
}

/// The size of pictures that a file's metadata tell.
fn usual(about: &BTreeMap<String, String>) -> (u32, u32) {
    match about.get(SIZE).map(|text| text.parse()) {
        Some(Ok(PictureSize::Fixed(width, height))) => (width, height),
        _ => (256, 256),
    }
}

/// Translates.
pub fn run(args: &TranslateArgs, quiet: bool) -> Result<ExitCode> {
    let (device, threads) = args.machine.set()?;
    let (network, pictures) = args.network_and_pictures()?;
    let TranslationArgs { out, size } = &args.translations;
    let jobs = jobs(pictures, out.as_deref())?;
    let (translator, usual) = args.open(network, device)?;
    // The ONNX runtime takes one picture per core.
    let batch = args.batch.map_or(if network.is_some() { 1 } else { threads }, |batch| batch as usize);
    let options = TranslateOptions { size: PictureSize::or(*size, Some(usual)), batch };
    translating(&jobs, pictures, out.as_deref(), quiet, |progress| translator.translate(&jobs, options, progress))
}
