//! Networks of the single-modal experiment.

use semrel_nn::image_pool::{ImagePool, PoolDraws};
use semrel_nn::layers::NormType;
use semrel_nn::patchgan::{PatchDiscriminator, PatchGanConfig, PatchGanKind};
use semrel_nn::resnet::{ResnetConfig, ResnetGenerator};
use semrel_nn::{Net, TappedGenerator, stylegan2};
use semrel_testkit::{Case, FillRule, ListedDraws, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

fn norm(case: &Case) -> Result<NormType, String> {
    serde_json::from_value(case.config()["norm"].clone()).map_err(|e| format!("config.norm: {e}"))
}

/// An integer of the configuration with a published default.
fn setting(case: &Case, key: &str, default: i64) -> i64 {
    case.config()[key].as_i64().unwrap_or(default)
}

/// Reference networks run in training mode unless the case says otherwise, or dropout would make them random.
fn training(case: &Case, dropout: bool) -> bool {
    case.config()["mode"].as_str().map_or(!dropout, |mode| mode == "train")
}

/// The state dict has exactly the case's keys and shapes.
pub fn check_keys(keys: &Value, state: &BTreeMap<String, Tensor>) -> Outcome {
    let Some(keys) = keys.as_object() else { return Ok(()) };
    let want: BTreeMap<&str, Vec<i64>> = keys
        .iter()
        .map(|(key, shape)| {
            let shape = shape.as_array().map(|a| a.iter().filter_map(Value::as_i64).collect());
            (key.as_str(), shape.unwrap_or_default())
        })
        .collect();
    let got: BTreeMap<&str, Vec<i64>> = state.iter().map(|(key, t)| (key.as_str(), t.size())).collect();
    if got == want {
        return Ok(());
    }
    let difference = |a: &BTreeMap<&str, Vec<i64>>, b: &BTreeMap<&str, Vec<i64>>| {
        a.iter().filter(|(k, v)| b.get(*k) != Some(v)).map(|(k, v)| format!("{k} {v:?}")).collect::<Vec<_>>()
    };
    Err(format!("keys: {:?} instead of {:?}", difference(&got, &want), difference(&want, &got)))
}

/// Compares the stored gradients `grad.<prefix><name>` of `loss`.
pub fn check_grads(case: &Case, prefix: &str, loss: &Tensor, of: impl Fn(&str) -> Option<Tensor>) -> Outcome {
    for (name, want) in case.with_prefix(&format!("grad.{prefix}")) {
        let input = of(&name).ok_or_else(|| format!("nothing here is called {name}, whose gradient is stored"))?;
        let grad = Tensor::run_backward(&[loss], &[&input], true, false).remove(0);
        let grad = if grad.defined() { grad } else { want.zeros_like() };
        case.check(&format!("grad.{prefix}{name}"), &grad)?;
    }
    Ok(())
}

/// Image, features and feature shapes of a generator, whichever way they are asked for; returns the image.
fn check_generator(
    case: &Case,
    net: &dyn TappedGenerator,
    x: &Tensor,
    image_and_features: (Tensor, Vec<Tensor>),
) -> Outcome {
    let (image, features) = image_and_features;
    case.check("out.image", &image)?;
    let layers = layers(case);
    let size = x.size();
    let shapes = net.tap_shapes(size[2], size[3], &layers).map_err(|e| e.to_string())?;
    let encoded = net.encode(x, &layers);
    for (((layer, feature), shape), alone) in layers.iter().zip(&features).zip(shapes).zip(encoded) {
        if feature.size() != [size[0], shape.0, shape.1, shape.2] {
            return Err(format!("layer {layer} is {:?}, foretold was {shape:?}", feature.size()));
        }
        if !alone.allclose(feature, 1e-6, 1e-6, false) {
            return Err(format!("layer {layer} differs when the pass ends after the last layer"));
        }
        let name = format!("out.feat.{layer}");
        let every = (feature.size()[1] / case.tensor(&name).size()[1].max(1)).max(1);
        case.check(&name, &feature.slice(1, None, None, every))?;
    }
    Ok(())
}

/// Numbers of the layers whose outputs are stored.
fn layers(case: &Case) -> Vec<i64> {
    let mut layers: Vec<i64> = case.with_prefix("out.feat.").keys().filter_map(|k| k.parse().ok()).collect();
    layers.sort_unstable();
    layers
}

pub fn generator(case: &Case) -> Outcome {
    case.in_both_kinds(generator_in)
}

fn generator_in(case: &Case, kind: Kind) -> Outcome {
    match case.config()["padding_type"].as_str() {
        None | Some("reflect") => {}
        other => return Err(format!("padding_type {other:?}")),
    }
    let published = ResnetConfig::cut();
    let name = case.config()["netG"].as_str().unwrap_or_default();
    let named = name.strip_prefix("resnet_").and_then(|n| n.strip_suffix("blocks")).and_then(|n| n.parse().ok());
    let dropout = !case.config()["no_dropout"].as_bool().unwrap_or(true);
    let config = ResnetConfig {
        width: setting(case, "ngf", published.width),
        blocks: setting(case, "n_blocks", named.unwrap_or(published.blocks)),
        in_channels: setting(case, "input_nc", published.in_channels),
        out_channels: setting(case, "output_nc", published.out_channels),
        norm: norm(case)?,
        antialias: !case.flag("no_antialias"),
        antialias_up: !case.flag("no_antialias_up"),
        dropout,
        ..published
    };
    config.check().map_err(|e| e.to_string())?;
    let mut net = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &config));
    net.set_training(training(case, dropout));
    check_keys(&case.json["keys"], &net.state())?;
    case.fill(&net.state(), "")?;
    net.convert(kind);
    let state = net.state();
    let x = case.input("image").to_kind(kind).set_requires_grad(true);
    let (image, features) = net.forward_tapped(&x, &layers(case));
    let loss = image.square().mean(kind);
    check_grads(case, "", &loss, |name| match name.strip_prefix("w.") {
        Some(key) => state.get(key).map(Tensor::shallow_clone),
        None => (name == "in.image").then(|| x.shallow_clone()),
    })?;
    check_generator(case, &*net, &x, (image, features))
}

