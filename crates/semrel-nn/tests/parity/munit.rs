//! MUNIT's and UNIT's networks.

use super::methods::{check_parameters, part};
use super::single_modal::{check_grads, check_keys};
use semrel_nn::munit::{
    Assigned, AssignedNorm, DiscriminatorConfig, Generator, GeneratorConfig, LayerNorm, MultiScaleDiscriminator, Pair,
    UnitGenerator, Vgg, initialise,
};
use semrel_nn::{InitType, Net, StepDecay, StyleChoice, TappedGenerator};
use semrel_testkit::{Case, Outcome, munit};
use serde_json::Value;
use tch::{Device, Kind, Tensor, nn};

/// Settings of a generator from `input_dim` and `gen`.
pub fn generator_config(config: &Value) -> Result<GeneratorConfig, String> {
    serde_json::from_value(munit::generator(config)).map_err(|e| format!("config.gen: {e}"))
}

/// Settings of a discriminator from `input_dim` and `dis`.
pub fn discriminator_config(config: &Value) -> Result<DiscriminatorConfig, String> {
    serde_json::from_value(munit::discriminator(config)).map_err(|e| format!("config.dis: {e}"))
}

/// `Σ_i Σ (out_i · (0.5 + linspace(−1, 1)))`; 1.5 for a single element.
fn weighted(outputs: &[Tensor]) -> Tensor {
    let one = |y: &Tensor| {
        let n = y.numel() as i64;
        let w = match n {
            1 => Tensor::full([1], 1.5, (y.kind(), y.device())),
            _ => Tensor::linspace(-1, 1, n, (y.kind(), y.device())) + 0.5,
        };
        (y.reshape([-1]) * w).sum(None::<Kind>)
    };
    outputs.iter().map(one).sum()
}

/// A norm that takes `in.x`.
pub fn check_norm<T>(case: &Case, build: impl Fn(&nn::Path) -> T, forward: impl Fn(&T, &Tensor) -> Tensor) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, &build);
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (x, state) = (case.input("x").to_kind(kind).set_requires_grad(true), net.state());
        let y = forward(&net, &x);
        case.check("out.y", &y)?;
        let loss = (&y * case.input("dy").to_kind(kind)).sum(kind);
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| (name == "x").then(|| x.shallow_clone()))
    })
}

pub fn layer_norm(case: &Case) -> Outcome {
    check_norm(case, |p| LayerNorm::new(p, case.i64("num_features")), LayerNorm::forward)
}

pub fn adain(case: &Case) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let store = nn::VarStore::new(Device::Cpu);
        let norm = |name: &str| AssignedNorm::new(&(store.root() / name), case.i64(name));
        let (first, second) = (norm("c1"), norm("c2"));
        let input = |name: &str| case.input(name).to_kind(kind).set_requires_grad(true);
        let inputs = ["params", "x1", "x2"].map(|name| (name, input(name)));
        let mut style = Assigned::new(&inputs[0].1);
        let (y1, y2) = (first.forward(&inputs[1].1, &mut style), second.forward(&inputs[2].1, &mut style));
        case.check("out.y1", &y1)?;
        case.check("out.y2", &y2)?;
        let loss = (y1 * case.input("dy1").to_kind(kind)).sum(kind) + (y2 * case.input("dy2").to_kind(kind)).sum(kind);
        let of = |name: &str| inputs.iter().find(|(own, _)| *own == name).map(|(_, t)| t.shallow_clone());
        check_grads(case, "in.", &loss, of)
    })
}

pub fn generator(case: &Case) -> Outcome {
    let config = generator_config(case.config())?;
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, |p| Generator::new(p, &config));
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (x, style) = (
            case.input("image").to_kind(kind).set_requires_grad(true),
            case.input("style").to_kind(kind).set_requires_grad(true),
        );
        let (content, own) = net.encode(&x);
        let (image, recon) = (net.decode(&content, &style), net.decode(&content, &own));
        for (name, got) in [
            ("out.content", &content),
            ("out.style", &own),
            ("out.adain_params", &net.norms_of(&style)),
            ("out.image", &image),
            ("out.recon", &recon),
        ] {
            if case.has(name) {
                case.check(name, got)?;
            }
        }
        if !case.has_input("g1") {
            return Ok(());
        }
        let loss =
            (&image * case.input("g1").to_kind(kind)).sum(kind) + (&recon * case.input("g2").to_kind(kind)).sum(kind);
        let state = net.state();
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| match name {
            "image" => Some(x.shallow_clone()),
            "style" => Some(style.shallow_clone()),
            _ => None,
        })
    })
}

pub fn unit_generator(case: &Case) -> Outcome {
    let config = generator_config(case.config())?;
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, |p| UnitGenerator::new(p, &config));
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (x, state) = (case.input("image").to_kind(kind).set_requires_grad(true), net.state());
        let hidden = net.content.forward(&x);
        let image = net.decode(&(&hidden + case.input("noise").to_kind(kind)));
        case.check("out.hidden", &hidden)?;
        case.check("out.image", &image)?;
        case.check("out.eval", &net.decode(&hidden))?;
        let loss = (&image * case.input("g1").to_kind(kind)).sum(kind);
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| (name == "image").then(|| x.shallow_clone()))
    })
}

