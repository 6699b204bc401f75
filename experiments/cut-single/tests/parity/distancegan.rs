//! DistanceGAN's distances, their statistics, and training steps.

use super::gcgan::{published_config, shown};
use super::{Gradients, batch, check_gradients, check_named_losses, check_weights, fill, steps, watch};
use cut_single::config::{Config, Distance};
use cut_single::methods::{
    DistanceFakes, DistanceGan, DistanceStatistics, MOST_BATCHES, batches_of_pass, kept_distances,
};
use semrel_testkit::{Case, Outcome};
use semrel_train::Losses;
use semrel_train::batches::Batch;
use tch::{Device, Kind, Tensor, no_grad};

fn distance_of(case: &Case) -> Distance {
    if case.flag("use_self_distance") { Distance::Halves } else { Distance::Pairs }
}

pub fn distance(case: &Case) -> Outcome {
    let of = |side: &str| DistanceStatistics {
        mean: case.f64(&format!("expectation_{side}")),
        deviation: case.f64(&format!("std_{side}")),
    };
    let standards = (!case.flag("unnormalized_distances")).then(|| [of("A"), of("B")]);
    case.in_both_kinds(|case, kind| {
        let inputs = ["real_A", "real_B", "fake_A", "fake_B"]
            .map(|name| (name, case.input(name).to_kind(kind).set_requires_grad(true)));
        let [(_, real_a), (_, real_b), (_, fake_a), (_, fake_b)] = &inputs;
        let a = kept_distances(distance_of(case), real_a, fake_b, standards);
        let b = kept_distances(distance_of(case), real_b, fake_a, standards.map(|[a, b]| [b, a]));
        case.check("out.distance_A", &a)?;
        case.check("out.distance_B", &b)?;
        case.check_grads(&(a + b * 2.0), &|name| {
            let name = name.strip_prefix("in.").unwrap_or(name);
            inputs.iter().find(|(own, _)| *own == name).map(|(_, t)| t.shallow_clone())
        })
    })
}

/// Statistics of folders whose images are `a` and `b`, in the order of the loaders.
fn measured(case: &Case, [a, b]: [Tensor; 2]) -> Result<[DistanceStatistics; 2], String> {
    let batch = case.i64("batchSize");
    let most = case.config()["max_items"].as_u64().map_or(MOST_BATCHES, |most| most as usize);
    let looked_at = batches_of_pass([&a, &b].map(|images| images.size()[0] as usize), batch as usize, most);
    let of = |images: &Tensor, turns: &[u64]| {
        let batches: Vec<Tensor> = turns.iter().map(|turn| images.narrow(0, *turn as i64 * batch, batch)).collect();
        DistanceStatistics::of(&batches, distance_of(case)).map_err(|e| format!("{e:#}"))
    };
    Ok([of(&a, &looked_at[0])?, of(&b, &looked_at[1])?])
}

fn check_statistics(case: &Case, measured: &[DistanceStatistics; 2]) -> Outcome {
    for (side, statistics) in ["A", "B"].iter().zip(measured) {
        let scalar = |value: f64| Tensor::from(value);
        case.check(&format!("out.expectation_{side}"), &scalar(statistics.mean))?;
        case.check(&format!("out.std_{side}"), &scalar(statistics.deviation))?;
    }
    Ok(())
}

pub fn statistics(case: &Case) -> Outcome {
    case.in_both_kinds(|case, kind| {
        let images = ["A", "B"].map(|side| case.input(side).to_kind(kind));
        check_statistics(case, &measured(case, images)?)
    })
}

/// Settings of a step. Where the published program trains B to A alone, the roles are turned around here.
fn config(case: &Case) -> Result<Config, String> {
    let c = case.config();
    let mut json = published_config(case, "distancegan")?;
    json["model"]["norm"] = "instance-affine".into();
    json["model"]["norm_discriminator"] = "instance-affine".into();
    json["model"]["border"] = "zero".into();
    let turned = case.flag("B_to_A");
    let sides = if turned { ["B", "A"] } else { ["A", "B"] };
    for (own, side) in ["a", "b"].iter().zip(sides) {
        json["loss"][format!("lambda_{own}")] = c[format!("lambda_{side}")].clone();
        json["loss"][format!("lambda_distance_{own}")] = c[format!("lambda_distance_{side}")].clone();
    }
    json["loss"]["distance"] = if case.flag("use_self_distance") { "halves" } else { "pairs" }.into();
    json["loss"]["two_sided"] = (!case.flag("A_to_B") && !turned).into();
    json["loss"]["standardise_distances"] = (!case.flag("unnormalized_distances")).into();
    json["loss"]["distance_cycle"] = case.flag("use_cycle_loss").into();
    serde_json::from_value(json).map_err(|e| e.to_string())
}

