//! Full steps of the teachers and of distillation against the published implementation.
//!
//! In double precision every tensor must meet its limit: the reference is single precision, whose rounding decides on which
//! side of 0 a rectifier's input falls. In single precision the losses of the first step are compared.
//!
//! The reference numbers of steps with the semantic terms hold gradients that PyTorch's CPU build misreads where patches are
//! picked from a map ([`SuperMobileResnet::with_misread_gradients`](semrel_nn::mobile_resnet::SuperMobileResnet)); they are
//! compared in that mode. Training is not in that mode.

use gancomp_fast::config::Config;
use gancomp_fast::distill::{Distillation, Draws};
use gancomp_fast::networks::new_teacher;
use gancomp_fast::pix2pix::Pix2Pix;
use gancomp_fast::teacher::new_cycle_gan;
use semrel_nn::channels::ChannelSet;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::mobile_resnet::SuperMobileResnet;
use semrel_nn::{Net, Trained};
use semrel_testkit::{Case, FillRule, Outcome, run};
use semrel_train::Losses;
use semrel_train::batches::Batch;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::{Device, Kind, Tensor, no_grad};

#[path = "parity/evolution.rs"]
mod evolution;

fn main() {
    run(
        "gancomp-fast",
        &[
            ("compression/evolution", evolution::evolution),
            ("compression/teacher_step_cycle_gan", |case| in_both_kinds(case, cycle_gan)),
            ("compression/teacher_step_pix2pix", |case| in_both_kinds(case, pix2pix)),
            ("compression/train_step_aligned", |case| in_both_kinds(case, distillation)),
            ("compression/train_step_unaligned", |case| in_both_kinds(case, distillation)),
            ("compression/train_step_aligned_gradients", gradients),
            ("compression/train_step_unaligned_gradients", gradients),
        ],
    )
}