/// A discriminator that gives logits of several scales, of images whose sides are at least `least`.
pub fn check_scales<T>(
    case: &Case,
    least: i64,
    build: impl Fn(&nn::Path) -> T,
    forward: impl Fn(&T, &Tensor) -> Vec<Tensor>,
) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, &build);
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (x, state) = (case.input("image").to_kind(kind).set_requires_grad(true), net.state());
        let size = x.size();
        if size[2].min(size[3]) < least {
            return Err(format!("the least side is {}, the case has {size:?}", least));
        }
        let logits = forward(&net, &x);
        for (i, logits) in logits.iter().enumerate() {
            case.check(&format!("out.scale.{i}"), logits)?;
        }
        let loss = weighted(&logits);
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| (name == "image").then(|| x.shallow_clone()))?;
        if case.has("out.second.0") {
            for (i, logits) in forward(&net, &x).iter().enumerate() {
                case.check(&format!("out.second.{i}"), logits)?;
            }
        }
        for key in case.with_prefix("out.state.").keys() {
            case.check(&format!("out.state.{key}"), state.get(key).ok_or_else(|| format!("no key {key}"))?)?;
        }
        Ok(())
    })
}

pub fn discriminator(case: &Case) -> Outcome {
    let config = discriminator_config(case.config())?;
    let build = |p: &nn::Path| MultiScaleDiscriminator::new(p, &config);
    check_scales(case, config.least_side(), build, MultiScaleDiscriminator::forward)
}

pub fn translate(case: &Case) -> Outcome {
    let config = generator_config(case.config())?;
    case.in_both_kinds(|case, kind| {
        for (direction, source, target, image, reference) in
            [("a2b", "gen_a", "gen_b", "a", "b"), ("b2a", "gen_b", "gen_a", "b", "a")]
        {
            let mut net = Net::new(Device::Cpu, |p| Pair::new(p, &config));
            let state = net.state();
            let of = |own: &str| part(&state, own);
            // The source's auto-encoder is the pair's first, whichever domain that is.
            case.fill_networks(&[(source, of("gen_a")), (target, of("gen_b"))])?;
            net.convert(kind);
            let (x, reference) = (case.input(image).to_kind(kind), case.input(reference).to_kind(kind));
            let styles = case.input("styles").to_kind(kind);
            for i in 0..styles.size()[0] {
                net.set_style(StyleChoice::Given(styles.get(i).view([1, -1])));
                case.check(&format!("out.{direction}.random.{i}"), &net.forward(&x))?;
            }
            net.set_style(StyleChoice::Given(net.style_of(&reference).expect("it has styles")));
            case.check(&format!("out.{direction}.reference"), &net.forward(&x))?;
            net.set_style(StyleChoice::Mean);
            case.check(&format!("out.{direction}.zero_style"), &net.forward(&x))?;
        }
        Ok(())
    })
}

pub fn vgg_loss(case: &Case) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, Vgg::new);
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let input = |name: &str| case.input(name).to_kind(kind);
        let x = input("image").set_requires_grad(true);
        case.check("out.features", &net.features(&x))?;
        let loss = net.distance(&x, &input("target"));
        case.check("out.loss", &loss)?;
        check_grads(case, "in.", &loss, |name| (name == "image").then(|| x.shallow_clone()))
    })
}

pub fn init(case: &Case) -> Outcome {
    let (gen_config, dis_config) = (generator_config(case.config())?, discriminator_config(case.config())?);
    let init = match case.config()["init"].as_str() {
        Some("kaiming") => InitType::Kaiming,
        Some("gaussian") => InitType::Normal { gain: 0.02 },
        Some("xavier") => InitType::Xavier { gain: 2f64.sqrt() },
        Some("orthogonal") => InitType::Orthogonal { gain: 2f64.sqrt() },
        other => return Err(format!("config.init {other:?}")),
    };
    let generator = || {
        let state = Net::new(Device::Cpu, |p| Generator::new(p, &gen_config)).state();
        initialise(&state, init);
        state
    };
    let discriminator = || {
        let state = Net::new(Device::Cpu, |p| MultiScaleDiscriminator::new(p, &dis_config)).state();
        initialise(&state, InitType::Normal { gain: 0.02 });
        state
    };
    let networks =
        [("gen_a", generator()), ("gen_b", generator()), ("dis_a", discriminator()), ("dis_b", discriminator())];
    check_parameters(case, &networks)
}

/// The numbers are of torch 2.13, whose scheduler counts the call that opens an iteration: one iteration ahead of the published
/// rates, and two ahead in a resumed run.
pub fn lr_schedule(case: &Case) -> Outcome {
    for (i, settings) in case.config()["settings"].as_array().into_iter().flatten().enumerate() {
        let constant = settings["lr_policy"] == "constant";
        let decay = StepDecay {
            lr: settings["lr"].as_f64().ok_or("no lr")?,
            gamma: if constant { 1.0 } else { settings["gamma"].as_f64().ok_or("no gamma")? },
            every: settings["step_size"].as_u64().ok_or("no step_size")?,
        };
        let (first, ahead) = match settings["resume_at"].as_u64() {
            Some(first) => (first, 2),
            None => (0, 1),
        };
        let name = format!("out.lr.{i}");
        let count = case.tensor(&name).size()[0] as u64;
        let rates: Vec<f64> = (first..first + count).map(|iteration| decay.at(iteration + ahead)).collect();
        case.check(&name, &Tensor::from_slice(&rates))?;
    }
    Ok(())
}
