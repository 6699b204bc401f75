use super::*;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn config(lr: f64, iterations: u64) -> Value {
    json!({ "name": "a", "optim": { "lr": lr }, "train": { "iterations": iterations, "log_every": 10 } })
}

fn open(path: &Path, mode: OpenMode) -> Result<RunDir, RunError> {
    RunDir::open(path, mode, &config(0.1, 100), &["train.iterations"])
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = vec![];
    for name in names_in(folder).unwrap() {
        let path = folder.join(&name);
        if path.is_dir() {
            found.extend(files(&path).iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.push(name);
        }
    }
    found
}

fn touch(path: PathBuf) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"x").unwrap();
}

#[test]
fn a_new_run_stores_its_configuration_and_refuses_to_start_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("runs/a");
    assert!(matches!(open(&path, OpenMode::Resume), Err(RunError::NoRun(_))));
    assert!(!path.exists());
    let run = open(&path, OpenMode::New).unwrap();
    let stored: Value = serde_yaml::from_str(&fs::read_to_string(path.join(CONFIG)).unwrap()).unwrap();
    assert_eq!(stored, config(0.1, 100));
    assert_eq!(run.sample_path(1000, None), path.join("samples/step-00001000.png"));
    assert_eq!(run.sample_path(7, Some("val")), path.join("samples/step-00000007-val.png"));
    drop(run);
    let text = open(&path, OpenMode::New).unwrap_err().to_string();
    assert!(text.contains("runs/a: already holds a run") && text.contains("`--resume`"), "{text}");
    assert!(text.contains("`--overwrite`"), "{text}");
    open(&path, OpenMode::Resume).unwrap();
}

#[test]
fn resuming_names_the_first_changed_key_and_lets_some_change() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), OpenMode::New).unwrap());
    let resume = |config: &Value, may: &[&str]| RunDir::open(dir.path(), OpenMode::Resume, config, may).map(drop);
    let text = resume(&config(0.2, 100), &["train.iterations"]).unwrap_err().to_string();
    assert!(text.contains("config.yaml: key `optim.lr` is 0.2, but the run was started with 0.1"), "{text}");
    assert!(resume(&config(0.1, 200), &[]).unwrap_err().to_string().contains("`train.iterations` is 200"));
    resume(&config(0.1, 200), &["train.iterations"]).unwrap();
    // The new value is the one to compare with from now on.
    resume(&config(0.1, 200), &[]).unwrap();
    resume(&config(0.1, 300), &["train"]).unwrap();
    // Without opening it: nothing is stored.
    check_config(dir.path(), &config(0.1, 400), &["train"]).unwrap();
    let text = check_config(dir.path(), &config(0.1, 400), &[]).unwrap_err().to_string();
    assert!(text.contains("`train.iterations` is 400, but the run was started with 300"), "{text}");
}

#[test]
fn a_stored_configuration_is_read_within_limits() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), OpenMode::New).unwrap());
    let path = dir.path().join(CONFIG);
    for (text, said) in [
        ("[".repeat(300), "config.yaml: not valid YAML: its brackets are nested more than 256 deep"),
        ("#".repeat(2 << 20), "config.yaml: cannot read: longer than 1048576 bytes; no configuration is that long"),
    ] {
        fs::write(&path, &text).unwrap();
        let error = open(dir.path(), OpenMode::Resume).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(fs::read_to_string(&path).unwrap() == text);
    }
}

#[test]
fn overwriting_removes_what_a_run_writes_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let run = open(path, OpenMode::New).unwrap();
    let nothing = |_: &str, _: &Path| Ok::<(), CheckpointFolderError>(());
    run.checkpoints(3).save(5, &json!(1), [].iter(), nothing).unwrap();
    run.checkpoints(3).mark_best(5).unwrap();
    touch(run.sample_path(5, None));
    touch(path.join(log::FILE));
    touch(path.join(manifest::FILE));
    touch(path.join(format!("{}0000000001.77.000", log::EVENTS)));
    summary::write(path, &json!(1)).unwrap();
    touch(path.join("checkpoints/.tmp-step-00000006/networks.safetensors"));
    let foreign = ["checkpoints/mine/a.txt", "notes.txt", "samples/favourite.png"];
    foreign.iter().for_each(|name| touch(path.join(name)));
    drop(run);
    drop(open(path, OpenMode::Overwrite).unwrap());
    assert_eq!(files(path), [lock::FILE, foreign[0], CONFIG, foreign[1], foreign[2]]);
}

