//! DRIT's losses, plan and training steps, and how it saves pictures.

use super::{check_grads_under, check_named_losses};
use cut_single::algorithm::{Algorithm, Batch};
use cut_single::config::Config;
use cut_single::methods::Drit;
use cut_single::methods::drit::{DritDraws, Forwarded, content_discriminator_loss, undecided, updates_all};
use semrel_eval::pictures;
use semrel_nn::Net;
use semrel_nn::drit::ContentDiscriminatorConfig;
use semrel_testkit::{Case, Outcome};
use semrel_train::Losses;
use semrel_train::adversary::Critic;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::{Device, Kind, Tensor};

type State = BTreeMap<String, Tensor>;

fn config(case: &Case) -> Result<Config, String> {
    let c = case.config();
    let number = |key: &str, default: f64| c[key].as_f64().unwrap_or(default);
    let published = ContentDiscriminatorConfig::published(4);
    // Crops are as large as the published content discriminator needs.
    let side = 4 * published.least_side();
    let config = json!({
        "name": "case",
        "method": "drit",
        "data": { "root": "unused", "image_size": side, "load_size": side },
        "model": {
            "generator": "drit", "discriminator": "scales", "ngf": c["dim"], "ndf": c["dim"],
            "norm_discriminator": if case.flag("dis_spectral_norm") { "spectral" } else { "none" },
            "scales": c["dis_scale"].as_i64().unwrap_or(3).max(1),
            "style_dim": c["nz"].as_i64().unwrap_or(8),
            "attributes": if case.flag("concat") { "concat" } else { "feature" },
        },
        "loss": {
            "gan": "nonsaturating", "lambda_style": 10.0, "lambda_diversity": if case.flag("no_ms") { 0.0 } else { 1.0 },
        },
        "optim": {
            "lr": number("lr", 1e-4), "lr_content": number("lr_content_discriminator", 4e-5),
            "beta1": number("beta1", 0.5), "beta2": number("beta2", 0.999),
            "weight_decay": number("weight_decay", 1e-4), "clip_content": number("clip_content", 5.0),
        },
        "train": { "batch_size": c["batch_size"].as_i64().unwrap_or(2) },
    });
    serde_json::from_value(config).map_err(|e| e.to_string())
}

/// Gradients as optimisers got them, in order: the network, and its tensors by key.
type Seen = Rc<RefCell<Vec<(&'static str, State)>>>;

fn probe(name: &'static str, shapes: Vec<(String, Vec<i64>)>, seen: &Seen) -> semrel_nn::GradientProbe {
    let sink = seen.clone();
    Box::new(move |flat| {
        let mut offset = 0;
        let mut state = State::new();
        for (key, size) in &shapes {
            let n = size.iter().product();
            state.insert(key.clone(), flat.narrow(0, offset, n).view(size.as_slice()).copy());
            offset += n;
        }
        sink.borrow_mut().push((name, state));
    })
}

fn shapes<T>(net: &Net<T>, prefix: &str) -> Vec<(String, Vec<i64>)> {
    let own = |(key, t): (&str, Tensor)| Some((key.strip_prefix(prefix)?.to_owned(), t.size()));
    net.split(net.flat()).filter_map(own).collect()
}

const PARTS: [&str; 3] = ["enc_a", "enc_c", "gen"];

/// Fills all networks by the case, and notes their gradients.
fn prepare(case: &Case, method: &mut Drit, kind: Kind) -> Result<Seen, String> {
    let mut networks: Vec<(&str, State)> =
        PARTS.iter().zip(&method.parts).map(|(name, part)| (*name, part.state(&method.generator))).collect();
    let critics = |method: &Drit| -> Vec<(&str, State)> {
        let all = method.encoded.iter().chain(&method.random).map(|d| d.discriminator.net.state());
        ["disA", "disB", "disA2", "disB2"].into_iter().zip(all).collect()
    };
    networks.extend(critics(method));
    networks.push(("disContent", method.content.net.state()));
    if let Some(keys) = case.json["keys"].as_object() {
        let own: usize = networks.iter().map(|(_, state)| state.len()).sum();
        if own != keys.len() {
            return Err(format!("networks have {own} keys, the case {}", keys.len()));
        }
    }
    case.fill_networks(&networks)?;
    let seen = Seen::default();
    method.generator.convert(kind);
    for (name, part) in PARTS.into_iter().zip(&mut method.parts) {
        part.reset(&method.generator);
        part.probe = Some(probe(name, shapes(&method.generator, &format!("{name}.")), &seen));
    }
    let names = ["disA", "disB", "disA2", "disB2"];
    for (name, d) in names.into_iter().zip(method.encoded.iter_mut().chain(&mut method.random)) {
        d.discriminator.convert(kind);
        let shapes = shapes(&d.discriminator.net, "");
        d.discriminator.probe = Some(probe(name, shapes, &seen));
    }
    method.content.convert(kind);
    let shapes = shapes(&method.content.net, "");
    method.content.probe = Some(probe("disContent", shapes, &seen));
    Ok(seen)
}

fn draws(case: &Case, config: &Config, step: usize, kind: Kind) -> DritDraws {
    let input = |name: String| case.input(&name).to_kind(kind);
    let eps = |name: &str| input(format!("eps.{step}.{name}"));
    let two = config.loss.lambda_diversity > 0.0;
    DritDraws {
        noise: [1, 2, 3, 4].map(|j| input(format!("noise.{step}.{j}"))),
        eps: case.flag("concat").then(|| [eps("a"), eps("b"), eps("recon_a"), eps("recon_b")]),
        z: ["z", "z2"].iter().take(1 + usize::from(two)).map(|name| input(format!("{name}.{step}"))).collect(),
    }
}

fn own_name(published: &str) -> Option<&'static str> {
    Some(match published {
        "disA_loss" => "D_A",
        "disB_loss" => "D_B",
        "disA2_loss" => "D_A2",
        "disB2_loss" => "D_B2",
        "disContent_loss" => "D_content",
        "gan_loss_a" => "G_GAN_A",
        "gan_loss_b" => "G_GAN_B",
        "gan_loss_acontent" => "G_content_A",
        "gan_loss_bcontent" => "G_content_B",
        "kl_loss_za_a" => "KL_A",
        "kl_loss_za_b" => "KL_B",
        "kl_loss_zc_a" => "KL_content_A",
        "kl_loss_zc_b" => "KL_content_B",
        "l1_recon_A_loss" => "cycle_A",
        "l1_recon_B_loss" => "cycle_B",
        "l1_recon_AA_loss" => "recon_A",
        "l1_recon_BB_loss" => "recon_B",
        "G_loss" => "G",
        "l1_recon_z_loss_a" => "style_A",
        "l1_recon_z_loss_b" => "style_B",
        "gan2_loss_a" => "G_GAN_A2",
        "gan2_loss_b" => "G_GAN_B2",
        "lz_AB" => "modes_AB",
        "lz_BA" => "modes_BA",
        _ => return None,
    })
}

