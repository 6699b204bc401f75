//! Where the cases lie: the core set of the repository, and folders of the whole set.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The core set: one case of every kind.
pub fn core_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Where the whole set is looked for unless `SEMREL_VECTORS` is set: `../shared/vectors` and `../shared/vectors-new` beside the
/// checkout.
pub(crate) fn beside() -> [PathBuf; 2] {
    ["vectors", "vectors-new"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name))
}

/// Folders of cases besides the core set: those that `SEMREL_VECTORS` lists as `PATH` does, none where it is empty;
/// `../shared/vectors` and `../shared/vectors-new` beside the checkout where it is not set, as far as they exist.
pub fn whole_dirs() -> Vec<PathBuf> {
    match std::env::var_os("SEMREL_VECTORS") {
        Some(list) => listed(&list),
        None => beside().into_iter().filter(|folder| folder.exists()).collect(),
    }
}

fn listed(list: &OsStr) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut folders: Vec<PathBuf> = match list.is_empty() {
        true => vec![],
        false => std::env::split_paths(list).collect(),
    };
    // A folder that is listed twice runs once.
    folders.retain(|folder| seen.insert(fs::canonicalize(folder).unwrap_or_else(|_| folder.clone())));
    folders
}

/// The folders of the cases of an area, in order.
pub(crate) fn cases(folder: &Path, area: &str) -> Vec<PathBuf> {
    folders_in(&folder.join(area))
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .map(|entries| entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_dir()).collect())
        .unwrap_or_default();
    folders.sort();
    folders
}

/// What is wrong with a folder of cases, if anything: it does not exist, or holds no case.
pub(crate) fn fault(folder: &Path) -> Option<String> {
    let shown = match folder.as_os_str().is_empty() {
        true => "an empty entry".to_owned(),
        false => folder.display().to_string(),
    };
    if !folder.is_dir() {
        return Some(format!("SEMREL_VECTORS lists {shown}, which is not a folder"));
    }
    let holds_a_case = |area: &PathBuf| folders_in(area).iter().any(|case| case.join("case.json").is_file());
    let empty = !folders_in(folder).iter().any(holds_a_case);
    empty.then(|| format!("{shown} holds no case: a folder of reference vectors has files <area>/<case>/case.json"))
}

/// Gives each label once: of two folders that share a name, the second case is named after its folder as well.
#[derive(Default)]
pub(crate) struct Labels(BTreeMap<String, PathBuf>);

impl Labels {
    /// The label of the case at `path`, which lies in `folder`.
    pub(crate) fn of(&mut self, folder: &Path, path: &Path) -> String {
        let inner = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        if *folder == core_dir() {
            return format!("core/{inner}");
        }
        let first = self.0.entry(inner.clone()).or_insert_with(|| folder.to_owned());
        if first == folder { inner } else { format!("{inner} ({})", folder.display()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_path_is() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
        fs::create_dir(&one).unwrap();
        let list = std::env::join_paths([&one, &two, &dir.path().join("two/../one"), &one]).unwrap();
        assert_eq!(listed(&list)[..2], [one.clone(), two]);
        assert!(!listed(&list)[2..].contains(&one));
        assert_eq!(listed(OsStr::new("")), Vec::<PathBuf>::new());
    }

    #[test]
    fn absent_and_empty_folders_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let absent = fault(&dir.path().join("absent")).unwrap();
        assert!(absent.contains("absent, which is not a folder"), "{absent}");
        assert!(fault(Path::new("")).unwrap().contains("an empty entry"));
        fs::create_dir_all(dir.path().join("area/case")).unwrap();
        let empty = fault(dir.path()).unwrap();
        assert!(empty.contains("holds no case") && empty.contains(dir.path().to_str().unwrap()), "{empty}");
        fs::write(dir.path().join("area/case/case.json"), "{}").unwrap();
        assert_eq!(fault(dir.path()), None);
    }

    #[test]
    fn labels_are_unique() {
        let mut labels = Labels::default();
        let mut of = |folder: &Path| labels.of(folder, &folder.join("area/case"));
        assert_eq!(of(&core_dir()), "core/area/case");
        assert_eq!(of(Path::new("/a")), "area/case");
        assert_eq!(of(Path::new("/b")), "area/case (/b)");
    }
}