#[test]
fn a_run_whose_checkpoints_are_gone_does_not_start_anew_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let config = |every: u64| json!({ "train": { "save_every": every } });
    let may_change = ["train.save_every"];
    drop(RunDir::open(&path, OpenMode::New, &config(10), &may_change).unwrap());
    let resume = |every: u64| RunDir::open(&path, OpenMode::Resume, &config(every), &may_change).map(|_| ());
    resume(10).unwrap();
    // Killed while the first checkpoint was written.
    fs::write(path.join(log::FILE), "{\"step\":5}\n{\"step\":10}\n").unwrap();
    // How often it saved counts, not how often it will.
    resume(2).unwrap();
    fs::write(path.join(CONFIG), "train:\n  save_every: 10\n").unwrap();
    fs::write(path.join(log::FILE), "{\"step\":10}\n{\"step\":15}\n").unwrap();
    let text = resume(10).unwrap_err().to_string();
    assert!(text.contains("its log reaches step 15") && text.contains("`checkpoints`") && text.contains("--overwrite"));
    assert!(resume(1000).is_err(), "another rhythm does not hide it");
    touch(path.join("checkpoints/step-00000010/state.json"));
    resume(10).unwrap();
    // A finished run is refused whatever its log says.
    fs::remove_dir_all(path.join("checkpoints/step-00000010")).unwrap();
    fs::write(path.join(log::FILE), "").unwrap();
    touch(path.join(summary::FILE));
    assert!(resume(10).unwrap_err().to_string().contains("it has ended, but it holds no checkpoint"));
}

#[test]
fn other_folders_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    // A folder that looks like a run's, but is another program's.
    touch(dir.path().join("config.yaml"));
    touch(dir.path().join("samples/step-00000001.png"));
    for _ in 0..2 {
        let text = open(dir.path(), OpenMode::Overwrite).unwrap_err().to_string();
        assert!(text.contains("neither empty nor a run folder (it holds `config.yaml`)"), "{text}");
    }
    fs::remove_file(dir.path().join("config.yaml")).unwrap();
    assert!(matches!(open(dir.path(), OpenMode::New), Err(RunError::Foreign { .. })));
    assert_eq!(files(dir.path()), ["samples/step-00000001.png"]);
    // An empty or missing folder can be overwritten.
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    open(&empty, OpenMode::Overwrite).unwrap();
    open(&dir.path().join("missing"), OpenMode::Overwrite).unwrap();
    // A file of the user's beside a new run is no obstacle, and stays.
    let notes = dir.path().join("notes");
    touch(notes.join(".tmp-notes"));
    open(&notes, OpenMode::New).unwrap();
    assert!(notes.join(".tmp-notes").exists());
}

#[test]
fn one_process_a_folder_and_a_killed_one_does_not_block() {
    const FOLDER: &str = "SEMREL_TEST_LOCK";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let _run = open(Path::new(&folder), OpenMode::New).unwrap();
        println!("locked");
        std::thread::sleep(std::time::Duration::from_secs(60));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "run_dir::tests::one_process_a_folder_and_a_killed_one_does_not_block"])
        .env(FOLDER, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("locked")));
    for mode in [OpenMode::New, OpenMode::Resume, OpenMode::Overwrite] {
        let text = open(dir.path(), mode).unwrap_err().to_string();
        let expected = format!("{}: in use by process {}; ", dir.path().display(), child.id());
        assert!(text.starts_with(&expected), "{text}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = open(dir.path(), OpenMode::Resume).unwrap();
    // Within one process too.
    assert!(open(dir.path(), OpenMode::Resume).unwrap_err().to_string().contains(&std::process::id().to_string()));
    drop(run);
    open(dir.path(), OpenMode::Resume).unwrap();
}

#[test]
fn resuming_removes_what_a_killed_process_has_left_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    drop(open(&path, OpenMode::New).unwrap());
    for left in ["samples/.tmp-step-00000006.png.x1", ".tmp-config.yaml.x2"] {
        touch(path.join(left));
    }
    touch(path.join("samples/.tmp-mine.png"));
    drop(open(&path, OpenMode::Resume).unwrap());
    let left: Vec<String> = files(&path).into_iter().filter(|name| name.contains(".tmp-")).collect();
    assert_eq!(left, ["samples/.tmp-mine.png"]);
}