/// Runs a case's steps and shows each.
type Steps = fn(&Case, Kind, &mut dyn FnMut(&Step<'_>) -> Outcome) -> Outcome;

/// A step that was done.
struct Step<'a> {
    number: usize,
    terms: &'a Losses,
    /// Name of the case's image, and the image.
    image: (&'static str, &'a Tensor),
    /// (prefix of the case's names, state).
    networks: Vec<(&'static str, StateDict)>,
}

fn in_both_kinds(case: &Case, steps: Steps) -> Outcome {
    case.in_both_kinds(|case, kind| match kind {
        Kind::Double => steps(case, kind, &mut |step| check_step(case, step)),
        _ => steps(case, kind, &mut |step| if step.number == 0 { check_losses(case, step) } else { Ok(()) }),
    })
}

fn check_step(case: &Case, step: &Step<'_>) -> Outcome {
    check_losses(case, step)?;
    case.check(&format!("out.{}.{}", step.number, step.image.0), step.image.1)?;
    let prefix = format!("out.{}.w.", step.number);
    let expected = case.with_prefix(&prefix);
    let mut found = 0;
    for (network, state) in &step.networks {
        for (key, weight) in state {
            let name = format!("{network}{key}");
            if expected.contains_key(&name) {
                found += 1;
                if !not_compared(case, &name) {
                    case.check(&format!("{prefix}{name}"), weight)?;
                }
            }
        }
    }
    if found == expected.len() && found > 0 {
        Ok(())
    } else {
        Err(format!("step {}: {found} of {} stored weights are known here", step.number, expected.len()))
    }
}

fn not_compared(case: &Case, name: &str) -> bool {
    case.json["not_compared"].as_array().is_some_and(|names| names.iter().any(|n| n == name))
}

fn check_losses(case: &Case, step: &Step<'_>) -> Outcome {
    let losses = case.with_prefix(&format!("out.{}.loss.", step.number));
    if losses.is_empty() {
        return Err(format!("no loss of step {} is stored", step.number));
    }
    for name in losses.keys() {
        // The cycle's terms have shorter names here.
        let own = [name.as_str(), name.strip_prefix("G_").unwrap_or(name)];
        let got = own.iter().find_map(|name| step.terms.get(name));
        let got = got.ok_or_else(|| format!("the step reports no {name}"))?;
        case.check(&format!("out.{}.loss.{name}", step.number), &got.view([1]))?;
    }
    Ok(())
}

/// The configuration of a case.
fn config(case: &Case) -> Result<Config, String> {
    let c = case.config();
    if c["norm"] != "instance" || c["netD"] != "n_layers" {
        return Err("only PatchGANs with instance norm are published rows".into());
    }
    let or = |key: &str, default: f64| c[key].as_f64().unwrap_or(default);
    let size = case.input("0.A").size();
    let side = size[2].min(size[3]);
    let epochs = or("max_epoch", 2.0);
    let train =
        json!({ "n_epochs": epochs, "n_epochs_decay": 0, "lr": c["lr"], "beta1": c["beta1"], "beta2": c["beta2"] });
    let train: Value = serde_json::from_str(&train.to_string().replace(".0,", ",")).map_err(|e| e.to_string())?;
    let student = c["student_ngf"].as_i64().unwrap_or(64);
    let channels = [student; 8].map(|width| [width]);
    let config = json!({
        "name": "case",
        "method": if c.get("lambda_SRC").is_some() { "ours" } else { "fast" },
        "data": { "root": "unused", "layout": c["dataset_mode"], "image_size": side, "load_size": side },
        "model": {
            "teacher_ngf": c.get("teacher_ngf").unwrap_or(&c["ngf"]), "student_ngf": student, "ndf": c["ndf"],
            "discriminator": c["n_layers_D"],
        },
        "teacher": {
            "gan": c["gan_mode"], "lambda_gan": or("lambda_gan", 1.0), "lambda_recon": or("lambda_recon", 10.0),
            "lambda_cycle_a": or("lambda_A", 10.0), "lambda_cycle_b": or("lambda_B", 10.0),
            "lambda_identity": or("lambda_identity", 0.5),
            "pool_size": c["pool_size"].as_u64().unwrap_or(50), "train": train,
        },
        "distill": {
            "channels": channels,
            "gan": c["gan_mode"], "lambda_gan": or("lambda_gan", 1.0),
            "recon": c["recon_loss_type"].as_str().unwrap_or("l1"),
            "lambda_recon": or("lambda_recon", 10.0), "lambda_distill": or("lambda_distill", 0.01),
            "semantic": {
                "lambda_src": or("lambda_SRC", 0.0), "lambda_dce": or("lambda_dce", 0.0), "hard": !case.flag("no_hard"),
                "gamma_start": or("gamma_start", 50.0), "gamma_end": or("gamma_min", 10.0), "temperature": or("nce_T", 0.07),
                "num_patches": c["n_patch"].as_i64().unwrap_or(256),
            },
            "train": train,
        },
    });
    serde_json::from_value(config).map_err(|e| e.to_string())
}

fn text(error: anyhow::Error) -> String {
    format!("{error:#}")
}

/// Fills a state dict by the case's rule and multiplies it by `scale`.
fn fill(case: &Case, state: &StateDict, scale: f64) {
    FillRule::from_json(&case.json["fill"]).apply(state, &[]);
    no_grad(|| state.values().for_each(|tensor| drop(tensor.shallow_clone().g_mul_scalar_(scale))));
}

/// Fills a trained network.
fn prepare<T>(case: &Case, network: &mut Trained<T>, scale: f64, kind: Kind) {
    fill(case, &network.net.state(), scale);
    network.convert(kind);
}

/// Fills the parts of a network, whose keys begin with their numbers, each by itself; part i is multiplied by 1 + 0.1·i.
fn prepare_parts<T>(case: &Case, network: &mut Trained<T>, kind: Kind) {
    let mut parts: BTreeMap<String, StateDict> = BTreeMap::new();
    for (key, tensor) in network.net.state() {
        let (part, key) = key.split_once('.').expect("keys of parts");
        parts.entry(part.to_owned()).or_default().insert(key.to_owned(), tensor);
    }
    for (part, state) in parts {
        let number: f64 = part.parse().expect("a number");
        fill(case, &state, 1.0 + 0.1 * number);
    }
    network.convert(kind);
}

fn batches(case: &Case, kind: Kind) -> impl Iterator<Item = (usize, Batch)> {
    let image = move |step: usize, side: &str| case.input(&format!("{step}.{side}")).to_kind(kind);
    let there = |step: &usize| case.has_input(&format!("{step}.A"));
    (0..).take_while(there).map(move |step| (step, Batch { a: image(step, "A"), b: image(step, "B") }))
}

fn cycle_gan(case: &Case, kind: Kind, see: &mut dyn FnMut(&Step<'_>) -> Outcome) -> Outcome {
    let mut networks = new_cycle_gan(&config(case)?, Device::Cpu).map_err(text)?;
    prepare(case, &mut networks.g_a, 1.0, kind);
    prepare(case, &mut networks.g_b, 0.9, kind);
    prepare(case, &mut networks.d_a.discriminator, 1.0, kind);
    prepare(case, &mut networks.d_b.discriminator, 0.9, kind);
    for (number, batch) in batches(case, kind) {
        let (terms, outputs) = networks.step(&batch, number as u64);
        let state = vec![
            ("G_A.", networks.g_a.net.state()),
            ("G_B.", networks.g_b.net.state()),
            ("D_A.", networks.d_a.discriminator.net.state()),
            ("D_B.", networks.d_b.discriminator.net.state()),
        ];
        see(&Step { number, terms: &terms, image: ("fake_B", &outputs.fake_b), networks: state })?;
    }
    Ok(())
}

fn pix2pix(case: &Case, kind: Kind, see: &mut dyn FnMut(&Step<'_>) -> Outcome) -> Outcome {
    let mut networks = Pix2Pix::new(&config(case)?, Device::Cpu).map_err(text)?;
    prepare(case, &mut networks.generator, 1.0, kind);
    prepare(case, &mut networks.adversary.discriminator, 1.0, kind);
    for (number, batch) in batches(case, kind) {
        let (terms, fake) = networks.step(&batch, number as u64);
        let state = vec![("G.", networks.generator.net.state()), ("D.", networks.adversary.discriminator.net.state())];
        see(&Step { number, terms: &terms, image: ("fake_B", &fake), networks: state })?;
    }
    Ok(())
}

/// Teacher and student of a case, filled.
fn filled(case: &Case, kind: Kind) -> Result<Distillation, String> {
    let config = config(case)?;
    let teacher = new_teacher(&config, Device::Cpu).map_err(text)?;
    fill(case, &teacher.state(), 1.0);
    let teacher: Net<_> = teacher.into_kind(kind);
    let channels: ChannelSet = config.distill.channels.clone();
    let mut networks =
        Distillation::new(&config, teacher, channels, &config.distill.train, Device::Cpu).map_err(text)?;
    if networks.heads.is_some() {
        let shape = networks.student.config().clone();
        let student = Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &shape).with_misread_gradients());
        networks.student = Trained::new(student, networks.student.adam.config);
    }
    prepare(case, &mut networks.student, 1.0, kind);
    prepare(case, &mut networks.adversary.discriminator, 1.0, kind);
    prepare_parts(case, &mut networks.adapters, kind);
    networks.heads.iter_mut().for_each(|heads| prepare_parts(case, heads, kind));
    Ok(networks)
}

fn draws(case: &Case, step: usize) -> Result<Draws, String> {
    let channels = case.config()["config_per_step"][step].as_str().ok_or("no configuration of the step")?;
    let positions = (0..4).map(|tap| format!("{step}.patch_ids{tap}")).filter(|name| case.has_input(name));
    Ok(Draws {
        channels: channels.parse().map_err(|e: semrel_nn::NetworkError| e.to_string())?,
        positions: positions.map(|name| case.input(&name)).collect(),
    })
}

fn epoch(case: &Case, step: usize) -> Result<u64, String> {
    case.config()["epoch_per_step"][step].as_u64().ok_or_else(|| "no epoch of the step".into())
}

fn distillation(case: &Case, kind: Kind, see: &mut dyn FnMut(&Step<'_>) -> Outcome) -> Outcome {
    let mut networks = filled(case, kind)?;
    for (number, batch) in batches(case, kind) {
        if number == 0 && kind == Kind::Double && case.has("out.Tfake") {
            case.check("out.Tfake", &no_grad(|| networks.teacher.forward(&batch.a)))?;
        }
        let (terms, image) = networks.step_with(&batch, &draws(case, number)?, epoch(case, number)?).map_err(text)?;
        let mut state = vec![
            ("G.", networks.student.net.state()),
            ("D.", networks.adversary.discriminator.net.state()),
            ("A", networks.adapters.net.state()),
        ];
        state.extend(networks.heads.as_ref().map(|heads| ("F", heads.net.state())));
        see(&Step { number, terms: &terms, image: ("Sfake", &image), networks: state })?;
    }
    Ok(())
}

type Gradients = Rc<RefCell<BTreeMap<String, Tensor>>>;

/// Notes the gradient of a network under `<prefix><key>`.
fn watch<T>(prefix: &'static str, network: &mut Trained<T>, gradients: &Gradients) {
    let shapes: Vec<(String, Vec<i64>)> =
        network.net.split(network.flat()).map(|(key, t)| (key.to_owned(), t.size())).collect();
    let sink = gradients.clone();
    network.probe = Some(Box::new(move |flat| {
        let mut offset = 0;
        for (key, size) in &shapes {
            let n = size.iter().product();
            sink.borrow_mut().insert(format!("{prefix}{key}"), flat.narrow(0, offset, n).view(size.as_slice()).copy());
            offset += n;
        }
    }));
}

/// Gradients of the first step of the case that this one refers to.
fn gradients(case: &Case) -> Outcome {
    let of = case.config()["see"].as_str().ok_or("config.see names no case")?;
    let of = Case::load(&case.dir.parent().ok_or("a case without area")?.join(of))?;
    let mut networks = filled(&of, Kind::Double)?;
    let gradients = Gradients::default();
    watch("G.", &mut networks.student, &gradients);
    watch("D.", &mut networks.adversary.discriminator, &gradients);
    watch("A", &mut networks.adapters, &gradients);
    networks.heads.iter_mut().for_each(|heads| watch("F", heads, &gradients));
    let (_, batch) = batches(&of, Kind::Double).next().ok_or("the case has no step")?;
    let _ = networks.step_with(&batch, &draws(&of, 0)?, epoch(&of, 0)?).map_err(text)?;

    let expected = case.with_prefix("grad.0.");
    if expected.is_empty() {
        return Err("the case stores no gradient".into());
    }
    for name in expected.keys().filter(|name| !not_compared(case, name)) {
        let gradients = gradients.borrow();
        let got = gradients.get(name).ok_or_else(|| format!("no network has {name}, whose gradient is stored"))?;
        case.check(&format!("grad.0.{name}"), got)?;
    }
    Ok(())
}
