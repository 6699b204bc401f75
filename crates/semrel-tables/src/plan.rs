//! What the command line decides: rows, folders, and what runs are made with.

use super::chosen;
use super::error::TableError;
use super::names::{self, has_run};
use super::profile::Profile;
use super::rows::Row;
use super::spec::{Method, Spec, Stage};
use super::study::Variant;
use semrel_run::{Manifest, config, input, manifest};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A data set of the table.
pub struct Dataset {
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
    /// The table.
    pub spec: &'static Spec,
    /// The checkout, in which relative paths of configurations begin.
    pub root: PathBuf,
    /// Extent of data, networks and training.
    pub profile: Profile,
    /// Its data sets.
    pub datasets: Vec<Dataset>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// By method, where rows are configurations with changes; otherwise empty.
    pub variants: Vec<Variant>,
    /// Seeds of each row.
    pub seeds: Vec<u64>,
    /// Whether rows that were interrupted go on, and finished ones are kept.
    pub resume: bool,
    /// Whether rows that have a run folder are redone.
    pub overwrite: bool,
    /// Whether the checkpoint that does best on the test images is shown as well.
    pub best_on_test: bool,
    /// Jobs at a time.
    pub parallel: usize,
    /// Threads per job.
    pub threads: usize,
    /// Device to train on.
    pub device: String,
    /// Changes to every configuration, `key=value`.
    pub sets: Vec<String>,
    /// Folder of the configurations.
    pub configs: PathBuf,
    /// Folder of the run folders.
    pub runs: PathBuf,
    /// Folder of the results.
    pub out: PathBuf,
}

impl Plan {
    /// Indices of the data sets that rows need.
    pub fn datasets_in_use(&self) -> Vec<usize> {
        (0..self.datasets.len()).filter(|&h| self.rows.iter().any(|row| row.dataset == h)).collect()
    }

    /// Rows and seeds, in the order of their jobs, which follow one job per data set in use.
    pub fn trainings(&self) -> Vec<(Row, u64)> {
        self.seeds.iter().flat_map(|&seed| self.rows.iter().map(move |&row| (row, seed))).collect()
    }

