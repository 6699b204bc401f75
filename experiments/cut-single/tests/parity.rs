//! Full training steps against the published implementations.
//!
//! In double precision every tensor must meet its limit: the reference is single precision, whose rounding decides on which
//! side of 0 a rectifier's input falls. In single precision the losses of the first step are compared, at thirty times the limit
//! ([`Case::in_both_kinds`]).
//!
//! The reference numbers of CUT, FastCUT and ours hold gradients that PyTorch's CPU build misreads
//! ([`ResnetGenerator::with_misread_gradients`]); they are compared in that mode. Training is not in that mode.

#[path = "parity/distancegan.rs"]
mod distancegan;
#[path = "parity/drit.rs"]
mod drit;
#[path = "parity/gcgan.rs"]
mod gcgan;
#[path = "parity/munit.rs"]
mod munit;
#[path = "parity/negcut.rs"]
mod negcut;

use cut_single::algorithm::{Algorithm, Batch, StepInfo};
use cut_single::config::{Config, GeneratorKind, Method};
use cut_single::methods::{Contrastive, Draws, new_cycle_gan};
use cut_single::networks::{Generator, resnet, trained};
use semrel_nn::resnet::ResnetGenerator;
use semrel_nn::{Net, NetworkError, TappedGenerator, Trained, stylegan2};
use semrel_testkit::{Case, FillRule, Outcome, run};
use semrel_train::Losses;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::{Device, Kind, Tensor, no_grad};

fn main() {
    run(
        "cut-single",
        &[
            ("single-modal/drit-adversarial-loss", drit::adversarial_loss),
            ("single-modal/drit-save-image", drit::save_image),
            ("single-modal/drit-train-step", drit::train_step),
            ("single-modal/drit-update-plan", drit::update_plan),
            ("single-modal/gcgan-geometry", gcgan::geometry),
            ("single-modal/gcgan-trainstep", gcgan::train_step),
            ("single-modal/distancegan-distance", distancegan::distance),
            ("single-modal/distancegan-statistics", distancegan::statistics),
            ("single-modal/distancegan-trainstep", distancegan::train_step),
            ("single-modal/munit-adversarial-loss", munit::adversarial_loss),
            ("single-modal/munit-save-image", munit::save_image),
            ("single-modal/munit-train-step", munit::train_step),
            ("single-modal/munit-unit-train-step", munit::unit_train_step),
            ("single-modal/negcut-init", negcut::init),
            ("single-modal/negcut-trainstep", negcut::train_step),
            ("single-modal/train_step", train_step),
        ],
    )
}

fn train_step(case: &Case) -> Outcome {
    let config = config(case)?;
    case.in_both_kinds(|case, kind| match config.method {
        Method::Cyclegan => cyclegan(case, &config, kind),
        _ => contrastive(case, &config, kind),
    })
}

fn config(case: &Case) -> Result<Config, String> {
    serde_json::from_value(settings(case)?).map_err(|e| e.to_string())
}

