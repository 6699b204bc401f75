//! Run folders, as they are on disk.

use super::error::ReportError;
use super::metrics::{self, Metrics};
use super::problems::{Problems, shown, slashes};
use semrel_run::stored::StoredConfig;
use semrel_run::work::{ExportSummary, SearchSummary, Work};
use semrel_run::{JsonFileError, Manifest, Summary, config, input, log, manifest, run_dir, summary};
use semrel_tables::ALL;
use semrel_tables::evaluated::{Terms, parse};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Parts of a row that are runs of their own, in its folder.
const STAGES: [&str; 4] = ["distill", "search", "finetune", "export"];

/// Folders in a run that hold no runs.
const INNER: [&str; 4] = ["samples", "checkpoints", "results", "logs"];

/// What is in a run folder.
pub struct RunFolder {
    /// Its path within the folder of runs, with `/`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The resolved configuration, as it is in the file.
    pub config_text: Option<String>,
    /// What the report shows of it. A stage that keeps none has that of another stage of its row.
    pub config: Option<StoredConfig>,
    /// The row of a table that it is, where it belongs to one. A stage that keeps none has that of another stage of its row.
    pub manifest: Option<Manifest>,
    /// What it came to.
    pub summary: Ended,
    /// What its evaluation refers to, of the last checkpoint or the only one.
    pub eval: Option<Terms>,
    /// What it has logged.
    pub metrics: Metrics,
    /// Sample pictures, in the order of steps.
    pub samples: Vec<PathBuf>,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub enum Ended {
    /// It goes on, or was interrupted.
    NotYet,
    /// It is finished, but what it tells cannot be read.
    Unreadable,
    /// It trained.
    Trained(Box<Summary>),
    /// It was a search.
    Searched(Box<SearchSummary>),
    /// It was an export.
    Exported(Box<ExportSummary>),
}

impl Ended {
    /// How long it took and on what; none where it goes on or nothing can be read.
    pub fn work(&self) -> Option<Work> {
        match self {
            Self::NotYet | Self::Unreadable => None,
            Self::Trained(summary) => {
                let Summary { seconds, threads, device, .. } = summary.as_ref();
                Some(Work { seconds: *seconds, threads: *threads, device: device.clone() })
            }
            Self::Searched(summary) => Some(summary.work.clone()),
            Self::Exported(summary) => Some(summary.work.clone()),
        }
    }
}

impl RunFolder {
    /// Name of the folder of the row: the one above where this is a stage of it.
    pub fn row(&self) -> &str {
        let mut parts = self.name.rsplit('/');
        let last = parts.next().unwrap_or_default();
        match self.stage() {
            Some(_) => parts.next().unwrap_or(last),
            None => last,
        }
    }

    /// Which stage of a row this is, where it is one.
    pub fn stage(&self) -> Option<&str> {
        let (above, last) = self.name.rsplit_once('/')?;
        (!above.is_empty() && STAGES.contains(&last)).then_some(last)
    }

