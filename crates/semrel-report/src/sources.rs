//! What a report is made of: tables' results and run folders, as they are on disk.

use super::error::ReportError;
use super::labels::{labels, order_of};
use super::members::{self, Membership};
use super::problems::{Problems, shown};
use super::run_folders::{self, RunFolder};
use semrel_run::input;
use semrel_tables::claims_report::{Evidence, JSON};
use semrel_tables::spec::Spec;
use semrel_tables::written::Written;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Where things lie.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Of the tables' results.
    pub results: PathBuf,
    /// Of the runs.
    pub runs: PathBuf,
    /// Of the page.
    pub out: PathBuf,
}

impl Folders {
    /// Checks that folders which the user has named are there, and that the page would not lie among what it is made of.
    pub fn new(
        results: PathBuf,
        runs: PathBuf,
        out: PathBuf,
        (named_results, named_runs): (bool, bool),
    ) -> Result<Self, ReportError> {
        for (named, option, folder) in [(named_results, "--results", &results), (named_runs, "--runs", &runs)] {
            if named && !folder.is_dir() {
                return Err(ReportError::NoFolder { option, path: folder.clone() });
            }
        }
        let same =
            |a: &Path, b: &Path| a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
        for folder in [&results, &runs] {
            if same(&out, folder) {
                return Err(ReportError::AmongSources { out, other: results.join("report") });
            }
        }
        if out.is_file() {
            return Err(ReportError::OutIsFile(out));
        }
        Ok(Self { results, runs, out })
    }
}

/// What a table has written.
pub struct TableFile {
    /// The table.
    pub spec: &'static Spec,
    /// What its file says.
    pub table: Written,
    /// Seconds since 1970 at which it was written.
    pub written: u64,
    /// Folder of its pictures, which it lies in.
    pub folder: PathBuf,
    /// That folder's name below the results, of a table that was written there by `--out`.
    pub within: Option<String>,
}

impl TableFile {
    /// The table's title, with the folder that tells it from another of the kind.
    pub fn title(&self) -> String {
        titled(self.spec.title, self.within.as_deref())
    }
}

/// What tests of claims have written.
pub struct EvidenceFile {
    /// What the file says.
    pub evidence: Evidence,
    /// Seconds since 1970 at which it was written.
    pub written: u64,
    /// Folder of its pictures, which it lies in.
    pub folder: PathBuf,
    /// That folder's name below the results, where it was written there by `--out`.
    pub within: Option<String>,
}

impl EvidenceFile {
    /// What it is called, with the folder that tells it from another.
    pub fn title(&self) -> String {
        titled("Claims", self.within.as_deref())
    }
}

fn titled(title: &str, within: Option<&str>) -> String {
    within.map_or(title.to_owned(), |folder| format!("{title}, in {folder}"))
}

/// The id in the page of what lies in the results, or in this folder of them, whose name may hold what an id must not.
pub fn id(name: &str, within: Option<&str>) -> String {
    within.map_or(name.to_owned(), |folder| format!("{name}-{}", &hex::encode(Sha256::digest(folder))[..8]))
}

/// All that was read.
pub struct Sources {
    /// Where from.
    pub folders: Folders,
    /// Tables, in the order of the paper.
    pub tables: Vec<TableFile>,
    /// Tests of claims, those in folders of the results last.
    pub evidence: Vec<EvidenceFile>,
    /// Run folders, in the order in which a group shows them.
    pub runs: Vec<RunFolder>,
    /// Rows, by the names of their runs.
    members: HashMap<String, Membership>,
    /// What runs are called in their groups, by their names.
    labels: HashMap<String, String>,
    /// What could not be read.
    pub problems: Problems,
}

impl Sources {
    /// Reads all there is.
    ///
    /// # Errors
    /// Where there is neither a table nor a run.
    pub fn read(folders: &Folders) -> Result<Self, ReportError> {
        let problems = Problems::default();
        let tables = read_tables(&folders.results, &problems)?;
        let evidence = read_evidence(&folders.results, &problems);
        let mut runs = run_folders::read(&folders.runs, &problems)?;
        if tables.is_empty() && evidence.is_empty() && runs.is_empty() && problems.lines().is_empty() {
            return Err(ReportError::Nothing { results: folders.results.clone(), runs: folders.runs.clone() });
        }
        // A table tells on what processor its runs were made.
        let of_table = |table: &TableFile| {
            let processor = table.table.processor.clone();
            let runs = table.table.datasets.iter().flat_map(|dataset| &dataset.runs);
            let folders = runs.filter_map(|run| Some(run.run.file_name()?.to_string_lossy().into_owned()));
            folders.map(|folder| (folder, processor.clone())).collect::<Vec<_>>()
        };
        let processors: HashMap<String, Option<String>> = tables.iter().rev().flat_map(of_table).collect();
        let member = |run: &RunFolder| {
            let member = Membership::new(run.manifest.as_ref()?)?;
            let processor = processors.get(run.row()).cloned().flatten();
            Some((run.name.clone(), Membership { processor, ..member }))
        };
        let mut members: HashMap<String, Membership> = runs.iter().filter_map(member).collect();
        members::mark_seeds(&mut members);
        runs.sort_by_cached_key(|run| order_of(run, members.get(&run.name)));
        let labels = labels(&runs, &members);
        Ok(Self { folders: folders.clone(), tables, evidence, runs, members, labels, problems })
    }

