//! Networks and training machinery against the published implementations.

#[path = "parity/compression.rs"]
mod compression;
#[path = "parity/drit.rs"]
mod drit;
#[path = "parity/methods.rs"]
mod methods;
#[path = "parity/munit.rs"]
mod munit;
#[path = "parity/single_modal.rs"]
mod single_modal;

use semrel_nn::checkpoint::{self, Extras};
use semrel_nn::layers::{AdaIn, Downsample, PadType, Upsample};
use semrel_nn::stargan2::{
    AdainResBlk, ConvBlk, Discriminator, Generator, GeneratorConfig, GeneratorKind, MappingNetwork, ResBlk, Resample,
    StyleEncoder, default_width,
};
use semrel_nn::{Adam, AdamConfig, Ema, LrPolicy, LrSchedule, Net};
use semrel_testkit::{Case, Outcome, lcg1, run};
use tch::{Device, Kind, Tensor, nn};

fn main() {
    run(
        "semrel-nn",
        &[
            ("multi-modal/adain", |c| {
                let (style_dim, channels) = (c.i64("style_dim"), c.i64("num_features"));
                block(c, |p| AdaIn::new(p.clone(), style_dim, channels), |n, x, s| n.forward(x, s.unwrap()))
            }),
            ("multi-modal/adain_res_block", |c| {
                let (cin, cout, style_dim) = (c.i64("dim_in"), c.i64("dim_out"), c.i64("style_dim"));
                let up = c.flag("upsample");
                let build = |p: &nn::Path| AdainResBlk::new(p.clone(), cin, cout, style_dim, up);
                block(c, build, |n, x, s| n.forward(x, s.unwrap()))
            }),
            ("multi-modal/conv_block", |c| {
                let resample = match (c.flag("downsample"), c.flag("upsample")) {
                    (true, _) => Resample::Down,
                    (_, true) => Resample::Up,
                    _ => Resample::Keep,
                };
                let (cin, cout, norm) = (c.i64("dim_in"), c.i64("dim_out"), c.flag("normalize"));
                block(c, |p| ConvBlk::new(p.clone(), cin, cout, norm, resample), |n, x, _| n.forward(x))
            }),
            ("multi-modal/res_block", |c| {
                let (cin, cout) = (c.i64("dim_in"), c.i64("dim_out"));
                let (norm, down) = (c.flag("normalize"), c.flag("downsample"));
                block(c, |p| ResBlk::new(p.clone(), cin, cout, norm, down), |n, x, _| n.forward(x))
            }),
            ("multi-modal/generator", generator),
            ("multi-modal/generator_stargan2", generator),
            ("multi-modal/mapping_network", mapping_network),
            ("multi-modal/style_encoder", style_encoder),
            ("multi-modal/discriminator", discriminator),
            ("multi-modal/r1", r1),
            ("multi-modal/adam", adam),
            ("multi-modal/ema", ema),
            ("multi-modal/checkpoint", official_checkpoint),
            ("single-modal/downsample", |c| resample(c, Downsample::new, |n, x| n.forward(x))),
            ("single-modal/upsample", |c| resample(c, Upsample::new, |n, x| n.forward(x))),
            ("single-modal/lr_schedule", lr_schedule),
            ("single-modal/generator", single_modal::generator),
            ("single-modal/discriminator", single_modal::discriminator),
            ("single-modal/sincut_networks", single_modal::sincut_networks),
            ("single-modal/image_pool", single_modal::image_pool),
            ("single-modal/munit-layer-norm", munit::layer_norm),
            ("single-modal/munit-adain", munit::adain),
            ("single-modal/munit-generator", munit::generator),
            ("single-modal/munit-unit-generator", munit::unit_generator),
            ("single-modal/munit-discriminator", munit::discriminator),
            ("single-modal/munit-translate", munit::translate),
            ("single-modal/munit-vgg-loss", munit::vgg_loss),
            ("single-modal/munit-init", munit::init),
            ("single-modal/drit-layer-norm", drit::layer_norm),
            ("single-modal/drit-content-encoder", drit::content_encoder),
            ("single-modal/drit-attribute-encoder", drit::attribute_encoder),
            ("single-modal/drit-generator", drit::generator),
            ("single-modal/drit-discriminator", drit::discriminator),
            ("single-modal/drit-content-discriminator", drit::content_discriminator),
            ("single-modal/drit-translate", drit::translate),
            ("single-modal/drit-init", drit::init),
            ("single-modal/gcgan-generator", methods::gcgan_generator),
            ("single-modal/gcgan-discriminator", methods::gcgan_discriminator),
            ("single-modal/gcgan-init", methods::gcgan_init),
            ("single-modal/distancegan-generator", methods::distancegan_generator),
            ("single-modal/distancegan-discriminator", methods::distancegan_discriminator),
            ("single-modal/distancegan-init", methods::distancegan_init),
            ("single-modal/gcgan-lr-schedule", |c| methods::lr_schedule(c, LrPolicy::LinearGcgan)),
            ("single-modal/distancegan-lr-schedule", |c| methods::lr_schedule(c, LrPolicy::LinearDistancegan)),
            ("single-modal/munit-lr-schedule", munit::lr_schedule),
            ("single-modal/drit-lr-schedule", drit::lr_schedule),
            ("single-modal/negcut-momentum-update", methods::momentum_update),
            ("compression/config_sets", compression::config_sets),
            ("compression/discriminators", compression::discriminators),
            ("compression/distill_adapters", compression::distill_adapters),
            ("compression/generator_mobile", compression::generator_mobile),
            ("compression/generator_resnet", compression::generator_resnet),
            ("compression/image_pool", compression::image_pool),
            ("compression/macs_params", compression::macs_params),
            ("compression/schedules", compression::schedules),
            ("compression/subnet", compression::subnet),
            ("compression/subnet_export", compression::subnet_export),
            ("compression/supernet", compression::supernet),
            ("compression/weight_transfer_mobile", compression::weight_transfer),
            ("compression/weight_transfer_super", compression::weight_transfer),
        ],
    )
}

