//! What the tests of the programs share: a command run to its end or stopped on the way, and the files of a run.

use assert_cmd::assert::Assert;
use predicates::prelude::{PredicateBooleanExt, predicate};
use semrel_run::stored::{StoredConfig, StoredData, StoredEval};
use semrel_run::{Checked, Validate};
use semrel_weights::EFFICIENTNET_LITE0;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The rows of a profile, which lie in `folder`, by the names of their files: all whose names have a hyphen. The others are what
/// these extend.
pub fn rows_of<C: Validate + DeserializeOwned>(folder: &Path) -> BTreeMap<String, C> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|file| file.is_file());
    let named = files.map(|file| (file.file_stem().unwrap().to_string_lossy().into_owned(), file));
    let rows = named.filter(|(name, _)| name.contains('-'));
    rows.map(|(name, file)| {
        let config: Checked<C> = Checked::load(&[&file], &[]).unwrap_or_else(|error| panic!("{error}"));
        (name, config.into_inner())
    })
    .collect()
}

/// A command of a program, in `folder` and with its `weights` for its own, as tests that run side by side need it.
pub fn command(program: impl AsRef<OsStr>, args: &[&str], folder: &Path, weights: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env("SEMREL_WEIGHTS", weights);
    command.env("OMP_NUM_THREADS", "1").env_remove("RUST_LOG");
    command
}

/// Makes a folder of weights: what programs cache beside them does not meet other tests, and a test may take the weights away.
pub fn weights_in(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let weights = EFFICIENTNET_LITE0.locate().expect("`cargo xtask setup` fetches the weights");
    std::os::unix::fs::symlink(weights, folder.join(EFFICIENTNET_LITE0.file)).unwrap();
}

/// The page of docs that explains the configuration of a program is the one made from its `schema`.
pub fn assert_reference_is_up_to_date(program: &str, schema: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/reference/{program}.md"));
    let page = fs::read_to_string(&file).unwrap_or_default();
    let stale = page != semrel_help::reference(program, schema);
    assert!(!stale, "docs/reference/{program}.md is stale; `cargo xtask docs --reference` renews it");
}

/// Reports find their keys in a `stored` configuration, with these values; of the images, folder and side.
pub fn assert_reports_find_their_keys(stored: &str, seed: u64, (root, side): (&Path, u32), extractor: &str) {
    let found = StoredConfig::from_yaml(stored).unwrap();
    let keys = StoredConfig {
        seed: Some(seed),
        data: StoredData { root: Some(root.display().to_string()), image_size: Some(side), ..found.data },
        eval: StoredEval { extractor: Some(extractor.to_owned()), ..found.eval },
    };
    assert_eq!(StoredConfig::from_yaml(stored), Ok(keys));
}

/// `--set` for each of these keys.
pub fn sets<'a>(keys: &[&'a str]) -> Vec<&'a str> {
    keys.iter().flat_map(|key| ["--set", key]).collect()
}

/// Runs a command to its end, which comes within `patience`.
pub fn assert(command: Command, patience: Duration) -> Assert {
    assert_cmd::Command::from_std(command).timeout(patience).assert()
}

/// The command fails with an error message that contains these words, and without a panic.
pub fn refuses(command: Command, patience: Duration, words: &[&str]) {
    let shown = format!("{command:?}");
    let failed =
        assert(command, patience).code(predicate::in_iter([1, 2])).stderr(predicate::str::contains("panicked").not());
    let text = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    for word in words {
        assert!(text.contains(word), "{shown}: `{word}` is not in\n{text}");
    }
}

/// Makes a pipe that nobody writes to: what reads it waits for ever.
pub fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// What is said of a pipe that is given for a file.
pub const PIPE: &str = "a pipe or a device; expected a file";

/// A configuration with `--set` of any of these former names of keys is refused with the name now; `load` gives the error.
pub fn refuses_former_names(renamed: &[(&str, &str)], load: impl Fn(&[String]) -> String) {
    for (old, new) in renamed {
        let set = format!("{old}=1");
        let error = load(std::slice::from_ref(&set));
        assert_eq!(error, format!("--set {set}: key `{old}` is called `{new}` now; rename it"));
    }
}

/// The JSON that a command prints.
pub fn json(command: Command, patience: Duration) -> Value {
    serde_json::from_slice(&assert(command, patience).success().get_output().stdout).unwrap()
}

/// Starts a command and waits until the metrics of the folder `run` reach `step`.
pub fn start(mut command: Command, run: &Path, step: u64, patience: Duration) -> Child {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while last_step(run) < step && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < patience, "{} does not reach step {step}", run.display());
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

/// Sends a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// The newest checkpoint of the folder of a run.
pub fn last_checkpoint(run: &Path) -> PathBuf {
    let steps = names(&run.join("checkpoints")).into_iter().filter(|name| name.starts_with("step-"));
    run.join("checkpoints").join(steps.max().expect("a checkpoint"))
}

/// Lines of `metrics.jsonl` without the seconds.
pub fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    // The last line may be in the writing.
    let mut lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines.iter_mut().for_each(|line| line["seconds"] = Value::Null);
    lines
}

/// The last step in `metrics.jsonl`, 0 where there is none.
pub fn last_step(run: &Path) -> u64 {
    metrics(run).last().map_or(0, |line| line["step"].as_u64().unwrap())
}

/// Both runs have logged the same, but for the seconds.
pub fn assert_same_metrics(left: &Path, right: &Path, context: &str) {
    let (a, b) = (metrics(left), metrics(right));
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a, b, "{context}");
    }
    assert_eq!(a.len(), b.len(), "{context}");
}

/// Names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every file below a folder with its bytes.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            all.insert(name, fs::read(path).unwrap());
        }
    }
    all
}

/// Both folders hold the same files, byte for byte.
pub fn assert_same_files(left: &Path, right: &Path, context: &str) {
    let (a, b) = (files(left), files(right));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{context}");
    for (name, bytes) in &a {
        assert!(b[name] == *bytes, "{context}: {name} differs");
    }
}

/// Puts something that is not a picture into every file of a folder; what they held, for [`put_back`].
pub fn spoil(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let held = files(folder);
    assert!(!held.is_empty(), "{}", folder.display());
    held.keys().for_each(|name| fs::write(folder.join(name), "no picture").unwrap());
    held
}

/// Puts back what the files of a folder held before [`spoil`].
pub fn put_back(folder: &Path, held: &BTreeMap<String, Vec<u8>>) {
    held.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
}

/// What a JSON file says.
pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// Leaves half of a file.
pub fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}
