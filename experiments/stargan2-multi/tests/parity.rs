//! Full training iterations and sampling against the published implementation.

use semrel_nn::stargan2::{Generator, GeneratorKind};
use semrel_nn::{Net, Trained, stargan2};
use semrel_testkit::{Case, Outcome, run};
use serde_json::json;
use stargan2_multi::config::Config;
use stargan2_multi::losses::IterationLosses;
use stargan2_multi::networks::{Networks, Translator};
use stargan2_multi::sample;
use stargan2_multi::trainer::{Batch, Draws, Trainer};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::{Device, Kind, Tensor};

fn main() {
    run(
        "stargan2-multi",
        &[
            ("multi-modal/train_losses", train_losses),
            ("multi-modal/train_losses_stargan2", train_losses),
            ("multi-modal/train_gradients", train_gradients),
            ("multi-modal/train_gradients_stargan2", train_gradients),
            ("multi-modal/train_steps", train_steps),
            ("multi-modal/train_steps_stargan2", train_steps),
            ("multi-modal/sampling_grid", sampling_grid),
            ("multi-modal/video", video),
        ],
    )
}

fn config(case: &Case) -> Config {
    let c = case.config();
    let stargan2 = case.kind.ends_with("stargan2");
    let or = |key: &str, default: f64| c[key].as_f64().unwrap_or(default);
    let config = json!({
        "name": "case",
        "method": if stargan2 { "stargan-v2" } else { "ours" },
        "data": { "root": "unused", "image_size": c["img_size"] },
        "model": {
            "generator": if stargan2 { "stargan-v2" } else { "official" },
            "max_width": c["max_conv_dim"],
            "style_dim": c["style_dim"],
            "latent_dim": c["latent_dim"],
            "patch_dim": c["nc"].as_i64().unwrap_or(256),
        },
        "loss": {
            "lambda_r1": c["lambda_reg"], "lambda_cycle": c["lambda_cyc"], "lambda_sty": c["lambda_sty"],
            "lambda_ds": c["lambda_ds"], "ds_iter": c["ds_iter"],
            "lambda_src": or("lambda_src", 0.0), "lambda_dce": or("lambda_dce", 0.0), "lambda_nce": or("lambda_nce", 0.0),
            "hard": case.flag("use_hard"), "use_curriculum": case.flag("use_curriculum"),
            "gamma_start": or("gamma_start", 50.0), "gamma_end": or("gamma_end", 1.0),
            "num_patches": c["n_patch"].as_i64().unwrap_or(128),
        },
        "optim": {
            "lr": c["lr"], "mapping_lr": c["f_lr"], "beta1": c["beta1"], "beta2": c["beta2"],
            "weight_decay": c["weight_decay"], "ema_beta": c["ema_beta"],
        },
        "train": { "iterations": c["total_iters"], "batch_size": c["batch_size"] },
    });
    serde_json::from_value(config).expect("a configuration")
}

/// (published name, state dict) of every trained network.
fn states(networks: &Networks) -> Vec<(&'static str, BTreeMap<String, Tensor>)> {
    let mut states = vec![
        ("generator", networks.generator.state()),
        ("mapping_network", networks.mapping_network.state()),
        ("style_encoder", networks.style_encoder.state()),
        ("discriminator", networks.discriminator.as_ref().expect("as published").state()),
    ];
    states.extend(networks.patch_sample.as_ref().map(|p| ("patch_sample", p.state())));
    states
}

fn average_states(t: &Translator) -> Vec<(&'static str, BTreeMap<String, Tensor>)> {
    vec![
        ("generator", t.generator.state()),
        ("mapping_network", t.mapping_network.state()),
        ("style_encoder", t.style_encoder.state()),
    ]
}

fn trainer(case: &Case, kind: Kind) -> Result<Trainer, String> {
    let config = config(case);
    let networks = Networks::new(&config, case.i64("num_domains"), Device::Cpu);
    for (_, state) in states(&networks) {
        case.fill(&state, "")?;
    }
    networks.start_average();
    let networks = networks.into_kind(kind);
    Ok(Trainer { config, networks, correlative: None, critics: None })
}

fn inputs(case: &Case, iteration: i64, taps: usize, kind: Kind) -> (Batch, Draws) {
    let float = |name: &str| case.input(&format!("it{iteration}.{name}")).to_kind(kind);
    let labels = |name: &str| Vec::try_from(case.input(&format!("it{iteration}.{name}"))).expect("labels");
    let positions = |pass: &str| (0..taps).map(|l| case.input(&format!("it{iteration}.ids.{pass}.layer{l}"))).collect();
    (
        Batch {
            x_real: float("x_real"),
            y_org: labels("y_org"),
            x_ref: float("x_ref"),
            x_ref2: float("x_ref2"),
            y_trg: labels("y_trg"),
        },
        Draws {
            z: float("z_trg"),
            z2: float("z_trg2"),
            positions_latent: positions("latent"),
            positions_ref: positions("ref"),
        },
    )
}