pub fn train_step(case: &Case) -> Outcome {
    let config = config(case)?;
    case.in_both_kinds(|case, kind| step_in(case, &config, kind))
}

fn step_in(case: &Case, config: &Config, kind: Kind) -> Outcome {
    let mut method = Drit::new(config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
    let seen = prepare(case, &mut method, kind)?;
    let mut first_full = true;
    for (i, op) in case.config()["ops"].as_array().into_iter().flatten().enumerate() {
        let (step, mut losses) = (i + 1, Losses::new());
        let image = |name: &str| case.input(&format!("{name}.{step}")).to_kind(kind);
        let batch = Batch { a: image("A"), b: image("B") };
        seen.borrow_mut().clear();
        let made = if op == "full" {
            let draws = draws(case, config, step, kind);
            Some(method.step_with(&batch, &draws, &mut losses).map_err(|e| format!("{e:#}"))?)
        } else {
            let noise = [1, 2].map(|j| case.input(&format!("noise.{step}.{j}")).to_kind(kind));
            method.content_step(&batch, &noise, &mut losses);
            None
        };
        check_named_losses(case, step as u64, &losses, &|_| true, &own_name)?;
        let norm = losses.get("D_content_gradient").ok_or("no length of the content discriminator's gradient")?;
        case.check(&format!("out.content_norm_before_clip.{step}"), norm)?;
        if kind == Kind::Float {
            if made.is_some() {
                return Ok(());
            }
            continue;
        }
        check_gradients(case, step, &seen.borrow(), made.is_some() && std::mem::take(&mut first_full))?;
        if let Some(made) = &made {
            check_images(case, step, made)?;
        }
        for part in method.parts() {
            let net = match part.name {
                "D_A" => "disA",
                "D_B" => "disB",
                "D_A2" => "disA2",
                "D_B2" => "disB2",
                "D_content" => "disContent",
                name => name,
            };
            for (key, weight) in &part.state {
                let name = format!("out.{net}.{key}.{step}");
                if case.has(&name) {
                    case.check(&name, weight)?;
                }
            }
        }
    }
    Ok(())
}

/// Lengths of the gradients of a step, and, of the first full step, whole gradients.
fn check_gradients(case: &Case, step: usize, seen: &[(&'static str, State)], whole: bool) -> Outcome {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (net, gradient) in seen {
        let time = times.entry(net).or_default();
        let which = ["first", "second"][*time];
        *time += 1;
        let squares: Tensor = gradient.values().map(|g| g.square().sum(None::<Kind>)).sum();
        for name in [format!("out.grad_norm.{step}.{net}"), format!("out.grad_norm.{step}.{net}.{which}")] {
            if case.has(&name) {
                case.check(&name, &squares.sqrt())?;
            }
        }
        for (key, g) in gradient.iter().filter(|_| whole) {
            for name in [format!("grad.{net}.{key}"), format!("grad.{which}.{net}.{key}")] {
                if case.has(&name) {
                    case.check(&name, g)?;
                }
            }
        }
    }
    match times.get("gen") {
        Some(2) | None => Ok(()),
        other => Err(format!("updates of the decoders: {other:?}")),
    }
}

/// Every eighth pixel of the images of a pass.
fn check_images(case: &Case, step: usize, made: &Forwarded) -> Outcome {
    let mut images = vec![];
    for (d, domain) in ["A", "B"].into_iter().enumerate() {
        images.push((format!("fake_{domain}_encoded"), &made.fake[d]));
        images.push((format!("fake_{domain}{domain}_encoded"), &made.own[d]));
        images.push((format!("fake_{domain}_recon"), &made.cycles[d]));
        for (name, image) in ["random", "random2"].iter().zip(&made.random[d]) {
            images.push((format!("fake_{domain}_{name}"), image));
        }
    }
    let mut compared = 0;
    for (name, image) in images {
        let name = format!("out.{name}_part.{step}");
        if case.has(&name) {
            let every = |t: &Tensor, dim| {
                let index = Tensor::arange_start_step(0, t.size()[dim as usize], 8, (Kind::Int64, Device::Cpu));
                t.index_select(dim, &index)
            };
            case.check(&name, &every(&every(image, 2), 3))?;
            compared += 1;
        }
    }
    if compared == 0 { Err(format!("no image of step {step} is stored")) } else { Ok(()) }
}

pub fn adversarial_loss(case: &Case) -> Outcome {
    let config = config(case)?;
    case.in_both_kinds(|case, kind| {
        let mut method = Drit::new(&config, Device::Cpu).map_err(|e| format!("{e:#}"))?;
        let d = &mut method.encoded[0];
        case.fill_networks(&[("dis", d.discriminator.net.state()), ("disContent", method.content.net.state())])?;
        d.discriminator.convert(kind);
        method.content.convert(kind);
        let (state, content_state) = (d.discriminator.net.state(), method.content.net.state());
        let input = |name: &str| case.input(name).to_kind(kind).set_requires_grad(true);
        let (fake, real) = (input("fake"), input("real"));
        let weight = |state: &State, name: &str| state.get(name.strip_prefix("w.")?).map(Tensor::shallow_clone);

        let of_real = d.discriminator.logits(&real);
        let loss = d.discriminator_loss_of(&d.discriminator.logits(&fake.detach()), &of_real, &real).total;
        case.check("out.dis_loss", &loss)?;
        check_grads_under(case, "dis.", &loss, &|name| weight(&state, name))?;
        let loss = d.generator_loss(&fake);
        case.check("out.gen_loss", &loss)?;
        check_grads_under(case, "gen.", &loss, &|name| (name == "in.fake").then(|| fake.shallow_clone()))?;

        let (a, b) = (input("content_a"), input("content_b"));
        let content = |x: &Tensor| method.content.forward(x);
        let loss = content_discriminator_loss(&content(&a.detach()), &content(&b.detach()));
        case.check("out.content_dis_loss", &loss)?;
        check_grads_under(case, "content_dis.", &loss, &|name| weight(&content_state, name))?;
        let loss = undecided(&content(&a));
        case.check("out.content_gen_loss", &loss)?;
        let name = "grad.content_gen.in.content_a_part";
        if kind == Kind::Double && case.has(name) {
            let gradient = Tensor::run_backward(&[&loss], &[&a], false, false).remove(0);
            let every = |t: &Tensor, dim| {
                let index = Tensor::arange_start_step(0, t.size()[dim as usize], 6, (Kind::Int64, Device::Cpu));
                t.index_select(dim, &index)
            };
            case.check(name, &every(&every(&gradient, 2), 3))?;
        }
        Ok(())
    })
}

/// One letter for each batch: what it updates.
pub fn update_plan(case: &Case) -> Outcome {
    let settings = case.config()["settings"].as_array().cloned().unwrap_or_default();
    let plans = case.json["plans"].as_array().cloned().unwrap_or_default();
    if settings.is_empty() || settings.len() != plans.len() {
        return Err("no plans".into());
    }
    for (setting, plan) in settings.iter().zip(&plans) {
        let number = |key: &str| setting[key].as_u64().ok_or_else(|| format!("no number {key}"));
        let (batches, d_iter) = (number("batches")?, number("d_iter")?);
        let incomplete = setting["last_batch_incomplete"] == true;
        let letter = |batch: u64| match (incomplete && batch + 1 == batches, updates_all(batch, batches, d_iter)) {
            (true, _) => '-',
            (_, true) => 'F',
            _ => 'C',
        };
        let got: String = (0..batches).map(letter).collect();
        if plan.as_str() != Some(got.as_str()) {
            return Err(format!("{setting}: {got}, expected {plan}"));
        }
    }
    Ok(())
}

/// The bytes of a picture.
pub fn save_image(case: &Case) -> Outcome {
    super::check_bytes(case, &pictures(&case.input("image")).map_err(|e| e.to_string())?[0])
}
