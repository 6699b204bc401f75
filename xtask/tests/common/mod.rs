//! What the tests of the command line share.
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod pages;
pub mod typed;

use assert_cmd::Command;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub fn xtask() -> Command {
    Command::cargo_bin("xtask").unwrap()
}

/// A folder of two domains with three small images each.
pub fn images(dir: &Path) -> PathBuf {
    let root = dir.join("photos");
    for domain in ["day", "night"] {
        fs::create_dir_all(root.join(domain)).unwrap();
        for i in 0..3 {
            // A whole image of two pixels.
            fs::write(root.join(domain).join(format!("{i}.ppm")), b"P6 2 1 255\n012345").unwrap();
        }
    }
    root
}

/// A table of the images in `photos`, with configurations of its rows, and a script in place of its program.
pub struct Stage {
    dir: tempfile::TempDir,
    table: &'static str,
    variable: &'static str,
}

impl Stage {
    pub fn new(table: &'static str, variable: &'static str, script: &str, methods: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for method in methods {
            fs::write(dir.path().join(format!("data-{method}.yaml")), "train: {iterations: 5}\n").unwrap();
        }
        let program = dir.path().join("stand-in");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir, table, variable }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn args(&self) -> Vec<PathBuf> {
        let options = [("--data", "photos"), ("--configs", "."), ("--out", "out"), ("--runs", "runs")];
        options.iter().flat_map(|(option, name)| [PathBuf::from(option), self.path(name)]).collect()
    }

    pub fn table(&self, args: &[&str]) -> Command {
        let mut command = xtask();
        command.env(self.variable, self.path("stand-in")).arg(self.table).args(self.args()).args(args);
        command
    }

    /// Calls of the script since the last look.
    pub fn calls(&self) -> String {
        let file = self.path("stand-in.calls");
        let calls = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        calls
    }
}
