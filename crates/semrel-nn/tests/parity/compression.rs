//! Networks and configurations of the compression experiment.

use crate::single_modal::check_keys;
use semrel_loss::curriculum::EpochCurriculum;
use semrel_nn::channels::{ChannelSet, Channels, Weighting};
use semrel_nn::checkpoint::{Extras, StateDict, copy_into};
use semrel_nn::distillation::Adapter;
use semrel_nn::image_pool::{ImagePool, PoolDraws};
use semrel_nn::layers::NormType;
use semrel_nn::mobile_resnet::{
    MobileConfig, MobileResnetGenerator, SubMobileResnet, SuperMobileResnet, export_subnet, transfer_by_importance,
};
use semrel_nn::patchgan::{PatchDiscriminator, PatchGanConfig, PatchGanKind};
use semrel_nn::resnet::{ResnetConfig, ResnetGenerator};
use semrel_nn::{LrPolicy, LrSchedule, Net, TappedGenerator};
use semrel_testkit::{Case, FillRule, Outcome};
use serde_json::Value;
use std::collections::VecDeque;
use tch::{Device, Kind, Tensor, nn};

fn text<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|e| e.to_string())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Outcome {
    if got == want { Ok(()) } else { Err(format!("{what}: {got:?} instead of {want:?}")) }
}

/// An entry of a JSON object, read as `T`.
fn read<T: serde::de::DeserializeOwned>(object: &Value, key: &str) -> Result<T, String> {
    serde_json::from_value(object[key].clone()).map_err(|e| format!("{key}: {e}"))
}

/// As [`read`], with a published default.
fn read_or<T: serde::de::DeserializeOwned>(object: &Value, key: &str, default: T) -> Result<T, String> {
    if object[key].is_null() { Ok(default) } else { read(object, key) }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Fills a state dict by the rule, on its own keys, and puts in what the case stores as `w.<key>`.
fn fill(case: &Case, state: &StateDict) -> Outcome {
    FillRule::default().apply(state, &[]);
    for (key, value) in case.with_prefix("w.") {
        let target = state.get(&key).ok_or_else(|| format!("the network has no key {key}"))?;
        tch::no_grad(|| target.shallow_clone().copy_(&value));
    }
    Ok(())
}

/// The stored image and layers `<prefix>image`, `<prefix>model.<i>` of one pass.
fn check_pass(case: &Case, prefix: &str, net: &dyn TappedGenerator) -> Outcome {
    let x = case.input("x");
    let named = case.with_prefix(&format!("{prefix}model."));
    let layers: Vec<i64> = named.keys().filter_map(|layer| layer.parse().ok()).collect();
    tch::no_grad(|| {
        let (image, features) = net.forward_tapped(&x, &layers);
        case.check(&format!("{prefix}image"), &image)?;
        layers.iter().zip(&features).try_for_each(|(i, feature)| case.check(&format!("{prefix}model.{i}"), feature))
    })
}

fn evaluated(case: &Case, net: &dyn TappedGenerator) {
    net.set_training(case.config()["mode"].as_str() != Some("eval"));
}

pub fn generator_resnet(case: &Case) -> Outcome {
    let (c, published) = (case.config(), ResnetConfig::compression_teacher());
    let config = ResnetConfig {
        width: read(c, "ngf")?,
        blocks: read_or(c, "n_blocks", published.blocks)?,
        in_channels: read_or(c, "input_nc", published.in_channels)?,
        out_channels: read_or(c, "output_nc", published.out_channels)?,
        norm: read(c, "norm")?,
        ..published
    };
    text(config.check())?;
    let net = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &config));
    evaluated(case, &*net);
    check_keys(&case.json["keys"], &net.state())?;
    fill(case, &net.state())?;
    check_pass(case, "out.", &*net)
}

fn mobile_config(c: &Value, width: &str) -> Result<MobileConfig, String> {
    let published = MobileConfig::published(read(c, width)?);
    Ok(MobileConfig {
        blocks: read_or(c, "n_blocks", published.blocks)?,
        in_channels: read_or(c, "input_nc", published.in_channels)?,
        out_channels: read_or(c, "output_nc", published.out_channels)?,
        norm: read_or(c, "norm", published.norm)?,
        ..published
    })
}

pub fn generator_mobile(case: &Case) -> Outcome {
    let config = mobile_config(case.config(), "ngf")?;
    text(config.check())?;
    let net = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &config));
    evaluated(case, &*net);
    check_keys(&case.json["keys"], &net.state())?;
    fill(case, &net.state())?;
    check_pass(case, "out.", &*net)
}

