//! NEGCUT's training steps, and how its networks start.

use super::{Gradients, batch, check_gradients, check_losses, check_weights, fill, settings, steps, watch};
use cut_single::algorithm::{Algorithm, StepInfo};
use cut_single::config::Config;
use cut_single::methods::{Draws, NegCut, NegativeDraws};
use semrel_testkit::stats::check_stats;
use semrel_testkit::{Case, Outcome};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor, no_grad};

fn config(case: &Case) -> Result<Config, String> {
    let mut settings = settings(case)?;
    settings["method"] = "negcut".into();
    settings["loss"]["lambda_diversity"] = case.config()["lambda_MS_neg"].clone();
    if case.config()["netN"] != "neg_gen_momentum" {
        return Err(format!("config.netN {}: only neg_gen_momentum has numbers", case.config()["netN"]));
    }
    serde_json::from_value(settings).map_err(|e| e.to_string())
}

pub fn train_step(case: &Case) -> Outcome {
    let config = config(case)?;
    case.in_both_kinds(|case, kind| step_in(case, &config, kind))
}

/// Draws of the update `of` N or G in a step.
fn draws(case: &Case, config: &Config, step: u64, of: &str, kind: Kind) -> NegativeDraws {
    let layers = config.model.nce_layers.len();
    let list = |what: &str, branch: &str| -> Vec<Tensor> {
        (0..layers).map(|j| case.input(&format!("{what}.{step}.{of}.{branch}.{j}"))).collect()
    };
    let branches = if config.loss.identity_branch { ["nce", "idt"].as_slice() } else { &["nce"] };
    let noise = branches.iter().map(|branch| list("noise", branch));
    let noise = noise.reduce(|a, b| a.iter().zip(&b).map(|(a, b)| Tensor::cat(&[a, b], 0)).collect());
    let flip = case.config()["flips"][step as usize - 1].as_bool().unwrap_or(false);
    let patches = Draws {
        positions: list("ids", "nce"),
        identity_positions: list("ids", branches.last().expect("one at least")),
        flip,
    };
    let noise = noise.expect("one branch at least").into_iter().map(|noise| noise.to_kind(kind)).collect();
    NegativeDraws { patches, noise }
}

fn step_in(case: &Case, config: &Config, kind: Kind) -> Outcome {
    let mut method = NegCut::new(config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
    fill(case, "G", &mut method.cut.generator, kind)?;
    fill(case, "D", &mut method.cut.adversary.discriminator, kind)?;
    fill(case, "F", &mut method.cut.heads, kind)?;
    fill(case, "N", &mut method.negatives, kind)?;
    let momentum = method.momentum.state();
    for (key, value) in case.with_prefix("w.F_.") {
        let own = momentum.get(&key).ok_or_else(|| format!("F_ has no key {key}"))?;
        no_grad(|| own.shallow_clone().copy_(&value));
    }
    method.momentum.convert(kind);
    let gradients = Gradients::default();
    watch("G", &mut method.cut.generator, &gradients);
    watch("D", &mut method.cut.adversary.discriminator, &gradients);
    watch("F", &mut method.cut.heads, &gradients);
    watch("N", &mut method.negatives, &gradients);
    for step in steps(case) {
        let batch = batch(case, step, kind);
        let draws = ["N", "G"].map(|of| draws(case, config, step, of, kind));
        if step == 1 {
            check_negatives(case, config, &method, &batch, &draws[0])?;
        }
        let input = if draws[1].patches.flip { batch.a.flip([3]) } else { batch.a.shallow_clone() };
        let fake = no_grad(|| method.cut.generator.forward(&input));
        let losses = method
            .step_with(&batch, &draws, StepInfo { epoch: 1, step, ..StepInfo::default() })
            .map_err(|e| format!("{e:#}"))?;
        check_losses(case, step, &losses)?;
        if kind == Kind::Float {
            return Ok(());
        }
        if case.has(&format!("out.fake_B.{step}")) {
            case.check(&format!("out.fake_B.{step}"), &fake)?;
        }
        check_weights(case, step, &mut method, |part| part)?;
        for (key, weight) in method.momentum.state() {
            let name = format!("out.F_.{key}.{step}");
            if case.has(&name) {
                case.check(&name, &weight)?;
            }
        }
    }
    check_gradients(case, &gradients)
}

/// The negatives that the first update of N makes for the branch that comes last.
fn check_negatives(
    case: &Case,
    config: &Config,
    method: &NegCut,
    batch: &cut_single::algorithm::Batch,
    draws: &NegativeDraws,
) -> Outcome {
    let last = if config.loss.identity_branch { &batch.b } else { &batch.a };
    let negatives = no_grad(|| {
        let maps = method.cut.generator.encode(last, &config.model.nce_layers);
        let means = method.momentum.mean_embeddings(&maps).map_err(|e| e.to_string())?;
        let n = last.size()[0];
        let noise: Vec<Tensor> = draws.noise.iter().map(|all| all.narrow(0, all.size()[0] - n, n)).collect();
        method.make(&means, &noise).map_err(|e| format!("{e:#}"))
    })?;
    for (layer, made) in negatives.iter().enumerate() {
        let name = format!("out.neg.{layer}");
        if case.has(&name) {
            case.check(&name, &made.flatten(0, 1))?;
        }
    }
    Ok(())
}

pub fn init(case: &Case) -> Outcome {
    let c = case.config();
    let init = match c["init_type"].as_str() {
        Some("xavier") => json!({ "xavier": { "gain": c["init_gain"] } }),
        other => return Err(format!("config.init_type {other:?}")),
    };
    let config = json!({
        "name": "case",
        "method": "negcut",
        "data": { "root": "unused" },
        "model": { "ngf": c["ngf"], "ndf": c["ndf"], "patch_dim": c["netF_nc"], "init": init },
    });
    let config: Config = serde_json::from_value(config).map_err(|e| e.to_string())?;
    let mut method = NegCut::new(&config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
    let momentum = method.momentum.state();
    let parts = method.parts();
    let of = |name: &str| parts.iter().find(|part| part.name == name).expect("a part").state.iter();
    let state = |name: &str| of(name).map(|(key, t)| (key.clone(), t.shallow_clone())).collect();
    if case.json["F_equals_F_at_start"] == Value::Bool(false)
        && of("F").all(|(key, tensor)| tensor.equal(&momentum[key]))
    {
        return Err("F_ starts as a copy of F".into());
    }
    let all = [("G", state("G")), ("D", state("D")), ("F", state("F")), ("N", state("N")), ("F_", momentum)];
    check_stats(case, &all)
}
