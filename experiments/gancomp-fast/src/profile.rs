//! What networks cost: parameters, multiply-accumulates, and the time of one image.

use crate::latency::{Latency, Runs, measure};
use crate::networks::{WIDEST, teacher_config};
use crate::onnx::{OnnxGenerator, graph};
use crate::search::cost::Stopwatch;
use crate::search::fitness::{SubNets, Torch};
use anyhow::{Context, Result, bail};
use ndarray::Array3;
use semrel_nn::Net;
use semrel_nn::channels::{ChannelSet, Channels};
use semrel_nn::checkpoint::StateDict;
use semrel_nn::mobile_resnet::{SubMobileResnet, Variant};
use semrel_nn::resnet::ResnetGenerator;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::str::FromStr;
use tch::Device;

/// What is profiled.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// The teacher, of this width.
    Teacher(i64),
    /// A stand-alone sub-network.
    Channels(Channels),
    /// A set of configurations, by its largest and smallest members.
    Set(ChannelSet),
}

impl FromStr for Subject {
    type Err = String;

    /// Reads `teacher` (or `teacher-32`, of another width than 64), a configuration, or the name of a set.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(width) = text.strip_prefix("teacher") {
            let width = if width.is_empty() { Some(64) } else { width.strip_prefix('-').and_then(|w| w.parse().ok()) };
            return match width {
                Some(width @ 1..=WIDEST) => Ok(Self::Teacher(width)),
                _ => Err(format!("{text:?}: expected teacher, or its width, such as teacher-32 (1 to {WIDEST})")),
            };
        }
        let set: ChannelSet = text.parse().map_err(|error: semrel_nn::NetworkError| error.to_string())?;
        if let Some(wide) = set.largest().values().into_iter().find(|width| *width > WIDEST) {
            return Err(format!("{text:?}: width {wide}; expected widths from 1 to {WIDEST}"));
        }
        Ok(if set.size() == 1 { Self::Channels(set.largest()) } else { Self::Set(set) })
    }
}

impl Subject {
    /// The rows of the paper's Table 2.
    pub fn table2() -> Vec<Self> {
        let texts = ["teacher", "16_16_32_16_16_64_16_24", "16_16_48_32_32_40_24_16", "40_16_48_16_48_48_16_16"];
        texts.iter().map(|text| text.parse().expect("published configurations")).collect()
    }
}

/// How to profile.
#[derive(Debug, Clone)]
pub struct ProfileOptions {
    /// Times under libtorch; its size is that of all figures.
    pub torch: Torch,
    /// Whether times are measured.
    pub timed: bool,
    /// Whether the ONNX runtime is measured as well.
    pub onnx: bool,
}

/// Figures of one network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// `teacher-64`, or the configuration.
    pub network: String,
    /// Trainable numbers, biases included.
    pub parameters: u64,
    /// Multiply-accumulates of one image, by the published rule.
    pub macs: u64,
    /// Median milliseconds of one image under libtorch.
    pub torch: Option<Latency>,
    /// The same under the ONNX runtime.
    pub onnx: Option<Latency>,
}

/// Figures of a set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetProfile {
    /// The set.
    pub set: String,
    /// Its members.
    pub size: u64,
    /// Its largest member.
    pub largest: Profile,
    /// Its smallest member: no budget below its figures can be met.
    pub smallest: Profile,
}

/// Figures of something.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// Of a network.
    Network(Profile),
    /// Of a set.
    Set(SetProfile),
}

/// Profiles one thing after the other, networks of the published kind with random weights.
///
/// # Errors
/// Images that a network does not take.
pub fn profile(subjects: &[Subject], options: &ProfileOptions) -> Result<Vec<Figures>> {
    let (width, height) = options.torch.size;
    if width % 4 != 0 || height % 4 != 0 || width < 8 || height < 8 {
        bail!("--size: images of {width} x {height}; both sides must be multiples of 4 and at least 8");
    }
    let figures = |subject: &Subject| -> Result<Figures> {
        Ok(match subject {
            Subject::Teacher(width) => Figures::Network(of_teacher(*width, options)?),
            Subject::Channels(channels) => Figures::Network(of_channels(channels, options)?),
            Subject::Set(set) => Figures::Set(SetProfile {
                set: set.to_string(),
                size: set.size(),
                largest: of_channels(&set.largest(), options)?,
                smallest: of_channels(&set.smallest(), options)?,
            }),
        })
    };
    subjects.iter().map(figures).collect()
}

