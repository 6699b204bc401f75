//! Where things lie, and how programs of the workspace are built and started.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// The checkout.
pub struct Workspace {
    /// Its root folder.
    pub root: PathBuf,
}

impl Workspace {
    /// The checkout that `cargo xtask` was called in.
    pub fn find() -> Result<Self> {
        // At run time, because checkouts may share a target folder and with it this binary.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().context("xtask has no parent folder")?;
        Ok(Self { root: root.to_owned() })
    }

    /// A file or folder that the user named, from where the user stands; `default`, in the checkout, where none is named.
    pub fn place(&self, named: Option<&Path>, default: impl AsRef<Path>) -> Result<PathBuf> {
        named.map_or_else(|| Ok(self.root.join(default)), |path| Ok(std::path::absolute(path)?))
    }

    /// Folder (mostly a link) of libtorch.
    pub fn libtorch(&self) -> PathBuf {
        self.root.join(".libtorch")
    }

    /// A program started in the root, whatever its place, with libtorch within reach.
    ///
    /// Binaries carry an rpath to `.libtorch` that holds where the target folder lies in the root; the variable serves
    /// target folders elsewhere, and documentation tests.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let variable = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
        let mut folders = vec![self.libtorch().join("lib")];
        if let Some(others) = env::var_os(variable) {
            folders.extend(env::split_paths(&others).filter(|p| !p.as_os_str().is_empty()));
        }
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        if let Ok(joined) = env::join_paths(folders) {
            command.env(variable, joined);
        }
        command
    }

    /// The cargo that runs this program.
    pub fn cargo(&self) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // A relative target folder was meant from where the user stands.
        if let Some(target) = env::var_os("CARGO_TARGET_DIR").filter(|t| !t.is_empty())
            && let Ok(absolute) = std::path::absolute(target)
        {
            command.env("CARGO_TARGET_DIR", absolute);
        }
        command
    }

    /// Has a dependency compiled again: bindings that were compiled for another libtorch keep its list of libraries.
    pub fn forget(&self, package: &str) -> Result<()> {
        let status = self.cargo().args(["clean", "--package", package]).status().context("cargo cannot be started")?;
        ensure!(status.success(), "`cargo clean --package {package}` failed; its messages are above");
        Ok(())
    }

    /// Builds a binary of the workspace, cargo's progress on stderr, and tells where it lies.
    pub fn build(&self, package: &str) -> Result<PathBuf> {
        let mut cargo = self.cargo();
        cargo.args(["build", "--package", package, "--bin", package, "--message-format=json-render-diagnostics"]);
        let mut child = cargo.stdout(Stdio::piped()).spawn().context("cargo cannot be started")?;
        let mut executable = None;
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
            if message["target"]["name"] == package
                && let Some(path) = message["executable"].as_str()
            {
                executable = Some(PathBuf::from(path));
            }
        }
        if !child.wait()?.success() {
            bail!("`cargo build --package {package}` failed; its messages are above");
        }
        executable.with_context(|| format!("cargo built no binary `{package}`"))
    }
}

/// A child's exit status as this program's own.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
