//! Generators as files: those that `export` writes, and the published ones of every method, which are told apart by their keys and
//! shapes.

use crate::config::{Config, EvalConfig, GeneratorKind};
use crate::networks::{Generator, new_generator};
use anyhow::{Context, Result, anyhow, bail, ensure};
use semrel_nn::Net;
use semrel_nn::checkpoint::{StateDict, load_any, metadata};
use semrel_run::Validate;
use semrel_train::parts::load_network;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use tch::{Device, Tensor};

/// Loads a generator's file: ours, or a published one.
///
/// # Errors
/// Names the file and what does not fit, or what it looks like instead.
pub fn load_generator(generator: &Net<Generator>, file: &Path) -> Result<()> {
    let own = generator.state();
    let tensors = of_generator(load_any(file)?, &own);
    let looks_like = || shape_of(&tensors).map(|shape| shape.what).ok();
    load_network("G", &own, &tensors).with_context(|| match looks_like() {
        Some(what) => format!("{}, which looks like {what}", file.display()),
        None => file.display().to_string(),
    })
}

/// Name of an exported file's metadata that describes its network, as JSON.
const CONFIG: &str = "config";

/// What an exported file tells of its generator besides its numbers: the configuration, without the folders and files of its run.
///
/// # Errors
/// None that a configuration of a run could have.
pub fn about(config: &Config) -> Result<(String, String)> {
    let mut config = config.clone();
    config.data.root = ".".into();
    config.data.pairs = None;
    (config.loss.lambda_vgg, config.loss.vgg_weights) = (0.0, None);
    // The setting that translations depend on.
    config.eval = EvalConfig { stretch: config.eval.stretch, ..EvalConfig::default() };
    Ok((CONFIG.to_owned(), serde_json::to_string(&config)?))
}

/// A generator from its file alone, with the configuration that describes it. An exported file tells it; a published one's method,
/// width, blocks and resampling follow from its keys and shapes, and its other settings are as published.
///
/// # Errors
/// A file of another network, named as what it looks like.
pub fn generator_of_file(file: &Path, device: Device) -> Result<OfFile> {
    let name = || file.display().to_string();
    let tensors = load_any(file)?;
    // Pickled files, which are published, have no metadata.
    let told = metadata(file).unwrap_or_default().remove(CONFIG);
    let (config, recognised) = match told {
        Some(text) => (serde_json::from_str(&text).context("its metadata `config`").with_context(name)?, false),
        None => (shape_of(&renamed(&tensors)).with_context(name)?.config, true),
    };
    let config: Config = serde_json::from_value(config).map_err(|e| anyhow!("{e}")).with_context(name)?;
    config.validate().map_err(|e| anyhow!("{e}")).context("what it tells of its network").with_context(name)?;
    holds_enough(&tensors, &config).with_context(name)?;
    let generator = new_generator(&config, device).with_context(name)?;
    load_network("G", &generator.state(), &of_generator(tensors, &generator.state())).with_context(name)?;
    Ok(OfFile { generator, config, recognised })
}

/// A generator as its file describes it.
pub struct OfFile {
    /// The generator.
    pub generator: Net<Generator>,
    /// What describes it.
    pub config: Config,
    /// Whether the configuration was recognised from keys and shapes: then most of it is a guess.
    pub recognised: bool,
}

/// Refuses a file with fewer numbers than residual blocks of the width of its first layer have: to build such a network could take
/// more memory than there is.
fn holds_enough(tensors: &StateDict, config: &Config) -> Result<()> {
    let m = &config.model;
    let held: usize = tensors.values().map(Tensor::numel).sum();
    let (wide, mlp) = (4 * m.ngf, if m.generator == GeneratorKind::Munit { m.mlp_dim } else { 0 });
    // StyleGAN2's blocks are narrower, and DRIT's of a fixed number.
    let counted = !matches!(m.generator, GeneratorKind::Stylegan2 | GeneratorKind::Drit);
    let blocks = if counted { m.blocks } else { 0 };
    let least = 2 * blocks * 9 * wide * wide + mlp * mlp;
    ensure!(
        held as i64 >= least,
        "it holds {held} numbers, but {blocks} residual blocks of {wide} channels, as it tells of its network, have {least}"
    );
    Ok(())
}

/// What a state dict belongs to.
#[derive(Debug)]
struct Shape {
    what: &'static str,
    config: Value,
}

