//! The runs that tables have left: which rows they are, and what their evaluations translated.

use super::calls::summary_file;
use super::plan::eval_file;
use super::results;
use super::rows::Profile;
use super::spec::{Method, Spec};
use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Picture that a program has drawn of a run, in the run's folder.
pub const DRAWING: &str = "drawing.png";

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
    pub half: String,
    /// Finished rows, in the table's order.
    pub rows: Vec<Finished>,
}

/// What the name of a run folder tells.
pub struct RunName {
    /// Profile.
    pub profile: Profile,
    /// Data set.
    pub half: String,
    /// Index of the method.
    pub method: usize,
    /// Seed.
    pub seed: u64,
    /// `s<seed>`, with the digest of changed settings behind it if there are any.
    pub tail: String,
}

impl RunName {
    /// Digest of the changed settings, where there are any.
    pub fn settings(&self) -> Option<&str> {
        self.tail.split_once('-').map(|(_, digest)| digest)
    }
}

/// The finished rows of a table in a folder of runs, a group for each profile and data set: where a row was trained
/// with several seeds or settings, those that most rows have.
pub fn groups(runs: &Path, spec: &'static Spec) -> Result<Vec<Group>> {
    let mut found: BTreeMap<(usize, String), BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for name in folders(runs)? {
        let Some(RunName { profile, half, method, tail, .. }) = run_name(spec, &name) else { continue };
        let stages = (spec.program.stages)(spec.methods[method].name);
        if stages.last().is_some_and(|last| summary_file(&runs.join(&name), last).is_file()) {
            found.entry((profile as usize, half)).or_default().entry(tail).or_default().push(method);
        }
    }
    let group = |((profile, half), tails): ((usize, String), BTreeMap<String, Vec<usize>>)| {
        let profile = Profile::value_variants()[profile].name();
        // The first of those that have most.
        let (tail, mut methods) = tails.into_iter().rev().max_by_key(|(_, methods)| methods.len())?;
        methods.sort_unstable();
        let row = |m: usize| {
            let method = &spec.methods[m];
            let run = runs.join(format!("{}-{profile}-{half}-{}-{tail}", spec.name, method.name));
            Finished { method, run }
        };
        let rows = methods.into_iter().map(row).collect();
        Some(Group { spec, profile, half, rows })
    };
    Ok(found.into_iter().filter_map(group).collect())
}

fn folders(runs: &Path) -> Result<Vec<String>> {
    if !runs.is_dir() {
        return Ok(vec![]);
    }
    let mut names = vec![];
    for entry in fs::read_dir(runs).with_context(|| runs.display().to_string())? {
        names.push(entry.with_context(|| runs.display().to_string())?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Reads `<table>-<profile>-<half>-<method>-s<seed>[-<digest>]`. Halves and methods may have hyphens in them.
pub fn run_name(spec: &Spec, name: &str) -> Option<RunName> {
    let rest = name.strip_prefix(spec.name)?.strip_prefix('-')?;
    let (profile, rest) = Profile::value_variants()
        .iter()
        .find_map(|profile| Some((*profile, rest.strip_prefix(profile.name())?.strip_prefix('-')?)))?;
    let seed_of = |part: &str| part.strip_prefix('s')?.parse::<u64>().ok();
    let (before, last) = rest.rsplit_once('-')?;
    let (row, seed, tail) = match seed_of(last) {
        Some(seed) => (before, seed, last.to_owned()),
        None => {
            let (before, part) = before.rsplit_once('-')?;
            (before, seed_of(part)?, format!("{part}-{last}"))
        }
    };
    // `dce-src` ends with `src`, too.
    let fits =
        |m: &usize| row.strip_suffix(spec.methods[*m].name).is_some_and(|half| half.len() > 1 && half.ends_with('-'));
    let method = (0..spec.methods.len()).filter(fits).max_by_key(|m| spec.methods[*m].name.len())?;
    let half = row.strip_suffix(spec.methods[method].name)?.strip_suffix('-')?;
    Some(RunName { profile, half: half.to_owned(), method, seed, tail })
}

impl Group {
    /// Titles of the rows that are not finished.
    pub fn missing(&self) -> Vec<&'static str> {
        let there = |method: &Method| self.rows.iter().any(|row| row.method.name == method.name);
        self.spec.methods.iter().filter(|method| !there(method)).map(|method| method.title).collect()
    }

    /// Beginning of the names of its files.
    pub fn stem(&self) -> String {
        format!("{}-{}-{}", self.spec.name, self.profile, self.half)
    }
}

impl Finished {
    /// Folder of the translations (`real_A`, `fake_B`) that the evaluation of the last checkpoint has left.
    pub fn translations(&self, spec: &Spec) -> Result<PathBuf> {
        translations(&self.run, spec.program.checkpoints[0])
    }
}

/// Folder of the translations of a run's checkpoint.
pub fn translations(run: &Path, checkpoint: &str) -> Result<PathBuf> {
    let eval: Value = results::read(&eval_file(run, checkpoint))?;
    if let Some(folder) = eval["images"].as_str() {
        return Ok(run.join(folder));
    }
    let step = eval["step"].as_u64().context("the evaluation does not tell its step")?;
    Ok(run.join("results").join(format!("test_{step}")).join("images"))
}

#[cfg(test)]
mod tests {
    use super::super::table_single::TABLE_SINGLE;
    use super::super::table3::TABLE_3;
    use super::*;

    #[test]
    fn names_of_runs_are_read() {
        let of = |spec: &Spec, name: &str| {
            run_name(spec, name).map(|n| (n.profile.name(), n.half, spec.methods[n.method].name, n.tail))
        };
        let row = |p, h: &str, m, s: &str| Some((p, h.to_owned(), m, s.to_owned()));
        assert_eq!(of(&TABLE_SINGLE, "table-single-sample-street-ours-s777"), row("sample", "street", "ours", "s777"));
        assert_eq!(
            of(&TABLE_SINGLE, "table-single-small-my-own-cut-s778-0a1b2c3d"),
            row("small", "my-own", "cut", "s778-0a1b2c3d")
        );
        assert_eq!(
            of(&TABLE_3, "table3-sample-street-infonce-src-s777"),
            row("sample", "street", "infonce-src", "s777")
        );
        for name in
            ["table-single-sample-street-no-translation", "table3-sample-street-ours-s777", "x", "table-single-"]
        {
            assert_eq!(of(&TABLE_SINGLE, name), None, "{name}");
        }
    }

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
