//! `cargo deny` over the workspace: licences, second versions of a crate, and sources; known faults where their list can be fetched.

use anyhow::{Context, Result};
use std::process::{Command, Stdio};

/// What the check says.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// Nothing is against `deny.toml`.
    Kept,
    /// Something is; it has been told on stderr.
    Broken,
    /// cargo-deny is not installed.
    NotInstalled,
}

/// What an `advisories` check says on stderr where it fails because their data cannot be fetched.
const NOT_FETCHED: [&str; 2] = ["failed to fetch advisory database", "failed to load advisory database"];

/// Checks; `cargo` makes the cargo that runs the words that it is given.
///
/// # Errors
/// Where cargo cannot be started.
pub fn check(cargo: impl Fn(&str) -> Command) -> Result<Verdict> {
    if !output(cargo("deny --version"))?.0 {
        eprintln!("skipped: cargo-deny is not installed; `cargo install cargo-deny --locked` installs it");
        return Ok(Verdict::NotInstalled);
    }
    let (kept, said) = output(cargo("deny check licenses bans sources"))?;
    eprint!("{said}");
    let (none_known, said) = output(cargo("deny check advisories"))?;
    let left_out = !none_known && NOT_FETCHED.iter().any(|words| said.contains(words));
    if left_out {
        eprintln!("advisories are left out: their data cannot be fetched");
    } else {
        eprint!("{said}");
    }
    Ok(if kept && (none_known || left_out) { Verdict::Kept } else { Verdict::Broken })
}

/// Whether a command succeeds, and its stderr.
fn output(mut command: Command) -> Result<(bool, String)> {
    let output = command.stdin(Stdio::null()).output().context("cargo cannot be started")?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cargo for which the words of `case` in sh decide.
    fn verdict(case: &'static str) -> Verdict {
        let cargo = |words: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("case '{words}' in {case} esac")]);
            command
        };
        check(cargo).unwrap()
    }

    #[test]
    fn advisories_that_cannot_be_fetched_are_left_out_and_all_else_counts() {
        assert_eq!(verdict("*) exit 0;;"), Verdict::Kept);
        assert_eq!(verdict("*version) exit 101;;"), Verdict::NotInstalled);
        assert_eq!(verdict("*licenses*) exit 4;;"), Verdict::Broken);
        assert_eq!(verdict("*advisories) exit 1;;"), Verdict::Broken);
        let offline = "*advisories) echo 'failed to fetch advisory database: offline' >&2; exit 1;;";
        assert_eq!(verdict(offline), Verdict::Kept);
    }
}
