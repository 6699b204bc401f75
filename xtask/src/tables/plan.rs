//! What the command line decides: rows, folders, and what runs are made with.

use super::rows::{Profile, Row};
use super::spec::{Method, Spec, Stage};
use anyhow::{Result, bail};
use semrel_run::config;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// A data set of the table.
pub struct Half {
    /// Its name.
    pub name: String,
    /// Index of the paper's data set that it is, or stands in for.
    pub paper: Option<usize>,
    /// The user's own images.
    pub own: Option<PathBuf>,
    /// What the names of its configurations begin with.
    pub stem: String,
    /// Changes to the configuration that they need.
    pub settings: Vec<String>,
}

/// Everything that the command line decides.
pub struct Plan {
    pub spec: &'static Spec,
    pub profile: Profile,
    pub halves: Vec<Half>,
    pub rows: Vec<Row>,
    pub seeds: Vec<u64>,
    pub resume: bool,
    pub overwrite: bool,
    /// Jobs at a time.
    pub parallel: usize,
    /// Threads a job.
    pub threads: usize,
    pub device: String,
    /// Changes to every configuration, `key=value`.
    pub sets: Vec<String>,
    pub configs: PathBuf,
    pub runs: PathBuf,
    pub out: PathBuf,
}

impl Plan {
    /// Indices of the halves that rows need.
    pub fn halves_in_use(&self) -> Vec<usize> {
        (0..self.halves.len()).filter(|&h| self.rows.iter().any(|row| row.half == h)).collect()
    }

    /// Rows and seeds, in the order of their jobs, which follow one job a half in use.
    pub fn trainings(&self) -> Vec<(Row, u64)> {
        self.seeds.iter().flat_map(|&seed| self.rows.iter().map(move |&row| (row, seed))).collect()
    }