/// A fixed cotangent of the output's shape.
fn cotangent(shape: &[i64], n: u64) -> Tensor {
    let values: Vec<f64> = (0..shape.iter().product::<i64>() as u64).map(|i| lcg1(i, n)).collect();
    Tensor::from_slice(&values).to_kind(Kind::Float).view(shape)
}

/// The number after `n=` in "sum(out.y * c), c by lcg1-input with n=5 and the shape of out.y".
fn cotangent_number(case: &Case) -> u64 {
    let text = case.json["grad_of"].as_str().unwrap_or_default();
    let digits: String = text.split("n=").nth(1).unwrap_or("").chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("`n=<number>` in grad_of")
}

fn block<T>(
    case: &Case,
    build: impl Fn(&nn::Path) -> T,
    forward: impl Fn(&T, &Tensor, Option<&Tensor>) -> Tensor,
) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, &build);
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let input = |name: &str| case.input(name).to_kind(kind).set_requires_grad(true);
        let (x, style) = (input("x"), case.has_input("s").then(|| input("s")));
        let y = forward(&net, &x, style.as_ref());
        case.check("out.y", &y)?;
        let loss = (&y * cotangent(&y.size(), cotangent_number(case))).sum(kind);
        let state = net.state();
        case.check_grads(&loss, &|name| match name {
            "x" => Some(x.shallow_clone()),
            "s" => style.as_ref().map(Tensor::shallow_clone),
            key => state.get(key).map(Tensor::shallow_clone),
        })
    })
}

fn generator(case: &Case) -> Outcome {
    let kind = if case.kind.ends_with("stargan2") { GeneratorKind::StarganV2 } else { GeneratorKind::Official };
    let img_size = case.i64("img_size");
    let config = GeneratorConfig {
        max_width: case.i64("max_conv_dim"),
        ..GeneratorConfig::published(kind, img_size, case.i64("style_dim"))
    };
    let net = Net::new(Device::Cpu, |p| Generator::new(p, &config));
    case.fill(&net.state(), "")?;
    let x = case.input("x");
    let (style, side) = (case.input("s"), x.size()[2]);
    tch::no_grad(|| {
        let taps = match case.config()["feature_tap_size"].as_i64() {
            Some(tap) => net.blocks_at(side / tap),
            None => vec![],
        };
        let encoded = net.encode(&x, &taps);
        let image = net.decode(&encoded, &style);
        let stride = case.config()["out_image_stride"].as_i64().unwrap_or(1);
        case.check("out.image", &image.slice(2, None, None, stride).slice(3, None, None, stride))?;
        for (k, feature) in encoded.taps.iter().enumerate() {
            let feature = match case.has_input("ids") {
                true => feature.flatten(2, 3).index_select(2, &case.input("ids")),
                false => feature.shallow_clone(),
            };
            case.check(&format!("out.feat{k}"), &feature)?;
        }
        let stored = case.with_prefix("out.feat").len();
        if stored != encoded.taps.len() {
            return Err(format!("{} taps, expected {stored}", encoded.taps.len()));
        }
        Ok(())
    })
}

