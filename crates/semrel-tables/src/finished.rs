//! The runs that tables have left: which rows they are, and what their evaluations translated.

use super::error::TableError;
use super::names::{self, RunName, run_name, summary_file};
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
/// with several seeds or settings, those that most rows have.
///
/// # Errors
/// [`TableError::Io`] where the folder cannot be listed.
pub fn groups(runs: &Path, spec: &'static Spec) -> Result<Vec<Group>, TableError> {
    let mut found: BTreeMap<(usize, String), BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for name in folders(runs)? {
        let Some(RunName { profile, dataset, method, tail, .. }) = run_name(spec, &name) else { continue };
        let stages = spec.program.stages(spec.methods[method].name);
        if stages.last().is_some_and(|last| summary_file(&runs.join(&name), last).is_file()) {
            found.entry((profile as usize, dataset)).or_default().entry(tail).or_default().push(method);
        }
    }
    let group = |((profile, dataset), tails): ((usize, String), BTreeMap<String, Vec<usize>>)| {
        let profile = Profile::ALL[profile];
        // The first of those that have most.
        let (tail, mut methods) = tails.into_iter().rev().max_by_key(|(_, methods)| methods.len())?;
        methods.sort_unstable();
        let row = |m: usize| {
            let method = &spec.methods[m];
            let run = runs.join(names::folder(spec.name, profile, &dataset, &format!("{}-{tail}", method.name)));
            Finished { method, run }
        };
        let rows = methods.into_iter().map(row).collect();
        Some(Group { spec, profile: profile.name(), dataset, rows })
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
        names::translations(&self.run, spec.program.checkpoints()[0])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table_single::TABLE_SINGLE;
    use super::*;

    #[test]
    fn rows_of_one_seed_make_a_group() {
        let dir = tempfile::tempdir().unwrap();
        let run = |name: &str, finished: bool| {
            let folder = dir.path().join(format!("table-single-sample-{name}"));
            fs::create_dir(&folder).unwrap();
            if finished {
                fs::write(folder.join("summary.json"), "{}").unwrap();
            }
        };
        run("street-ours-s777", true);
        run("street-cut-s777", true);
        run("street-cut-s778", true);
        run("street-cyclegan-s777", false);
        run("horse2zebra-ours-s778", true);
        let groups = groups(dir.path(), &TABLE_SINGLE).unwrap();
        let names: Vec<(String, Vec<&str>)> =
            groups.iter().map(|g| (g.stem(), g.rows.iter().map(|r| r.method.name).collect())).collect();
        assert_eq!(
            names,
            [
                ("table-single-sample-horse2zebra".to_owned(), vec!["ours"]),
                ("table-single-sample-street".to_owned(), vec!["cut", "ours"])
            ]
        );
        assert!(groups[1].rows.iter().all(|row| row.run.is_dir()));
        assert!(groups[1].missing().contains(&"CycleGAN") && !groups[1].missing().contains(&"CUT"));
        assert!(super::groups(&dir.path().join("none"), &TABLE_SINGLE).unwrap().is_empty());
    }
}
