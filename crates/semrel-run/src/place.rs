//! Where a command may write: beside what it reads, and never over it.

use crate::input;
use crate::run_dir::{CONFIG, is_own};
use crate::{lock, search};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Endings of the names of pictures.
const PICTURES: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "ppm", "pgm", "webp"];

/// A place that an option names and that is not to be written to.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It lies among the pictures that the command reads.
    #[error(
        "{option} {}: lies in {}, which `{key}` names and whose pictures it would join; choose another place",
        place.display(), folder.display()
    )]
    AmongInputs {
        /// The option.
        option: &'static str,
        /// Its value.
        place: PathBuf,
        /// The configuration's key.
        key: &'static str,
        /// What it names.
        folder: PathBuf,
    },
    /// It is a file that the command reads.
    #[error("{option} {}: this is the file that `{key}` names; choose another place", place.display())]
    Read {
        /// The option.
        option: &'static str,
        /// Its value.
        place: PathBuf,
        /// The configuration's key.
        key: &'static str,
    },
    /// It is a part of a run.
    #[error("{option} {}: belongs to the run {}, which this would damage; choose another place", place.display(), run.display())]
    OfRun {
        /// The option.
        option: &'static str,
        /// Its value.
        place: PathBuf,
        /// The run's folder.
        run: PathBuf,
    },
    /// A file of another kind is there.
    #[error("{option} {}: there is a file of another kind; expected {expected}, or a name that is free", place.display())]
    OtherFile {
        /// The option.
        option: &'static str,
        /// Its value.
        place: PathBuf,
        /// What may be replaced.
        expected: &'static str,
    },
    /// A file where a folder is needed, or a folder where a file is.
    #[error("{option} {}: {what}", place.display())]
    Kind {
        /// The option.
        option: &'static str,
        /// Its value.
        place: PathBuf,
        /// What it is, and what is needed.
        what: &'static str,
    },
}

/// What an option makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Files in a folder.
    Folder,
    /// A JSON file.
    Json,
    /// A file of tensors.
    Safetensors,
    /// A picture.
    Picture,
}

impl Made {
    /// Whether a file that begins with these bytes may be replaced.
    fn replaces(self, head: &[u8]) -> bool {
        let marks: &[&[u8]] = match self {
            Self::Folder => return false,
            Self::Json => {
                return head.iter().find(|byte| !byte.is_ascii_whitespace()).is_none_or(|byte| *byte == b'{');
            }
            // The length of the header, below 4 GB, and the header.
            Self::Safetensors => return head.is_empty() || head.get(4..9) == Some(b"\0\0\0\0{"),
            Self::Picture => &[b"\x89PNG\r\n", b"\xFF\xD8\xFF", b"BM", b"II*\0", b"MM\0*", b"P6\n"],
        };
        head.is_empty() || marks.iter().any(|mark| head.starts_with(mark)) || head.get(8..12) == Some(b"WEBP")
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Folder => "a folder",
            Self::Json => "JSON",
            Self::Safetensors => "safetensors",
            Self::Picture => "a picture",
        }
    }
}