fn labels(case: &Case) -> Vec<i64> {
    Vec::try_from(case.input("y")).expect("labels")
}

fn mapping_network(case: &Case) -> Outcome {
    let (latent, style, domains) = (case.i64("latent_dim"), case.i64("style_dim"), case.i64("num_domains"));
    case.in_both_kinds(|case, kind| {
        let mut net = Net::new(Device::Cpu, |p| MappingNetwork::new(p, latent, 512, style, domains));
        case.fill(&net.state(), "")?;
        net.convert(kind);
        let z = case.input("z").to_kind(kind).set_requires_grad(true);
        let s = net.forward(&z, &labels(case));
        case.check("out.s", &s)?;
        let loss = (s * case.input("cotangent")).sum(kind);
        let state = net.state();
        case.check_grads(&loss, &|name| {
            if name == "z" { Some(z.shallow_clone()) } else { state.get(name).map(Tensor::shallow_clone) }
        })
    })
}

fn style_encoder(case: &Case) -> Outcome {
    let (size, max) = (case.i64("img_size"), case.i64("max_conv_dim"));
    let (style, domains) = (case.i64("style_dim"), case.i64("num_domains"));
    let net = Net::new(Device::Cpu, |p| StyleEncoder::new(p, size, default_width(size), max, style, domains));
    case.fill(&net.state(), "")?;
    let (x, y) = (case.input("x"), labels(case));
    tch::no_grad(|| {
        case.check("out.s", &net.forward(&x, &y))?;
        case.check("out.s_domain0", &net.forward(&x, &vec![0; y.len()]))
    })
}

fn case_discriminator(case: &Case) -> Result<Net<Discriminator>, String> {
    let (size, max, domains) = (case.i64("img_size"), case.i64("max_conv_dim"), case.i64("num_domains"));
    let net = Net::new(Device::Cpu, |p| Discriminator::new(p, size, default_width(size), max, domains));
    case.fill(&net.state(), "")?;
    Ok(net)
}

fn discriminator(case: &Case) -> Outcome {
    let net = case_discriminator(case)?;
    let (x, y) = (case.input("x"), labels(case));
    tch::no_grad(|| {
        case.check("out.all_logits", &net.all_logits(&x))?;
        case.check("out.logit", &net.forward(&x, &y))
    })
}

/// The penalty itself lives with the losses; here it is the double backward pass through the network that is checked.
fn r1(case: &Case) -> Outcome {
    case.in_both_kinds(r1_in)
}

fn r1_in(case: &Case, kind: Kind) -> Outcome {
    let net = case_discriminator(case)?.into_kind(kind);
    let x = case.input("x").to_kind(kind).set_requires_grad(true);
    let logit = net.forward(&x, &labels(case));
    case.check("out.logit", &logit)?;
    let g = Tensor::run_backward(&[logit.sum(kind)], &[&x], true, true).remove(0);
    let per_sample = g.square().flatten(1, -1).sum_dim_intlist(1, false, kind);
    case.check("out.per_sample_sq", &per_sample)?;
    let penalty = per_sample.mean(kind) * 0.5;
    case.check("out.reg", &penalty)?;
    let state = net.state();
    case.check_grads(&penalty, &|key| state.get(key).map(Tensor::shallow_clone))
}

fn adam(case: &Case) -> Outcome {
    let config = AdamConfig {
        lr: case.f64("lr"),
        beta1: case.f64("beta1"),
        beta2: case.f64("beta2"),
        eps: case.f64("eps"),
        weight_decay: case.f64("weight_decay"),
    };
    let before = case.input("w");
    let weights = before.copy();
    let mut adam = Adam::over(config, &weights);
    let mut k = 1;
    while case.has_input(&format!("grad_{k}")) {
        adam.step_flat(&weights, case.input(&format!("grad_{k}")));
        case.check(&format!("out.step_over_lr_{k}"), &((&weights - &before) / config.lr))?;
        k += 1;
    }
    Ok(())
}

