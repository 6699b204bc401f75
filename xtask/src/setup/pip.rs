//! Packages through the Python installer.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `python3 -c CODE` prints; nothing where there is no Python or the code fails.
pub fn python(code: &str) -> Option<String> {
    let output = Command::new("python3").args(["-c", code]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Downloads packages without their dependencies into `dir` and lists the files.
pub fn download(packages: &[&str], dir: &Path) -> Result<Vec<PathBuf>> {
    // What is kept is unpacked: a copy in pip's cache would only fill the disk.
    const DOWNLOAD: [&str; 4] = ["download", "--no-cache-dir", "--no-deps", "--dest"];
    // The native libraries do not depend on Python's version: if this one has no wheels, those of another serve.
    const OTHER: [&str; 7] = [
        "--only-binary=:all:",
        "--python-version=3.12",
        "--implementation=cp",
        "--abi=cp312",
        "--abi=none",
        "--platform=manylinux_2_28_x86_64",
        "--platform=manylinux2014_x86_64",
    ];
    if let Err(failure) = call(&DOWNLOAD, dir, packages)? {
        let again = failure.contains("No matching distribution")
            && call(&DOWNLOAD, dir, &[&OTHER[..], packages].concat())?.is_ok();
        if !again {
            bail!("pip could not fetch {}: {}", packages.join(", "), advice(&failure));
        }
    }
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}

/// Installs a package with its dependencies below `dir`.
pub fn install(package: &str, dir: &Path) -> Result<()> {
    call(&["install", "--target"], dir, &[package])?
        .or_else(|failure| bail!("pip could not install {package}: {}", advice(&failure)))
}

/// Runs pip, its output shown on stderr; the inner error holds what it said when it failed.
fn call(action: &[&str], dir: &Path, packages: &[&str]) -> Result<Result<(), String>> {
    let mut child = Command::new("python3")
        .args(["-m", "pip", "--disable-pip-version-check"])
        .args(action)
        .arg(dir)
        .args(packages)
        .stdin(Stdio::null())
        // Standard output belongs to this program's own results.
        .stdout(std::io::stderr().as_fd().try_clone_to_owned()?)
        .stderr(Stdio::piped())
        .spawn()
        .context("python3 cannot be started; install Python 3 with pip (Debian: apt-get install python3-pip)")?;
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().expect("piped")).lines() {
        let line = line?;
        eprintln!("{line}");
        said.push_str(&line);
        said.push('\n');
    }
    Ok(if child.wait()?.success() { Ok(()) } else { Err(said) })
}

/// What to do about a failure of pip.
fn advice(said: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|w| said.contains(w));
    if has(&["No module named pip"]) {
        "Python has no pip; `python3 -m ensurepip`, or on Debian `apt-get install python3-pip`, installs it"
    } else if has(&["No space left", "Errno 28"]) {
        "the disk is full; free 2 GB, or name other places in XDG_CACHE_HOME and TMPDIR"
    } else if has(&["Connection", "connection", "Name or service", "name resolution", "timed out", "ProxyError"]) {
        "no connection to the package index. Check the network or proxy and try again, or point LIBTORCH at a libtorch \
         2.13.0 that you have; `cargo xtask weights import` takes copies of weights files"
    } else if has(&["No matching distribution"]) {
        "the index has no such version for this system (or cannot be reached, see above); PIP_INDEX_URL and \
         PIP_FIND_LINKS name others"
    } else {
        "see its messages above; the same command tries again"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_what_pip_said() {
        for (said, word) in [
            ("/usr/bin/python3: No module named pip", "ensurepip"),
            ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
            ("NewConnectionError: Failed to establish a new connection", "network"),
            ("ERROR: No matching distribution found for torch==2.13.0", "PIP_INDEX_URL"),
            ("Segmentation fault", "messages above"),
        ] {
            assert!(advice(said).contains(word), "{said}");
        }
    }
}
