//! MUNIT's and UNIT's losses and training steps, and how MUNIT saves pictures.

use super::{check_grads_under, check_named_losses};
use cut_single::algorithm::{Algorithm, Batch};
use cut_single::config::Config;
use cut_single::methods::{DomainCritics, LatentNoise, Munit, Perceptual, StyleDraws, Translations, Unit};
use cut_single::networks::Generator;
use semrel_eval::{pictures, stretched};
use semrel_nn::munit::{GeneratorConfig, Pair, UnitPair, Vgg};
use semrel_nn::{Net, TappedGenerator};
use semrel_testkit::{Case, Outcome, munit};
use semrel_train::Losses;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::{Device, Kind, Tensor, nn};

/// Settings of a run: weights and optimisation of the case, and its discriminators.
fn config(case: &Case, generator: &str) -> Result<Config, String> {
    let c = case.config();
    let d = &c["dis"];
    if d["activ"].as_str().is_some_and(|a| a != "lrelu") || d["pad_type"].as_str().is_some_and(|p| p != "reflect") {
        return Err("discriminators that no published configuration has".into());
    }
    let number = |key: &str, default: f64| c[key].as_f64().unwrap_or(default);
    let cycle = number("recon_x_cyc_w", 0.0);
    let config = json!({
        "name": "case",
        "method": "munit",
        "data": { "root": "unused" },
        "model": {
            "generator": generator, "discriminator": "scales",
            "norm_discriminator": if d["norm"] == "sn" { "spectral" } else { "none" },
            "ndf": d["dim"], "n_layers": d["n_layer"], "scales": d["num_scales"],
        },
        "loss": {
            "gan": if d["gan_type"] == "nsgan" { "nonsaturating" } else { "lsgan" },
            "lambda_gan": number("gan_w", 1.0), "lambda_reconstruction": number("recon_x_w", 10.0),
            "lambda_style": number("recon_s_w", 1.0), "lambda_content": number("recon_c_w", 1.0),
            "lambda_a": cycle, "lambda_b": cycle, "lambda_vgg": number("vgg_w", 0.0),
            "lambda_kl": number("recon_kl_w", 0.01), "lambda_kl_cycle": number("recon_kl_cyc_w", 0.01),
        },
        "optim": {
            "lr": number("lr", 1e-4), "beta1": number("beta1", 0.5), "beta2": number("beta2", 0.999),
            "weight_decay": number("weight_decay", 1e-4),
        },
    });
    serde_json::from_value(config).map_err(|e| e.to_string())
}

/// Auto-encoders with the extents of the case.
fn auto_encoders<T: TappedGenerator + 'static>(
    case: &Case,
    build: impl FnOnce(&nn::Path, &GeneratorConfig) -> T,
) -> Result<(Rc<T>, Net<Generator>), String> {
    let shape: GeneratorConfig =
        serde_json::from_value(munit::generator(case.config())).map_err(|e| format!("config.gen: {e}"))?;
    let mut own = None;
    let net = Net::new(Device::Cpu, |p| {
        let pair = Rc::new(build(p, &shape));
        own = Some(pair.clone());
        Box::new(pair) as Generator
    });
    Ok((own.expect("it was built"), net))
}

type State = BTreeMap<String, Tensor>;

/// What of a state dict lies under `prefix`.
fn part(state: &State, prefix: &str) -> State {
    let own = |(key, t): (&String, &Tensor)| Some((key.strip_prefix(prefix)?.to_owned(), t.shallow_clone()));
    state.iter().filter_map(own).collect()
}

/// The gradients of a case's networks: `<network>.<key>` to a tensor, one map for each iteration.
type Seen = Rc<RefCell<Vec<State>>>;

/// Notes each gradient of a network; `name` gives the published name of a key.
fn see<T>(network: &mut semrel_nn::Trained<T>, seen: &Seen, name: impl Fn(&str) -> String + 'static) {
    let (sink, steps) = (seen.clone(), RefCell::new(0));
    let shapes: Vec<(String, Vec<i64>)> =
        network.net.split(network.flat()).map(|(key, t)| (name(key), t.size())).collect();
    network.probe = Some(Box::new(move |flat| {
        let mut all = sink.borrow_mut();
        let step = *steps.borrow();
        if all.len() == step {
            all.push(State::new());
        }
        let mut offset = 0;
        for (key, size) in &shapes {
            let n = size.iter().product();
            all[step].insert(key.clone(), flat.narrow(0, offset, n).view(size.as_slice()).copy());
            offset += n;
        }
        *steps.borrow_mut() += 1;
    }));
}

