//! The shared order of a step computes what the published order does.

use cut_single::algorithm::{Algorithm, Batch, StepInfo};
use cut_single::config::Config;
use cut_single::methods::Contrastive;
use cut_single::plain::{build_plain, build_shared};
use semrel_nn::checkpoint::{Extras, StateDict, copy_into};
use semrel_run::Validate;
use semrel_train::Losses;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use tch::{Device, Kind, Tensor};

/// Torch's generator is one for all threads.
static ALONE: Mutex<()> = Mutex::new(());

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

type New = fn(&Config, Device) -> anyhow::Result<Contrastive>;

fn method(new: New, name: &str, width: i64, batch: i64, loss: &serde_json::Value) -> Contrastive {
    let mut loss = loss.clone();
    loss["num_patches"] = json!(8);
    let config: Config = serde_json::from_value(json!({
        "name": "orders",
        "method": name,
        "data": { "root": "unused", "image_size": 32, "load_size": 32 },
        "model": { "ngf": width, "ndf": 4, "blocks": 2, "nce_layers": [0, 4, 8, 12], "patch_dim": 8 },
        "loss": loss,
        "optim": { "lr": 1e-3, "pool_size": 2 },
        "train": { "batch_size": batch },
    }))
    .unwrap();
    config.validate().unwrap();
    let mut method = new(&config, Device::Cpu).unwrap();
    // In double precision: Adam's first steps hardly depend on the size of a gradient, so that single precision's rounding
    // of small ones would show.
    method.generator.convert(Kind::Double);
    method.heads.convert(Kind::Double);
    method.adversary.discriminator.convert(Kind::Double);
    method
}

fn weights(method: &mut Contrastive) -> StateDict {
    let named = |part: semrel_train::Part<'_>| {
        part.state.into_iter().map(|(key, t)| (format!("{}.{key}", part.name), t)).collect::<Vec<_>>()
    };
    method.parts().into_iter().flat_map(named).collect()
}

fn numbers(terms: &Losses) -> Vec<(String, f64)> {
    terms.read().into_iter().map(|(name, v)| (name.to_owned(), v)).collect()
}

/// Three steps in both orders: equal losses, equal weights afterwards.
fn agree(name: &str, width: i64, batch: i64, loss: serde_json::Value) {
    let context = format!("{name}, width {width}, batch {batch}, {loss}");
    let [mut shared, mut plain] =
        [Contrastive::new, Contrastive::plain].map(|new: New| method(new, name, width, batch, &loss));
    copy_into(&weights(&mut plain), &weights(&mut shared), Extras::Refuse).unwrap();
    let mut flips = vec![];
    for step in 0..3 {
        let images = || Tensor::rand([batch, 3, 32, 32], DOUBLE) * 2.0 - 1.0;
        let images = Batch { a: images(), b: images() };
        let draws = shared.draw(&images).unwrap();
        flips.push(draws.flip);
        let info = StepInfo { epoch: 1, step, ..StepInfo::default() };
        let a = numbers(&shared.step_with(&images, &draws, info).unwrap());
        let b = numbers(&plain.plain_step_with(&images, &draws, info).unwrap());
        assert_eq!(a.len(), b.len(), "{context}");
        assert!(a.iter().any(|(name, _)| name == "G"), "{context}");
        for ((name, a), (other, b)) in a.iter().zip(&b) {
            assert_eq!(name, other, "{context}");
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1e-3), "{context}, step {step}: {name} is {a}, plain {b}");
        }
    }
    if loss["flip_equivariance"] == true {
        assert!(flips.contains(&true) && flips.contains(&false), "the seed should show both: {flips:?}");
    }
    let plain = weights(&mut plain);
    for (key, a) in weights(&mut shared) {
        let difference = (a - &plain[&key]).abs().max().double_value(&[]);
        // A step is of the size 1e-3. Biases ahead of a normalisation have no gradient but rounding, which Adam enlarges.
        let of_rounding = key.starts_with("G.") || key.starts_with("D.");
        let limit = if of_rounding && key.ends_with(".bias") { 1e-2 } else { 1e-5 };
        assert!(difference < limit, "{context}: {key} differs by {difference}");
    }
}