fn super_net(case: &Case, width: &str) -> Result<Net<SuperMobileResnet>, String> {
    let config = mobile_config(case.config(), width)?;
    text(config.check_elastic())?;
    let net = Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &config));
    check_keys(&case.json["keys"], &net.state())?;
    fill(case, &net.state())?;
    Ok(net)
}

fn channels(value: &Value) -> Result<Channels, String> {
    text(value.as_str().ok_or("a configuration is a string")?.parse())
}

pub fn supernet(case: &Case) -> Outcome {
    let net = super_net(case, "ngf")?;
    let c = case.config();
    match c["configs"].as_array() {
        Some(configs) => configs
            .iter()
            .enumerate()
            .try_for_each(|(i, config)| check_pass(case, &format!("out.{i}."), &net.at(&channels(config)?))),
        None => check_pass(case, "out.", &net.at(&channels(&c["config_str"])?)),
    }
}

fn sub_net(case: &Case, c: &Channels) -> Result<Net<SubMobileResnet>, String> {
    let channels = |key: &str| read_or(case.config(), key, 3i64);
    let (input, output) = (channels("input_nc")?, channels("output_nc")?);
    Ok(Net::new(Device::Cpu, |p| SubMobileResnet::with_images(p, c, input, output)))
}

pub fn subnet(case: &Case) -> Outcome {
    let c = channels(&case.config()["config_str"])?;
    let net = sub_net(case, &c)?;
    check_keys(&case.json["keys"], &net.state())?;
    same("channels", text(SubMobileResnet::channels_of(&net.state()))?, c)?;
    fill(case, &net.state())?;
    check_pass(case, "out.", &*net)
}

pub fn subnet_export(case: &Case) -> Outcome {
    let net = super_net(case, "super_ngf")?;
    let c = channels(&case.config()["config_str"])?;
    let exported = text(export_subnet(&net.state(), &c))?;
    let want = case.with_prefix("out.w.");
    same("keys", exported.keys().collect::<Vec<_>>(), want.keys().collect())?;
    exported.iter().try_for_each(|(key, tensor)| case.check(&format!("out.w.{key}"), tensor))?;
    check_pass(case, "out.super.", &net.at(&c))?;
    let alone = sub_net(case, &c)?;
    text(copy_into(&alone.state(), &exported, Extras::Refuse))?;
    check_pass(case, "out.sub.", &*alone)
}

pub fn macs_params(case: &Case) -> Outcome {
    let c = case.config();
    let norm: NormType = read_or(c, "norm", NormType::Instance)?;
    let sides = |of: &Value| Ok::<_, String>((read::<i64>(of, "height")?, read::<i64>(of, "width")?));
    let (height, width) = sides(c)?;
    for network in list(&case.json["networks"]) {
        let (name, ngf): (String, i64) = (read(network, "netG")?, read(network, "ngf")?);
        let (macs, numel) = if name.starts_with("resnet") {
            let config = ResnetConfig { width: ngf, norm, ..ResnetConfig::compression_teacher() };
            let net = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &config));
            (text(net.macs(height, width))?, net.numel())
        } else {
            let config = MobileConfig { norm, ..MobileConfig::published(ngf) };
            let net = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &config));
            (text(net.macs(height, width))?, net.numel())
        };
        same(&format!("{name} {ngf}"), (macs, numel as u64), (read(network, "macs")?, read(network, "params")?))?;
    }
    let subnets = list(&case.json["subnets"]).iter().map(|subnet| (subnet, Ok((height, width))));
    let others = list(&case.json["other_sizes"]).iter().map(|subnet| (subnet, sides(subnet)));
    for (subnet, sides) in subnets.chain(others) {
        let (c, (height, width)) = (channels(&subnet["config_str"])?, sides?);
        let want = (read(subnet, "macs")?, read(subnet, "params")?);
        same(&c.to_string(), (c.macs(height, width), c.parameters()), want)?;
        if let Some(text) = subnet["macs_g"].as_f64() {
            same("macs_g", format!("{:.3}", want.0 as f64 / 1e9), format!("{text:.3}"))?;
        }
        if let Some(text) = subnet["params_m"].as_f64() {
            same("params_m", format!("{:.3}", want.1 as f64 / 1e6), format!("{text:.3}"))?;
        }
    }
    Ok(())
}