fn iterate(case: &Case, trainer: &mut Trainer, iteration: i64, kind: Kind) -> Result<IterationLosses, String> {
    let (batch, draws) = inputs(case, iteration, trainer.networks.taps.len(), kind);
    let start = case.config()["start_iter"].as_i64().unwrap_or(0);
    trainer.iteration(&batch, &draws, (start + iteration - 1) as u64).map_err(|e| format!("{e:#}"))
}

fn train_losses(case: &Case) -> Outcome {
    let mut trainer = trainer(case, Kind::Float)?;
    let last = if case.has("out.it1.d_latent.real") { 1 } else { 2 };
    let mut losses = iterate(case, &mut trainer, 1, Kind::Float)?;
    for iteration in 2..=last {
        losses = iterate(case, &mut trainer, iteration, Kind::Float)?;
    }
    let mut got: Vec<(String, &Tensor)> = vec![];
    for (pass, l) in [("d_latent", &losses.d_latent), ("d_ref", &losses.d_ref)] {
        for (term, value) in
            [("real", Some(&l.real)), ("fake", Some(&l.fake)), ("reg", l.reg.as_ref()), ("total", Some(&l.total))]
        {
            got.extend(value.map(|v| (format!("{pass}.{term}"), v)));
        }
    }
    for (pass, l) in [("g_latent", &losses.g_latent), ("g_ref", &losses.g_ref)] {
        for (term, value) in [("adv", &l.adv), ("sty", &l.sty), ("cyc", &l.cyc), ("total", &l.total)] {
            got.push((format!("{pass}.{term}"), value));
        }
        for (term, value) in [("ds", &l.ds), ("src", &l.src), ("patch", &l.patch)] {
            got.extend(value.as_ref().map(|v| (format!("{pass}.{term}"), v)));
        }
    }
    let stored = case.with_prefix(&format!("out.it{last}.")).len();
    if stored != got.len() + 1 {
        return Err(format!("{} losses computed, {} stored", got.len() + 1, stored));
    }
    for (name, value) in got {
        case.check(&format!("out.it{last}.{name}"), value)?;
    }
    // Stored with the general tolerance, which would hide the decay: 1e-6 tells it.
    let start = case.config()["start_iter"].as_i64().unwrap_or(0);
    let after = trainer.config.lambda_ds((start + last) as u64);
    let want = case.tensor(&format!("out.it{last}.lambda_ds_after")).double_value(&[]);
    if (after - want).abs() > 1e-6 {
        return Err(format!("lambda_ds after the iteration is {after}, expected {want}"));
    }
    Ok(())
}

fn train_gradients(case: &Case) -> Outcome {
    let mut trainer = trainer(case, Kind::Float)?;
    let label = case.name.rsplit("it1_").next().unwrap_or_default();
    // Discriminator and generator are stepped twice in an iteration, first in the latent pass.
    let (of_discriminator, nth) = match label {
        "d_latent" => (true, 0),
        "d_ref" => (true, 1),
        "g_latent" => (false, 0),
        "g_ref" => (false, 1),
        other => return Err(format!("no pass is called {other}")),
    };
    let gradients = Gradients::default();
    let n = &mut trainer.networks;
    if of_discriminator {
        watch("discriminator", n.discriminator.as_mut().expect("as published"), nth, &gradients);
    } else {
        watch("generator", &mut n.generator, nth, &gradients);
        watch("mapping_network", &mut n.mapping_network, nth, &gradients);
        watch("style_encoder", &mut n.style_encoder, nth, &gradients);
        if let Some(heads) = &mut n.patch_sample {
            watch("patch_sample", heads, nth, &gradients);
        }
    }
    iterate(case, &mut trainer, 1, Kind::Float)?;
    let gradients = gradients.borrow();
    for (key, index) in case.with_prefix("in.idx.") {
        let g = gradients.get(&key).ok_or_else(|| format!("the pass steps nothing called {key}"))?;
        let scale = case.input(&format!("scale.{key}"));
        case.check(&format!("out.grad_over_scale.{key}"), &(g.reshape([-1]).index_select(0, &index) / scale))?;
    }
    Ok(())
}

type Gradients = Rc<RefCell<BTreeMap<String, Tensor>>>;

