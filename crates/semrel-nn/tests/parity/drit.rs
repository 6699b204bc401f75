//! DRIT's networks.

use super::methods::{check_parameters, part};
use super::munit::{check_norm, check_scales};
use super::single_modal::{check_grads, check_keys};
use semrel_nn::drit::{
    AttributeEncoder, ContentDiscriminator, ContentDiscriminatorConfig, ContentEncoder, Decoders, Domain,
    ImageDiscriminator, ImageDiscriminatorConfig, LayerNorm, Translator, TranslatorConfig, initialise,
};
use semrel_nn::{LrPolicy, LrSchedule, Net};
use semrel_testkit::{Case, Outcome};
use tch::{Device, Tensor, nn};

fn numbers(case: &Case) -> i64 {
    case.config()["nz"].as_i64().unwrap_or(8)
}

fn channels(case: &Case, domain: &str) -> i64 {
    case.config()[format!("input_dim{domain}")].as_i64().unwrap_or(3)
}

/// Every how many channels outputs are stored: the number in a `layout` such as `out[:, ::17]`, 1 without.
fn stored_channels(case: &Case) -> i64 {
    let layout = case.json["layout"].as_str().unwrap_or_default();
    let digits = layout.split("[:, ::").nth(1).and_then(|rest| rest.split(']').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

pub fn layer_norm(case: &Case) -> Outcome {
    check_norm(case, |p| LayerNorm::new(p, case.i64("num_features")), LayerNorm::forward)
}

pub fn content_encoder(case: &Case) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, |p| ContentEncoder::new(p, channels(case, "_a"), case.i64("dim")));
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (state, input) = (net.state(), |name: &str| case.input(name).to_kind(kind));
        let (a, b) = (input("a").set_requires_grad(true), input("b").set_requires_grad(true));
        let clean = net.forward(Domain::A, &a);
        let content_a = &clean + input("noise_a");
        let content_b = net.forward(Domain::B, &b) + input("noise_b");
        let every = stored_channels(case);
        for (name, got) in [("out.content_a", &content_a), ("out.content_b", &content_b), ("out.eval_a", &clean)] {
            case.check(name, &got.slice(1, None, None, every))?;
        }
        if !case.has_input("g_a") {
            return Ok(());
        }
        let loss = (content_a * input("g_a")).sum(kind) + (content_b * input("g_b")).sum(kind);
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| match name {
            "a" => Some(a.shallow_clone()),
            "b" => Some(b.shallow_clone()),
            _ => None,
        })
    })
}

pub fn attribute_encoder(case: &Case) -> Outcome {
    let concat = case.flag("concat");
    case.in_both_kinds(|case, kind| {
        let build =
            |p: &nn::Path| AttributeEncoder::new(p, channels(case, "_a"), case.i64("dim"), numbers(case), concat);
        let mut net = Net::new(Device::Cpu, build);
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (state, input) = (net.state(), |name: &str| case.input(name).to_kind(kind).set_requires_grad(true));
        let (a, b) = (input("a"), input("b"));
        let mut outputs = vec![];
        for (domain, name, image) in [(Domain::A, "a", &a), (Domain::B, "b", &b)] {
            let attribute = net.forward(domain, image);
            match attribute.log_variance {
                Some(log_variance) => {
                    outputs.push((format!("out.mu_{name}"), attribute.mean));
                    outputs.push((format!("out.logvar_{name}"), log_variance));
                }
                None => outputs.push((format!("out.z_{name}"), attribute.mean)),
            }
        }
        let mut loss = Tensor::zeros([0i64; 0], (kind, Device::Cpu));
        for (i, (name, got)) in (1..).zip(&outputs) {
            case.check(name, got)?;
            let w = Tensor::linspace(-1.0, 1.5, got.numel() as i64, (kind, Device::Cpu));
            loss += (got.reshape([-1]) * w).sum(kind) * f64::from(i);
        }
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| match name {
            "a" => Some(a.shallow_clone()),
            "b" => Some(b.shallow_clone()),
            _ => None,
        })
    })
}

pub fn generator(case: &Case) -> Outcome {
    let concat = case.flag("concat");
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, |p| Decoders::new(p, 3, case.i64("dim"), numbers(case), concat));
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (state, input) = (net.state(), |name: &str| case.input(name).to_kind(kind).set_requires_grad(true));
        let (content, z) = (input("content"), input("z"));
        let (a, b) = (net.forward(Domain::A, &content, &z), net.forward(Domain::B, &content, &z));
        case.check("out.a", &a)?;
        case.check("out.b", &b)?;
        if !case.has_input("g_a") {
            return Ok(());
        }
        let loss = (a * case.input("g_a").to_kind(kind)).sum(kind) + (b * case.input("g_b").to_kind(kind)).sum(kind);
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))?;
        check_grads(case, "in.", &loss, |name| match name {
            "content" => Some(content.shallow_clone()),
            "z" => Some(z.shallow_clone()),
            _ => None,
        })
    })
}