pub fn config_sets(case: &Case) -> Outcome {
    for (name, want) in case.json["sets"].as_object().ok_or("sets")? {
        let set = text(ChannelSet::named(name))?;
        same(name, set.choices().to_vec(), read(want, "n_channels")?)?;
        same(name, set.size(), read(want, "count")?)?;
        let first: Vec<String> = read(want, "first")?;
        same(name, set.iter().take(first.len()).map(|c| c.to_string()).collect(), first)?;
        for (number, config) in want["at"].as_object().into_iter().flatten() {
            same(number, set.nth(text(number.parse())?), channels(config)?)?;
        }
        same(name, set.largest(), channels(&want["largest"])?)?;
        same(name, set.smallest(), channels(&want["smallest"])?)?;
    }
    for entry in list(&case.json["sampling_weights"]) {
        let a: f64 = read(entry, "weighted_sample")?;
        let weighting = match entry["strategy"].as_str() {
            Some("arithmetic") => Weighting::Arithmetic(a),
            Some("geometric") => Weighting::Geometric(a),
            other => return Err(format!("strategy {other:?}")),
        };
        text(weighting.check())?;
        let (got, want) = (weighting.weights(read(entry, "n_choices")?), read::<Option<Vec<f64>>>(entry, "weights")?);
        let close = |got: &[f64], want: &[f64]| {
            got.len() == want.len() && got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 1e-12 * w.abs())
        };
        let fits = match (&got, &want) {
            (Some(got), Some(want)) => close(got, want),
            _ => got.is_none() && want.is_none(),
        };
        if !fits {
            return Err(format!("{weighting:?}: {got:?} instead of {want:?}"));
        }
    }
    Ok(())
}

pub fn discriminators(case: &Case) -> Outcome {
    let published = PatchGanConfig { antialias: false, ..PatchGanConfig::cut() };
    for (i, c) in list(&case.config()["nets"]).iter().enumerate() {
        let kind = match c["netD"].as_str() {
            Some("n_layers") => PatchGanKind::NLayers(read_or(c, "n_layers", 3)?),
            Some("pixel") => PatchGanKind::Pixel,
            other => return Err(format!("netD {other:?}")),
        };
        let config = PatchGanConfig {
            kind,
            width: read_or(c, "ndf", published.width)?,
            in_channels: read_or(c, "input_nc", published.in_channels)?,
            norm: read_or(c, "norm", published.norm)?,
            ..published
        };
        text(config.check())?;
        let net = Net::new(Device::Cpu, |p| PatchDiscriminator::new(p, &config));
        net.set_training(config.norm != NormType::Batch);
        check_keys(&case.json["keys"][i], &net.state())?;
        FillRule::default().apply(&net.state(), &[]);
        let pred = tch::no_grad(|| net.forward(&case.input(&format!("{i}.x"))));
        case.check(&format!("out.{i}.pred"), &pred)?;
    }
    Ok(())
}

pub fn distill_adapters(case: &Case) -> Outcome {
    let (student, teacher) = (case.i64("student_ngf"), case.i64("teacher_ngf"));
    let taps = case.with_prefix("in.S").len();
    let adapter = |p: &nn::Path| Adapter::new(p, student, teacher);
    let adapters: Vec<Net<Adapter>> = (0..taps).map(|_| Net::new(Device::Cpu, adapter)).collect();
    let students: Vec<Tensor> = (0..taps).map(|i| case.input_with_grad(&format!("S{i}"))).collect();
    let mut total = Tensor::from(0.0f32);
    for (i, (net, tap)) in adapters.iter().zip(&students).enumerate() {
        FillRule::default().apply(&net.state(), &[]);
        for (key, value) in case.with_prefix(&format!("w.A{i}.")) {
            tch::no_grad(|| net.state()[&key].shallow_clone().copy_(&value));
        }
        let loss = net.forward(tap).mse_loss(&case.input(&format!("T{i}")), tch::Reduction::Mean);
        case.check(&format!("out.distill{i}"), &loss.reshape([1]))?;
        total += loss;
    }
    let weighted = total * case.f64("lambda_distill");
    case.check("out.total_weighted", &weighted.reshape([1]))?;
    case.check_grads(&weighted, &|name| match name.strip_prefix('A').and_then(|rest| rest.split_once('.')) {
        Some((i, key)) => adapters.get(i.parse::<usize>().ok()?)?.state().remove(key),
        None => students.get(name.strip_prefix('S')?.parse::<usize>().ok()?).map(Tensor::shallow_clone),
    })
}