pub fn discriminator(case: &Case) -> Outcome {
    case.in_both_kinds(discriminator_in)
}

fn discriminator_in(case: &Case, precision: Kind) -> Outcome {
    let published = PatchGanConfig::cut();
    let kind = match case.config()["netD"].as_str() {
        Some("basic") => PatchGanKind::NLayers(3),
        Some("n_layers") => PatchGanKind::NLayers(case.i64("n_layers_D")),
        Some("pixel") => PatchGanKind::Pixel,
        other => return Err(format!("netD {other:?}")),
    };
    let config = PatchGanConfig {
        kind,
        width: setting(case, "ndf", published.width),
        in_channels: setting(case, "input_nc", published.in_channels),
        norm: norm(case)?,
        antialias: !case.flag("no_antialias"),
        ..published
    };
    config.check().map_err(|e| e.to_string())?;
    let mut net = Net::new(Device::Cpu, |p| PatchDiscriminator::new(p, &config));
    net.set_training(training(case, false));
    check_keys(&case.json["keys"], &net.state())?;
    case.fill(&net.state(), "")?;
    net.convert(precision);
    let state = net.state();
    let x = case.input("image").to_kind(precision).set_requires_grad(true);
    let logits = net.forward(&x);
    case.check("out.pred", &logits)?;
    let (size, foretold) = (logits.size(), net.logits_size(x.size()[2], x.size()[3]).map_err(|e| e.to_string())?);
    if (size[2], size[3]) != foretold {
        return Err(format!("logits are {size:?}, foretold was {foretold:?}"));
    }
    check_grads(case, "", &logits.square().mean(precision), |name| match name.strip_prefix("w.") {
        Some(key) => state.get(key).map(Tensor::shallow_clone),
        None => (name == "in.image").then(|| x.shallow_clone()),
    })
}

pub fn sincut_networks(case: &Case) -> Outcome {
    case.in_both_kinds(sincut_networks_in)
}

fn sincut_networks_in(case: &Case, kind: Kind) -> Outcome {
    let crop = case.i64("crop_size");
    let resolution = stylegan2::resolution(setting(case, "load_size", crop), crop);
    let x = case.input("image").to_kind(kind).set_requires_grad(true);

    let config = stylegan2::GeneratorConfig {
        width: case.i64("ngf"),
        resolution,
        downsamplings: case.i64("stylegan2_G_num_downsampling"),
        blocks: case.i64("n_blocks"),
    };
    config.check().map_err(|e| e.to_string())?;
    let mut generator = Net::new(Device::Cpu, |p| stylegan2::Generator::new(p, &config));
    let state = filled(case, "G", &mut generator, kind)?;
    let noise = match config.downsamplings {
        1 => vec![case.input("noise").to_kind(kind)],
        n => (0..n).map(|i| case.input(&format!("noise.{i}")).to_kind(kind)).collect(),
    };
    let image = generator.forward_with_noise(&x, &noise);
    let loss = image.square().mean(kind);
    check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
    check_grads(case, "in.", &loss, |name| (name == "image").then(|| x.shallow_clone()))?;
    let features = generator.forward_tapped(&x, &layers(case)).1;
    check_generator(case, &*generator, &x, (image, features))?;

    let config = stylegan2::DiscriminatorConfig { width: case.i64("ndf"), resolution };
    config.check().map_err(|e| e.to_string())?;
    let mut discriminator = Net::new(Device::Cpu, |p| stylegan2::Discriminator::new(p, &config));
    let state = filled(case, "D", &mut discriminator, kind)?;
    let logits = discriminator.forward(&x);
    case.check("out.pred", &logits)?;
    let slope = Tensor::run_backward(&[logits.sum(kind)], &[&x], true, true).remove(0);
    let r1 = slope.square().sum(kind) / x.size()[0] as f64;
    case.check("out.r1", &r1)?;
    check_grads(case, "r1.", &r1, |key| state.get(key).map(Tensor::shallow_clone))
}

/// State dict of a network that was filled by the rule of network `name` and then converted.
fn filled<T>(case: &Case, name: &str, net: &mut Net<T>, kind: Kind) -> Result<BTreeMap<String, Tensor>, String> {
    check_keys(&case.json["keys"][name], &net.state())?;
    FillRule::from_json(&case.json["fill"][name]).apply(&net.state(), &[]);
    net.convert(kind);
    Ok(net.state())
}

/// Draws that a case lists.
struct Listed(ListedDraws);

impl PoolDraws for Listed {
    fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }

    fn slot(&mut self, _size: usize) -> usize {
        self.0.slot()
    }
}

pub fn image_pool(case: &Case) -> Outcome {
    let mut draws = Listed(ListedDraws::of(case, "uniform", "slot"));
    let capacity = case.i64("pool_size") as usize;
    let mut pool = ImagePool::new(capacity);
    let mut returned = vec![];
    for images in case.input("images").unbind(0) {
        returned.push(pool.query(&images, &mut draws));
        // A pool that went through a checkpoint goes on as if it had not.
        let saved = pool.images();
        pool = ImagePool::new(capacity);
        pool.restore(saved.as_ref());
    }
    case.check("out.returned", &Tensor::stack(&returned, 0))?;
    if let Some(images) = pool.images() {
        case.check("out.pool", &images)?;
    }
    draws.0.used_up()
}
