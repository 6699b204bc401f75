//! Generators to use, from runs and files: the teacher, or a stand-alone sub-network.

use crate::config::Config;
use crate::folders::Folders;
use crate::networks::{WIDEST, teacher_config};
use crate::search::winner;
use crate::trained::{
    CHECKPOINT, TrainedStudent, TrainedTeacher, no_super_net, open_student, open_teacher, super_net_digest,
    weights_digest,
};
use anyhow::{Context, Result, bail, ensure};
use semrel_nn::Net;
use semrel_nn::channels::Channels;
use semrel_nn::checkpoint::{StateDict, load_any};
use semrel_nn::mobile_resnet::{SubMobileResnet, Variant, export_subnet};
use semrel_nn::resnet::ResnetGenerator;
use semrel_train::parts::load_network;
use semrel_train::passes::Generator;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tch::{Device, Tensor};

/// Which of a row's generators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The teacher.
    Teacher,
    /// The distilled super-net at a configuration.
    Distill,
    /// The fine-tuned sub-network.
    Finetune,
    /// What is exported: the fine-tuned sub-network, or the distilled one where the row goes without fine-tuning.
    Export,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Teacher => "teacher",
            Self::Distill => "distill",
            Self::Finetune => "finetune",
            Self::Export => "export",
        })
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Teacher, Self::Distill, Self::Finetune, Self::Export];
        let found = all.into_iter().find(|which| which.to_string() == text);
        found.ok_or_else(|| "expected teacher, distill, finetune or export".to_owned())
    }
}

/// A configuration by its numbers, or by its place in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// The widest of the set at every position.
    Largest,
    /// The narrowest.
    Smallest,
    /// These numbers.
    Channels(Channels),
}

impl FromStr for Chosen {
    type Err = semrel_nn::NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "largest" => Self::Largest,
            "smallest" => Self::Smallest,
            _ => Self::Channels(text.parse()?),
        })
    }
}

/// A generator to use, on its device.
#[derive(Debug)]
pub struct Opened {
    /// `[B, 3, H, W]` to `[B, 3, H, W]` in [−1, 1].
    pub generator: Net<Generator>,
    /// The configuration of a sub-network.
    pub channels: Option<Channels>,
    /// Steps that its weights have seen; 0 for a file.
    pub step: u64,
    /// The file of its weights, or of those that it was cut out of.
    pub file: PathBuf,
}

impl Opened {
    /// Multiply-accumulates of an image of `size` (width, height).
    ///
    /// # Errors
    /// Sides that do not fit.
    pub fn macs(&self, (width, height): (u32, u32)) -> Result<u64> {
        Ok(match self.channels {
            Some(channels) => channels.macs(height.into(), width.into()),
            None => teacher_macs(self.width()?, (width, height))?,
        })
    }

    fn width(&self) -> Result<i64> {
        let state = self.generator.state();
        Ok(state.get("model.1.weight").context("a generator has a `model.1.weight`")?.size()[0])
    }
}

/// Multiply-accumulates of a teacher of a width, for an image of `size` (width, height).
///
/// # Errors
/// Sides that do not fit.
pub fn teacher_macs(width: i64, size: (u32, u32)) -> Result<u64> {
    let teacher = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &teacher_config(width, Variant::default())));
    Ok(teacher.macs(size.1.into(), size.0.into())?)
}

/// A generator of a row. `chosen` is the configuration of a distilled one; `None` for the search's winner.
///
/// # Errors
/// Where an earlier stage is missing, the command that runs it; a configuration outside the row's set.
pub fn open(
    config: &Config,
    folders: &Folders,
    which: Which,
    chosen: Option<Chosen>,
    device: Device,
) -> Result<Opened> {
    match which {
        Which::Teacher => {
            ensure!(chosen.is_none(), "--channels: a teacher has no configuration");
            let TrainedTeacher { generator, step, file, .. } = open_teacher(config, folders, device)?;
            Ok(Opened { generator, channels: None, step, file })
        }
        Which::Distill => distilled(config, folders, chosen, device),
        Which::Finetune => fine_tuned(config, folders, chosen, device),
        Which::Export if config.finetune.is_some() => fine_tuned(config, folders, chosen, device),
        Which::Export => distilled(config, folders, chosen, device),
    }
}

fn distilled(config: &Config, folders: &Folders, chosen: Option<Chosen>, device: Device) -> Result<Opened> {
    let folder = folders.distill(config);
    ensure!(folder.is_dir(), no_super_net(&folder));
    let TrainedStudent { student, step, file, .. } =
        open_student(&folder, &config.distill.checkpoint, CHECKPOINT, device)?;
    let (state, set) = (student.state(), &config.distill.channels);
    let channels = match chosen {
        Some(Chosen::Largest) => set.largest(),
        Some(Chosen::Smallest) => set.smallest(),
        Some(Chosen::Channels(channels)) => channels,
        None => winner(&folders.search(config), Some(&weights_digest(&state))).context("no --channels are given")?,
    };
    set.check(&channels).context("the row's set, config key `distill.channels`")?;
    Ok(Opened { generator: sub_network(&state, &channels, device)?, channels: Some(channels), step, file })
}