/// Refuses the `place` that `option` names where pictures written there would join the folders that are read (`inputs`, each
/// with the key that names it), where it is a file that is read or a part of a run, or where a file of another kind is. Where
/// the current folder lies in a folder that is read, as everything then does, only its folders of pictures are refused. Changes
/// nothing.
///
/// # Errors
/// [`PlaceError`] names the option.
pub fn check(
    option: &'static str,
    place: &Path,
    made: Made,
    inputs: &[(&'static str, Option<&Path>)],
) -> Result<(), PlaceError> {
    let owned = || place.to_owned();
    let kind = |what| Err(PlaceError::Kind { option, place: owned(), what });
    match (made, place.is_dir(), place.is_file()) {
        (Made::Folder, _, true) => return kind("a file; the output is a folder"),
        (Made::Folder, ..) => {}
        (_, true, _) => return kind("a folder; the output is a file"),
        (_, _, true) if !head(place).is_some_and(|head| made.replaces(&head)) => {
            return Err(PlaceError::OtherFile { option, place: owned(), expected: made.expected() });
        }
        _ => {}
    }
    let resolved = resolve(place);
    beside_inputs(option, place, &resolved, made, inputs)?;
    match run_of(&resolved, made) {
        Some(run) => Err(PlaceError::OfRun { option, place: owned(), run }),
        None => Ok(()),
    }
}

/// Refuses the `folder` of a run that `option` names where its pictures would join those that are read: as [`check`], but a run
/// may be there. Changes nothing.
///
/// # Errors
/// [`PlaceError::AmongInputs`] names the option.
pub fn check_run(
    option: &'static str,
    folder: &Path,
    inputs: &[(&'static str, Option<&Path>)],
) -> Result<(), PlaceError> {
    beside_inputs(option, folder, &resolve(folder), Made::Folder, inputs)
}

/// Refuses a `place` that joins or is what is read.
fn beside_inputs(
    option: &'static str,
    place: &Path,
    resolved: &Path,
    made: Made,
    inputs: &[(&'static str, Option<&Path>)],
) -> Result<(), PlaceError> {
    let owned = || place.to_owned();
    let here = resolve(Path::new("."));
    for (key, read) in inputs.iter().filter_map(|(key, read)| Some((*key, (*read)?))) {
        let root = resolve(read);
        let joins = match made {
            Made::Folder | Made::Picture if here.starts_with(&root) => joins_pictures(resolved, &root),
            Made::Folder | Made::Picture => resolved.starts_with(&root) && root.is_dir(),
            Made::Json | Made::Safetensors => false,
        };
        if joins {
            return Err(PlaceError::AmongInputs { option, place: owned(), key, folder: read.to_owned() });
        }
        if resolved == root && root.is_file() {
            return Err(PlaceError::Read { option, place: owned(), key });
        }
    }
    Ok(())
}

/// Whether `place` is a folder of pictures below `root`, or lies in one.
fn joins_pictures(place: &Path, root: &Path) -> bool {
    place.ancestors().take(2).take_while(|folder| *folder != root && folder.starts_with(root)).any(|folder| {
        let mut names = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        names.any(|name| {
            let ending = name.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
            ending.is_some_and(|ending| PICTURES.contains(&&*ending))
        })
    })
}

/// The run whose own files would be written to at `place`.
fn run_of(place: &Path, made: Made) -> Option<PathBuf> {
    let is_run = |folder: &Path| {
        folder.join(CONFIG).is_file() && folder.join(lock::FILE).is_file() || folder.join(search::RESULTS).is_file()
    };
    let run = place.ancestors().find(|folder| is_run(folder))?;
    let rest = place.strip_prefix(run).ok()?;
    let damaged = match rest.components().next() {
        None => made == Made::Folder,
        Some(first) => is_own(&first.as_os_str().to_string_lossy()),
    };
    damaged.then(|| run.to_owned())
}

/// First bytes of a file; `None` where it cannot be read.
fn head(file: &Path) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = vec![];
    input::open(file).ok()?.take(64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// An absolute path without links and dots, whether or not all of it exists.
fn resolve(path: &Path) -> PathBuf {
    let mut missing: Vec<Component<'_>> = vec![];
    let mut there = path;
    loop {
        let known = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        if let Ok(real) = fs::canonicalize(known) {
            let mut resolved = real;
            for part in missing.iter().rev() {
                match part {
                    Component::ParentDir => {
                        resolved.pop();
                    }
                    other => resolved.push(other),
                }
            }
            return resolved;
        }
        let (Some(parent), Some(last)) = (there.parent(), there.components().next_back()) else {
            return path.to_owned();
        };
        missing.push(last);
        there = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(option: &'static str, place: &Path, made: Made, inputs: &[(&'static str, Option<&Path>)]) -> String {
        check(option, place, made, inputs).map_or_else(|error| error.to_string(), |()| "written".to_owned())
    }

    #[test]
    fn nothing_joins_the_pictures_that_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("photos");
        fs::create_dir_all(root.join("trainA")).unwrap();
        let inputs = [("data.root", Some(&*root)), ("eval.truth", None)];
        for inside in [
            root.clone(),
            root.join("trainA"),
            root.join("new/deep"),
            root.join("trainA/../x"),
            root.join("new/../../photos/y"),
        ] {
            let said = text("--images", &inside, Made::Folder, &inputs);
            assert!(said.contains("--images") && said.contains("`data.root` names"), "{said}");
        }
        assert!(text("--out", &root.join("s.png"), Made::Picture, &inputs).contains("`data.root` names"));
        // What is not a picture joins none.
        assert_eq!(text("--out", &root.join("s.json"), Made::Json, &inputs), "written");
        for beside in [dir.path().join("photos2"), root.join("../out"), dir.path().join("new/deep")] {
            assert_eq!(text("--images", &beside, Made::Folder, &inputs), "written");
        }
        // Everything lies in a folder that holds the current one: then only folders of pictures are refused.
        let everything = [("data.root", Some(Path::new("/")))];
        let free = dir.path().join("new");
        assert_eq!(text("--images", &free, Made::Folder, &everything), "written");
        fs::write(root.join("trainA/a.JPG"), "").unwrap();
        let said = text("--images", &root.join("trainA/new"), Made::Folder, &everything);
        assert!(said.contains("`data.root` names"), "{said}");
    }

    #[test]
    fn files_that_are_read_are_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("weights.safetensors");
        fs::write(&file, b"\x10\0\0\0\0\0\0\0{\"a\":").unwrap();
        let said = text("--out", &file, Made::Safetensors, &[("eval.extractor_weights", Some(&file))]);
        assert!(said.contains("the file that `eval.extractor_weights` names"), "{said}");
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_hide_where_a_place_lies() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("photos");
        fs::create_dir_all(&root).unwrap();
        std::os::unix::fs::symlink(&root, dir.path().join("link")).unwrap();
        let said = text("--images", &dir.path().join("link/new"), Made::Folder, &[("data.root", Some(&root))]);
        assert!(said.contains("`data.root` names"), "{said}");
    }

    #[test]
    fn runs_are_not_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let (run, search) = (dir.path().join("run"), dir.path().join("search"));
        fs::create_dir_all(run.join("checkpoints/step-00000001")).unwrap();
        fs::create_dir_all(&search).unwrap();
        for file in ["run/config.yaml", "run/summary.json", "run/.semrel.lock", "run/scores.json", "search/search.json"]
        {
            fs::write(dir.path().join(file), "{}").unwrap();
        }
        for (place, made) in [
            (run.clone(), Made::Folder),
            (run.join("checkpoints"), Made::Folder),
            (run.join("checkpoints/step-00000001/scores.json"), Made::Json),
            (run.join("samples/mine"), Made::Folder),
            (run.join("summary.json"), Made::Json),
            (search.clone(), Made::Folder),
            (search.join("search.json"), Made::Json),
        ] {
            let said = text("--out", &place, made, &[]);
            assert!(said.contains("belongs to the run"), "{}: {said}", place.display());
        }
        // Scores that are written again.
        for (place, made) in [(run.join("scores.json"), Made::Json), (run.join("results/mine"), Made::Folder)] {
            assert_eq!(text("--out", &place, made, &[]), "written");
        }
    }

    #[test]
    fn runs_go_on_where_they_are_and_join_no_pictures() {
        let dir = tempfile::tempdir().unwrap();
        let (root, run) = (dir.path().join("photos"), dir.path().join("run"));
        fs::create_dir_all(root.join("train")).unwrap();
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("config.yaml"), "{}").unwrap();
        fs::write(run.join(".semrel.lock"), "").unwrap();
        let inputs = [("data.root", Some(&*root))];
        assert!(check_run("--run-dir", &run, &inputs).is_ok());
        let said = check_run("--run-dir", &root.join("train/run"), &inputs).unwrap_err().to_string();
        assert!(said.contains("--run-dir") && said.contains("`data.root` names"), "{said}");
    }

    #[test]
    fn files_of_other_kinds_are_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("run.yaml"), "name: mine\n").unwrap();
        fs::write(at("scores.json"), "\n{\"fd\": 1}").unwrap();
        fs::write(at("horse.jpg"), b"\xFF\xD8\xFF\xE0").unwrap();
        fs::write(at("g.safetensors"), b"\x10\0\0\0\0\0\0\0{\"a\":").unwrap();
        fs::write(at("empty"), "").unwrap();
        assert!(text("--out", &at("run.yaml"), Made::Json, &[]).contains("expected JSON, or a name that is free"));
        assert!(text("--out", &at("horse.jpg"), Made::Safetensors, &[]).contains("expected safetensors"));
        assert!(text("--out", &at("g.safetensors"), Made::Picture, &[]).contains("expected a picture"));
        for (name, made) in [
            ("scores.json", Made::Json),
            ("g.safetensors", Made::Safetensors),
            ("horse.jpg", Made::Picture),
            ("empty", Made::Json),
        ] {
            assert_eq!(text("--out", &at(name), made, &[]), "written", "{name}");
        }
        assert!(text("--out", &at("scores.json"), Made::Folder, &[]).contains("a file; the output is a folder"));
        assert!(text("--out", dir.path(), Made::Json, &[]).contains("a folder; the output is a file"));
    }
}