    /// The row that a run belongs to.
    pub fn member(&self, run: &RunFolder) -> Option<&Membership> {
        self.members.get(&run.name)
    }

    /// What a run is called in its group.
    pub fn label<'a>(&'a self, run: &'a RunFolder) -> &'a str {
        self.labels.get(&run.name).map_or(run.row(), String::as_str)
    }
}

fn read_tables(results: &Path, problems: &Problems) -> Result<Vec<TableFile>, ReportError> {
    let mut found = vec![];
    let folders = folders_of(results);
    for (spec, (folder, within)) in
        semrel_tables::ALL.into_iter().flat_map(|spec| folders.iter().map(move |at| (spec, at)))
    {
        let path = folder.join(format!("{}.json", spec.name));
        let read = |text: &str| Written::read(spec, text);
        if let Some((table, written)) = read_result(results, &path, read, problems) {
            found.push(TableFile { spec, table, written, folder: folder.clone(), within: within.clone() });
        }
    }
    Ok(found)
}

fn read_evidence(results: &Path, problems: &Problems) -> Vec<EvidenceFile> {
    let file = |(folder, within): (PathBuf, Option<String>)| {
        let (evidence, written) = read_result(results, &folder.join(JSON), Evidence::read, problems)?;
        Some(EvidenceFile { evidence, written, folder, within })
    };
    folders_of(results).into_iter().filter_map(file).collect()
}

/// What a file says, and when it was written; none where there is no such file, or none that can be read, which is told.
fn read_result<T>(
    results: &Path,
    path: &Path,
    read: impl FnOnce(&str) -> Result<T, String>,
    problems: &Problems,
) -> Option<(T, u64)> {
    let text = match input::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        other => other.map_err(|error| format!("{}: {error}", path.display())),
    };
    let parsed = text.and_then(|text| read(&text));
    Some((problems.keep(shown("results", results, path), parsed)?, written(path)))
}

/// The folder of the results, and those in it.
fn folders_of(results: &Path) -> Vec<(PathBuf, Option<String>)> {
    [(results.to_owned(), None)].into_iter().chain(folders_in(results)).collect()
}

/// The folders in that of the results, by name: tables were written to some of them.
fn folders_in(results: &Path) -> impl Iterator<Item = (PathBuf, Option<String>)> + use<> {
    let entries = fs::read_dir(results).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.into_iter().map(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        (path, name)
    })
}

/// Seconds since 1970 at which a file was written; 0 where nothing tells.
pub fn written(path: &Path) -> u64 {
    let time = fs::metadata(path).ok().and_then(|about| about.modified().ok());
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table without a data set.
    const EMPTY: &str = r#"{"profile":"sample","seeds":[777],"set":[],"device":"cpu","processor":null,"threads":1,"jobs":1,
        "datasets":[],"pictures":[],"paper":[],"caption":[]}"#;

    #[test]
    fn nothing_at_all_is_an_error_that_helps() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let folders = Folders::new(at("results"), at("runs"), at("out"), (false, false)).unwrap();
        let text = Sources::read(&folders).err().unwrap().to_string();
        assert!(text.contains("cargo xtask table1") && text.contains("--runs"), "{text}");
    }

    #[test]
    fn folders_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let error = |out: PathBuf, named| Folders::new(at("a"), at("b"), out, named).unwrap_err().to_string();
        assert!(error(at("out"), (true, false)).contains("--results") && !at("a").exists());
        assert!(error(at("out"), (false, true)).contains("no such folder"));
        assert!(error(at("a"), (false, false)).contains("choose another folder"));
        fs::write(at("file"), "").unwrap();
        assert!(error(at("file"), (false, false)).contains("a file, where a folder"));
    }

    #[test]
    fn broken_tables_are_named_and_left_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("table1.json"), "{\"datasets\": [").unwrap();
        fs::write(dir.path().join("table2.json"), "{}").unwrap();
        fs::write(dir.path().join("table3.json"), EMPTY).unwrap();
        let problems = Problems::default();
        let tables = read_tables(dir.path(), &problems).unwrap();
        assert_eq!(tables.len(), 1);
        let lines = problems.lines();
        assert!(lines[0].starts_with("results/table1.json: not JSON"), "{lines:?}");
        assert!(
            lines[1].starts_with("results/table2.json: missing field `profile`")
                && lines[1].contains("table2 --resume"),
            "{lines:?}"
        );
    }

    #[test]
    fn tables_in_folders_of_the_results_follow_those_of_their_kind() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["", "try", "mine"] {
            let folder = dir.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("table1.json"), EMPTY).unwrap();
        }
        fs::write(dir.path().join("table3.json"), EMPTY).unwrap();
        let tables = read_tables(dir.path(), &Problems::default()).unwrap();
        let names: Vec<_> = tables.iter().map(|table| (table.spec.name, table.within.as_deref())).collect();
        let mut expected = vec![];
        for spec in semrel_tables::ALL {
            match spec.name {
                "table1" => expected.extend([None, Some("mine"), Some("try")].map(|within| (spec.name, within))),
                "table3" => expected.push((spec.name, None)),
                _ => {}
            }
        }
        assert_eq!(names, expected);
        assert!(tables.iter().any(|table| table.title().ends_with(", in try")));
    }
}
