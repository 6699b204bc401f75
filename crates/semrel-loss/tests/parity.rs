//! Values and gradients against the published implementations, case by case.

#[path = "parity/compression.rs"]
mod compression;
#[path = "parity/negcut.rs"]
mod negcut;

use semrel_loss::curriculum::{EpochCurriculum, IterationCurriculum, lambda_ds};
use semrel_loss::gan::{self, GanMode, Target};
use semrel_loss::hard_negative::{hard_negative_weights, single_modal_weights};
use semrel_loss::hdce::decoupled_info_nce;
use semrel_loss::lsesim::{LSeSimConfig, LSeSimHeads, MapDistance, map_contrast, map_distance, similarity_maps};
use semrel_loss::patch_nce::{ContrastConfig, PatchLoss, info_nce};
use semrel_loss::patch_sampler::{HeadKeys, PatchSampler};
use semrel_loss::similarity::{gram, similarity_matrix};
use semrel_loss::src::semantic_relation_consistency;
use semrel_loss::{Formulation, Gradient, LossError};
use semrel_testkit::{Case, Outcome};
use tch::{Device, Kind, Tensor, nn};

fn main() {
    semrel_testkit::run(
        "semrel-loss",
        &[
            ("compression/gan_losses", compression::gan_losses),
            ("compression/semantic", compression::semantic),
            ("multi-modal/adversarial", adversarial),
            ("multi-modal/cycle", |c| of_pair(c, gan::cycle)),
            ("multi-modal/dce", |c| multi_patch_loss(c, decoupled_info_nce)),
            ("multi-modal/hdce_paper", hdce_paper),
            ("multi-modal/lsesim", |c| lsesim(c, c.flag("learned"), false)),
            ("multi-modal/lsesim_info", |c| lsesim(c, c.flag("learned"), true)),
            ("multi-modal/patch_nce", |c| multi_patch_loss(c, info_nce)),
            ("multi-modal/patch_sampler", multi_patch_sampler),
            ("multi-modal/schedules", schedules),
            ("multi-modal/src", multi_src),
            ("multi-modal/style_diversification", |c| of_pair(c, gan::style_diversification)),
            ("multi-modal/style_reconstruction", |c| of_pair(c, gan::style_reconstruction)),
            ("single-modal/gamma_schedule", gamma_schedule),
            ("single-modal/gan_loss", gan_loss),
            ("single-modal/hdce", |c| single_patch_loss(c, decoupled_info_nce)),
            ("single-modal/lsesim", |c| lsesim(c, c.flag("use_conv"), false)),
            ("single-modal/lsesim_contrastive", |c| lsesim(c, c.flag("use_conv"), true)),
            ("single-modal/negcut-diversity", negcut::diversity),
            ("single-modal/negcut-momentum-features", negcut::momentum_features),
            ("single-modal/negcut-nce", negcut::nce),
            ("single-modal/negcut-negative-generator", negcut::negative_generator),
            ("single-modal/patch_nce", |c| single_patch_loss(c, info_nce)),
            ("single-modal/patch_sampler", single_patch_sampler),
            ("single-modal/src", single_src),
        ],
    )
}

/// `decoupled_info_nce` or `info_nce`.
type PatchLossFn = fn(&Tensor, &Tensor, i64, Option<&Tensor>, &ContrastConfig) -> Result<PatchLoss, LossError>;

/// Both give the published gradient.
const GRADIENTS: [Gradient; 2] = [Gradient::Recorded, Gradient::ClosedForm];

fn text<T>(result: Result<T, LossError>) -> Result<T, String> {
    result.map_err(|e| e.to_string())
}

/// Inputs by name, with gradient; gradients are stored as `grad.q` or `grad.in.q`.
struct Inputs(Vec<(String, Tensor)>);

impl Inputs {
    fn of(case: &Case, names: &[&str]) -> Self {
        Self(names.iter().map(|n| ((*n).to_owned(), case.input_with_grad(n))).collect())
    }

    fn get(&self, name: &str) -> &Tensor {
        self.find(name).expect("an input that was asked for")
    }

    fn find(&self, name: &str) -> Option<&Tensor> {
        let name = name.strip_prefix("in.").unwrap_or(name);
        self.0.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }

    fn check_grads(&self, case: &Case, loss: &Tensor) -> Outcome {
        case.check_grads(loss, &|name| self.find(name).map(Tensor::shallow_clone))
    }
}

fn of_pair(case: &Case, loss: fn(&Tensor, &Tensor) -> Result<Tensor, LossError>) -> Outcome {
    let inputs = Inputs::of(case, &["a", "b"]);
    let loss = text(loss(inputs.get("a"), inputs.get("b")))?;
    case.check("out.loss", &loss)?;
    inputs.check_grads(case, &loss)
}