/// The tensors of a generator under the keys of this project: without statistics that old instance norms kept and never used, and
/// without the other networks and optimisers of a file that has all of a run.
fn of_generator(tensors: StateDict, own: &StateDict) -> StateDict {
    let unused = |key: &str| {
        ["running_mean", "running_var", "num_batches_tracked"].iter().any(|end| key.ends_with(end))
            && !own.contains_key(key)
    };
    let mut tensors = renamed(&tensors);
    tensors.retain(|key, _| !unused(key));
    let mut tensors = without_dropout(tensors, own);
    if tensors.keys().any(|key| key.starts_with("enc_c.")) {
        tensors.retain(|key, _| ["enc_a.", "enc_c.", "gen."].iter().any(|part| key.starts_with(part)));
    }
    tensors
}

/// Dropout within residual blocks has a number, too, which the second convolution and its norm lack here: 5 in place of 6 (3 and 4 in
/// place of 4 and 5 where convolutions have borders of zeros).
fn without_dropout(tensors: StateDict, own: &StateDict) -> StateDict {
    let has = |tensors: &StateDict, part: &str| tensors.keys().any(|key| key.contains(part));
    let (mirrored, zeros) = (".conv_block.6.", ".conv_block.5.");
    let renames: &[(&str, &str)] = if has(&tensors, mirrored) && !has(own, mirrored) {
        &[(mirrored, ".conv_block.5.")]
    } else if has(&tensors, zeros) && !has(own, zeros) {
        &[(".conv_block.4.", ".conv_block.3."), (zeros, ".conv_block.4.")]
    } else {
        return tensors;
    };
    let rename = |key: String| match renames.iter().find(|(from, _)| key.contains(from)) {
        Some((from, to)) => key.replace(from, to),
        None => key,
    };
    tensors.into_iter().map(|(key, tensor)| (rename(key), tensor)).collect()
}

/// MUNIT publishes both auto-encoders in one file, under `a` and `b`.
fn renamed(tensors: &StateDict) -> StateDict {
    let of_pair = tensors.keys().any(|key| key.starts_with("a.dec.") || key.starts_with("b.dec."));
    let rename = |(key, tensor): (&String, &Tensor)| {
        let key = if of_pair { format!("gen_{key}") } else { key.clone() };
        (key, tensor.shallow_clone())
    };
    tensors.iter().map(rename).collect()
}

fn shape_of(tensors: &StateDict) -> Result<Shape> {
    let size = |key: &str| tensors.get(key).map(Tensor::size).unwrap_or_default();
    let has = |start: &str| tensors.keys().any(|key| key.starts_with(start));
    let file = |method: &str, model: Value| {
        json!({
            "name": "file", "method": method, "data": {"root": "."}, "model": model, "train": {"batch_size": 2},
        })
    };
    if whole(&has, "auto-encoders of MUNIT or UNIT", &["gen_a.", "gen_b."])? {
        return pair(tensors, &size, &file);
    }
    if whole(&has, "a checkpoint of DRIT", &["enc_c.", "enc_a.", "gen."])? {
        let concat = has("gen.dec_share.");
        let first = size("enc_c.convA.0.model.1.weight");
        let &[width, 3, 7, 7] = first.as_slice() else {
            bail!("a checkpoint of DRIT without its content encoder's `enc_c.convA.0.model.1.weight` [width, 3, 7, 7]")
        };
        let numbers = size(if concat { "enc_a.fc_A.0.weight" } else { "enc_a.model_a.16.weight" });
        let config = file(
            "drit",
            json!({
                "generator": "drit", "discriminator": "scales", "norm_discriminator": "none",
                "attributes": if concat { "concat" } else { "feature" },
                "ngf": width, "style_dim": numbers.first().copied().unwrap_or(8),
                "nce_layers": [0, 2, 3, 5, 7],
            }),
        );
        return Ok(Shape { what: "a checkpoint of DRIT", config });
    }
    let blocks: BTreeSet<&str> = tensors.keys().filter_map(|key| Some(key.split_once(".conv_block.")?.0)).collect();
    if let ([width, 3, 7, 7], false) = (size("model.0.weight").as_slice(), blocks.is_empty()) {
        let config = file(
            "distancegan",
            json!({
                "ngf": width, "blocks": blocks.len(), "antialias": false, "antialias_up": false,
                "border": "zero", "norm": "instance-affine", "nce_layers": [0],
            }),
        );
        return Ok(Shape { what: "a generator of DistanceGAN", config });
    }
    let first = size("model.1.weight");
    let &[width, 3, 7, 7] = first.as_slice() else { bail!(other(tensors)) };
    ensure!(!blocks.is_empty(), "a generator without residual blocks");
    let filter = |side: i64| tensors.iter().any(|(key, t)| key.ends_with(".filt") && t.size().last() == Some(&side));
    let config =
        file("cut", json!({"ngf": width, "blocks": blocks.len(), "antialias": filter(3), "antialias_up": filter(4)}));
    Ok(Shape { what: "a residual generator, as CUT, NEGCUT, GcGAN and CycleGAN have it", config })
}