    /// Method of a row.
    pub fn method(&self, row: Row) -> &'static Method {
        &self.spec.methods[row.method]
    }

    /// Its stages.
    pub fn stages(&self, row: Row) -> &'static [Stage] {
        (self.spec.program.stages)(self.method(row).name)
    }

    /// The row that must be done before this one.
    pub fn needed(&self, row: Row) -> Option<Row> {
        let name = (self.spec.program.needs)(self.method(row).name)?;
        self.rows.iter().copied().find(|other| other.half == row.half && self.method(*other).name == name)
    }

    /// Whether a row has begun: one of its stages has a run.
    pub fn has_run(&self, row: Row, seed: u64) -> bool {
        let run = self.run_dir(row, seed);
        self.stages(row).iter().any(|stage| has_run(&run.join(stage.folder)))
    }

    /// The row's name: `half/method`.
    pub fn name(&self, row: Row) -> String {
        format!("{}/{}", self.halves[row.half].name, self.method(row).name)
    }

    /// Run folder of a row with a seed. Runs of other settings have other folders.
    pub fn run_dir(&self, row: Row, seed: u64) -> PathBuf {
        self.runs.join(self.run_name(row, seed))
    }

    /// Name of that folder.
    pub fn run_name(&self, row: Row, seed: u64) -> String {
        self.folder(row.half, &format!("{}-s{seed}", self.method(row).name))
    }

    /// Folder of a half's scores without translation.
    fn baseline_dir(&self, half: usize) -> PathBuf {
        self.runs.join(self.folder(half, "no-translation"))
    }

    fn folder(&self, half: usize, what: &str) -> String {
        let (table, profile, name) = (self.spec.name, self.profile.name(), &self.halves[half].name);
        let changes: Vec<&String> = self.halves[half].settings.iter().chain(&self.sets).collect();
        let digest = match changes.is_empty() {
            true => String::new(),
            false => format!("-{}", &hex::encode(Sha256::digest(json!(changes).to_string()))[..8]),
        };
        format!("{table}-{profile}-{name}-{what}{digest}")
    }

    /// Scores of no translation at all.
    pub fn baseline_file(&self, half: usize) -> PathBuf {
        self.baseline_dir(half).join("baseline.json")
    }

    /// The stamp of a half's baseline.
    pub fn baseline_stamp_file(&self, half: usize) -> PathBuf {
        self.stamp_file(&self.baseline_dir(half))
    }

    /// Name of the picture of a row, in the folder of results.
    pub fn picture(&self, row: Row) -> String {
        format!("{}.png", self.file_stem(row))
    }

    /// Name of a plot of a row, which it calls `file`, in the folder of results.
    pub fn plot(&self, row: Row, file: &str) -> String {
        format!("{}-{file}", self.file_stem(row))
    }

    fn file_stem(&self, row: Row) -> String {
        format!("{}-{}-{}", self.spec.name, self.halves[row.half].name, self.method(row).name)
    }

    /// Name of the picture of all rows of a half.
    pub fn picture_of_half(&self, half: usize) -> String {
        format!("{}-{}.png", self.spec.name, self.halves[half].name)
    }

    /// Configuration of a row.
    pub fn config(&self, row: Row) -> PathBuf {
        let stem = &self.halves[row.half].stem;
        let method = (self.spec.program.configuration)(self.method(row).name);
        self.configs.join(format!("{stem}-{method}.yaml"))
    }

    /// Changes to the configuration of a half's rows.
    pub fn settings(&self, half: usize) -> Vec<String> {
        let half = &self.halves[half];
        // The value is YAML, which holds JSON's strings whatever is in them.
        let own = half.own.iter().map(|dir| format!("data.root={}", json!(dir.to_string_lossy())));
        own.chain(half.settings.iter().cloned()).chain(self.sets.iter().cloned()).collect()
    }

    /// Checks that every row has a configuration.
    pub fn check_configs(&self) -> Result<()> {
        for &row in &self.rows {
            let path = self.config(row);
            if !path.is_file() {
                bail!("{}: no such configuration; profile {} cannot run this row", path.display(), self.profile.name());
            }
        }
        Ok(())
    }

    /// Checks that existing run folders are neither overwritten unasked nor mixed up with other settings.
    pub fn check_run_folders(&self) -> Result<()> {
        for (row, seed) in self.trainings() {
            let dir = self.run_dir(row, seed);
            if self.overwrite || !self.has_run(row, seed) {
                continue;
            }
            if !self.resume {
                bail!(
                    "{}: there is a run already; --resume goes on with it (or keeps it, if it is finished), \
                     --overwrite starts anew",
                    dir.display()
                );
            }
            if let Ok(found) = fs::read_to_string(self.stamp_file(&dir))
                && found != self.stamp(row)?
            {
                bail!(
                    "{}: finished with another configuration, or other images of this name; --overwrite redoes it",
                    dir.display()
                );
            }
        }
        Ok(())
    }

    /// What results are made with: the configuration, with those that it extends, and the changes to it.
    pub fn stamp(&self, row: Row) -> Result<String> {
        let mut hash = Sha256::new();
        for source in config::sources(&[self.config(row)])? {
            hash.update(&source.text);
        }
        Ok(json!({"config_sha256": hex::encode(hash.finalize()), "set": self.settings(row.half)}).to_string())
    }

    /// File in a folder of results that tells what they were made with.
    pub fn stamp_file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.json", self.spec.name))
    }

    /// Log of a job.
    pub fn log(&self, name: &str) -> PathBuf {
        self.out.join("logs").join(format!("{}.log", name.replace(['/', ' '], "-")))
    }
}

/// Scores of a checkpoint, in the run folder.
pub fn eval_file(run: &Path, checkpoint: &str) -> PathBuf {
    run.join(format!("eval-{checkpoint}.json"))
}

/// Whether a folder holds a run.
pub fn has_run(dir: &Path) -> bool {
    dir.join("config.yaml").exists()
}