fn of_teacher(width: i64, options: &ProfileOptions) -> Result<Profile> {
    let torch = &options.torch;
    let net = Net::new(torch.device, |p| ResnetGenerator::new(p, &teacher_config(width, Variant::default())));
    let time = || torch.time(&|image| semrel_nn::TappedGenerator::forward(&*net, image));
    Ok(Profile {
        network: format!("teacher-{width}"),
        parameters: net.numel() as u64,
        macs: net.macs(torch.size.1.into(), torch.size.0.into())?,
        torch: options.timed.then(time).transpose()?,
        onnx: under_onnx(&net.state(), options)?,
    })
}

fn of_channels(channels: &Channels, options: &ProfileOptions) -> Result<Profile> {
    let mut watch = SubNets { torch: options.torch.clone(), variant: Variant::default() };
    let onnx = match options.onnx {
        true => {
            let net = Net::new(Device::Cpu, |p| SubMobileResnet::new(p, channels));
            under_onnx(&net.state(), options)?
        }
        false => None,
    };
    Ok(Profile {
        network: channels.to_string(),
        parameters: channels.parameters(),
        macs: channels.macs(options.torch.size.1.into(), options.torch.size.0.into()),
        torch: options.timed.then(|| watch.measure(channels)).transpose()?,
        onnx,
    })
}

fn under_onnx(state: &StateDict, options: &ProfileOptions) -> Result<Option<Latency>> {
    if !(options.timed && options.onnx) {
        return Ok(None);
    }
    let model = graph::model(state, &BTreeMap::new())?;
    let generator = OnnxGenerator::of_proto(&model, Path::new("the network"))?;
    time_onnx(&generator, options.torch.size, options.torch.runs).map(Some)
}

/// Time of one random image in the ONNX runtime, which computes on one thread.
///
/// # Errors
/// A size that it does not take.
pub fn time_onnx(generator: &OnnxGenerator, (width, height): (u32, u32), runs: Runs) -> Result<Latency> {
    let shape = (3, height as usize, width as usize);
    let image = Array3::from_shape_fn(shape, |(c, y, x)| ((c * 31 + y * 7 + x * 3) as f32 * 0.37).sin());
    // The first run makes the plan.
    generator.run(image.view()).context("the ONNX runtime")?;
    measure(runs, 1, &mut || generator.run(image.view()).map(|_| ()))
}