/// Fills networks by the case and notes their gradients.
fn prepare(
    case: &Case,
    generator: &mut semrel_nn::Trained<Generator>,
    critics: &mut DomainCritics,
    kind: Kind,
) -> Result<Seen, String> {
    let state = generator.net.state();
    let networks = [
        ("gen_a", part(&state, "gen_a.")),
        ("gen_b", part(&state, "gen_b.")),
        ("dis_a", critics.a.discriminator.net.state()),
        ("dis_b", critics.b.discriminator.net.state()),
    ];
    if let Some(keys) = case.json["keys"].as_object() {
        let own: usize = networks.iter().map(|(_, state)| state.len()).sum();
        if own != keys.len() {
            return Err(format!("networks have {own} keys, the case {}", keys.len()));
        }
    }
    case.fill_networks(&networks)?;
    generator.convert(kind);
    critics.a.discriminator.convert(kind);
    critics.b.discriminator.convert(kind);
    let seen = Seen::default();
    see(generator, &seen, str::to_owned);
    see(&mut critics.a.discriminator, &seen, |key| format!("dis_a.{key}"));
    see(&mut critics.b.discriminator, &seen, |key| format!("dis_b.{key}"));
    Ok(seen)
}

fn batch(case: &Case, step: u64, kind: Kind) -> Batch {
    let of = |name: &str| case.input(&format!("{name}.{step}")).to_kind(kind);
    Batch { a: of("x_a"), b: of("x_b") }
}

/// Losses of a step: the published ones are without their weights.
fn check_losses(case: &Case, config: &Config, step: u64, losses: &Losses) -> Outcome {
    let l = &config.loss;
    let weighted = |name: &str| -> Option<(&'static str, f64)> {
        Some(match name {
            "gen_adv_a" => ("G_GAN_A", l.lambda_gan),
            "gen_adv_b" => ("G_GAN_B", l.lambda_gan),
            "gen_recon_x_a" => ("recon_A", l.lambda_reconstruction),
            "gen_recon_x_b" => ("recon_B", l.lambda_reconstruction),
            "gen_recon_s_a" => ("style_A", l.lambda_style),
            "gen_recon_s_b" => ("style_B", l.lambda_style),
            "gen_recon_c_a" => ("content_A", l.lambda_content),
            "gen_recon_c_b" => ("content_B", l.lambda_content),
            "gen_cycrecon_x_a" | "gen_cyc_x_a" => ("cycle_A", l.lambda_a),
            "gen_cycrecon_x_b" | "gen_cyc_x_b" => ("cycle_B", l.lambda_b),
            "gen_vgg_a" => ("vgg_A", l.lambda_vgg),
            "gen_vgg_b" => ("vgg_B", l.lambda_vgg),
            "gen_recon_kl_a" => ("KL_A", l.lambda_kl),
            "gen_recon_kl_b" => ("KL_B", l.lambda_kl),
            "gen_recon_kl_cyc_aba" => ("KL_cycle_A", l.lambda_kl_cycle),
            "gen_recon_kl_cyc_bab" => ("KL_cycle_B", l.lambda_kl_cycle),
            "dis_a" => ("D_A", l.lambda_gan),
            "dis_b" => ("D_B", l.lambda_gan),
            "gen_total" => ("G", 1.0),
            _ => return None,
        })
    };
    let get = |name: &str| losses.get(name).ok_or_else(|| format!("the step reports no {name}"));
    let mut published = Losses::new();
    published.push("dis_total", &(get("D_A")? + get("D_B")?));
    for name in case.with_prefix(&format!("out.loss.{step}.")).keys() {
        if let Some((own, weight)) = weighted(name) {
            published.push(name.clone(), &(get(own)? / weight));
        }
    }
    check_named_losses(case, step, &published, &|_| true, &|_| None)
}

/// What a step leaves: its translations, weights, and the lengths of its gradients.
fn check_step(case: &Case, step: u64, made: &Translations, method: &mut dyn Algorithm, seen: &Seen) -> Outcome {
    case.check(&format!("out.x_ab.{step}"), &made.ab)?;
    case.check(&format!("out.x_ba.{step}"), &made.ba)?;
    let gradients = seen.borrow();
    for net in ["gen_a", "gen_b", "dis_a", "dis_b"] {
        let name = format!("out.grad_norm.{step}.{net}");
        if case.has(&name) {
            let own = part(&gradients[step as usize - 1], &format!("{net}."));
            let squares: Tensor = own.values().map(|g| g.square().sum(None::<Kind>)).sum();
            case.check(&name, &squares.sqrt())?;
        }
    }
    for part in method.parts() {
        let prefix = match part.name {
            "G" => "",
            "D_A" => "dis_a.",
            _ => "dis_b.",
        };
        for (key, weight) in &part.state {
            let name = format!("out.{prefix}{key}.{step}");
            if case.has(&name) {
                case.check(&name, weight)?;
            }
        }
    }
    Ok(())
}