fn adversarial(case: &Case) -> Outcome {
    let inputs = Inputs::of(case, &["logits"]);
    let logits = inputs.get("logits");
    let target = |t: i64| if t == 1 { Target::Real } else { Target::Fake };
    for t in [0, 1] {
        let name = format!("out.loss{t}");
        if case.has(&name) {
            case.check(&name, &text(gan::adversarial(logits, target(t)))?)?;
        }
    }
    if !case.has("out.loss") {
        return Ok(());
    }
    let loss = text(gan::adversarial(logits, target(case.i64("target"))))?;
    case.check("out.loss", &loss)?;
    inputs.check_grads(case, &loss)
}

fn multi_gamma(case: &Case) -> f64 {
    let curriculum = IterationCurriculum::default()
        .with_gamma_start(case.f64("gamma_start"))
        .with_gamma_end(case.f64("gamma_end"))
        .with_enabled(case.flag("use_curriculum"));
    curriculum.gamma(case.i64("iteration") as u64, case.i64("total_iters") as u64)
}

fn multi_weights(case: &Case, k: &Tensor) -> Result<Tensor, String> {
    let similarity = text(similarity_matrix(k, case.i64("batch_size")))?;
    text(hard_negative_weights(&similarity, multi_gamma(case), Formulation::Official))
}

fn multi_src(case: &Case) -> Outcome {
    let inputs = Inputs::of(case, &["q", "k"]);
    let (q, k) = (inputs.get("q"), inputs.get("k"));
    if case.has("out.weight") {
        case.check("out.weight", &multi_weights(case, k)?)?;
    }
    for gradient in GRADIENTS {
        let src = text(semantic_relation_consistency(q, k, case.i64("batch_size"), gradient))?;
        let loss = src * case.f64("lambda_src");
        case.check("out.loss", &loss)?;
        inputs.check_grads(case, &loss)?;
    }
    Ok(())
}

fn multi_patch_loss(case: &Case, loss: PatchLossFn) -> Outcome {
    let inputs = Inputs::of(case, &["q", "k"]);
    let (q, k) = (inputs.get("q"), inputs.get("k"));
    let weights = case.flag("use_hard").then(|| multi_weights(case, k)).transpose()?;
    let lambda = case.f64("weight");
    for gradient in GRADIENTS {
        let config = ContrastConfig::default().with_tau(case.f64("temperature")).with_gradient(gradient);
        let loss = text(loss(q, k, case.i64("batch_size"), weights.as_ref(), &config))?;
        let objective = loss.objective * lambda;
        case.check("out.per_patch", &(loss.per_patch * lambda))?;
        case.check("out.loss", &(loss.value * lambda))?;
        case.check("out.loss", &objective)?;
        inputs.check_grads(case, &objective)?;
    }
    Ok(())
}

fn hdce_paper(case: &Case) -> Outcome {
    let inputs = Inputs::of(case, &["w", "z"]);
    let (w, z) = (inputs.get("w"), inputs.get("z"));
    let batch = case.i64("batch_size");
    let formulation = Formulation::Paper;
    let weights = text(hard_negative_weights(&text(gram(z, batch))?, 1.0 / case.f64("gamma"), formulation))?;
    for gradient in GRADIENTS {
        let config = ContrastConfig::default()
            .with_tau(case.f64("temperature"))
            .with_formulation(formulation)
            .with_gradient(gradient);
        let loss = text(decoupled_info_nce(w, z, batch, Some(&weights), &config))?;
        case.check("out.loss", &loss.objective)?;
        inputs.check_grads(case, &loss.objective)?;
    }
    Ok(())
}

fn schedules(case: &Case) -> Outcome {
    let iterations: Vec<i64> = Vec::try_from(case.input("iteration")).map_err(|e: tch::TchError| e.to_string())?;
    let curriculum =
        IterationCurriculum::default().with_gamma_start(case.f64("gamma_start")).with_gamma_end(case.f64("gamma_end"));
    let ds_iter = case.i64("ds_iter") as u64;
    for name in case.with_prefix("out.").keys() {
        let values: Vec<f64> = if let Some(total) = name.strip_prefix("gamma") {
            let total = match total.strip_prefix("_total") {
                Some(total) => total.parse::<i64>().map_err(|e| format!("{name}: {e}"))?,
                None => case.i64("total_iters"),
            };
            let inside = iterations.iter().filter(|&&i| i < total || total == case.i64("total_iters"));
            inside.map(|&i| curriculum.gamma(i as u64, total as u64)).collect()
        } else if let Some(initial) = name.strip_prefix("lambda_ds_init") {
            let initial: f64 = initial.parse().map_err(|e| format!("{name}: {e}"))?;
            iterations.iter().map(|&i| lambda_ds(initial, i as u64, ds_iter)).collect()
        } else {
            return Err(format!("no schedule is called {name}"));
        };
        case.check(&format!("out.{name}"), &Tensor::from_slice(&values))?;
    }
    Ok(())
}

