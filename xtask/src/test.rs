//! `cargo xtask test`: formatting, lints and all tests, with one line of counts at the end.

use crate::setup;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Check formatting, lints and all tests of the workspace
///
/// Runs `cargo fmt --check`, `cargo clippy` with warnings as errors and `cargo test`, each over the whole workspace and
/// to its end, whatever the result of the others. The last line is `N passed, N failed, N skipped`. The exit status is
/// 0 if all three succeed, 1 otherwise. The first run compiles libtorch's bindings, which takes minutes.
#[derive(clap::Args)]
pub struct Args {
    /// Skip clippy, examples and documentation tests
    #[arg(long)]
    fast: bool,
}

pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    setup::ensure(workspace)?;
    let mut stages = Stages::default();
    let cargo = |line: &str| {
        let mut command = workspace.cargo();
        command.args(line.split(' '));
        command
    };
    stages.run("cargo fmt", || run_plain(&mut cargo("fmt --all --check")))?;
    if !args.fast {
        let line = "clippy --workspace --all-targets -- -D warnings";
        stages.run("cargo clippy", || run_plain(&mut cargo(line)))?;
    }
    // One failing crate must not hide the counts of the others.
    let mut line = "test --workspace --no-fail-fast".to_owned();
    if args.fast {
        line += " --lib --bins --tests";
    }
    let mut counts = Counts::default();
    stages.run("cargo test", || {
        let success = run_counted(&mut cargo(&line), &mut counts, &mut std::io::stdout())?;
        if !success && counts.failed == 0 {
            eprintln!("a test target did not build or ended early; counted as one failure");
            counts.failed = 1;
        }
        Ok(success)
    })?;
    stages.report();
    println!("{counts}");
    Ok(if stages.failed.is_empty() && counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Stages {
    times: Vec<(&'static str, bool, Duration)>,
    failed: Vec<&'static str>,
}

impl Stages {
    fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<bool>) -> Result<()> {
        eprintln!("== {name}");
        let start = Instant::now();
        let success = stage().with_context(|| name)?;
        let time = start.elapsed();
        eprintln!("== {name}: {} in {:.1} s\n", if success { "ok" } else { "FAILED" }, time.as_secs_f64());
        if !success {
            self.failed.push(name);
        }
        self.times.push((name, success, time));
        Ok(())
    }

    fn report(&self) {
        for (name, success, time) in &self.times {
            eprintln!("{name:<14}{:<8}{:>8.1} s", if *success { "ok" } else { "FAILED" }, time.as_secs_f64());
        }
    }
}

fn run_plain(command: &mut Command) -> Result<bool> {
    // Results go to stdout, which is the line of counts; formatting differences are messages.
    let output = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned()?;
    let status = command.stdin(Stdio::null()).stdout(output).status().context("cargo cannot be started")?;
    Ok(status.success())
}

/// Runs the tests, passing their output on line by line.
fn run_counted(command: &mut Command, counts: &mut Counts, out: &mut dyn Write) -> Result<bool> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cargo cannot be started")?;
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = vec![];
    // Bytes, because a test may print anything.
    while reader.read_until(b'\n', &mut line)? > 0 {
        out.write_all(&line)?;
        counts.add(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(child.wait()?.success())
}

/// Numbers of tests.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Adds what a line says if it is the result line of a test binary:
    /// `test result: ok. 31 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s`.
    fn add(&mut self, line: &str) {
        let Some((_, numbers)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for part in numbers.split(';') {
            match part.trim().split_once(' ') {
                Some((n, "passed")) => self.passed += n.parse().unwrap_or(0),
                Some((n, "failed")) => self.failed += n.parse().unwrap_or(0),
                Some((n, "ignored")) => self.skipped += n.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_nothing_else() {
        let mut counts = Counts::default();
        for line in [
            "running 32 tests",
            "test a ... ok",
            "test result: ok. 31 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.10s\n",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
            "a test that prints 7 passed; 8 failed",
            "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0s; merged doctests",
        ] {
            counts.add(line);
        }
        assert_eq!(counts, Counts { passed: 38, failed: 2, skipped: 1 });
        assert_eq!(counts.to_string(), "38 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn output_is_counted_and_the_status_kept() {
        let mut counts = Counts::default();
        let script = r"printf 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured\n\377\n'; exit 3";
        let mut out = vec![];
        let success = run_counted(Command::new("sh").args(["-c", script]), &mut counts, &mut out).unwrap();
        assert_eq!((success, counts.passed), (false, 2));
        assert!(out.starts_with(b"test result: ok. 2 passed") && out.ends_with(b"\n\xff\n"));
    }
}
