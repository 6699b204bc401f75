//! Outputs by task and source.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What outputs of one source have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    /// What precedes the last `_` of their names: SOURCE_NUMBER.png
    Name,
    /// Their folder: SOURCE/NUMBER.png
    Folder,
}

/// Places of a task's outputs by source.
pub type Sources = BTreeMap<String, Vec<usize>>;

/// Outputs by task (the folder above) and source.
#[derive(Debug, PartialEq)]
pub struct Groups {
    pub tasks: BTreeMap<PathBuf, Sources>,
}

impl Groups {
    /// Groups outputs by their names. Each source needs two outputs at least.
    pub fn of(names: &[PathBuf], by: GroupBy) -> Result<Self> {
        let mut tasks: BTreeMap<PathBuf, Sources> = BTreeMap::new();
        for (i, name) in names.iter().enumerate() {
            let folder = name.parent().unwrap_or(Path::new(""));
            let (task, source) = match by {
                GroupBy::Name => {
                    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
                    let (source, _) = stem.rsplit_once('_').with_context(|| {
                        format!(
                            "{}: its name does not say its source; expected SOURCE_NUMBER, or --group-by folder",
                            name.display()
                        )
                    })?;
                    (folder, source.to_owned())
                }
                GroupBy::Folder => {
                    let source = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    (folder.parent().unwrap_or(Path::new("")), source)
                }
            };
            tasks.entry(task.to_owned()).or_default().entry(source).or_default().push(i);
        }
        let groups = Self { tasks };
        for (task, sources) in &groups.tasks {
            if let Some((source, _)) = sources.iter().find(|(_, members)| members.len() < 2) {
                bail!("{}: a single output of this source; at least 2 are needed", task.join(source).display());
            }
        }
        Ok(groups)
    }

    /// Number of sources over all tasks.
    pub fn sources(&self) -> usize {
        self.tasks.values().map(BTreeMap::len).sum()
    }

    /// Smallest and largest number of outputs per source.
    pub fn sizes(&self) -> (usize, usize) {
        let sizes = || self.tasks.values().flat_map(BTreeMap::values).map(Vec::len);
        (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str], by: GroupBy) -> Result<Groups> {
        Groups::of(&names.iter().map(PathBuf::from).collect::<Vec<_>>(), by)
    }

    fn sources<const N: usize>(sources: [(&str, Vec<usize>); N]) -> Sources {
        sources.map(|(source, members)| (source.to_owned(), members)).into()
    }

    #[test]
    fn by_name() {
        let names =
            ["a2b/01_1.png", "a2b/01_2.png", "b2a/x_y_1.png", "b2a/x_y_2.png", "b2a/x_z_1.png", "b2a/x_z_2.png"];
        let got = groups(&names, GroupBy::Name).unwrap();
        assert_eq!(got.tasks["a2b".as_ref() as &Path], sources([("01", vec![0, 1])]));
        assert_eq!(got.tasks["b2a".as_ref() as &Path], sources([("x_y", vec![2, 3]), ("x_z", vec![4, 5])]));
        assert_eq!((got.sources(), got.sizes()), (3, (2, 2)));
    }

    #[test]
    fn by_folder() {
        let names = ["a2b/s1/1.png", "a2b/s1/2.png", "a2b/s2/1.png", "a2b/s2/2.png", "a2b/s2/3.png"];
        let got = groups(&names, GroupBy::Folder).unwrap();
        assert_eq!(got.tasks["a2b".as_ref() as &Path], sources([("s1", vec![0, 1]), ("s2", vec![2, 3, 4])]));
        assert_eq!(got.sizes(), (2, 3));
        assert_eq!(groups(&["1.png", "2.png"], GroupBy::Folder).unwrap().sources(), 1);
    }

    #[test]
    fn what_tells_no_source_is_named() {
        let text = |names: &[&str]| groups(names, GroupBy::Name).unwrap_err().to_string();
        assert!(text(&["a/1.png"]).contains("a/1.png") && text(&["a/1.png"]).contains("--group-by folder"));
        assert!(text(&["a/1_1.png", "a/1_2.png", "a/2_1.png"]).contains("a/2: a single output"));
    }
}