/// Whether there are networks whose keys start like this: all of them or none.
fn whole(has: &dyn Fn(&str) -> bool, what: &str, starts: &[&str]) -> Result<bool> {
    let missing: Vec<String> = starts.iter().filter(|start| !has(start)).map(|start| format!("`{start}*`")).collect();
    ensure!(missing.is_empty() || missing.len() == starts.len(), "{what} without {}", missing.join(" and "));
    Ok(missing.is_empty())
}

/// MUNIT's and UNIT's auto-encoders.
fn pair(tensors: &StateDict, size: &dyn Fn(&str) -> Vec<i64>, file: &dyn Fn(&str, Value) -> Value) -> Result<Shape> {
    let munit = tensors.contains_key("gen_a.mlp.model.0.fc.weight");
    let content = if munit { "enc_content" } else { "enc" };
    let blocks: BTreeSet<&str> =
        tensors.keys().filter_map(|key| key.strip_prefix("gen_a.dec.model.0.model.")?.split('.').next()).collect();
    let first = size(&format!("gen_a.{content}.model.0.conv.weight"));
    let &[width, 3, 7, 7] = first.as_slice() else {
        bail!("auto-encoders of MUNIT without `gen_a.{content}.model.0.conv.weight` [width, 3, 7, 7]")
    };
    ensure!(!blocks.is_empty(), "auto-encoders of MUNIT without residual blocks, `gen_a.dec.model.0.model.*`");
    let mlp = size("gen_a.mlp.model.0.fc.weight");
    let mut model = json!({
        "generator": if munit { "munit" } else { "unit" }, "discriminator": "scales",
        "norm_discriminator": "none", "n_layers": 4,
        "ngf": width, "blocks": blocks.len(),
        "nce_layers": [0, 2, 3, 3 + blocks.len() / 2, 3 + blocks.len()],
    });
    if let [mlp_dim, style_dim] = mlp.as_slice() {
        model["mlp_dim"] = (*mlp_dim).into();
        model["style_dim"] = (*style_dim).into();
    }
    let what = if munit { "a pair of auto-encoders of MUNIT" } else { "a pair of auto-encoders of UNIT" };
    Ok(Shape { what, config: file("munit", model) })
}

/// What a state dict without a generator looks like.
fn other(tensors: &StateDict) -> String {
    let has = |start: &str| tensors.keys().any(|key| key.starts_with(start));
    if has("encoder.convs") {
        return "a generator of single-image translation: its file does not say its width; name its run, or give --config"
            .into();
    }
    let known = [
        ("cnns.", "a discriminator of MUNIT"),
        ("a.cnns.", "the discriminators of MUNIT; its generators are in gen_*.pt"),
        ("Diss.", "a discriminator of DRIT"),
        ("mlp_0.", "the projection heads of CUT or NEGCUT, or NEGCUT's negative generator"),
        ("enc_style.", "one auto-encoder of MUNIT; the published file has both, under `a` and `b`"),
        ("model.0.model.1.", "a discriminator of DRIT"),
    ];
    if let Some((_, what)) = known.iter().find(|(start, _)| has(start)) {
        return format!("not a generator: it looks like {what}");
    }
    if tensors.get("model.0.weight").is_some_and(|t| matches!(t.size().as_slice(), [_, _, 4, 4])) {
        return "not a generator: it looks like a patch discriminator".into();
    }
    let keys: Vec<&str> = tensors.keys().take(3).map(String::as_str).collect();
    format!("not a known generator: it has no `model.1.weight` [ngf, 3, 7, 7]; its keys start with {}", keys.join(", "))
}