fn epoch_curriculum(settings: &serde_json::Value) -> Result<(EpochCurriculum, u64), String> {
    let number = |key: &str| settings[key].as_f64().ok_or_else(|| format!("no number {key} in {settings}"));
    let flag = |key: &str| settings[key].as_bool().unwrap_or(false);
    let step_epoch = if flag("step_gamma") { Some(number("step_gamma_epoch")? as u64) } else { None };
    let curriculum = EpochCurriculum::default()
        .with_gamma(number("HDCE_gamma")?)
        .with_gamma_min(number("HDCE_gamma_min")?)
        .with_enabled(flag("use_curriculum"))
        .with_step_epoch(step_epoch);
    Ok((curriculum, (number("n_epochs")? + number("n_epochs_decay")?) as u64))
}

fn gamma_schedule(case: &Case) -> Outcome {
    let settings = case.config()["settings"].as_array().ok_or("no config.settings")?;
    for (i, settings) in settings.iter().enumerate() {
        let (curriculum, total) = epoch_curriculum(settings)?;
        let epochs: Vec<i64> =
            Vec::try_from(case.input(&format!("epochs.{i}"))).map_err(|e: tch::TchError| e.to_string())?;
        let gammas: Vec<f64> = epochs.iter().map(|&e| curriculum.gamma(e as u64, total)).collect();
        case.check(&format!("out.gamma.{i}"), &Tensor::from_slice(&gammas))?;
    }
    Ok(())
}

fn single_src(case: &Case) -> Outcome {
    let inputs = Inputs::of(case, &["feat_q", "feat_k"]);
    let (q, k) = (inputs.get("feat_q"), inputs.get("feat_k"));
    let (curriculum, total) = epoch_curriculum(case.config())?;
    // Without an epoch the curriculum is off and any will do.
    let epoch = case.config()["epoch"].as_u64();
    if epoch.is_none() && curriculum.enabled {
        return Err("config.epoch is missing but the curriculum is on".into());
    }
    let gamma = curriculum.gamma(epoch.unwrap_or(1), total);
    let weights = text(single_modal_weights(&text(similarity_matrix(k, 1))?, case.i64("num_patches"), gamma))?;
    case.check("out.weight", &weights)?;
    if case.flag("only_weight") {
        return Ok(());
    }
    for gradient in GRADIENTS {
        let loss = text(semantic_relation_consistency(q, k, 1, gradient))?;
        case.check("out.loss", &loss)?;
        inputs.check_grads(case, &loss)?;
    }
    Ok(())
}

fn single_patch_loss(case: &Case, loss: PatchLossFn) -> Outcome {
    let inputs = Inputs::of(case, &["feat_q", "feat_k"]);
    let (q, k) = (inputs.get("feat_q"), inputs.get("feat_k"));
    let groups = if case.flag("nce_includes_all_negatives_from_minibatch") { 1 } else { case.i64("batch_size") };
    let weights = case.has_input("weight").then(|| case.input("weight"));
    for gradient in GRADIENTS {
        let config = ContrastConfig::default().with_tau(case.f64("nce_T")).with_gradient(gradient);
        let loss = text(loss(q, k, groups, weights.as_ref(), &config))?;
        case.check("out.loss_vec", &loss.per_patch)?;
        case.check("out.loss", &loss.value)?;
        case.check("out.loss", &loss.objective)?;
        inputs.check_grads(case, &loss.objective)?;
    }
    Ok(())
}

/// The objective by its published name; without the feature `serde`, which tests do not ask for.
fn gan_mode(name: &serde_json::Value) -> Result<GanMode, String> {
    match name.as_str() {
        Some("lsgan") => Ok(GanMode::Lsgan),
        Some("vanilla") => Ok(GanMode::Vanilla),
        Some("wgangp") => Ok(GanMode::Wgangp),
        Some("nonsaturating") => Ok(GanMode::Nonsaturating),
        Some("hinge") => Ok(GanMode::Hinge),
        _ => Err(format!("no adversarial objective is called {name}")),
    }
}

fn gan_loss(case: &Case) -> Outcome {
    let mode = gan_mode(&case.config()["gan_mode"])?;
    let prediction = case.input_with_grad("pred");
    for (name, target) in [("real", Target::Real), ("fake", Target::Fake)] {
        let loss = text(mode.discriminator(&prediction, target))?;
        case.check(&format!("out.{name}"), &loss)?;
        let grad = Tensor::run_backward(&[loss.mean(None::<Kind>)], &[&prediction], true, false);
        case.check(&format!("grad.{name}.in.pred"), &grad[0])?;
    }
    if mode != GanMode::Hinge {
        case.check("out.real", &text(mode.generator(&prediction))?)?;
    }
    Ok(())
}