/// Settings of a published step.
fn settings(case: &Case) -> Result<Value, String> {
    let c = case.config();
    let text = |key: &str| c[key].as_str().unwrap_or_default().to_owned();
    if [text("normG"), text("normD")].iter().any(|norm| norm != "instance") || !case.flag("no_dropout") {
        return Err("only instance norm without dropout is a published row".into());
    }
    let (net_g, net_d) = (text("netG"), text("netD"));
    let blocks: Option<i64> =
        net_g.strip_prefix("resnet_").and_then(|n| n.strip_suffix("blocks")).and_then(|n| n.parse().ok());
    let layers: Vec<i64> = text("nce_layers").split(',').map(|l| l.trim().parse().expect("a layer")).collect();
    let or = |key: &str, default: f64| c[key].as_f64().unwrap_or(default);
    let (ours, cycle) = (c.get("lambda_HDCE").is_some(), c.get("lambda_A").is_some());
    let contrast = or("lambda_HDCE", or("lambda_NCE", 0.0));
    let size = case.input("A.1").size();
    let crop = c["crop_size"].as_i64().unwrap_or(size[2].max(size[3]));
    Ok(json!({
        "name": "case",
        "method": if cycle { "cyclegan" } else if ours { "ours" } else { "cut" },
        "data": { "root": "unused", "image_size": crop, "load_size": crop },
        "model": {
            "generator": if net_g == "stylegan2" { "stylegan2" } else { "resnet" },
            "ngf": c["ngf"], "ndf": c["ndf"], "blocks": blocks.unwrap_or(6),
            "discriminator": match net_d.as_str() { "stylegan2" => "stylegan2", "pixel" => "pixel", _ => "patch" },
            "n_layers": if net_d == "basic" { 3 } else { c["n_layers_D"].as_i64().unwrap_or(3) },
            "antialias": !case.flag("no_antialias"), "antialias_up": !case.flag("no_antialias_up"),
            "nce_layers": layers, "patch_dim": c["netF_nc"],
        },
        "loss": {
            "gan": c["gan_mode"], "lambda_gan": or("lambda_GAN", 1.0),
            "contrast": if contrast == 0.0 { "none" } else if ours { "dce" } else { "info-nce" },
            "lambda_contrast": contrast, "lambda_src": or("lambda_SRC", 0.0),
            "hard": ours && !case.flag("no_Hneg"),
            "identity_branch": case.flag("dce_idt") || case.flag("nce_idt"),
            "flip_equivariance": case.flag("flip_equivariance"),
            "gamma_start": or("HDCE_gamma", 50.0), "gamma_end": or("HDCE_gamma_min", 10.0),
            "use_curriculum": case.flag("use_curriculum"),
            "step_gamma_epoch": case.flag("step_gamma").then(|| c["step_gamma_epoch"].clone()),
            "temperature": or("nce_T", 0.07), "num_patches": c["num_patches"],
            "minibatch_negatives": case.flag("nce_includes_all_negatives_from_minibatch"),
            "lambda_r1": or("lambda_R1", 0.0), "lambda_identity": or("lambda_identity", 0.0),
            "lambda_a": or("lambda_A", 10.0), "lambda_b": or("lambda_B", 10.0),
        },
        "optim": { "lr": c["lr"], "beta1": c["beta1"], "beta2": c["beta2"], "pool_size": c["pool_size"] },
        "train": { "n_epochs": c["n_epochs"], "n_epochs_decay": c["n_epochs_decay"], "batch_size": c["batch_size"] },
    }))
}

/// SinCUT's generator with the noise of the case in place of random noise.
#[derive(Debug)]
struct GivenNoise {
    inner: stylegan2::Generator,
    noise: Rc<RefCell<Tensor>>,
}

impl TappedGenerator for GivenNoise {
    fn forward_tapped(&self, x: &Tensor, layers: &[i64]) -> (Tensor, Vec<Tensor>) {
        let noise = self.noise.borrow().narrow(0, 0, x.size()[0]);
        (self.inner.forward_with_noise(x, &[noise]), self.inner.encode(x, layers))
    }

    fn encode(&self, x: &Tensor, layers: &[i64]) -> Vec<Tensor> {
        self.inner.encode(x, layers)
    }

    fn tap_shapes(&self, height: i64, width: i64, layers: &[i64]) -> Result<Vec<(i64, i64, i64)>, NetworkError> {
        self.inner.tap_shapes(height, width, layers)
    }

    fn stride(&self) -> i64 {
        self.inner.stride()
    }
}

type Gradients = Rc<RefCell<BTreeMap<String, Tensor>>>;

/// Notes the first gradient of a network under `<name>.<key>`.
fn watch<T>(name: &'static str, network: &mut Trained<T>, gradients: &Gradients) {
    let (sink, shapes) = (
        gradients.clone(),
        network.net.split(network.flat()).map(|(k, t)| (k.to_owned(), t.size())).collect::<Vec<_>>(),
    );
    network.probe = Some(Box::new(move |flat| {
        let mut offset = 0;
        for (key, size) in &shapes {
            let n = size.iter().product();
            let part = flat.narrow(0, offset, n).view(size.as_slice()).copy();
            sink.borrow_mut().entry(format!("{name}.{key}")).or_insert(part);
            offset += n;
        }
    }));
}