pub fn discriminator(case: &Case) -> Outcome {
    let config = ImageDiscriminatorConfig {
        channels: channels(case, ""),
        width: case.i64("dim"),
        scales: case.i64("dis_scale").max(1),
        spectral: case.flag("dis_spectral_norm"),
    };
    let build = |p: &nn::Path| ImageDiscriminator::new(p, &config);
    check_scales(case, config.least_side(), build, ImageDiscriminator::forward)
}

pub fn content_discriminator(case: &Case) -> Outcome {
    let config = ContentDiscriminatorConfig::published(4 * case.i64("dim"));
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, |p| ContentDiscriminator::new(p, &config));
        check_keys(&case.json["keys"], &net.state())?;
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let (x, state) = (case.input("content").to_kind(kind).set_requires_grad(true), net.state());
        let pred = net.forward(&x);
        case.check("out.pred", &pred)?;
        let w = Tensor::linspace(0.5, 1.5, pred.numel() as i64, (kind, Device::Cpu));
        let loss = (pred * w).sum(kind);
        if case.has("grad.in.content_part") {
            let gradient = Tensor::run_backward(&[&loss], &[&x], true, false).remove(0);
            let part = gradient.slice(2, None, None, 5).slice(3, None, None, 5);
            case.check("grad.in.content_part", &part)?;
            let flat = Tensor::run_backward(&[&loss], &net.parameters().collect::<Vec<_>>(), true, false);
            let norm = flat.iter().map(|g| g.square().sum(kind)).sum::<Tensor>().sqrt();
            case.check("out.grad_norm", &norm)?;
        }
        check_grads(case, "w.", &loss, |key| state.get(key).map(Tensor::shallow_clone))
    })
}

pub fn translate(case: &Case) -> Outcome {
    let concat = case.flag("concat");
    let config = TranslatorConfig { channels: 3, width: case.i64("dim"), numbers: numbers(case), concat };
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, |p| Translator::new(p, &config));
        let state = net.state();
        let of = |own: &str| part(&state, own);
        case.fill_networks(&[("enc_c", of("enc_c")), ("enc_a", of("enc_a")), ("gen", of("gen"))])?;
        net.convert(kind);
        let input = |name: &str| case.input(name).to_kind(kind);
        for (direction, from, to, image, reference) in
            [("a2b", Domain::A, Domain::B, "a", "b"), ("b2a", Domain::B, Domain::A, "b", "a")]
        {
            let content = net.content.forward(from, &input(image));
            let random = net.decoders.forward(to, &content, &input("z"));
            case.check(&format!("out.{direction}.random"), &random)?;
            let attribute = net.attribute.forward(to, &input(reference));
            let z = attribute.sample(|_| input(&format!("eps_{reference}")));
            case.check(&format!("out.{direction}.transfer"), &net.decoders.forward(to, &content, &z))?;
        }
        Ok(())
    })
}

pub fn init(case: &Case) -> Outcome {
    let (width, concat) = (case.i64("dim"), case.flag("concat"));
    let config = TranslatorConfig { channels: 3, width, numbers: numbers(case), concat };
    let net = Net::new(Device::Cpu, |p| Translator::new(p, &config));
    initialise(&net.state());
    let state = net.state();
    let of = |own: &str| part(&state, own);
    let image = ImageDiscriminatorConfig {
        channels: 3,
        width,
        scales: case.i64("dis_scale").max(1),
        spectral: case.flag("dis_spectral_norm"),
    };
    let mut networks = vec![("enc_c", of("enc_c")), ("enc_a", of("enc_a")), ("gen", of("gen"))];
    for name in ["disA", "disB", "disA2", "disB2"] {
        let net = Net::new(Device::Cpu, |p| ImageDiscriminator::new(p, &image));
        initialise(&net.state());
        networks.push((name, net.state()));
    }
    let content = ContentDiscriminatorConfig::published(4 * width);
    let net = Net::new(Device::Cpu, |p| ContentDiscriminator::new(p, &content));
    initialise(&net.state());
    networks.push(("disContent", net.state()));
    check_parameters(case, &networks)
}

pub fn lr_schedule(case: &Case) -> Outcome {
    for (i, settings) in case.config()["settings"].as_array().into_iter().flatten().enumerate() {
        let (epochs, constant) =
            (settings["n_ep"].as_i64().ok_or("no n_ep")?, settings["n_ep_decay"].as_i64().ok_or("no n_ep_decay")?);
        let policy = if settings["lr_policy"] == "step" { LrPolicy::Step } else { LrPolicy::LinearDrit };
        let schedule = LrSchedule {
            policy,
            lr: settings["lr"].as_f64().ok_or("no lr")?,
            n_epochs: constant,
            n_epochs_decay: epochs - constant,
            lr_decay_iters: constant,
            epoch_count: 1,
        };
        let first = settings["resume_at_epoch"].as_i64().unwrap_or(0);
        let name = format!("out.lr.{i}");
        let count = case.tensor(&name).size()[0];
        // With -1 the published scheduler is never stepped.
        let rate = |epoch: i64| schedule.at(if constant == -1 { 1 } else { epoch + 1 });
        let rates: Vec<f64> = (first..first + count).map(rate).collect();
        case.check(&name, &Tensor::from_slice(&rates))?;
    }
    Ok(())
}