fn lsesim(case: &Case, learned: bool, contrastive: bool) -> Outcome {
    let (source, target) = (case.input_with_grad("src"), case.input_with_grad("tgt"));
    let ids = case.input("ids");
    let config = LSeSimConfig::default()
        .with_loss_mode(if case.config()["loss_mode"] == "l1" { MapDistance::L1 } else { MapDistance::Cos })
        .with_use_norm(case.flag("use_norm"))
        .with_patch_size(case.i64("patch_size"))
        .with_temperature(case.f64("T"))
        .with_decode_by_height(true);
    let store = nn::VarStore::new(Device::Cpu);
    let heads = learned.then(|| LSeSimHeads::new(&store.root(), &[source.size()[1]]));
    let state = store.variables().into_iter().collect();
    case.fill(&state, "")?;
    let maps = |features: &Tensor| -> Result<Tensor, String> {
        let embedded = match &heads {
            Some(heads) => text(heads.forward(&[features.shallow_clone()]))?.remove(0),
            None => features.shallow_clone(),
        };
        text(similarity_maps(&embedded, &ids, &config))
    };
    let (source_maps, target_maps) = (maps(&source)?, maps(&target)?);
    case.check("out.sim_src", &source_maps)?;
    case.check("out.sim_tgt", &target_maps)?;
    let loss = text(if contrastive {
        map_contrast(&source_maps, &target_maps, &maps(&case.input("other"))?, config.temperature)
    } else {
        map_distance(&source_maps, &target_maps, &config)
    })?;
    case.check("out.loss", &loss)?;
    case.check_grads(&loss, &|name| match name.strip_prefix("in.").unwrap_or(name) {
        "src" => Some(source.shallow_clone()),
        "tgt" => Some(target.shallow_clone()),
        key => state.get(key).map(Tensor::shallow_clone),
    })
}

fn multi_patch_sampler(case: &Case) -> Outcome {
    let channels: Vec<i64> = case.config()["in_channels"]
        .as_array()
        .ok_or("no config.in_channels")?
        .iter()
        .filter_map(serde_json::Value::as_i64)
        .collect();
    let each = |name: &str| (0..channels.len()).map(|l| case.input(&format!("{name}{l}"))).collect::<Vec<_>>();
    let (features, ids) = (each("feat"), each("ids"));
    let store = nn::VarStore::new(Device::Cpu);
    let sampler = PatchSampler::new(&store.root(), &channels, case.i64("nc"), HeadKeys::Dotted);
    case.fill(&store.variables().into_iter().collect(), "")?;
    for (name, sampler) in [("sampled", sampler), ("sampled_no_mlp", PatchSampler::without_mlp())] {
        for (l, rows) in text(sampler.project(&features, &ids))?.iter().enumerate() {
            case.check(&format!("out.{name}{l}"), rows)?;
        }
    }
    Ok(())
}

fn single_patch_sampler(case: &Case) -> Outcome {
    let names: Vec<String> = (0..).map(|l| format!("feat.{l}")).take_while(|name| case.has_input(name)).collect();
    let inputs = Inputs::of(case, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let features: Vec<Tensor> = names.iter().map(|n| inputs.get(n).shallow_clone()).collect();
    let channels: Vec<i64> = features.iter().map(|f| f.size()[1]).collect();
    let store = nn::VarStore::new(Device::Cpu);
    let sampler = if case.flag("use_mlp") {
        PatchSampler::new(&store.root(), &channels, case.i64("netF_nc"), HeadKeys::Underscored)
    } else {
        PatchSampler::without_mlp()
    };
    let state = store.variables().into_iter().collect();
    case.fill(&state, "")?;
    let out = if case.i64("num_patches") == 0 {
        text(sampler.project_maps(&features))?
    } else {
        let ids: Vec<Tensor> = (0..features.len()).map(|l| case.input(&format!("ids.{l}"))).collect();
        text(sampler.project(&features, &ids))?
    };
    let first_channel_only = !case.json["grad_of"].as_str().is_some_and(|text| text.contains("linspace"));
    let mut loss = Tensor::from(0f32);
    for (i, out) in out.iter().enumerate() {
        case.check(&format!("out.feat.{i}"), out)?;
        let channels = out.size()[1];
        loss += if first_channel_only {
            out.select(1, 0).sum(None::<Kind>)
        } else {
            let ramp = Tensor::linspace(-1, 1, channels, (Kind::Float, Device::Cpu));
            let shape: Vec<i64> = (0..out.dim() as i64).map(|d| if d == 1 { channels } else { 1 }).collect();
            (out * ramp.view(shape.as_slice())).sum(None::<Kind>)
        };
    }
    case.check_grads(&loss, &|name| inputs.find(name).or_else(|| state.get(name)).map(Tensor::shallow_clone))
}
