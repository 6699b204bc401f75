use super::*;
use crate::run_dir::{OpenMode, RunDir};
use serde_json::json;
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

fn names(store: &Checkpoints) -> Vec<String> {
    names_in(&store.folder).unwrap()
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
    assert!(store.load_file(10, "average").unwrap()["g.weight"].equal(&snapshot(1).files["average"]["g.weight"]));
    let bytes = |file: &str| fs::read(store.path(20).join(file)).unwrap();
    let before = [bytes("networks.safetensors"), bytes(STATE)];
    store.save(20, &snapshot(2)).unwrap();
    assert_eq!(before, [bytes("networks.safetensors"), bytes(STATE)]);
    assert_eq!(names(&store), ["step-00000010", "step-00000020"]);
}

#[test]
fn the_last_and_the_best_are_kept() {
    let (_dir, store) = store(2);
    for step in 1..=3 {
        store.save(step, &snapshot(1)).unwrap();
    }
    assert_eq!(store.steps().unwrap(), [2, 3]);
    store.mark_best(2).unwrap();
    for step in 4..=6 {
        store.save(step, &snapshot(1)).unwrap();
    }
    assert_eq!(store.steps().unwrap(), [2, 5, 6]);
    assert_eq!(store.best().unwrap().unwrap().0, 2);
    store.mark_best(6).unwrap();
    assert_eq!(store.steps().unwrap(), [5, 6]);
    let text = store.mark_best(4).unwrap_err().to_string();
    assert!(text.ends_with("checkpoints: no checkpoint of step 4; there are: 5, 6"), "{text}");
    assert_eq!(store.best_step().unwrap(), Some(6));
    assert_eq!(names(&store), ["best", "step-00000005", "step-00000006"]);
    fs::write(store.folder.join(BEST), "half a na").unwrap();
    assert!(store.best().unwrap_err().to_string().contains("best: `half a na` names no checkpoint; delete the file"));
}

#[test]
fn a_cut_or_altered_file_is_named_with_the_way_out() {
    let (_dir, store) = store(5);
    store.save(10, &snapshot(1)).unwrap();
    store.save(20, &snapshot(2)).unwrap();
    let path = |file: &str| store.path(20).join(file);
    let way_out = format!("delete {} to resume from step 10", store.path(20).display());
    for file in ["networks.safetensors", "average.safetensors", STATE] {
        let whole = fs::read(path(file)).unwrap();
        for cut in [0, 1, whole.len() / 2, whole.len() - 2] {
            fs::write(path(file), &whole[..cut]).unwrap();
            let text = store.latest().unwrap_err().to_string();
            assert!(text.contains(&format!("step-00000020/{file}: ")) && text.ends_with(&way_out), "{text}");
        }
        fs::remove_file(path(file)).unwrap();
        let text = store.latest().unwrap_err().to_string();
        assert!(text.contains(&format!("{file}: missing; ")) && text.ends_with(&way_out), "{text}");
        fs::write(path(file), whole).unwrap();
    }
    let mut altered = fs::read(path("networks.safetensors")).unwrap();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(path("networks.safetensors"), altered).unwrap();
    assert!(matches!(store.latest(), Err(SnapshotError::Damaged { .. })));
    // The way out works.
    fs::remove_dir_all(store.path(20)).unwrap();
    assert_eq!(store.latest().unwrap().unwrap().0, 10);
    fs::remove_file(store.path(10).join(STATE)).unwrap();
    assert!(store.latest().unwrap_err().to_string().ends_with("to start from the beginning"));
}

#[test]
fn leftovers_of_a_killed_process_are_never_picked_up() {
    let dir = tempfile::tempdir().unwrap();
    let open = |mode| RunDir::open(dir.path(), mode, &json!({"a": 1}), &[]).unwrap();
    let run = open(OpenMode::New);
    let store = run.checkpoints(3);
    store.save(10, &snapshot(1)).unwrap();
    store.save(20, &snapshot(2)).unwrap();
    drop(run);
    // Killed while writing step 30: some files, and one half-written.
    let temporary = store.folder.join(".tmp-step-00000030");
    fs::create_dir(&temporary).unwrap();
    fs::copy(store.path(20).join("average.safetensors"), temporary.join("average.safetensors")).unwrap();
    fs::write(temporary.join(".networks.safetensors.77-0.tmp"), b"half").unwrap();
    // Killed while pruning step 5, and while marking the best.
    fs::create_dir(store.folder.join(".gone-step-00000005")).unwrap();
    fs::write(store.folder.join(".tmp-best.77-0"), b"ste").unwrap();
    // Killed between moving step 20 away and putting its new version in place.
    fs::rename(store.path(20), store.folder.join(".old-step-00000020")).unwrap();
    assert_eq!(store.steps().unwrap(), [10]);

    let run = open(OpenMode::Resume);
    assert_eq!(names(&store), ["step-00000010", "step-00000020"]);
    let (step, latest) = run.checkpoints(3).latest().unwrap().unwrap();
    assert_eq!(step, 20);
    assert_same(&latest, &snapshot(2));
    store.save(30, &snapshot(3)).unwrap();
    assert_eq!(store.steps().unwrap(), [10, 20, 30]);
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
    assert!(matches!(store.save(20, &stem), Err(SnapshotError::Stem(_))));
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
        .env(FOLDER, &store.folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{text}{}", String::from_utf8_lossy(&child.stderr));
    assert!(text.contains("child: ") && text.contains("networks.safetensors: cannot write: "), "{text}");
    assert_eq!(names(&store), ["step-00000010"]);
    assert_same(&store.latest().unwrap().unwrap().1, &large(1));
}
