//! The shared order of an iteration computes what the plain order of the published loop does.

use semrel_nn::checkpoint::{Extras, StateDict, copy_into};
use semrel_run::Validate;
use serde_json::json;
use stargan2_multi::config::Config;
use stargan2_multi::losses::IterationLosses;
use stargan2_multi::networks::Networks;
use stargan2_multi::trainer::{Batch, Trainer};
use tch::{Device, Kind, Tensor};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

fn trainer(method: &str, generator: &str, loss: serde_json::Value) -> Trainer {
    let mut loss = loss;
    loss["num_patches"] = json!(8);
    let config: Config = serde_json::from_value(json!({
        "name": "orders",
        "method": method,
        "data": { "root": "unused", "image_size": 32 },
        "model": {
            "generator": generator, "width": 8, "max_width": 12, "style_dim": 4, "latent_dim": 4, "mapping_width": 8,
            "patch_dim": 8,
        },
        "loss": loss,
        "optim": { "lr": 1e-3, "mapping_lr": 1e-4, "ema_beta": 0.9 },
    }))
    .unwrap();
    config.validate().unwrap();
    // In double precision: Adam's first steps hardly depend on the size of a gradient, so that single precision's
    // rounding of small ones would show.
    let networks = Networks::new(&config, 3, Device::Cpu).into_kind(Kind::Double);
    Trainer { config, networks, correlative: None, critics: None }
}

fn batch() -> Batch {
    let images = || Tensor::rand([2, 3, 32, 32], DOUBLE) * 2.0 - 1.0;
    Batch { x_real: images(), y_org: vec![0, 2], x_ref: images(), x_ref2: images(), y_trg: vec![1, 2] }
}

fn terms(losses: &IterationLosses) -> Vec<f64> {
    let mut terms = vec![];
    for l in [&losses.d_latent, &losses.d_ref] {
        terms.extend([Some(&l.real), Some(&l.fake), l.reg.as_ref(), Some(&l.total)]);
    }
    for l in [&losses.g_latent, &losses.g_ref] {
        terms.extend([Some(&l.adv), Some(&l.sty), l.ds.as_ref(), Some(&l.cyc), l.src.as_ref(), l.patch.as_ref()]);
        terms.push(Some(&l.total));
    }
    terms.into_iter().flatten().map(|t| t.double_value(&[])).collect()
}

fn weights(t: &Trainer) -> StateDict {
    let n = &t.networks;
    let mut all = StateDict::new();
    let mut add = |name: &str, state: StateDict| {
        all.extend(state.into_iter().map(|(key, tensor)| (format!("{name}.{key}"), tensor)));
    };
    add("now.generator", n.generator.state());
    add("now.mapping_network", n.mapping_network.state());
    add("now.style_encoder", n.style_encoder.state());
    add("average.generator", n.average.generator.state());
    add("average.mapping_network", n.average.mapping_network.state());
    add("average.style_encoder", n.average.style_encoder.state());
    add("discriminator", n.discriminator.as_ref().expect("as published").state());
    if let Some(heads) = &n.patch_sample {
        add("patch_sample", heads.state());
    }
    all
}

/// Three iterations in both orders: equal losses, equal weights afterwards.
fn agree(method: &str, generator: &str, loss: serde_json::Value) {
    let context = format!("{method}, {loss}");
    let (mut shared, mut plain) = (trainer(method, generator, loss.clone()), trainer(method, generator, loss));
    copy_into(&weights(&plain), &weights(&shared), Extras::Refuse).unwrap();
    for iteration in 0..3 {
        let batch = batch();
        let draws = shared.draw(&batch);
        let a = terms(&shared.iteration(&batch, &draws, iteration).unwrap());
        let b = terms(&plain.plain_iteration(&batch, &draws, iteration).unwrap());
        assert_eq!(a.len(), b.len(), "{context}");
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1e-3), "{context}: {a} and {b} in iteration {iteration}");
        }
    }
    let plain = weights(&plain);
    for (key, a) in weights(&shared) {
        let difference = (a - &plain[&key]).abs().max().double_value(&[]);
        // A step is of the size 1e-3. Biases ahead of a normalisation have no gradient but rounding, which Adam enlarges.
        assert!(difference < 1e-4, "{context}: {key} differs by {difference}");
    }
}

/// One test: torch's generator is shared by all threads.
#[test]
fn both_orders_agree() {
    tch::manual_seed(5);
    tch::set_num_threads(1);
    agree("stargan-v2", "stargan-v2", json!({}));
    agree("ours", "official", json!({ "formulation": "official" }));
    agree("ours", "official", json!({ "formulation": "paper" }));
    agree("ours", "official", json!({ "formulation": "paper", "cycle": "self-reconstruction" }));
}
