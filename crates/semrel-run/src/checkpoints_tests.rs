use super::*;
use crate::run_dir::{OpenMode, RunDir};
use serde_json::json;

fn store(keep: usize) -> (tempfile::TempDir, CheckpointFolder) {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointFolder::new(dir.path().join("checkpoints"), keep);
    (dir, store)
}

/// Saves two files that tell the seed.
fn save(store: &CheckpointFolder, step: u64, seed: u64) {
    let stems = ["average", "networks"].map(str::to_owned);
    let write = |stem: &str, path: &Path| Ok(atomic::write(path, format!("{stem} of seed {seed}").as_bytes())?);
    store.save::<CheckpointFolderError>(step, &json!({ "seed": seed }), stems.iter(), write).unwrap();
}

/// The seed of a checkpoint that is whole.
fn seed(store: &CheckpointFolder, step: u64) -> Result<u64, CheckpointFolderError> {
    let (state, files) = store.load(step)?;
    assert!(files.keys().eq(["average", "networks"]));
    let seed = state["seed"].as_u64().unwrap();
    for (stem, path) in files {
        assert_eq!(fs::read_to_string(path).unwrap(), format!("{stem} of seed {seed}"));
    }
    Ok(seed)
}

/// The seed of the last checkpoint.
fn latest(store: &CheckpointFolder) -> Result<u64, CheckpointFolderError> {
    seed(store, *store.steps()?.last().unwrap())
}

fn names(store: &CheckpointFolder) -> Vec<String> {
    names_in(&store.folder).unwrap()
}

#[test]
fn the_last_and_the_best_are_kept() {
    let (_dir, store) = store(2);
    for step in 1..=3 {
        save(&store, step, 1);
    }
    assert_eq!(store.steps().unwrap(), [2, 3]);
    store.mark_best(2).unwrap();
    for step in 4..=6 {
        save(&store, step, 1);
    }
    assert_eq!(store.steps().unwrap(), [2, 5, 6]);
    assert_eq!(store.best_step().unwrap().unwrap(), 2);
    store.mark_best(6).unwrap();
    assert_eq!(store.steps().unwrap(), [5, 6]);
    let text = store.mark_best(4).unwrap_err().to_string();
    assert!(text.ends_with("checkpoints: no checkpoint of step 4; there are: 5, 6"), "{text}");
    assert_eq!(store.best_step().unwrap(), Some(6));
    assert_eq!(names(&store), ["best", "step-00000005", "step-00000006"]);
    fs::write(store.folder.join(BEST), "half a na").unwrap();
    assert!(
        store.best_step().unwrap_err().to_string().contains("best: `half a na` names no checkpoint; delete the file")
    );
}

#[test]
fn a_cut_or_altered_file_is_named_with_the_way_out() {
    let (_dir, store) = store(5);
    save(&store, 10, 1);
    save(&store, 20, 2);
    let path = |file: &str| store.path(20).join(file);
    let way_out = format!("delete {} to resume from step 10", store.path(20).display());
    for file in ["networks.safetensors", "average.safetensors", STATE] {
        let whole = fs::read(path(file)).unwrap();
        for cut in [0, 1, whole.len() / 2, whole.len() - 2] {
            fs::write(path(file), &whole[..cut]).unwrap();
            let text = latest(&store).unwrap_err().to_string();
            assert!(text.contains(&format!("step-00000020/{file}: ")) && text.ends_with(&way_out), "{text}");
        }
        fs::remove_file(path(file)).unwrap();
        let text = latest(&store).unwrap_err().to_string();
        assert!(text.contains(&format!("{file}: missing; ")) && text.ends_with(&way_out), "{text}");
        fs::write(path(file), whole).unwrap();
    }
    let mut altered = fs::read(path("networks.safetensors")).unwrap();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(path("networks.safetensors"), altered).unwrap();
    assert!(matches!(latest(&store), Err(CheckpointFolderError::Damaged { .. })));
    // The way out works.
    fs::remove_dir_all(store.path(20)).unwrap();
    assert_eq!(latest(&store).unwrap(), 1);
    fs::remove_file(store.path(10).join(STATE)).unwrap();
    assert!(latest(&store).unwrap_err().to_string().ends_with("to start from the beginning"));
}

#[test]
fn leftovers_of_a_killed_process_are_never_picked_up() {
    let dir = tempfile::tempdir().unwrap();
    let open = |mode| RunDir::open(dir.path(), mode, &json!({"a": 1}), &[]).unwrap();
    let run = open(OpenMode::New);
    let store = run.checkpoints(3);
    save(&store, 10, 1);
    save(&store, 20, 2);
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
    assert_eq!(latest(&run.checkpoints(3)).unwrap(), 2);
    save(&store, 30, 3);
    assert_eq!(store.steps().unwrap(), [10, 20, 30]);
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing_and_names_are_checked() {
    let (_dir, store) = store(1);
    save(&store, 10, 1);
    let stems = ["a".to_owned(), "b".to_owned()];
    let error = store.save(20, &json!(null), stems.iter(), |stem, path| match stem {
        "a" => Ok(atomic::write(path, b"whole")?),
        _ => Err(CheckpointFolderError::Which("refused".into())),
    });
    assert!(matches!(error, Err(CheckpointFolderError::Which(_))));
    assert_eq!(names(&store), ["step-00000010"]);
    let stem = ["../x".to_owned()];
    let error = store.save::<CheckpointFolderError>(20, &json!(null), stem.iter(), |_, _| unreachable!());
    assert!(matches!(error, Err(CheckpointFolderError::Stem(_))));
}
