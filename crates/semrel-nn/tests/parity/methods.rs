//! Networks of the compared methods: GcGAN and DistanceGAN.

use super::single_modal::{check_grads, check_keys};
use semrel_nn::layers::NormType;
use semrel_nn::patchgan::{PatchDiscriminator, PatchGanConfig, PatchGanKind};
use semrel_nn::resnet::{ResnetConfig, ResnetGenerator};
use semrel_nn::{Biases, Ema, InitType, LrPolicy, LrSchedule, Net, TappedGenerator, draw_scales};
use semrel_testkit::stats::{check_distribution, check_stats};
use semrel_testkit::{Case, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

pub type State = BTreeMap<String, Tensor>;

/// The tensors of a state dict below `<name>.`, under the rest of their keys.
pub fn part(state: &State, name: &str) -> State {
    let rest = |key: &str| key.strip_prefix(name)?.strip_prefix('.').map(str::to_owned);
    state.iter().filter_map(|(key, tensor)| Some((rest(key)?, tensor.shallow_clone()))).collect()
}

/// `mean(y² + y·w)`, w from −1 to 1 over the elements of `y`.
fn loss_of(y: &Tensor) -> Tensor {
    let w = Tensor::linspace(-1, 1, y.numel() as i64, (y.kind(), y.device())).view(y.size().as_slice());
    (y.square() + y * w).mean(None::<Kind>)
}

/// Output and gradients of a network that takes `in.image`.
fn network<T>(case: &Case, build: impl Fn() -> Net<T>, forward: impl Fn(&T, &Tensor) -> Tensor) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let mut net = build();
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (x, state) = (case.input("image").to_kind(kind).set_requires_grad(true), net.state());
        let y = forward(&net, &x);
        case.check("out.y", &y)?;
        let loss = loss_of(&y);
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| (name == "image").then(|| x.shallow_clone()))
    })
}

fn instance_norm(case: &Case) -> Outcome {
    match case.config()["norm"].as_str() {
        None | Some("instance") => Ok(()),
        other => Err(format!("norm {other:?}")),
    }
}

fn generator(case: &Case, published: ResnetConfig) -> Outcome {
    instance_norm(case)?;
    let name = case.config()["which_model_netG"].as_str().unwrap_or("resnet_9blocks");
    let blocks = name.strip_prefix("resnet_").and_then(|n| n.strip_suffix("blocks")).and_then(|n| n.parse().ok());
    let dropout = match case.config()["use_dropout"].as_bool() {
        Some(dropout) => dropout,
        None => !case.config()["no_dropout"].as_bool().unwrap_or(true),
    };
    let blocks = blocks.ok_or_else(|| format!("config.which_model_netG is {name}"))?;
    let config = ResnetConfig { width: case.i64("ngf"), blocks, dropout, ..published };
    let build = || {
        let net = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &config));
        net.set_training(!dropout);
        net
    };
    network(case, build, |net, x| net.forward(x))
}

fn discriminator(case: &Case, published: PatchGanConfig) -> Outcome {
    instance_norm(case)?;
    let layers = case.config()["n_layers_D"].as_i64().unwrap_or(3);
    let config = PatchGanConfig { width: case.i64("ndf"), kind: PatchGanKind::NLayers(layers), ..published };
    network(case, || Net::new(Device::Cpu, |p| PatchDiscriminator::new(p, &config)), PatchDiscriminator::forward)
}

pub fn gcgan_generator(case: &Case) -> Outcome {
    generator(case, ResnetConfig::gcgan())
}

pub fn gcgan_discriminator(case: &Case) -> Outcome {
    discriminator(case, PatchGanConfig::gcgan())
}

pub fn distancegan_generator(case: &Case) -> Outcome {
    generator(case, ResnetConfig::distancegan())
}

pub fn distancegan_discriminator(case: &Case) -> Outcome {
    discriminator(case, PatchGanConfig::distancegan())
}

pub fn gcgan_init(case: &Case) -> Outcome {
    let g = ResnetConfig { width: case.i64("ngf"), blocks: 6, ..ResnetConfig::gcgan() };
    let d = PatchGanConfig { width: case.i64("ndf"), ..PatchGanConfig::gcgan() };
    let init = match case.config()["init_type"].as_str() {
        Some("xavier") | None => InitType::CUT,
        other => return Err(format!("config.init_type {other:?}")),
    };
    let g = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &g)).state();
    let d = Net::new(Device::Cpu, |p| PatchDiscriminator::new(p, &d)).state();
    [&g, &d].into_iter().for_each(|state| init.draw(state, Biases::Uniform));
    check_stats(case, &[("G", g), ("D", d)])
}