pub fn train_step(case: &Case) -> Outcome {
    let config = config(case)?;
    case.in_both_kinds(|case, kind| step_in(case, &config, kind))
}

fn step_in(case: &Case, config: &Config, kind: Kind) -> Outcome {
    let turned = case.flag("B_to_A");
    let measure = || {
        let images = ["set.A", "set.B"].map(|side| case.input(side).to_kind(kind));
        let mut measured = measured(case, images).map_err(anyhow::Error::msg)?;
        check_statistics(case, &measured).map_err(anyhow::Error::msg)?;
        if turned {
            measured.reverse();
        }
        Ok(measured)
    };
    let mut method = DistanceGan::new(config, Device::Cpu, measure).map_err(|e| format!("{e:#}"))?;
    // What is called A to B here: of published network names the one that translates the source.
    let [g_a, g_b, d_a, d_b] = if turned { ["G_B", "G_A", "D_B", "D_A"] } else { ["G_A", "G_B", "D_A", "D_B"] };
    let gradients = Gradients::default();
    fill(case, g_a, &mut method.g_a, kind)?;
    watch(g_a, &mut method.g_a, &gradients);
    fill(case, d_a, &mut method.d_a.discriminator, kind)?;
    watch(d_a, &mut method.d_a.discriminator, &gradients);
    if let Some(back) = &mut method.g_b {
        fill(case, g_b, back, kind)?;
        watch(g_b, back, &gradients);
    }
    if let Some(back) = &mut method.d_b {
        fill(case, d_b, &mut back.discriminator, kind)?;
        watch(d_b, &mut back.discriminator, &gradients);
    }
    // Of the side that does not train the published program reports values that nothing descends.
    let trains = |side: &str| config.loss.two_sided || (side == "A") != turned;
    for step in steps(case) {
        let mut batch = batch(case, step, kind);
        if turned {
            batch = Batch { a: batch.b, b: batch.a };
        }
        let mut losses = Losses::new();
        let fakes = method.generator_step(&batch, &mut losses);
        let (to, back) = if turned { ("A", "B") } else { ("B", "A") };
        let fake_b = shown(case, &mut method.d_a.pool, &fakes.fake_b, step, to)?;
        let fake_a = match (&mut method.d_b, &fakes.fake_a) {
            (Some(d_b), Some(fake)) => Some(shown(case, &mut d_b.pool, fake, step, back)?),
            _ => None,
        };
        method.discriminator_step(&DistanceFakes { fake_b, fake_a }, &batch, &mut losses);
        let own = |name: &str| match (name, turned) {
            ("G_A", false) | ("G_B", true) => Some("G_A"),
            ("G_B", false) | ("G_A", true) => Some("G_B"),
            ("Dist_A", false) | ("Dist_B", true) => Some("distance_A"),
            ("Dist_B", false) | ("Dist_A", true) => Some("distance_B"),
            ("Cyc_A", false) | ("Cyc_B", true) => Some("cycle_A"),
            ("Cyc_B", false) | ("Cyc_A", true) => Some("cycle_B"),
            ("D_B", true) => Some("D_A"),
            _ => None,
        };
        let of_untrained = |name: &str| {
            ["G_", "Dist_", "D_"].iter().any(|kind| name.strip_prefix(kind).is_some_and(|side| !trains(side)))
        };
        check_named_losses(case, step, &losses, &|name| !of_untrained(name), &own)?;
        if kind == Kind::Float {
            return Ok(());
        }
        case.check(&format!("out.fake_{to}.{step}"), &fakes.fake_b)?;
        if let (Some(fake), true) = (&fakes.fake_a, config.loss.two_sided) {
            case.check(&format!("out.fake_{back}.{step}"), fake)?;
        }
        let published = |part: &str| match part {
            "G_A" => g_a,
            "G_B" => g_b,
            "D_A" => d_a,
            _ => d_b,
        };
        check_weights(case, step, &mut method, published)?;
    }
    no_grad(|| check_gradients(case, &gradients))
}