/// Draws that a case lists: ("u", number) and ("slot", number).
struct Listed(VecDeque<(String, f64)>);

impl Listed {
    fn next(&mut self, kind: &str) -> f64 {
        let (found, value) = self.0.pop_front().unwrap_or_else(|| panic!("a draw {kind} too many"));
        assert_eq!(found, kind);
        value
    }
}

impl PoolDraws for Listed {
    fn uniform(&mut self) -> f64 {
        self.next("u")
    }

    fn slot(&mut self, _size: usize) -> usize {
        self.next("slot") as usize
    }
}

pub fn image_pool(case: &Case) -> Outcome {
    let images = |numbers: &[f32]| Tensor::from_slice(numbers).view([-1, 1, 1, 1]);
    let numbers = |images: Tensor| Vec::<f32>::try_from(images.reshape([-1])).expect("numbers");
    let mut pool = ImagePool::new(case.i64("pool_size") as usize);
    for (i, step) in list(&case.json["steps"]).iter().enumerate() {
        let mut draws = Listed(read(step, "draws")?);
        let got = pool.query(&images(&read::<Vec<f32>>(step, "images_in")?), &mut draws);
        same(&format!("step {i}"), numbers(got), read(step, "images_out")?)?;
        same(&format!("draws left after step {i}"), draws.0.len(), 0)?;
    }
    let held = pool.images().map_or(vec![], numbers);
    same("pool", held, read(&case.json, "slots_after")?)
}

pub fn schedules(case: &Case) -> Outcome {
    let (rtol, atol) = (case.json["rtol"].as_f64().unwrap_or(0.0), case.json["atol"].as_f64().unwrap_or(0.0));
    for schedule in list(&case.json["schedules"]) {
        let (epochs, decay): (i64, i64) = (read(schedule, "nepochs")?, read(schedule, "nepochs_decay")?);
        let rate = LrSchedule {
            policy: LrPolicy::Linear,
            lr: read(schedule, "base_lr")?,
            n_epochs: epochs,
            n_epochs_decay: decay,
            lr_decay_iters: 50,
            epoch_count: 1,
        };
        let published = EpochCurriculum::default();
        let curriculum = published
            .with_gamma(read_or(case.config(), "gamma_start", published.gamma)?)
            .with_gamma_min(read_or(case.config(), "gamma_min", published.gamma_min)?);
        let columns: [(&str, &dyn Fn(i64) -> f64); 2] = [
            ("lr_in_epoch", &|epoch| rate.at(epoch)),
            ("gamma_in_epoch", &|epoch| curriculum.gamma(epoch as u64, (epochs + decay) as u64)),
        ];
        for (column, value) in columns {
            for (epoch, want) in schedule[column].as_object().into_iter().flatten() {
                let (got, want) = (value(text(epoch.parse())?), want.as_f64().ok_or("a number")?);
                if (got - want).abs() > atol + rtol * want.abs() {
                    return Err(format!("{}, {column} {epoch}: {got} instead of {want}", schedule["name"]));
                }
            }
        }
    }
    Ok(())
}

pub fn weight_transfer(case: &Case) -> Outcome {
    let (from, to) = (case.i64("source_ngf"), case.i64("target_ngf"));
    let source = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &MobileConfig::published(from)));
    fill(case, &source.state())?;
    let transfer = text(transfer_by_importance(&source.state(), to))?;
    same("orders", transfer.orders, read(&case.json, "orders")?)?;
    for (key, tensor) in &transfer.state {
        let name = format!("out.{key}");
        same(&name, case.equals(&name, tensor), true)?;
    }
    let x = case.input("x");
    let target = MobileConfig::published(to);
    let image = if case.config()["target"].as_str().is_some_and(|name| name.starts_with("super")) {
        let net = Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &target));
        text(copy_into(&net.state(), &transfer.state, Extras::Refuse))?;
        tch::no_grad(|| net.forward(&x, &Channels::full(to)))
    } else {
        let net = Net::new(Device::Cpu, |p| MobileResnetGenerator::new(p, &target));
        text(copy_into(&net.state(), &transfer.state, Extras::Refuse))?;
        tch::no_grad(|| net.forward(&x))
    };
    case.check("out.image", &image.to_kind(Kind::Float))
}