pub fn distancegan_init(case: &Case) -> Outcome {
    let g = ResnetConfig { width: case.i64("ngf"), ..ResnetConfig::distancegan() };
    let d = PatchGanConfig { width: case.i64("ndf"), ..PatchGanConfig::distancegan() };
    assert_eq!(g.norm, NormType::InstanceAffine);
    let g = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &g)).state();
    let d = Net::new(Device::Cpu, |p| PatchDiscriminator::new(p, &d)).state();
    for state in [&g, &d] {
        InitType::Normal { gain: 0.02 }.draw(state, Biases::Uniform);
        draw_scales(state);
    }
    check_stats(case, &[("G", g), ("D", d)])
}

/// Compares fresh weights with the distributions of `parameters.<network>.<key>`: `init` is a name and two numbers.
pub fn check_parameters(case: &Case, networks: &[(&str, State)]) -> Outcome {
    for (name, told) in case.json["parameters"].as_object().into_iter().flatten() {
        let (network, key) = name.split_once('.').ok_or("a key without a network")?;
        let Some((_, state)) = networks.iter().find(|(own, _)| *own == network) else {
            return Err(format!("no network {network}"));
        };
        let tensor = state.get(key).ok_or_else(|| format!("{network} has no {key}"))?;
        let shape: Vec<i64> = told["shape"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        if tensor.size() != shape {
            return Err(format!("{name}: shape {:?}, expected {shape:?}", tensor.size()));
        }
        let number = |i: usize| told["init"][i].as_f64().unwrap_or(0.0);
        let kind = told["init"][0].as_str().ok_or_else(|| format!("{name}: no distribution"))?;
        check_distribution(name, tensor, (kind, number(1), number(2)), 0.08)?;
    }
    Ok(())
}

/// The rates of the epochs that `settings` lists.
pub fn lr_schedule(case: &Case, policy: LrPolicy) -> Outcome {
    let limit = case.json["rtol"].as_f64().unwrap_or(1e-9);
    for settings in case.json["settings"].as_array().into_iter().flatten() {
        let schedule = LrSchedule {
            policy,
            lr: settings["lr"].as_f64().ok_or("no lr")?,
            n_epochs: settings["niter"].as_i64().ok_or("no niter")?,
            n_epochs_decay: settings["niter_decay"].as_i64().ok_or("no niter_decay")?,
            lr_decay_iters: settings["lr_decay_iters"].as_i64().unwrap_or(50),
            epoch_count: settings["epoch_count"].as_i64().unwrap_or(1),
        };
        let listed = settings["lr_by_epoch"].as_array().into_iter().flatten();
        let all = (schedule.epoch_count..).zip(listed).map(|(epoch, lr)| (epoch, lr.as_f64()));
        let some = settings["epochs"].as_object().into_iter().flatten();
        let some = some.map(|(epoch, lr)| (epoch.parse().unwrap_or(0), lr.as_f64()));
        for (epoch, want) in all.chain(some) {
            let (got, want) = (schedule.at(epoch), want.ok_or("a rate that is not a number")?);
            if (got - want).abs() > limit * want.abs() + 1e-12 * schedule.lr {
                return Err(format!("epoch {epoch}: {got}, expected {want}"));
            }
        }
    }
    Ok(())
}

/// `F_ ← decay·F_ + (1 − decay)·F`, once for each `in.F.<k>`.
pub fn momentum_update(case: &Case) -> Outcome {
    let start = case.with_prefix("in.momentum.");
    let network = |values: &State| {
        let net = Net::new(Device::Cpu, |p| {
            for (key, value) in values {
                let (path, name) = key.rsplit_once('.').unwrap_or(("", key));
                let path = path.split('.').filter(|part| !part.is_empty()).fold(p.clone(), |path, part| path / part);
                let _ = path.zeros(name, &value.size());
            }
        });
        let state = net.state();
        values.iter().for_each(|(key, value)| tch::no_grad(|| state[key].shallow_clone().copy_(value)));
        net
    };
    case.in_both_kinds(|case, kind| {
        let momentum = network(&start).into_kind(kind);
        let of_kind = |values: State| values.into_iter().map(|(k, t)| (k, t.to_kind(kind))).collect::<State>();
        for step in 1.. {
            let values = case.with_prefix(&format!("in.F.{step}."));
            if values.is_empty() {
                return Ok(());
            }
            let current = network(&of_kind(values)).into_kind(kind);
            Ema { beta: case.f64("decay") }.update(&momentum, &current);
            for (key, value) in momentum.state() {
                case.check(&format!("out.{step}.{key}"), &value)?;
            }
        }
        Ok(())
    })
}