    /// The folder that its row lies in; none where that is the folder of runs.
    pub fn folder(&self) -> Option<&str> {
        let row = match self.stage() {
            Some(_) => self.name.rsplit_once('/')?.0,
            None => self.name.as_str(),
        };
        row.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// The program's folder, where there is one.
    pub fn program(&self) -> Option<&str> {
        let depth = if self.stage().is_some() { 2 } else { 1 };
        let parts: Vec<&str> = self.name.split('/').collect();
        (parts.len() > depth).then(|| parts[0])
    }

    /// Name of the data set: the last part of its folder.
    pub fn data(&self) -> Option<&str> {
        let root = self.config.as_ref()?.data.root.as_deref()?;
        root.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty())
    }
}

/// All run folders in a folder; none where there is no such folder.
pub fn read(folder: &Path, problems: &Problems) -> Result<Vec<RunFolder>, ReportError> {
    let mut found = vec![];
    visit(folder, folder, 0, problems, &mut found)?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    share(&mut found);
    Ok(found)
}

/// All stages of a row have one configuration and one manifest, which only those that train keep.
fn share(runs: &mut [RunFolder]) {
    share_one(runs, |run| &mut run.config);
    share_one(runs, |run| &mut run.manifest);
}

/// Gives the runs of a row that lack something the first of that row.
fn share_one<T: Clone>(runs: &mut [RunFolder], part: fn(&mut RunFolder) -> &mut Option<T>) {
    let row = |run: &RunFolder| run.stage().and(run.path.parent()).map(Path::to_path_buf);
    let mut of_rows: HashMap<PathBuf, T> = HashMap::new();
    for run in runs.iter_mut() {
        if let (Some(row), Some(found)) = (row(run), part(run)) {
            of_rows.entry(row).or_insert_with(|| found.clone());
        }
    }
    for run in runs.iter_mut() {
        let row = row(run);
        let own = part(run);
        if own.is_none() {
            *own = row.and_then(|row| of_rows.get(&row)).cloned();
        }
    }
}

fn visit(
    root: &Path,
    folder: &Path,
    depth: usize,
    problems: &Problems,
    found: &mut Vec<RunFolder>,
) -> Result<(), ReportError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            problems.add(shown("runs", root, folder), format!("cannot be read: {error}"));
            return Ok(());
        }
        Ok(entries) => entries,
    };
    let (mut is_run, mut inner) = (false, vec![]);
    for entry in entries {
        let entry = entry.map_err(ReportError::io(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        is_run |= [run_dir::CONFIG, summary::FILE, log::FILE].contains(&name.as_str());
        // Links are not followed: a folder of runs may link to itself.
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && !name.starts_with('.')
            && !INNER.contains(&name.as_str())
        {
            inner.push(entry.path());
        }
    }
    if is_run && folder != root {
        found.push(read_run(root, folder, problems));
    }
    if depth < 5 {
        inner.sort();
        inner.iter().try_for_each(|folder| visit(root, folder, depth + 1, problems, found))?;
    }
    Ok(())
}

fn read_run(root: &Path, path: &Path, problems: &Problems) -> RunFolder {
    let place = |file: &Path| shown("runs", root, file);
    let json = |file: PathBuf| problems.json(place(&file), &file);
    let name = path.strip_prefix(root).map_or_else(|_| path.display().to_string(), slashes);
    let config_file = path.join(run_dir::CONFIG);
    let config_text = problems.found(place(&config_file), config::text_of(&config_file));
    let stored = |text: &String| StoredConfig::from_yaml(text).map_err(|error| format!("not a configuration: {error}"));
    let config = config_text.as_ref().map(stored);
    let config = config.and_then(|config| problems.keep(place(&config_file), config));
    let mut run = RunFolder {
        manifest: problems.keep(place(&path.join(manifest::FILE)), manifest::read(path).map_err(reason)).flatten(),
        summary: Ended::NotYet,
        metrics: Metrics::default(),
        samples: samples(&path.join("samples")),
        eval: None,
        path: path.to_owned(),
        name,
        config_text,
        config,
    };
    let log = path.join(log::FILE);
    if log.exists()
        && let Some(bytes) =
            problems.keep(place(&log), input::read(&log).map_err(|error| format!("cannot be read: {error}")))
    {
        let (metrics, faults) = metrics::parse(&bytes);
        faults.iter().for_each(|fault| problems.add(place(&log), fault));
        run.metrics = metrics;
    }
    let file = path.join(summary::FILE);
    if file.exists() {
        let value = json(file.clone());
        let summary = match run.stage() {
            _ if value.is_null() => Ok(Ended::Unreadable),
            Some("search") => parse(&value).map(Ended::Searched),
            Some("export") => parse(&value).map(Ended::Exported),
            _ => parse(&value).map(Ended::Trained),
        };
        let summary = summary.map_err(|what| format!("{what}; {OTHER_VERSION}"));
        run.summary = problems.keep(place(&file), summary).unwrap_or(Ended::Unreadable);
    }
    let of_row = if run.stage().is_some() { path.parent().unwrap_or(path) } else { path };
    let evals = ["last", "measured", "best"].map(|which| of_row.join(format!("eval-{which}.json")));
    if let Some(file) = evals.into_iter().find(|file| file.exists()) {
        let value = json(file.clone());
        if !value.is_null() {
            run.eval = problems.keep(place(&file), terms(&value));
        }
    }
    run
}

/// What is said of results whose keys do not fit.
const OTHER_VERSION: &str =
    "it is damaged, or of another version; the command that made it writes it anew with `--resume`";

/// What an evaluation of any program refers to.
fn terms(value: &Value) -> Result<Terms, String> {
    let mut read = ALL.iter().map(|spec| spec.program.evaluated(value));
    let fits = read.find_map(Result::ok).map(|evaluated| evaluated.terms());
    fits.ok_or_else(|| format!("not a result of an evaluation; {OTHER_VERSION}"))
}

/// Why a file cannot be read, without its name.
pub(crate) fn reason(error: JsonFileError) -> String {
    match error {
        JsonFileError::Malformed { what, .. } => what,
        JsonFileError::File(error) => error.to_string(),
    }
}

fn samples(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let is_sample = |path: &PathBuf| path.extension().is_some_and(|end| end == "png");
    let mut files: Vec<PathBuf> = files.filter(is_sample).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{"format":1,"program":"gancomp-fast","table":"table2","profile":"sample","data_set":"maps",
        "row":"ours","seed":777,"name":"b"}"#;

    const EVALUATION: &str = r#"{"name":"x","of":"export","channels":null,"step":0,"parameters":1,"macs":1,"milliseconds":1.0,
        "threads":1,"extractor":"x","fd_name":"FD(x)","sources":1,"reals":1,"reference":"test","size":64,"segmenter":null,
        "fd":1.0,"segmentation":null,"images":"x","seconds":1.0}"#;

    #[test]
    fn runs_and_stages_are_found_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("cut-single/a/config.yaml", "data: {root: data/sample-64/street}\ninit: !normal {gain: 0.02}\n");
        write("cut-single/a/metrics.jsonl", "{\"step\": 1, \"loss\": 2.0}\n{\"step\": 2, \"lo");
        write("cut-single/a/samples/step-00000002.png", "");
        write("cut-single/a/samples/config.yaml", "not a run");
        write("cut-single/a/summary.json", "{");
        write("gancomp-fast/b/eval-measured.json", EVALUATION);
        write("gancomp-fast/c/eval-measured.json", "{\"fd_name\": \"FD(x)\"}");
        write("gancomp-fast/b/distill/config.yaml", "a: [");
        write("gancomp-fast/b/distill/manifest.json", MANIFEST);
        write("gancomp-fast/c/distill/manifest.json", "{}");
        let searched = r#"{"name": "b", "stage": "search", "winner": null, "evaluations": 3, "computed": 3, "seconds": 1.5,
            "threads": 1, "device": "Cpu"}"#;
        write("gancomp-fast/b/search/summary.json", searched);
        write("gancomp-fast/c/distill/config.yaml", "seed: 5\ndata: {root: data/sample-64/maps}\n");
        write("gancomp-fast/c/search/summary.json", "{}");
        let problems = Problems::default();
        let runs = read(dir.path(), &problems).unwrap();
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        let rows = ["b/distill", "b/search", "c/distill", "c/search"].map(|stage| format!("gancomp-fast/{stage}"));
        assert_eq!((names[0], &names[1..]), ("cut-single/a", &rows.each_ref().map(String::as_str)[..]));
        assert_eq!((runs[0].row(), runs[0].stage(), runs[0].program()), ("a", None, Some("cut-single")));
        assert_eq!((runs[1].row(), runs[1].stage(), runs[1].program()), ("b", Some("distill"), Some("gancomp-fast")));
        assert_eq!((runs[0].data(), runs[0].samples.len()), (Some("street"), 1));
        assert_eq!(runs[2].eval.as_ref().map(|terms| terms.frechet.as_str()), Some("FD(x)"));
        // A search keeps no manifest of its own, and what is none belongs to no table.
        assert!(matches!(&runs[2].summary, Ended::Searched(summary) if summary.evaluations == 3));
        assert_eq!(runs[2].manifest.as_ref().map(|manifest| manifest.row.as_str()), Some("ours"));
        assert!(runs[3].manifest.is_none() && runs[0].manifest.is_none());
        assert!(matches!(runs[0].summary, Ended::Unreadable) && matches!(runs[3].summary, Ended::NotYet));
        assert_eq!((runs[0].folder(), runs[1].folder()), (Some("cut-single"), Some("gancomp-fast")));
        // A search keeps no configuration of its own.
        assert!(runs[2].config.is_none() && runs[4].config_text.is_none());
        assert_eq!((runs[4].data(), runs[4].config.as_ref().unwrap().seed), (Some("maps"), Some(5)));
        let lines = problems.lines();
        let told = |start: &str| assert!(lines.iter().any(|line| line.starts_with(start)), "{start} in {lines:?}");
        told("runs/cut-single/a/summary.json: not JSON");
        told("runs/cut-single/a/metrics.jsonl: line 2 is cut off");
        told("runs/gancomp-fast/b/distill/config.yaml: not a configuration");
        told("runs/gancomp-fast/c/distill/manifest.json: missing field `format`");
        told("runs/gancomp-fast/c/eval-measured.json: not a result of an evaluation");
        told("runs/gancomp-fast/c/search/summary.json: missing field `name`");
        assert!(read(&dir.path().join("none"), &problems).unwrap().is_empty());
    }
}
