//! The core set of the reference vectors is whole and small.

use semrel_testkit::owners::OWNERS;
use semrel_testkit::{Case, core_dir};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn cases() -> Vec<String> {
    let list = fs::read_to_string(core_dir().join("cases.txt")).unwrap();
    list.lines().map(str::to_owned).collect()
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { size(&path) } else { path.metadata().unwrap().len() }).sum()
}

#[test]
fn every_kind_is_there_once_and_the_set_is_small() {
    let mut kinds = BTreeSet::new();
    for case in cases() {
        let case = Case::load(&core_dir().join(case)).unwrap();
        assert!(kinds.insert(case.kind.clone()), "{} is there twice", case.kind);
    }
    let known: BTreeSet<String> = OWNERS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    assert_eq!(kinds, known);
    assert!(size(&core_dir()) < 7_500_000, "{} bytes", size(&core_dir()));
}

#[test]
fn folders_and_list_agree() {
    let listed: BTreeSet<String> = cases().into_iter().collect();
    let folders = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    };
    let found = folders(&core_dir()).into_iter().flat_map(|area| {
        let cases = folders(&core_dir().join(&area));
        cases.into_iter().map(move |case| format!("{area}/{case}"))
    });
    assert_eq!(found.collect::<BTreeSet<String>>(), listed);
}