    /// Method of a row.
    pub fn method(&self, row: Row) -> &'static Method {
        &self.spec.methods[row.method]
    }

    /// Its stages.
    pub fn stages(&self, row: Row) -> &'static [Stage] {
        self.spec.program.stages(self.method(row).name)
    }

    /// What is evaluated of each row.
    pub fn checkpoints(&self) -> Vec<&'static str> {
        let program = self.spec.program;
        chosen::checkpoints(program, program.checkpoints().len() + usize::from(self.best_on_test))
    }

    /// The row that must be done before this one.
    pub fn needed(&self, row: Row) -> Option<Row> {
        let name = self.spec.program.needs(self.method(row).name)?;
        self.rows.iter().copied().find(|other| other.dataset == row.dataset && self.method(*other).name == name)
    }

    /// Whether a data set is the first whose rows are made.
    pub fn is_first(&self, dataset: usize) -> bool {
        self.datasets_in_use().first() == Some(&dataset)
    }

    /// When a row with a seed has its turn: 0 for the table's first methods, and for what these need, on the first data set; 1 on
    /// others; 2 for all other rows, and for further seeds.
    pub fn rank(&self, row: Row, seed: u64) -> usize {
        let first = |row: Row| self.spec.first.contains(&self.method(row).name);
        let needed = || self.rows.iter().any(|other| first(*other) && self.needed(*other) == Some(row));
        match seed == self.seeds[0] && (first(row) || needed()) {
            true => usize::from(!self.is_first(row.dataset)),
            false => 2,
        }
    }

    /// Whether a row has begun: one of its stages has a run.
    pub fn has_run(&self, row: Row, seed: u64) -> bool {
        let run = self.run_dir(row, seed);
        self.stages(row).iter().any(|stage| has_run(&run.join(stage.folder)))
    }

    /// The row's name: `dataset/method`.
    pub fn name(&self, row: Row) -> String {
        format!("{}/{}", self.datasets[row.dataset].name, self.method(row).name)
    }

    /// Run folder of a row with a seed. Runs of other settings have other folders.
    pub fn run_dir(&self, row: Row, seed: u64) -> PathBuf {
        self.runs.join(self.run_name(row, seed))
    }

    /// Name of that folder.
    pub fn run_name(&self, row: Row, seed: u64) -> String {
        self.folder(row.dataset, &format!("{}-s{seed}", self.method(row).name), self.variant_settings(row))
    }

    /// What the run of a row with a seed is told of itself.
    pub fn manifest(&self, row: Row, seed: u64) -> Manifest {
        Manifest {
            format: manifest::FORMAT,
            program: self.spec.program.name().into(),
            table: self.spec.name.into(),
            profile: self.profile.name().into(),
            data_set: self.datasets[row.dataset].name.clone(),
            row: self.method(row).name.into(),
            seed,
            name: self.run_name(row, seed),
        }
    }

    /// Folder of a data set's scores without translation.
    fn baseline_dir(&self, dataset: usize) -> PathBuf {
        self.runs.join(self.folder(dataset, "no-translation", &[]))
    }

    fn folder(&self, dataset: usize, what: &str, own: &[String]) -> String {
        let changes: Vec<&String> = self.datasets[dataset].settings.iter().chain(own).chain(&self.sets).collect();
        let digest = match changes.is_empty() {
            true => String::new(),
            false => format!("-{}", &hex::encode(Sha256::digest(json!(changes).to_string()))[..8]),
        };
        names::folder(self.spec.name, self.profile, &self.datasets[dataset].name, &format!("{what}{digest}"))
    }

    /// Scores of no translation at all.
    pub fn baseline_file(&self, dataset: usize) -> PathBuf {
        self.baseline_dir(dataset).join("baseline.json")
    }

    /// The stamp of a data set's baseline.
    pub fn baseline_stamp_file(&self, dataset: usize) -> PathBuf {
        self.stamp_file(&self.baseline_dir(dataset))
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
        format!("{}-{}-{}", self.spec.name, self.datasets[row.dataset].name, self.method(row).name)
    }

    /// Name of the picture of all rows of a data set.
    pub fn picture_of_dataset(&self, dataset: usize) -> String {
        format!("{}-{}.png", self.spec.name, self.datasets[dataset].name)
    }

    /// Configuration of a row.
    pub fn config(&self, row: Row) -> PathBuf {
        let stem = &self.datasets[row.dataset].stem;
        match self.variants.get(row.method) {
            Some(variant) => variant.configuration.file(&self.configs, stem),
            None => {
                let method = self.spec.program.configuration(self.method(row).name);
                self.configs.join(format!("{stem}-{method}.yaml"))
            }
        }
    }

    /// Changes to the configuration of a data set's rows.
    pub fn settings(&self, dataset: usize) -> Vec<String> {
        self.settings_with(dataset, &[])
    }

    /// Changes to the configuration of a row.
    pub fn settings_of(&self, row: Row) -> Vec<String> {
        self.settings_with(row.dataset, self.variant_settings(row))
    }

    /// The data set's changes, then a variant's, then what the call changes, so that the call has the last word.
    fn settings_with(&self, dataset: usize, variant: &[String]) -> Vec<String> {
        let dataset = &self.datasets[dataset];
        // The value is YAML, which holds JSON's strings whatever is in them.
        let root = dataset.own.iter().map(|dir| format!("data.root={}", json!(dir.to_string_lossy())));
        let changes = dataset.settings.iter().chain(variant).chain(&self.sets);
        root.chain(changes.cloned()).collect()
    }

    /// Changes of the row's variant; none where the table's methods have no variants.
    fn variant_settings(&self, row: Row) -> &[String] {
        self.variants.get(row.method).map_or(&[], |variant| &variant.settings)
    }

    /// Checks that every row has a configuration.
    ///
    /// # Errors
    /// [`TableError::NoConfiguration`].
    pub fn check_configs(&self) -> Result<(), TableError> {
        for &row in &self.rows {
            let path = self.config(row);
            if !path.is_file() {
                return Err(TableError::NoConfiguration { path, profile: self.profile.name() });
            }
        }
        Ok(())
    }

    /// Checks that existing run folders are neither overwritten unasked nor mixed up with other settings.
    ///
    /// # Errors
    /// [`TableError::RunFolder`], and those of reading configurations.
    pub fn check_run_folders(&self) -> Result<(), TableError> {
        for (row, seed) in self.trainings() {
            let dir = self.run_dir(row, seed);
            if self.overwrite || !self.has_run(row, seed) {
                continue;
            }
            if !self.resume {
                let why = "there is a run already; --resume goes on with it (or keeps it, if it is finished), --overwrite starts \
                           anew";
                return Err(TableError::RunFolder { path: dir, why });
            }
            if let Ok(found) = input::read_to_string(&self.stamp_file(&dir))
                && found != self.stamp(row)?
            {
                let why = "finished with another configuration, or other images of this name; --overwrite redoes it";
                return Err(TableError::RunFolder { path: dir, why });
            }
        }
        Ok(())
    }

    /// What results are made with: the configuration, with those that it extends, and the changes to it.
    ///
    /// # Errors
    /// [`TableError::Config`].
    pub fn stamp(&self, row: Row) -> Result<String, TableError> {
        self.stamp_with(row, &self.settings_of(row))
    }

    /// The same of a data set's baseline, which is measured with the configuration of one of its rows, but without what is the row's
    /// own.
    ///
    /// # Errors
    /// [`TableError::Config`].
    pub fn baseline_stamp(&self, row: Row) -> Result<String, TableError> {
        self.stamp_with(row, &self.settings(row.dataset))
    }

    fn stamp_with(&self, row: Row, settings: &[String]) -> Result<String, TableError> {
        let mut hash = Sha256::new();
        for source in config::sources(&[self.config(row)])? {
            hash.update(&source.text);
        }
        Ok(json!({"config_sha256": hex::encode(hash.finalize()), "set": settings}).to_string())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_single::TABLE_SINGLE;
    use crate::table2::TABLE_2;
    use crate::testing;

    #[test]
    fn the_papers_method_and_its_base_come_first_and_with_them_what_they_need() {
        let ranks = |spec| {
            let plan = Plan { seeds: vec![777, 778], ..testing::plan(Path::new("."), spec, 2) };
            plan.trainings().iter().map(|&(row, seed)| plan.rank(row, seed)).collect::<Vec<_>>()
        };
        let single = [[2, 2, 2, 2, 2, 0, 2, 2, 2, 0, 2], [2, 2, 2, 2, 2, 1, 2, 2, 2, 1, 2], [2; 11], [2; 11]];
        assert_eq!(ranks(&TABLE_SINGLE), single.concat());
        // Teacher, baseline, ours.
        assert_eq!(ranks(&TABLE_2), [[0, 2, 0], [1, 2, 1], [2; 3], [2; 3]].concat());
        let mut only_second = testing::plan(Path::new("."), &TABLE_SINGLE, 2);
        only_second.rows.retain(|row| row.dataset == 1);
        assert_eq!(only_second.rank(only_second.rows[9], 777), 0);
    }
}