fn fine_tuned(config: &Config, folders: &Folders, chosen: Option<Chosen>, device: Device) -> Result<Opened> {
    let folder = folders.finetune(config);
    ensure!(
        folder.is_dir(),
        "{}: there is no fine-tuned sub-network yet; train it first: gancomp-fast finetune with the same configuration (or take \
         the distilled one: --of distill)",
        folder.display()
    );
    let checkpoint = config.finetune.as_ref().map_or("last", |finetune| finetune.checkpoint.as_str());
    let TrainedStudent { student, step, file, config: of_run, began_with } =
        open_student(&folder, checkpoint, "finetune.checkpoint", device)?;
    let own = of_run.finetune.as_ref().and_then(|f| f.channels);
    let channels = own.with_context(|| format!("{}: its configuration names no channels", folder.display()))?;
    match chosen {
        None => check_current(config, folders, channels, began_with.as_deref())?,
        Some(Chosen::Channels(asked)) if asked == channels => {}
        Some(_) => bail!("--channels: {} holds a network of {channels} alone", folder.display()),
    }
    Ok(Opened { generator: sub_network(&student.state(), &channels, device)?, channels: Some(channels), step, file })
}

/// Refuses a fine-tuned network that the row has left behind: it asks for another configuration, a search has found another, or
/// the super-net is another than that of this digest.
fn check_current(config: &Config, folders: &Folders, channels: Channels, began_with: Option<&str>) -> Result<()> {
    let (folder, distilled) = (folders.finetune(config), folders.distill(config));
    let again = format!(
        "fine-tune again: gancomp-fast finetune with the same configuration and --overwrite (or take the network that is \
         there: --channels {channels})"
    );
    // Without the super-net's run there is nothing to compare with.
    let now = super_net_digest(&distilled, &config.distill.checkpoint)?;
    if let (Some(then), Some(now)) = (began_with, now.as_deref()) {
        ensure!(
            then == now,
            "{}: it began with another super-net than {} holds now; {again}",
            folder.display(),
            distilled.display()
        );
    }
    let (wanted, by) = match config.finetune.as_ref().and_then(|f| f.channels) {
        Some(channels) => (channels, "config key `finetune.channels` asks for"),
        None => (winner(&folders.search(config), now.as_deref().or(began_with))?, "the search has found"),
    };
    ensure!(wanted == channels, "{}: it holds a network of {channels}, but {by} {wanted}; {again}", folder.display());
    Ok(())
}

/// The stand-alone network of a configuration, cut out of a super-net's (or another mobile generator's) state dict.
///
/// # Errors
/// Weights of another network, or narrower than the configuration.
pub fn sub_network(state: &StateDict, channels: &Channels, device: Device) -> Result<Net<Generator>> {
    let cut = export_subnet(state, channels)?;
    let network =
        Net::new(device, |p| Box::new(SubMobileResnet::of_variant(p, channels, Variant::of_state(&cut))) as Generator);
    load_network("generator", &network.state(), &cut)?;
    Ok(network)
}

/// A generator of a file, recognized by its keys and shapes: an exported sub-network, a super-net or mobile generator
/// (cut to `channels` where given), or a teacher.
///
/// # Errors
/// Names the file, and what does not fit.
pub fn of_file(file: &Path, channels: Option<Channels>, device: Device) -> Result<Opened> {
    let name = || file.display().to_string();
    let state = load_any(file)?;
    if state.keys().any(|key| key.contains(".conv_block.1.conv.")) {
        let channels = channels.map_or_else(|| SubMobileResnet::channels_of(&state), Ok).with_context(name)?;
        let generator = sub_network(&state, &channels, device).with_context(name)?;
        return Ok(Opened { generator, channels: Some(channels), step: 0, file: file.to_owned() });
    }
    ensure!(channels.is_none(), "{}: not a super-net; only from one does --channels cut", name());
    let first = state.get("model.1.weight").map(Tensor::size);
    let Some([width, 3, 7, 7]) = first.as_deref() else {
        bail!("{}: not a generator of this experiment: it has no `model.1.weight` [ngf, 3, 7, 7]", name());
    };
    let config = teacher_config(*width, Variant::of_state(&state));
    // Before a network of a width that only one shape claims is allocated.
    let held: u64 = state.values().map(|tensor| tensor.numel() as u64).sum();
    let of_blocks = 9 * 2 * 9 * (4 * *width as u64).pow(2);
    ensure!(
        (1..=WIDEST).contains(width) && held >= of_blocks,
        "{}: its `model.1.weight` is that of a teacher of width {width}, but it holds {held} numbers in all; expected a width \
         from 1 to {WIDEST} and a teacher's other layers, of which the residual blocks alone would have {of_blocks} numbers",
        name()
    );
    let generator = Net::new(device, |p| Box::new(ResnetGenerator::new(p, &config)) as Generator);
    load_network("teacher", &generator.state(), &state).with_context(name)?;
    Ok(Opened { generator, channels: None, step: 0, file: file.to_owned() })
}
