use super::*;
use semrel_run::atomic::names_in;
use semrel_run::checkpoints::STATE;
use serde_json::json;
use std::fs;
use std::process::Command;
use tch::{Device, Kind, Tensor};

fn snapshot(seed: i64) -> Snapshot {
    let tensor = |n: i64| Tensor::arange(n, (Kind::Float, Device::Cpu)) * seed;
    let networks = StateDict::from([("g.weight".into(), tensor(6).view([2, 3])), ("g.bias".into(), tensor(3))]);
    let average = StateDict::from([("g.weight".into(), tensor(6))]);
    let files = [("networks".to_owned(), networks), ("average".to_owned(), average)].into();
    Snapshot { files, state: json!({ "seed": seed, "best": 0.1 + 0.2 }) }
}

fn assert_same(a: &Snapshot, b: &Snapshot) {
    assert_eq!(a.state, b.state);
    assert!(a.files.keys().eq(b.files.keys()));
    for (stem, tensors) in &a.files {
        assert!(tensors.keys().eq(b.files[stem].keys()));
        assert!(tensors.iter().all(|(key, tensor)| tensor.equal(&b.files[stem][key])), "{stem}");
    }
}

fn store(keep: usize) -> (tempfile::TempDir, Checkpoints) {
    let dir = tempfile::tempdir().unwrap();
    let store = Checkpoints::new(dir.path().join("checkpoints"), keep);
    (dir, store)
}

fn folder(store: &Checkpoints) -> PathBuf {
    store.path(0).parent().unwrap().to_owned()
}

fn names(store: &Checkpoints) -> Vec<String> {
    names_in(&folder(store)).unwrap()
}

#[test]
fn what_is_saved_is_loaded_and_bytes_are_deterministic() {
    let (_dir, store) = store(5);
    assert!(store.latest().unwrap().is_none() && store.best().unwrap().is_none());
    store.save(10, &snapshot(1)).unwrap();
    store.save(20, &snapshot(2)).unwrap();
    let (step, latest) = store.latest().unwrap().unwrap();
    assert_eq!(step, 20);
    assert_same(&latest, &snapshot(2));
    assert_same(&store.load(10).unwrap(), &snapshot(1));
    assert_eq!(store.file(10, "average"), store.path(10).join("average.safetensors"));
    assert!(store.load_file(10, "average").unwrap()["g.weight"].equal(&snapshot(1).files["average"]["g.weight"]));
    let bytes = |file: &str| fs::read(store.path(20).join(file)).unwrap();
    let before = [bytes("networks.safetensors"), bytes(STATE)];
    store.save(20, &snapshot(2)).unwrap();
    assert_eq!(before, [bytes("networks.safetensors"), bytes(STATE)]);
    assert_eq!(names(&store), ["step-00000010", "step-00000020"]);
}

#[test]
fn a_tensor_that_cannot_be_saved_leaves_nothing() {
    let (_dir, store) = store(1);
    store.save(10, &snapshot(1)).unwrap();
    let mut bad = snapshot(2);
    let complex = Tensor::zeros([2], (Kind::ComplexFloat, Device::Cpu));
    bad.files.insert("zz".into(), StateDict::from([("c".into(), complex)]));
    let text = store.save(20, &bad).unwrap_err().to_string();
    assert!(text.contains("zz.safetensors: c has elements of type ComplexFloat"), "{text}");
    assert_eq!(names(&store), ["step-00000010"]);
    let stem = Snapshot { files: [("../x".to_owned(), StateDict::new())].into(), state: json!(null) };
    assert!(matches!(store.save(20, &stem), Err(SnapshotError::Folder(CheckpointFolderError::Stem(_)))));
}

/// The disk is full: a child process may write no file above 8 blocks, of 512 or 1024 bytes.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_old_checkpoints_and_names_the_file() {
    const FOLDER: &str = "SEMREL_TEST_FULL_DISK";
    let large = |seed: i64| {
        let weights = Tensor::full([20_000], seed, (Kind::Float, Device::Cpu));
        Snapshot { files: [("networks".to_owned(), [("w".to_owned(), weights)].into())].into(), state: json!(seed) }
    };
    if let Some(folder) = std::env::var_os(FOLDER) {
        let error = Checkpoints::new(folder, 1).save(20, &large(2)).unwrap_err();
        println!("child: {error}: {}", std::error::Error::source(&error).unwrap());
        return;
    }
    let (_dir, store) = store(1);
    store.save(10, &large(1)).unwrap();
    let child = Command::new("sh")
        .args(["-c", r#"ulimit -f 8; trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "checkpoints::tests::a_full_disk_leaves_the_old_checkpoints_and_names_the_file",
        ])
        .env(FOLDER, folder(&store))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{text}{}", String::from_utf8_lossy(&child.stderr));
    assert!(text.contains("child: ") && text.contains("networks.safetensors: cannot write: "), "{text}");
    assert_eq!(names(&store), ["step-00000010"]);
    assert_same(&store.latest().unwrap().unwrap().1, &large(1));
}
