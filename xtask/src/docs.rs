//! `cargo xtask docs`: the reference of the YAML files, written from the code, and the book.

use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Programs whose configurations are explained.
const PROGRAMS: [&str; 3] = ["stargan2-multi", "cut-single", "gancomp-fast"];

/// The version that is installed where there is none.
const MDBOOK: &str = "0.5.4";

/// Write the reference of the YAML files from the code, and build the book of docs/
///
/// docs/reference/PROGRAM.md is rewritten from the documentation of the configuration's code. Then mdbook turns docs/
/// into pages that open in a browser, in results/docs. If `mdbook` is not on the PATH, it is compiled once by `cargo
/// install` into ~/.cache/semrel/tools, which takes minutes.
#[derive(clap::Args)]
pub struct Args {
    /// Write only the reference
    #[arg(long)]
    reference: bool,
    /// Folder of the book [default: results/docs, in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with = "reference")]
    out: Option<PathBuf>,
}

pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let out = workspace.place(args.out.as_deref(), "results/docs")?;
    for program in PROGRAMS {
        renew(workspace, program)?;
    }
    if args.reference {
        return Ok(ExitCode::SUCCESS);
    }
    let mdbook = mdbook(workspace)?;
    let mut build = Command::new(&mdbook);
    build.arg("build").arg(workspace.root.join("docs")).arg("--dest-dir").arg(&out).stdout(stderr()?);
    ensure!(build.status().with_context(|| mdbook.display().to_string())?.success(), "mdbook failed; see above");
    println!("{}", out.join("index.html").display());
    Ok(ExitCode::SUCCESS)
}

/// Writes the page of a program's configuration if it is another than the one that is there.
fn renew(workspace: &Workspace, program: &str) -> Result<()> {
    let binary = setup::program(workspace, program)?;
    let output = workspace.command(&binary).arg("config-schema").stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{program} cannot be started"))?;
    ensure!(output.status.success(), "`{program} config-schema` failed; see above");
    let schema: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`{program} config-schema` did not print JSON"))?;
    let file = workspace.root.join("docs/reference").join(program).with_extension("md");
    let page = semrel_help::reference(program, &schema);
    if fs::read_to_string(&file).is_ok_and(|old| old == page) {
        eprintln!("{}: up to date", file.display());
    } else {
        fs::write(&file, page).with_context(|| file.display().to_string())?;
        eprintln!("{}: written", file.display());
    }
    Ok(())
}

/// The book's builder: that of the PATH, or one in the cache folder, installed where it is not there yet.
fn mdbook(workspace: &Workspace) -> Result<PathBuf> {
    let works = |program: &Path| {
        let mut asked = Command::new(program);
        asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    let tools = semrel_weights::cache().join("tools");
    for program in [PathBuf::from("mdbook"), tools.join("bin/mdbook")] {
        if works(&program) {
            return Ok(program);
        }
    }
    eprintln!("there is no mdbook: compiling {MDBOOK} into {} with `cargo install`, once", tools.display());
    let mut install = workspace.cargo();
    install.args(["install", "mdbook", "--locked", "--version", MDBOOK, "--root"]).arg(&tools).stdout(stderr()?);
    // It has nothing to do with the checkout, whose settings (libtorch, rpath) are not for it.
    install.current_dir(std::env::temp_dir()).env_remove("CARGO_TARGET_DIR");
    if !install.status().context("cargo cannot be started")?.success() {
        bail!("mdbook could not be installed; without it, `cargo xtask docs --reference` and docs/*.md serve as well");
    }
    Ok(tools.join("bin/mdbook"))
}

/// Standard output belongs to the result.
fn stderr() -> Result<Stdio> {
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}
