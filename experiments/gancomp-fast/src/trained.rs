//! What earlier stages have trained: the teacher and the once-for-all student.

use crate::config::{Config, GeneratorNorm};
use crate::folders::Folders;
use crate::networks::{new_student, new_teacher};
pub use crate::origin::weights_digest;
use crate::origin::{Origin, SUPER_NET};
use crate::teacher::Teacher;
use anyhow::{Context, Result, bail, ensure};
use semrel_nn::Net;
use semrel_nn::checkpoint::{StateDict, load_any};
use semrel_nn::layers::NormType;
use semrel_nn::mobile_resnet::{LAST_OF_NINE_BLOCKS, SuperMobileResnet, Variant};
use semrel_run::Checked;
use semrel_train::Checkpoints;
use semrel_train::average::AVERAGED;
use semrel_train::parts::{PartsState, file_of, load_network};
use semrel_train::passes::Generator;
use semrel_train::run_dir::checkpoints_of;
use semrel_train::summary;
use serde_json::json;
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

/// Config key of the checkpoint that the stages after distillation go on from.
pub(crate) const CHECKPOINT: &str = "distill.checkpoint";

/// A teacher that was trained.
#[derive(Debug)]
pub struct TrainedTeacher {
    /// From source to target.
    pub generator: Net<Generator>,
    /// Its run, or its file.
    pub path: PathBuf,
    /// The file of its weights.
    pub file: PathBuf,
    /// Steps that it has seen; 0 for a file.
    pub step: u64,
}

/// Opens the teacher that a row names: a generator's file, or a checkpoint of its run.
///
/// # Errors
/// Where there is none, the command that trains it; a teacher of another width or of another kind; damaged files.
pub fn open_teacher(config: &Config, folders: &Folders, device: Device) -> Result<TrainedTeacher> {
    let generator = new_teacher(config, device)?;
    if let Some(file) = &config.teacher.weights {
        let given = load_any(file).context("config key `teacher.weights`")?;
        load_teacher(config, &generator, &given, file)?;
        return Ok(TrainedTeacher { generator, path: file.clone(), file: file.clone(), step: 0 });
    }
    let path = folders.teacher(config);
    let name = Teacher::generator_name(config);
    let Some((step, checkpoints)) = find(&path, &config.teacher.checkpoint, "teacher.checkpoint")? else {
        bail!(
            "{}: there is no trained teacher yet; train it first: gancomp-fast teacher with the same configuration (or name a \
             generator's file by --set teacher.weights=FILE)",
            path.display()
        );
    };
    let at = checkpoints.path(step);
    let state: PartsState =
        serde_json::from_value(checkpoints.load_state(step)?).with_context(|| at.display().to_string())?;
    ensure!(
        state.adam_steps.contains_key(name),
        "{}: its networks are {}; config key `data.layout` asks for {name} of a {}",
        at.display(),
        state.adam_steps.keys().cloned().collect::<Vec<_>>().join(", "),
        if config.aligned() { "Pix2Pix" } else { "CycleGAN" }
    );
    let own: Checked<Config> = Checked::of_run(&path, &[])?;
    let file = file_of(if own.teacher.train.ema > 0.0 { AVERAGED } else { name });
    load_teacher(config, &generator, &checkpoints.load_file(step, &file)?, &at)?;
    if summary::read::<serde_json::Value>(&path)?.is_none() {
        tracing::warn!("{}: the teacher has not been trained to its end; step {step} is used", path.display());
    }
    Ok(TrainedTeacher { generator, path, file: checkpoints.file(step, &file), step })
}

fn load_teacher(config: &Config, generator: &Net<Generator>, given: &StateDict, path: &Path) -> Result<()> {
    let width = given.get("model.1.weight").map(Tensor::size);
    if let Some([width, _, 7, 7]) = width.as_deref() {
        ensure!(
            *width == config.model.teacher_ngf,
            "config key `model.teacher_ngf`: {}, but the teacher {} has width {width}; set it to {width}, or train another \
             teacher",
            config.model.teacher_ngf,
            path.display()
        );
    }
    let Variant { norm, output, doubling } = Variant::of_state(given);
    let trained_norm = if norm == NormType::PixelPlain { GeneratorNorm::Pixel } else { GeneratorNorm::Instance };
    let settings = [
        ("model.norm", json!(config.model.norm), json!(trained_norm)),
        ("model.output", json!(config.model.output), json!(output)),
        ("model.doubling", json!(config.model.doubling), json!(doubling)),
    ];
    for (key, set, trained) in settings {
        ensure!(
            set == trained || given.get(LAST_OF_NINE_BLOCKS).is_none(),
            "config key `{key}`: {set}, but the teacher {} was trained with {trained}; set it to that, or train another teacher",
            path.display()
        );
    }
    load_network("teacher", &generator.state(), given).with_context(|| path.display().to_string())
}

/// A once-for-all student that was trained.
#[derive(Debug)]
pub struct TrainedStudent {
    /// Configuration of its run.
    pub config: Checked<Config>,
    /// The student, all of it.
    pub student: Net<SuperMobileResnet>,
    /// The file of its weights.
    pub file: PathBuf,
    /// Steps that it has seen.
    pub step: u64,
    /// Digest of the super-net that it began with, of a fine-tuned one that tells.
    pub began_with: Option<String>,
}

