//! What earlier stages have trained: the teacher, the once-for-all student, the search's winner.

use crate::config::Config;
use crate::folders::Folders;
use crate::networks::{new_student, new_teacher};
use crate::teacher::Teacher;
use anyhow::{Context, Result, bail, ensure};
use semrel_nn::Net;
use semrel_nn::checkpoint::{StateDict, load_any};
use semrel_nn::mobile_resnet::SuperMobileResnet;
use semrel_train::Checkpoints;
use semrel_train::config::load;
use semrel_train::parts::{PartsState, file_of, load_network};
use semrel_train::passes::Generator;
use semrel_train::run_dir::{CONFIG, checkpoints_of};
use semrel_train::summary;
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

/// A teacher that was trained.
#[derive(Debug)]
pub struct TrainedTeacher {
    /// From source to target.
    pub generator: Net<Generator>,
    /// Its run, or its file.
    pub path: PathBuf,
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
        return Ok(TrainedTeacher { generator, path: file.clone(), step: 0 });
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
    load_teacher(config, &generator, &checkpoints.load_file(step, &file_of(name))?, &at)?;
    if summary::read::<serde_json::Value>(&path)?.is_none() {
        tracing::warn!("{}: the teacher has not been trained to its end; step {step} is used", path.display());
    }
    Ok(TrainedTeacher { generator, path, step })
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
    load_network("teacher", &generator.state(), given).with_context(|| path.display().to_string())
}

/// A once-for-all student that was trained.
#[derive(Debug)]
pub struct TrainedStudent {
    /// Configuration of its run.
    pub config: Config,
    /// The student, all of it.
    pub student: Net<SuperMobileResnet>,
    /// Steps that it has seen.
    pub step: u64,
}

/// Opens a checkpoint (`last`, `best` or a step) of a distillation's or fine-tuning's run folder.
///
/// # Errors
/// A folder that is no run's, a checkpoint that is not there or damaged, weights that do not fit.
pub fn open_student(run_dir: &Path, checkpoint: &str, device: Device) -> Result<TrainedStudent> {
    let config: Config = load(run_dir.join(CONFIG), &[]).context("is this the folder of a run?")?;
    config.validate()?;
    let (step, state) = network_of_run(run_dir, checkpoint, "G")?
        .with_context(|| format!("{}: the run has no checkpoint yet", run_dir.display()))?;
    let student = new_student(&config, device)?;
    load_network("G", &student.state(), &state).with_context(|| run_dir.display().to_string())?;
    if summary::read::<serde_json::Value>(run_dir)?.is_none() {
        tracing::warn!("{}: training has not ended; step {step} is used", run_dir.display());
    }
    Ok(TrainedStudent { config, student, step })
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
    Ok(find(run_dir, "last", "distill.checkpoint")?.is_some())
}

/// Weights of a network in a checkpoint of a run, with the checkpoint's step; `None` where there is no checkpoint.
///
/// # Errors
/// A checkpoint that is not there or damaged, or without this network.
pub fn network_of_run(run_dir: &Path, checkpoint: &str, network: &str) -> Result<Option<(u64, StateDict)>> {
    let Some((step, checkpoints)) = find(run_dir, checkpoint, "distill.checkpoint")? else { return Ok(None) };
    Ok(Some((step, checkpoints.load_file(step, &file_of(network))?)))
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