/// A table for people.
pub fn table(figures: &[Figures], options: &ProfileOptions) -> String {
    let mut rows: Vec<(String, &Profile)> = vec![];
    let mut notes = vec![];
    for figure in figures {
        match figure {
            Figures::Network(profile) => rows.push((profile.network.clone(), profile)),
            Figures::Set(set) => {
                rows.push((format!("{} largest", set.set), &set.largest));
                rows.push((format!("{} smallest", set.set), &set.smallest));
                notes.push(format!(
                    "{}: {} configurations, {} to {} G, {} to {} M",
                    set.set,
                    set.size,
                    giga(set.smallest.macs),
                    giga(set.largest.macs),
                    mega(set.smallest.parameters),
                    mega(set.largest.parameters)
                ));
            }
        }
    }
    let (width, height) = options.torch.size;
    let mut head = vec!["network".to_owned(), "parameters".into(), format!("MACs at {width} x {height}")];
    if options.timed {
        head.push("libtorch".into());
        if options.onnx {
            head.push("ONNX runtime".into());
        }
    }
    let time = |latency: &Option<Latency>| latency.map_or("-".into(), |l| format!("{:.2} ms", l.milliseconds));
    let mut cells = vec![head];
    for (name, profile) in &rows {
        let mut row =
            vec![name.clone(), format!("{} M", mega(profile.parameters)), format!("{} G", giga(profile.macs))];
        if options.timed {
            row.push(time(&profile.torch));
            if options.onnx {
                row.push(time(&profile.onnx));
            }
        }
        cells.push(row);
    }
    let columns = cells[0].len();
    let wide = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut text = String::new();
    for row in &cells {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (cell, &width))| if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") })
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    if options.timed {
        let Runs { counted, warmup } = options.torch.runs;
        let onnx = if options.onnx { "; the ONNX runtime: 1 thread" } else { "" };
        notes.push(format!(
            "times: median of {counted} after {warmup} to warm up, one image; libtorch: {} threads, {:?}{onnx}",
            options.torch.threads, options.torch.device
        ));
        if options.onnx && cfg!(debug_assertions) {
            notes.push(
                "the ONNX runtime is hardly optimised in this build; `cargo run --release` takes about 60 % of its time"
                    .to_owned(),
            );
        }
    }
    for note in notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

/// In 10⁹.
fn giga(count: u64) -> String {
    digits(count as f64 / 1e9)
}

/// In 10⁶.
fn mega(count: u64) -> String {
    digits(count as f64 / 1e6)
}

/// As the paper has them: three decimals below 10, two from there on.
fn digits(number: f64) -> String {
    if number < 10.0 { format!("{number:.3}") } else { format!("{number:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(size: u32) -> ProfileOptions {
        let runs = Runs { warmup: 0, counted: 1 };
        let torch = Torch { size: (size, size), device: Device::Cpu, threads: 1, runs };
        ProfileOptions { torch, timed: false, onnx: false }
    }

    #[test]
    fn the_published_figures_come_out() {
        let figures = profile(&Subject::table2(), &options(256)).unwrap();
        let counts: Vec<(u64, u64)> = figures
            .iter()
            .map(|figure| match figure {
                Figures::Network(p) => (p.macs, p.parameters),
                Figures::Set(_) => panic!("no set"),
            })
            .collect();
        let want = [
            (56_799_264_768, 11_378_179),
            (2_961_702_912, 411_619),
            (4_494_852_096, 666_739),
            (4_389_863_424, 685_155),
        ];
        assert_eq!(counts, want);
        let text = table(&figures, &options(256));
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let want = [
            "network parameters MACs at 256 x 256",
            "teacher-64 11.38 M 56.80 G",
            "16_16_32_16_16_64_16_24 0.412 M 2.962 G",
            "16_16_48_32_32_40_24_16 0.667 M 4.495 G",
            "40_16_48_16_48_48_16_16 0.685 M 4.390 G",
        ];
        assert_eq!(lines, want);
    }

    #[test]
    fn a_set_is_told_by_its_range_and_times_by_their_threads() {
        let subject: Subject = "test".parse().unwrap();
        let options = ProfileOptions { timed: true, onnx: true, ..options(16) };
        let figures = profile(&[subject, "teacher-4".parse().unwrap()], &options).unwrap();
        let Figures::Set(set) = &figures[0] else { panic!("a set") };
        assert_eq!((set.size, set.largest.network.as_str()), (4, "8_8_8_8_8_8_8_8"));
        assert!(set.smallest.macs < set.largest.macs && set.smallest.onnx.unwrap().threads == 1);
        let text = table(&figures, &options);
        for words in ["test smallest", "test: 4 configurations", "ONNX runtime", "median of 1", "teacher-4 "] {
            assert!(text.contains(words), "{words}:\n{text}");
        }
        let json = serde_json::to_value(&figures).unwrap();
        assert!(json[1]["torch"]["milliseconds"].as_f64().unwrap() > 0.0, "{json}");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for (text, word) in [
            ("teacher-x", "teacher-32"),
            ("teacher-0", "teacher-32"),
            ("16_16", "2 numbers"),
            ("channels-65", "channels-64-pix2pix"),
        ] {
            let error = text.parse::<Subject>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        let error = profile(&[Subject::Teacher(4)], &options(18)).unwrap_err().to_string();
        assert!(error.contains("18 x 18") && error.contains("multiples of 4"), "{error}");
    }
}
