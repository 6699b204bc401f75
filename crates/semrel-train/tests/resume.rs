//! A run that was stopped at any moment and resumed ends with the same bytes as one that was not.

use semrel_nn::{Adam, AdamConfig};
use semrel_train::{Checkpoints, MetricsLog, OpenMode, RunDir, Snapshot, seed_step};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

const SAVE_EVERY: u64 = 4;
const LAST: u64 = 12;

/// A toy training loop that stops after `stop`, without saving unless it is time to.
fn train(folder: &Path, mode: OpenMode, stop: u64) {
    let run = RunDir::open(folder, mode, &json!({ "seed": 777 }), &[]).unwrap();
    let checkpoints = Checkpoints::from(run.checkpoints(2));
    let config = AdamConfig { lr: 0.1, beta1: 0.5, beta2: 0.99, eps: 1e-8, weight_decay: 1e-4 };
    let weights = Tensor::ones([50], (Kind::Float, Device::Cpu));
    let mut adam = Adam::over(config, &weights);
    let mut start = 0;
    if let Some((step, mut snapshot)) = checkpoints.latest().unwrap() {
        start = step;
        weights.shallow_clone().copy_(&snapshot.files["networks"]["w"]);
        let moments = snapshot.files.remove("optimisers").unwrap();
        adam.restore(snapshot.state["adam"].as_i64().unwrap(), |name| moments.get(name).map(Tensor::shallow_clone))
            .unwrap();
    }
    let mut log = MetricsLog::open(run.path(), start).unwrap();
    for step in start + 1..=stop {
        seed_step(777, step);
        adam.step_flat(&weights, Tensor::randn([50], (Kind::Float, Device::Cpu)));
        log.log(step, &[("norm", weights.norm().double_value(&[]))]).unwrap();
        if step % SAVE_EVERY == 0 {
            log.flush().unwrap();
            let moments = adam.moments().into_iter().map(|(name, m)| (name.to_owned(), m.shallow_clone())).collect();
            let networks = BTreeMap::from([("w".to_owned(), weights.shallow_clone())]);
            let files = [("networks".to_owned(), networks), ("optimisers".to_owned(), moments)].into();
            checkpoints.save(step, &Snapshot { files, state: json!({ "adam": adam.steps() }) }).unwrap();
        }
    }
}

fn result(folder: &Path) -> (Vec<Vec<u8>>, Vec<Value>) {
    let last = folder.join(format!("checkpoints/step-{LAST:08}"));
    let files = ["networks.safetensors", "optimisers.safetensors", "state.json"];
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter_mut().for_each(|line| line["seconds"] = Value::Null);
    (files.iter().map(|file| std::fs::read(last.join(file)).unwrap()).collect(), lines)
}

#[test]
fn a_resumed_run_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    train(&whole, OpenMode::New, LAST);
    assert_eq!(result(&whole).1.len() as u64, LAST);
    for stop in 0..LAST {
        let parts = dir.path().join(format!("stopped-{stop}"));
        train(&parts, OpenMode::New, stop);
        train(&parts, OpenMode::Resume, LAST);
        assert!(result(&parts) == result(&whole), "stopped after step {stop}");
    }
}
