//! axe-core, which looks for what keeps people out.

use crate::BrowserError;
use crate::find::on_path;
use semrel_run::atomic;
use semrel_weights::cache;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = "4.14.1";

/// Runs all rules and returns what failed; the page's own objects are left alone.
pub const RUN: &str = "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)";

/// The script, fetched where it is not there yet.
pub fn source() -> Result<String, BrowserError> {
    let path = script()?;
    fs::read_to_string(&path).map_err(|source| BrowserError::File { path, source })
}

/// The script's file.
pub fn script() -> Result<PathBuf, BrowserError> {
    let folder = cache().join("npm");
    let file = folder.join(format!("axe-core-{VERSION}.min.js"));
    if !file.is_file() {
        fetch(&folder, &file)?;
    }
    Ok(file)
}

/// Installs the package in a folder of its own and keeps the one file, so that tests that run at the same time do not meet.
fn fetch(folder: &Path, file: &Path) -> Result<(), BrowserError> {
    let npm = on_path("npm").ok_or_else(|| {
        BrowserError::NoAxe(format!("{} is not there, and PATH has no npm to fetch it with", file.display()))
    })?;
    let failed = |source| BrowserError::File { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let temporary = tempfile::Builder::new().prefix("fetch-").tempdir_in(folder).map_err(failed)?;
    let package = format!("axe-core@{VERSION}");
    let quiet = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let mut command = Command::new(npm);
    command.args(["install", "--prefix"]).arg(temporary.path()).args(quiet).arg(&package);
    let output = command.stdin(Stdio::null()).current_dir(temporary.path()).output().map_err(failed)?;
    let fetched = temporary.path().join("node_modules/axe-core/axe.min.js");
    if !output.status.success() || !fetched.is_file() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BrowserError::NoAxe(format!("npm cannot install {package}: {said}")));
    }
    atomic::put(&fetched, file).map_err(|error| BrowserError::File { path: error.path, source: error.reason })
}

/// What a rule says, in a line: its name, what it asks for, and where.
pub fn lines(violations: &Value) -> Vec<String> {
    let of_rule = |violation: &Value| {
        let text = |key: &str| violation[key].as_str().unwrap_or("?").to_owned();
        let nodes = violation["nodes"].as_array().map_or(&[][..], Vec::as_slice);
        let places: Vec<String> =
            nodes.iter().take(5).map(|node| format!("{} {}", node["target"], node["html"])).collect();
        format!("{}: {} ({} places: {})", text("id"), text("help"), nodes.len(), places.join("; "))
    };
    violations.as_array().map_or_else(Vec::new, |list| list.iter().map(of_rule).collect())
}
