//! The runs that tables have left: which rows they are, and what their evaluations translated.

use super::error::TableError;
use super::names::{self, summary_file};
use super::profile::Profile;
use super::spec::{Method, Spec};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A row that is finished.
pub struct Finished {
    /// Its method.
    pub method: &'static Method,
    /// Its run folder.
    pub run: PathBuf,
}

/// Rows that may be shown side by side: of one table, profile and data set, with one seed and the same settings.
pub struct Group {
    /// The table.
    pub spec: &'static Spec,
    /// The profile's name.
    pub profile: &'static str,
    /// The data set's name.
    pub dataset: String,
    /// Finished rows, in the table's order.
    pub rows: Vec<Finished>,
}

/// The finished rows of a table in a folder of runs, a group for each profile and data set: where a row was trained
/// with several seeds or settings, those that most rows have. What has no manifest belongs to no table.
///
/// # Errors
/// [`TableError::Io`] where the folder cannot be listed, [`TableError::Manifest`] where a manifest cannot be read.
pub fn groups(runs: &Path, spec: &'static Spec) -> Result<Vec<Group>, TableError> {
    /// Seed and digest of the settings, which rows of a group share.
    type Alike = (u64, Option<String>);
    /// Places of methods and run folders, by what they share.
    type Rows = BTreeMap<Alike, Vec<(usize, PathBuf)>>;
    let mut found: BTreeMap<(usize, String), Rows> = BTreeMap::new();
    for name in folders(runs)? {
        let run = runs.join(name);
        for (index, method) in spec.methods.iter().enumerate() {
            let stages = spec.program.stages(method.name);
            let Some(manifest) = names::manifest(&run, stages)? else { continue };
            let profile = Profile::ALL.iter().position(|profile| profile.name() == manifest.profile);
            let done = stages.last().is_some_and(|last| summary_file(&run, last).is_file());
            if let Some(profile) =
                profile.filter(|_| done && manifest.table == spec.name && manifest.row == method.name)
            {
                let alike = (manifest.seed, names::settings(&manifest).map(str::to_owned));
                let group = found.entry((profile, manifest.data_set)).or_default();
                group.entry(alike).or_default().push((index, run.clone()));
            }
        }
    }
    let group = |((profile, dataset), alike): ((usize, String), Rows)| {
        // The first of those that have most.
        let mut rows = alike.into_values().rev().max_by_key(Vec::len)?;
        rows.sort_unstable();
        let rows = rows.into_iter().map(|(method, run)| Finished { method: &spec.methods[method], run }).collect();
        Some(Group { spec, profile: Profile::ALL[profile].name(), dataset, rows })
    };
    Ok(found.into_iter().filter_map(group).collect())
}

fn folders(runs: &Path) -> Result<Vec<String>, TableError> {
    if !runs.is_dir() {
        return Ok(vec![]);
    }
    let mut names = vec![];
    for entry in fs::read_dir(runs).map_err(TableError::io(runs))? {
        names.push(entry.map_err(TableError::io(runs))?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

impl Group {
    /// Titles of the rows that are not finished.
    pub fn missing(&self) -> Vec<&'static str> {
        let there = |method: &Method| self.rows.iter().any(|row| row.method.name == method.name);
        self.spec.methods.iter().filter(|method| !there(method)).map(|method| method.title).collect()
    }

    /// Beginning of the names of its files.
    pub fn stem(&self) -> String {
        format!("{}-{}-{}", self.spec.name, self.profile, self.dataset)
    }
}

impl Finished {
    /// Folder of the translations (`real_A`, `fake_B`) that the evaluation of the last checkpoint has left.
    pub fn translations(&self, spec: &Spec) -> Result<PathBuf, TableError> {
        names::translations(spec.program, &self.run, spec.program.checkpoints()[0])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table_single::TABLE_SINGLE;
    use super::super::table2::TABLE_2;
    use super::*;
    use semrel_run::{Manifest, manifest};

    #[test]
    fn rows_of_one_seed_make_a_group() {
        let dir = tempfile::tempdir().unwrap();
        let run = |folder: &str, [table, data_set, row]: [&str; 3], seed: u64, stage: &str, finished: Option<&str>| {
            let text = |text: &str| text.to_owned();
            let manifest = Manifest {
                format: manifest::FORMAT,
                program: text("x"),
                table: text(table),
                profile: text("sample"),
                data_set: text(data_set),
                row: text(row),
                seed,
                name: format!("{table}-sample-{data_set}-{row}-s{seed}"),
            };
            let folder = dir.path().join(folder);
            fs::create_dir_all(folder.join(stage)).unwrap();
            manifest::write(folder.join(stage), &manifest).unwrap();
            if let Some(stage) = finished {
                fs::create_dir_all(folder.join(stage)).unwrap();
                fs::write(folder.join(stage).join("summary.json"), "{}").unwrap();
            }
        };
        // Names of folders tell nothing.
        run("a", ["table-single", "street", "ours"], 777, "", Some(""));
        run("b", ["table-single", "street", "cut"], 777, "", Some(""));
        run("c", ["table-single", "street", "cut"], 778, "", Some(""));
        run("d", ["table-single", "street", "cyclegan"], 777, "", None);
        run("e", ["table-single", "horse2zebra", "ours"], 778, "", Some(""));
        run("f", ["table2", "maps", "ours"], 777, "distill", Some("export"));
        run("g", ["table2", "maps", "teacher"], 777, "", Some(""));
        run("h", ["table2", "maps", "fast"], 777, "distill", None);
        fs::create_dir(dir.path().join("table-single-sample-street-gcgan-s777")).unwrap();
        fs::write(dir.path().join("table-single-sample-street-gcgan-s777/summary.json"), "{}").unwrap();
        let found = |spec| {
            let groups = groups(dir.path(), spec).unwrap();
            let rows = |g: &Group| g.rows.iter().map(|r| r.method.name).collect::<Vec<_>>();
            groups.iter().map(|group| (group.stem(), rows(group))).collect::<Vec<_>>()
        };
        assert_eq!(
            found(&TABLE_SINGLE),
            [
                ("table-single-sample-horse2zebra".to_owned(), vec!["ours"]),
                ("table-single-sample-street".to_owned(), vec!["cut", "ours"])
            ]
        );
        assert_eq!(found(&TABLE_2), [("table2-sample-maps".to_owned(), vec!["teacher", "ours"])]);
        let groups = groups(dir.path(), &TABLE_SINGLE).unwrap();
        assert!(groups[1].rows.iter().all(|row| row.run.is_dir()));
        assert!(groups[1].missing().contains(&"CycleGAN") && !groups[1].missing().contains(&"CUT"));
        assert!(super::groups(&dir.path().join("none"), &TABLE_SINGLE).unwrap().is_empty());
    }
}