/// Fills a network by the case's rule: one for all, or one for each name.
fn fill<T>(case: &Case, name: &str, network: &mut Trained<T>, kind: Kind) -> Outcome {
    let rule = &case.json["fill"];
    let rule = if rule.get(name).is_some_and(Value::is_object) { &rule[name] } else { rule };
    let state = network.net.state();
    if let Some(keys) = case.json["keys"][name].as_object() {
        let missing: Vec<&String> = keys.keys().filter(|key| !state.contains_key(*key)).collect();
        if !missing.is_empty() || keys.len() != state.len() {
            return Err(format!(
                "network {name} has {} keys, the case {}; missing {missing:?}",
                state.len(),
                keys.len()
            ));
        }
    }
    FillRule::from_json(rule).apply(&state, &[]);
    for (key, value) in case.with_prefix(&format!("w.{name}.")) {
        let own = state.get(&key).ok_or_else(|| format!("network {name} has no key {key}"))?;
        no_grad(|| own.shallow_clone().copy_(&value));
    }
    network.convert(kind);
    Ok(())
}

fn batch(case: &Case, step: u64, kind: Kind) -> Batch {
    let (a, b) = (case.input(&format!("A.{step}")).to_kind(kind), case.input(&format!("B.{step}")).to_kind(kind));
    let direction = [&case.config()["direction"], &case.config()["which_direction"]];
    if direction.iter().any(|d| **d == "BtoA") { Batch { a: b, b: a } } else { Batch { a, b } }
}