/// Opens a checkpoint (`last`, `best` or a step, which config key `key` names) of a distillation's or fine-tuning's run folder.
///
/// # Errors
/// A folder that is not a run's, a checkpoint that is not there or damaged, weights that do not fit.
pub fn open_student(run_dir: &Path, checkpoint: &str, key: &str, device: Device) -> Result<TrainedStudent> {
    let config = Checked::of_run(run_dir, &[])?;
    let (step, checkpoints) = find(run_dir, checkpoint, key)?
        .with_context(|| format!("{}: the run has no checkpoint yet", run_dir.display()))?;
    let student = new_student(&config, device)?;
    let given = checkpoints.load_file(step, &file_of("G"))?;
    load_network("G", &student.state(), &given).with_context(|| run_dir.display().to_string())?;
    let began_with = checkpoints.load_state(step)?[SUPER_NET].as_str().map(str::to_owned);
    tell_unless_ended(run_dir, step)?;
    Ok(TrainedStudent { config, student, file: checkpoints.file(step, &file_of("G")), step, began_with })
}

/// What distillation has left for fine-tuning: networks of one checkpoint.
#[derive(Debug)]
pub struct Distilled {
    /// Steps that they have seen.
    pub step: u64,
    /// The super-net.
    pub student: StateDict,
    /// The discriminator.
    pub discriminator: StateDict,
}

/// Reads a checkpoint (`last`, `best` or a step) of a distillation's run folder.
///
/// # Errors
/// Where there is no run, the command that makes it; a checkpoint that is not there or damaged.
pub fn open_distilled(run_dir: &Path, checkpoint: &str) -> Result<Distilled> {
    // Found once: while distillation goes on, the last checkpoint is soon another.
    let (step, checkpoints) = find(run_dir, checkpoint, CHECKPOINT)?.with_context(|| no_super_net(run_dir))?;
    let load = |network: &str| checkpoints.load_file(step, &file_of(network));
    let (student, discriminator) = (load("G")?, load("D")?);
    tell_unless_ended(run_dir, step)?;
    Ok(Distilled { step, student, discriminator })
}

fn tell_unless_ended(run_dir: &Path, step: u64) -> Result<()> {
    if summary::read::<serde_json::Value>(run_dir)?.is_none() {
        tracing::warn!("{}: training has not ended; step {step} is used", run_dir.display());
    }
    Ok(())
}

/// Digest of the super-net in a checkpoint of a distillation's run; `None` where there is no run.
///
/// # Errors
/// A checkpoint that is not there or damaged.
pub fn super_net_digest(run_dir: &Path, checkpoint: &str) -> Result<Option<String>> {
    let Some((step, checkpoints)) = find(run_dir, checkpoint, CHECKPOINT)? else { return Ok(None) };
    Ok(Some(weights_digest(&checkpoints.load_file(step, &file_of("G"))?)))
}

/// Refuses a row's super-net that was distilled from another teacher than the row names, where both are there. What goes on from
/// a super-net needs no teacher.
///
/// # Errors
/// Says how to distil again; a teacher or a checkpoint that is damaged.
pub fn check_teacher(config: &Config, folders: &Folders, device: Device) -> Result<()> {
    let super_net = folders.distill(config);
    let Some((step, checkpoints)) = find(&super_net, "last", CHECKPOINT)? else { return Ok(()) };
    let there = match &config.teacher.weights {
        Some(file) => file.try_exists().with_context(|| file.display().to_string())?,
        None => begun(&folders.teacher(config))?,
    };
    if !there {
        tracing::warn!("{}: its teacher is not there any more; the super-net is taken as it is", super_net.display());
        return Ok(());
    }
    let teacher = open_teacher(config, folders, device)?;
    ensure!(
        Origin::teacher(&teacher.path, teacher.step, teacher.generator.flat()).began(&checkpoints.load_state(step)?),
        "config key `teacher.weights` or `teacher.checkpoint`: the super-net in {} was distilled from another teacher than {}, \
         step {}; name that one, or distil again: gancomp-fast distill with the same configuration and --overwrite",
        super_net.display(),
        teacher.path.display(),
        teacher.step
    );
    Ok(())
}

/// That a row's super-net is missing, with the command that makes it.
pub fn no_super_net(run_dir: &Path) -> String {
    format!(
        "{}: there is no distilled super-net yet; distil it first: gancomp-fast distill with the same configuration",
        run_dir.display()
    )
}

/// Whether a run folder has a checkpoint.
///
/// # Errors
/// A folder that cannot be read.
pub fn begun(run_dir: &Path) -> Result<bool> {
    Ok(find(run_dir, "last", CHECKPOINT)?.is_some())
}

fn find(run_dir: &Path, checkpoint: &str, key: &str) -> Result<Option<(u64, Checkpoints)>> {
    let folder = checkpoints_of(run_dir);
    if !folder.is_dir() {
        return Ok(None);
    }
    let checkpoints = Checkpoints::new(folder, usize::MAX);
    let step = checkpoints.find(checkpoint).with_context(|| format!("config key `{key}`"))?;
    Ok(step.map(|step| (step, checkpoints)))
}