/// One test: torch's generator is shared by all threads.
#[test]
fn both_orders_agree() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(5);
    tch::set_num_threads(1);
    let ours = json!({ "contrast": "dce", "hard": true, "lambda_src": 0.05, "identity_branch": true });
    agree("ours", 4, 1, ours.clone());
    // Wide enough for convolutions that are not computed by their definition.
    agree("ours", 32, 1, ours);
    let paper = json!({
        "contrast": "dce", "hard": true, "lambda_src": 0.05, "identity_branch": true, "formulation": "paper",
    });
    agree("ours", 4, 2, paper);
    agree("cut", 4, 2, json!({ "contrast": "info-nce", "identity_branch": true }));
    agree("cut", 4, 1, json!({ "contrast": "info-nce", "flip_equivariance": true }));
    agree(
        "cut",
        4,
        1,
        json!({ "contrast": "info-nce", "identity_branch": true, "lambda_r1": 1.0, "lambda_identity": 1.0 }),
    );
}

/// Two steps of every method that has a published order, from one seed: equal losses.
#[test]
fn other_methods_agree_as_well() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let munit = json!({
        "generator": "munit", "discriminator": "scales", "norm_discriminator": "none", "scales": 2, "n_layers": 2,
    });
    let drit = json!({
        "generator": "drit", "discriminator": "scales", "norm_discriminator": "none", "scales": 2, "content_layers": 1,
        "content_kernel": 4, "content_last_kernel": 2,
    });
    for (name, model, loss, batch) in [
        ("negcut", json!({}), json!({"contrast": "info-nce", "identity_branch": true}), 1),
        ("negcut", json!({}), json!({"contrast": "info-nce", "flip_equivariance": true}), 2),
        ("gcgan", json!({}), json!({"lambda_identity": 1.0}), 1),
        ("gcgan", json!({}), json!({"own_turned_generator": true}), 2),
        ("distancegan", json!({}), json!({}), 2),
        ("munit", munit, json!({"gan": "nonsaturating"}), 2),
        ("drit", drit, json!({"gan": "nonsaturating"}), 3),
    ] {
        let context = format!("{name}, {loss}");
        let (mut model, mut loss) = (model, loss);
        for (key, value) in [("ngf", json!(4)), ("ndf", json!(4)), ("blocks", json!(2)), ("patch_dim", json!(8))] {
            model[key] = value;
        }
        model["nce_layers"] = json!([0, 4, 8]);
        loss["num_patches"] = json!(8);
        let config: Config = serde_json::from_value(json!({
            "name": "orders", "method": name, "seed": 3,
            "data": { "root": "unused", "image_size": 32, "load_size": 32 },
            "model": model, "loss": loss, "optim": { "d_iter": 1 }, "train": { "batch_size": batch },
        }))
        .unwrap();
        config.validate().unwrap();
        tch::manual_seed(1);
        let mut shared = build_shared(&config, Device::Cpu).unwrap();
        tch::manual_seed(1);
        let mut plain = build_plain(&config, Device::Cpu).unwrap();
        for step in 0..2 {
            let images = || Tensor::rand([batch, 3, 32, 32], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
            let images = Batch { a: images(), b: images() };
            let info = StepInfo { epoch: 1, step, ..StepInfo::default() };
            let in_order = |step_in: &mut dyn FnMut() -> anyhow::Result<Losses>| {
                tch::manual_seed(10 + step as i64);
                numbers(&step_in().unwrap())
            };
            let a = in_order(&mut || shared.step(&images, info));
            let b = in_order(&mut || plain.plain_step(&images, info));
            assert_eq!(a.len(), b.len(), "{context}");
            // Adam makes of the roundings of a first gradient what it will.
            let limit = if step == 0 { 1e-4 } else { 3e-2 };
            for ((name, a), (other, b)) in a.iter().zip(&b) {
                assert_eq!(name, other, "{context}");
                assert!((a - b).abs() <= limit * b.abs().max(1e-2), "{context}, step {step}: {name} is {a}, plain {b}");
            }
        }
    }
}