fn check_first_gradients(case: &Case, seen: &Seen) -> Outcome {
    let gradients = seen.borrow();
    for name in case.with_prefix("grad.").keys() {
        let got = gradients[0].get(name).ok_or_else(|| format!("no network has {name}, whose gradient is stored"))?;
        case.check(&format!("grad.{name}"), got)?;
    }
    Ok(())
}

fn iterations(case: &Case) -> u64 {
    case.config()["iterations"].as_u64().unwrap_or(1)
}

/// The perceptual network of the case, where it has one.
fn vgg(case: &Case, kind: Kind) -> Result<Perceptual, String> {
    if case.json["fill"]["separate"]["vgg"].is_null() {
        return Ok(Perceptual(None));
    }
    let mut net = Net::new(Device::Cpu, Vgg::new);
    case.fill_networks(&[("vgg", net.state())])?;
    net.convert(kind);
    Ok(Perceptual(Some(net)))
}

pub fn train_step(case: &Case) -> Outcome {
    let config = config(case, "munit")?;
    case.in_both_kinds(|case, kind| {
        let (pair, net) = auto_encoders(case, Pair::new)?;
        let mut method = Munit::with_pair(&config, pair, net).map_err(|e| format!("{e:#}"))?;
        method.perceptual = vgg(case, kind)?;
        let seen = prepare(case, &mut method.generator, &mut method.critics, kind)?;
        for step in 1..=iterations(case) {
            let style = |domain: &str, phase: &str| case.input(&format!("s_{domain}.{step}.{phase}")).to_kind(kind);
            let draws = ["dis", "gen"].map(|phase| StyleDraws { a: style("a", phase), b: style("b", phase) });
            let (losses, made) = method.step_with(&batch(case, step, kind), &draws);
            check_losses(case, &config, step, &losses)?;
            if kind == Kind::Float {
                return Ok(());
            }
            check_step(case, step, &made, &mut method, &seen)?;
        }
        check_first_gradients(case, &seen)
    })
}

pub fn unit_train_step(case: &Case) -> Outcome {
    let config = config(case, "unit")?;
    case.in_both_kinds(|case, kind| {
        let (pair, net) = auto_encoders(case, UnitPair::new)?;
        let mut method = Unit::with_pair(&config, pair, net).map_err(|e| format!("{e:#}"))?;
        method.perceptual = vgg(case, kind)?;
        let seen = prepare(case, &mut method.generator, &mut method.critics, kind)?;
        for step in 1..=iterations(case) {
            let noise = |name: &str| case.input(&format!("noise.{step}.{name}")).to_kind(kind);
            let noise = LatentNoise {
                shown: [noise("dis.n_a"), noise("dis.n_b")],
                images: [noise("gen.n_a"), noise("gen.n_b")],
                translations: [noise("gen.n_b_recon"), noise("gen.n_a_recon")],
            };
            let (losses, made) = method.step_with(&batch(case, step, kind), &noise);
            check_losses(case, &config, step, &losses)?;
            if kind == Kind::Float {
                return Ok(());
            }
            check_step(case, step, &made, &mut method, &seen)?;
        }
        check_first_gradients(case, &seen)
    })
}

pub fn adversarial_loss(case: &Case) -> Outcome {
    let config = config(case, "munit")?;
    case.in_both_kinds(|case, kind| {
        let mut critics = DomainCritics::new(&config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
        case.fill(&critics.a.discriminator.net.state(), "")?;
        critics.a.discriminator.convert(kind);
        let state = critics.a.discriminator.net.state();
        let input = |name: &str| case.input(name).to_kind(kind).set_requires_grad(true);
        let (fake, real) = (input("fake"), input("real"));
        let logits = |x: &Tensor| semrel_train::adversary::Critic::logits(&**critics.a.discriminator, x);
        let loss = critics.a.discriminator_loss_of(&logits(&fake), &logits(&real), &real).total;
        case.check("out.dis_loss", &loss)?;
        let of = |name: &str| match name {
            "in.fake" => Some(fake.shallow_clone()),
            "in.real" => Some(real.shallow_clone()),
            key => state.get(key.strip_prefix("w.")?).map(Tensor::shallow_clone),
        };
        check_grads_under(case, "dis.", &loss, &of)?;
        let loss = critics.a.generator_loss(&fake);
        case.check("out.gen_loss", &loss)?;
        check_grads_under(case, "gen.", &loss, &of)
    })
}

/// The bytes of a stretched picture.
pub fn save_image(case: &Case) -> Outcome {
    super::check_bytes(case, &pictures(&stretched(&case.input("image"))).map_err(|e| e.to_string())?[0])
}