fn ema(case: &Case) -> Outcome {
    let (weight, bias) = (case.input("weight"), case.input("bias"));
    let like = |p: &nn::Path| (p.zeros("bias", &bias.size()), p.zeros("weight", &weight.size()));
    let (source, average) = (Net::new(Device::Cpu, like), Net::new(Device::Cpu, like));
    tch::no_grad(|| {
        source.0.shallow_clone().copy_(&bias);
        source.1.shallow_clone().copy_(&weight);
        average.0.shallow_clone().copy_(&case.input("ema_bias"));
        average.1.shallow_clone().copy_(&case.input("ema_weight"));
    });
    let mut k = 1;
    while case.has(&format!("out.ema_weight_{k}")) {
        Ema { beta: case.f64("beta") }.update(&average, &source);
        case.check(&format!("out.ema_weight_{k}"), &average.1)?;
        case.check(&format!("out.ema_bias_{k}"), &average.0)?;
        let _ = tch::no_grad(|| source.flat().shallow_clone().g_mul_scalar_(0.5));
        k += 1;
    }
    Ok(())
}

fn official_checkpoint(case: &Case) -> Outcome {
    let file = std::fs::read_dir(&case.dir)
        .map_err(|e| e.to_string())?
        .filter_map(|e| e.ok().map(|e| e.path()))
        .find(|p| p.extension().is_some_and(|e| e == "ckpt"))
        .ok_or("the case has no .ckpt file")?;
    let saved = checkpoint::load_any(&file).map_err(|e| e.to_string())?;
    for (key, want) in case.with_prefix("w.") {
        let got = saved.get(&key).ok_or_else(|| format!("the file has no {key}"))?;
        case.check(&format!("w.{key}"), got)?;
        assert_eq!(got.size(), want.size());
    }
    let (size, max) = (case.i64("img_size"), case.i64("max_conv_dim"));
    let config = GeneratorConfig {
        max_width: max,
        ..GeneratorConfig::published(GeneratorKind::Official, size, case.i64("style_dim"))
    };
    let net = Net::new(Device::Cpu, |p| Generator::new(p, &config));
    let own = saved.into_iter().filter_map(|(k, t)| Some((k.strip_prefix("generator.")?.to_owned(), t))).collect();
    checkpoint::copy_into(&net.state(), &own, Extras::Refuse).map_err(|e| e.to_string())?;
    tch::no_grad(|| case.check("out.image", &net.forward(&case.input("x"), &case.input("s"))))
}

fn resample<T>(
    case: &Case,
    build: impl FnOnce(&nn::Path, i64, i64, PadType) -> T,
    forward: impl Fn(&T, &Tensor) -> Tensor,
) -> Outcome {
    let pad = match case.config()["pad_type"].as_str() {
        Some("reflect" | "refl") => PadType::Reflect,
        Some("replicate" | "repl") => PadType::Replicate,
        Some("zero") => PadType::Zero,
        other => return Err(format!("pad_type {other:?}")),
    };
    let (channels, size) = (case.i64("channels"), case.i64("filt_size"));
    let net = Net::new(Device::Cpu, |p| build(p, channels, size, pad));
    case.check("w.filt", &net.state()["filt"])?;
    let x = case.input_with_grad("x");
    let y = forward(&net, &x);
    case.check("out.y", &y)?;
    case.check_grads(&y.square().mean(Kind::Float), &|name| (name == "in.x").then(|| x.shallow_clone()))
}

fn lr_schedule(case: &Case) -> Outcome {
    for (i, setting) in case.config()["settings"].as_array().expect("settings").iter().enumerate() {
        let policy = serde_json::from_value::<LrPolicy>(setting["lr_policy"].clone()).map_err(|e| e.to_string())?;
        let schedule = LrSchedule {
            policy,
            lr: setting["lr"].as_f64().expect("lr"),
            n_epochs: setting["n_epochs"].as_i64().expect("n_epochs"),
            n_epochs_decay: setting["n_epochs_decay"].as_i64().unwrap_or(0),
            lr_decay_iters: setting["lr_decay_iters"].as_i64().unwrap_or(50),
            epoch_count: setting["epoch_count"].as_i64().unwrap_or(1),
        };
        let name = format!("out.lr.{i}");
        let epochs = case.tensor(&name).numel() as i64;
        let rates: Vec<f64> = (0..epochs).map(|e| schedule.at(schedule.epoch_count + e)).collect();
        case.check(&name, &Tensor::from_slice(&rates))?;
    }
    Ok(())
}