fn contrastive(case: &Case, config: &Config, kind: Kind) -> Outcome {
    let noise = Rc::new(RefCell::new(Tensor::new()));
    let mut method = Contrastive::new(config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
    if config.model.generator == GeneratorKind::Stylegan2 {
        let shape = stylegan2::GeneratorConfig {
            width: config.model.ngf,
            resolution: stylegan2::resolution(config.data.load_size.into(), config.data.image_size.into()),
            downsamplings: case.i64("stylegan2_G_num_downsampling"),
            blocks: config.model.blocks,
        };
        let net = Net::new(Device::Cpu, |p| {
            Box::new(GivenNoise { inner: stylegan2::Generator::new(p, &shape), noise: noise.clone() }) as Generator
        });
        method.generator = trained(config, net);
    } else if config.train.batch_size == 1 {
        let shape = resnet(config);
        let net =
            Net::new(Device::Cpu, |p| Box::new(ResnetGenerator::new(p, &shape).with_misread_gradients()) as Generator);
        method.generator = trained(config, net);
    }
    fill(case, "G", &mut method.generator, kind)?;
    fill(case, "D", &mut method.adversary.discriminator, kind)?;
    fill(case, "F", &mut method.heads, kind)?;
    let gradients = Gradients::default();
    watch("G", &mut method.generator, &gradients);
    watch("D", &mut method.adversary.discriminator, &gradients);
    watch("F", &mut method.heads, &gradients);
    let epoch = case.config()["epoch"].as_u64().unwrap_or(1);
    for step in steps(case) {
        let batch = batch(case, step, kind);
        if case.has_input(&format!("noise.{step}")) {
            *noise.borrow_mut() = case.input(&format!("noise.{step}")).to_kind(kind);
        }
        let positions = |set: &str| -> Vec<Tensor> {
            let count = config.model.nce_layers.len();
            (0..count).map(|j| case.input(&format!("ids.{step}.{set}.{j}"))).collect()
        };
        let own = case.has_input(&format!("ids.{step}.idt.0"));
        let flip = case.config()["flips"][step as usize - 1].as_bool().unwrap_or(false);
        let draws =
            Draws { positions: positions("nce"), identity_positions: positions(if own { "idt" } else { "nce" }), flip };
        let input = if flip { batch.a.flip([3]) } else { batch.a.shallow_clone() };
        let fake = no_grad(|| method.generator.forward(&input));
        let terms = method
            .step_with(&batch, &draws, StepInfo { epoch, step, ..StepInfo::default() })
            .map_err(|e| format!("{e:#}"))?;
        if kind == Kind::Float {
            return check_losses(case, step, &terms);
        }
        check_step(case, step, &terms, &fake, &mut method)?;
    }
    check_gradients(case, &gradients)
}

fn cyclegan(case: &Case, config: &Config, kind: Kind) -> Outcome {
    let mut method = new_cycle_gan(config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
    fill(case, "G_A", &mut method.g_a, kind)?;
    fill(case, "G_B", &mut method.g_b, kind)?;
    fill(case, "D_A", &mut method.d_a.discriminator, kind)?;
    fill(case, "D_B", &mut method.d_b.discriminator, kind)?;
    let gradients = Gradients::default();
    watch("G_A", &mut method.g_a, &gradients);
    watch("G_B", &mut method.g_b, &gradients);
    watch("D_A", &mut method.d_a.discriminator, &gradients);
    watch("D_B", &mut method.d_b.discriminator, &gradients);
    for step in steps(case) {
        let (terms, outputs) = method.step(&batch(case, step, kind), step);
        if kind == Kind::Float {
            return check_losses(case, step, &terms);
        }
        check_step(case, step, &terms, &outputs.fake_b, &mut method)?;
    }
    check_gradients(case, &gradients)
}

fn steps(case: &Case) -> impl Iterator<Item = u64> {
    let last = case.with_prefix("in.A.").keys().filter_map(|k| k.parse().ok()).max().unwrap_or(0);
    1..=last
}

/// Losses of a step, which report the published ones by their own names.
fn check_losses(case: &Case, step: u64, terms: &Losses) -> Outcome {
    check_named_losses(case, step, terms, &|_| true, &|_| None)
}

/// The losses of a step that are `wanted`; `own` tells what a published one is called here, where it has another name.
fn check_named_losses(
    case: &Case,
    step: u64,
    terms: &Losses,
    wanted: &dyn Fn(&str) -> bool,
    own: &dyn Fn(&str) -> Option<&'static str>,
) -> Outcome {
    let mut compared = 0;
    for name in case.with_prefix(&format!("out.loss.{step}.")).keys().filter(|name| wanted(name)) {
        let got = terms.get(own(name).unwrap_or(name)).ok_or_else(|| format!("the step reports no {name}"))?;
        case.check(&format!("out.loss.{step}.{name}"), got)?;
        compared += 1;
    }
    if compared == 0 {
        return Err(format!("no loss of step {step} is stored"));
    }
    Ok(())
}

/// Losses, translation and weights after a step.
fn check_step(case: &Case, step: u64, terms: &Losses, fake: &Tensor, method: &mut dyn Algorithm) -> Outcome {
    check_losses(case, step, terms)?;
    case.check(&format!("out.fake_B.{step}"), fake)?;
    check_weights(case, step, method, |part| part)
}

/// Weights after a step; `published` is what a part is called there.
fn check_weights<'a>(
    case: &Case,
    step: u64,
    method: &mut dyn Algorithm,
    published: impl Fn(&'a str) -> &'a str,
) -> Outcome {
    for part in method.parts() {
        for (key, weight) in &part.state {
            let name = format!("out.{}.{key}.{step}", published(part.name));
            if case.has(&name) {
                case.check(&name, weight)?;
            }
        }
    }
    Ok(())
}

/// Compares gradients of `loss` with those that are stored as `grad.<prefix><name>`; `of` gives what is called so.
fn check_grads_under(case: &Case, prefix: &str, loss: &Tensor, of: &dyn Fn(&str) -> Option<Tensor>) -> Outcome {
    for name in case.with_prefix(&format!("grad.{prefix}")).keys() {
        let input = of(name).ok_or_else(|| format!("nothing here is called {name}, whose gradient is stored"))?;
        let gradient = Tensor::run_backward(&[loss], &[&input], true, false).remove(0);
        case.check(&format!("grad.{prefix}{name}"), &gradient)?;
    }
    Ok(())
}

/// Whether a picture has exactly the bytes `[H, W, 3]` of `out.u8`.
fn check_bytes(case: &Case, picture: &image::RgbImage) -> Outcome {
    let (width, height) = picture.dimensions();
    let bytes = Tensor::from_slice(picture.as_raw()).view([i64::from(height), i64::from(width), 3]);
    case.check("out.u8", &bytes.to_kind(Kind::Float))
}

fn check_gradients(case: &Case, gradients: &Gradients) -> Outcome {
    for name in case.with_prefix("grad.").keys() {
        let gradients = gradients.borrow();
        let got = gradients.get(name).ok_or_else(|| format!("no network has {name}, whose gradient is stored"))?;
        case.check(&format!("grad.{name}"), got)?;
    }
    Ok(())
}