/// Notes the gradient of a network's `nth` step, counted from 0, under `<name>.<key>`.
fn watch<T>(name: &'static str, network: &mut Trained<T>, nth: usize, gradients: &Gradients) {
    let (sink, mut steps) = (gradients.clone(), 0);
    let shapes: Vec<_> = network.net.split(network.flat()).map(|(k, t)| (k.to_owned(), t.size())).collect();
    network.probe = Some(Box::new(move |flat| {
        steps += 1;
        if steps != nth + 1 {
            return;
        }
        let mut offset = 0;
        for (key, size) in &shapes {
            let n = size.iter().product();
            let part = flat.narrow(0, offset, n).view(size.as_slice()).copy();
            sink.borrow_mut().insert(format!("{name}.{key}"), part);
            offset += n;
        }
    }));
}

/// In double precision each tensor must meet its limit; in single precision, thirty times that, pooled.
fn train_steps(case: &Case) -> Outcome {
    case.in_both_kinds(steps_in)
}

fn steps_in(case: &Case, kind: Kind) -> Outcome {
    let mut trainer = trainer(case, kind)?;
    let copy = |states: Vec<(&'static str, BTreeMap<String, Tensor>)>| -> BTreeMap<String, Tensor> {
        let keyed = |(n, s): (&'static str, BTreeMap<String, Tensor>)| {
            s.into_iter().map(move |(k, t)| (format!("{n}.{k}"), t.detach().copy()))
        };
        states.into_iter().flat_map(keyed).collect()
    };
    let before = copy(states(&trainer.networks));
    for iteration in 1..=case.i64("iterations") {
        iterate(case, &mut trainer, iteration, kind)?;
        let now = copy(states(&trainer.networks));
        let average = copy(average_states(&trainer.networks.average));
        let (mut missed, mut all) = (0, 0);
        for (key, index) in case.with_prefix("in.idx.") {
            let lr = if key.starts_with("mapping_network") { case.f64("f_lr") } else { case.f64("lr") };
            let step = |after: &BTreeMap<String, Tensor>| {
                after.get(&key).map(|t| ((t - &before[&key]) / lr).reshape([-1]).index_select(0, &index))
            };
            for (name, got) in [("step_over_lr", step(&now)), ("ema_step_over_lr", step(&average))] {
                let name = format!("out.it{iteration}.{name}.{key}");
                if !case.has(&name) {
                    continue;
                }
                let got = got.ok_or_else(|| format!("no network has {key}"))?;
                if kind == Kind::Double {
                    case.check(&name, &got)?;
                } else {
                    let (m, n) = case.misses(&name, &got);
                    missed += m;
                    all += n;
                }
            }
        }
        let pooled = case.json["outliers_pooled"][format!("it{iteration}")].as_f64().unwrap_or(0.0);
        if missed as f64 > pooled * all as f64 {
            return Err(format!("iteration {iteration} in float32: {missed} of {all} elements miss, allowed {pooled}"));
        }
    }
    Ok(())
}

fn sampling_grid(case: &Case) -> Outcome {
    let mut config = config_of_generator(case);
    config.model.width = Some(stargan2::default_width(case.i64("img_size")));
    // Only the generator is drawn from; the other networks stay small.
    config.data.image_size = 32;
    let translator = Translator::new(&config, 1, Device::Cpu);
    let generator: &Net<Generator> = &translator.generator;
    case.fill(&generator.state(), "")?;
    let (sources, references) = (case.input("src"), case.input("ref"));
    let (styles, source_styles) = (case.input("style_ref"), case.input("style_src"));
    case.check("out.reference_grid", &sample::reference_grid(&translator, &sources, &references, &styles))?;
    let frames = sample::interpolate(&translator, &sources, &styles.narrow(0, 0, 1), &styles.narrow(0, 1, 1));
    case.check("out.frames", &frames.slice(0, None, None, 6))?;
    case.check("out.psi_style", &sample::truncate(&source_styles, &styles.narrow(0, 0, 1), 0.7))
}

fn config_of_generator(case: &Case) -> Config {
    let config = json!({
        "name": "case", "method": "ours", "data": { "root": "unused" },
        "model": { "max_width": case.i64("max_conv_dim"), "style_dim": case.i64("style_dim") },
    });
    let config: Config = serde_json::from_value(config).expect("a configuration");
    assert_eq!(config.model.generator, GeneratorKind::Official);
    config
}

fn video(case: &Case) -> Outcome {
    let (prev, next) = (case.input("prev"), case.input("next"));
    case.check("out.alphas", &Tensor::from_slice(&sample::interpolation_alphas()))?;
    case.check("out.slide", &sample::sliding_references(&prev, &next, case.i64("margin")))?;
    case.check("out.denorm", &sample::to_unit(&prev))?;
    case.check("out.to255", &sample::to_video(&prev))
}
