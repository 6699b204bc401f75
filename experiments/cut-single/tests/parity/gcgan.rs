//! GcGAN's geometry and training steps.

use super::{Gradients, batch, check_gradients, check_named_losses, check_weights, fill, steps, watch};
use cut_single::config::{Config, Geometry};
use cut_single::methods::{GcGan, TurnedFakes, geometry_consistency};
use semrel_nn::image_pool::{ImagePool, PoolDraws};
use semrel_testkit::{Case, ListedDraws, Outcome};
use semrel_train::Losses;
use serde_json::json;
use tch::{Device, Kind, Tensor};

fn geometry_of(case: &Case) -> Result<Geometry, String> {
    match case.config()["geometry"].as_str() {
        Some("rot") => Ok(Geometry::Rotate),
        Some("vf") => Ok(Geometry::Flip),
        other => Err(format!("config.geometry {other:?}")),
    }
}

fn weight(case: &Case) -> f64 {
    case.f64("lambda_AB") * case.f64("lambda_gc")
}

pub fn geometry(case: &Case) -> Outcome {
    let f = geometry_of(case)?;
    case.in_both_kinds(|case, kind| {
        let x = case.input("x").to_kind(kind);
        case.check("out.turned", &f.apply(&x))?;
        if case.has("out.turned_back") {
            case.check("out.turned_back", &f.undo(&x))?;
        }
        let inputs = ["fake", "fake_gc"].map(|name| (name, case.input(name).to_kind(kind).set_requires_grad(true)));
        let loss = geometry_consistency(f, &inputs[0].1, &inputs[1].1) * weight(case);
        case.check("out.loss", &loss)?;
        case.check_grads(&loss, &|name| {
            let name = name.strip_prefix("in.").unwrap_or(name);
            inputs.iter().find(|(own, _)| *own == name).map(|(_, t)| t.shallow_clone())
        })
    })
}

/// Settings of the networks of GcGAN and DistanceGAN, and of their optimisation.
pub fn published_config(case: &Case, method: &str) -> Result<serde_json::Value, String> {
    let c = case.config();
    let name = c["which_model_netG"].as_str().unwrap_or_default();
    let blocks: Option<i64> =
        name.strip_prefix("resnet_").and_then(|n| n.strip_suffix("blocks")).and_then(|n| n.parse().ok());
    if c["which_model_netD"] != "basic" || case.flag("no_lsgan") || case.flag("use_dropout") {
        return Err("a discriminator, a loss or a dropout that no published row has".into());
    }
    Ok(json!({
        "name": "case",
        "method": method,
        "data": { "root": "unused", "image_size": c["fineSize"], "load_size": c["fineSize"] },
        "model": {
            "ngf": c["ngf"], "ndf": c["ndf"], "blocks": blocks.ok_or("no blocks")?,
            "n_layers": c["n_layers_D"], "antialias": false, "antialias_up": false,
        },
        "loss": { "gan": "lsgan" },
        "optim": { "lr": c["lr"], "beta1": c["beta1"], "beta2": 0.999, "pool_size": c["pool_size"] },
        "train": { "n_epochs": c["niter"], "n_epochs_decay": c["niter_decay"], "batch_size": c["batchSize"] },
    }))
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

/// What a buffer shows, by the draws of the case.
pub fn shown(case: &Case, pool: &mut ImagePool, fake: &Tensor, step: u64, name: &str) -> Result<Tensor, String> {
    let listed = ListedDraws::of(case, &format!("uniform.{step}.{name}"), &format!("slot.{step}.{name}"));
    let mut draws = Listed(listed);
    let shown = pool.query(fake, &mut draws);
    draws.0.used_up()?;
    Ok(shown)
}

pub fn train_step(case: &Case) -> Outcome {
    let mut json = published_config(case, "gcgan")?;
    json["loss"]["lambda_gan"] = case.f64("lambda_G").into();
    json["loss"]["lambda_geometry"] = weight(case).into();
    json["loss"]["lambda_identity"] = (case.f64("lambda_AB") * case.f64("identity")).into();
    json["loss"]["geometry"] = if geometry_of(case)? == Geometry::Rotate { "rotate" } else { "flip" }.into();
    json["loss"]["own_turned_generator"] = (case.config()["model"] == "gc_gan_cross").into();
    let config: Config = serde_json::from_value(json).map_err(|e| e.to_string())?;
    case.in_both_kinds(|case, kind| step_in(case, &config, kind))
}

fn step_in(case: &Case, config: &Config, kind: Kind) -> Outcome {
    let mut method = GcGan::new(config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
    fill(case, "G_AB", &mut method.networks.generator, kind)?;
    fill(case, "D_B", &mut method.networks.adversary.discriminator, kind)?;
    fill(case, "D_gc_B", &mut method.turned.discriminator, kind)?;
    let gradients = Gradients::default();
    watch("G_AB", &mut method.networks.generator, &gradients);
    watch("D_B", &mut method.networks.adversary.discriminator, &gradients);
    watch("D_gc_B", &mut method.turned.discriminator, &gradients);
    if let Some(own) = &mut method.own {
        fill(case, "G_gc_AB", own, kind)?;
        watch("G_gc_AB", own, &gradients);
    }
    for step in steps(case) {
        let batch = batch(case, step, kind);
        let mut losses = Losses::new();
        let fakes = method.generator_step(&batch, &mut losses).map_err(|e| format!("{e:#}"))?;
        let turned = TurnedFakes {
            fake: shown(case, &mut method.networks.adversary.pool, &fakes.fake, step, "B")?,
            turned: shown(case, &mut method.turned.pool, &fakes.turned, step, "gc_B")?,
        };
        method.discriminator_step(&turned, &batch, &mut losses);
        let both = losses.get("D").expect("reported") + losses.get("D_gc").expect("reported");
        losses.push("D_B", &both);
        let published = |name: &str| match name {
            "G_AB" => Some("G_GAN"),
            "G_gc_AB" => Some("G_GAN_turned"),
            "Gc" => Some("geometry"),
            "idt_gc" => Some("idt_turned"),
            _ => None,
        };
        check_named_losses(case, step, &losses, &|_| true, &published)?;
        if kind == Kind::Float {
            return Ok(());
        }
        case.check(&format!("out.fake_B.{step}"), &fakes.fake)?;
        case.check(&format!("out.fake_gc_B.{step}"), &fakes.turned)?;
        let own = |part: &str| match part {
            "G" => "G_AB",
            "G_gc" => "G_gc_AB",
            "D" => "D_B",
            _ => "D_gc_B",
        };
        check_weights(case, step, &mut method, own)?;
    }
    check_gradients(case, &gradients)
}
