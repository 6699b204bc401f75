//! What there is.

use anyhow::Result;
use semrel_weights::{ALL, Check, WeightsFile, sha256};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Whether a file is there and the right one.
enum State {
    Missing,
    Good { bytes: u64 },
    Unchecked { bytes: u64, found: String },
    Wrong { bytes: u64, found: String },
}

impl State {
    fn of(file: &WeightsFile, folder: &Path) -> Result<Self> {
        let path = folder.join(file.file);
        let Ok(metadata) = std::fs::metadata(&path) else { return Ok(Self::Missing) };
        let (bytes, found) = (metadata.len(), sha256(&path)?);
        Ok(match file.check(&found) {
            Check::Matches => Self::Good { bytes },
            Check::Unpublished => Self::Unchecked { bytes, found },
            Check::Differs { .. } => Self::Wrong { bytes, found },
        })
    }

    fn bytes(&self) -> Option<u64> {
        match self {
            Self::Missing => None,
            Self::Good { bytes } | Self::Unchecked { bytes, .. } | Self::Wrong { bytes, .. } => Some(*bytes),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Good { .. } => "ok",
            Self::Unchecked { .. } => "unchecked",
            Self::Wrong { .. } => "wrong",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Missing => "missing".into(),
            Self::Good { .. } => "present, digest ok".into(),
            Self::Unchecked { found, .. } => format!("present; no digest is published, this one has {found}"),
            Self::Wrong { found, .. } => format!("WRONG: SHA-256 {found}; fetch or import it again"),
        }
    }
}

/// Prints all files, for people or as JSON.
pub fn print(folder: &Path, as_json: bool) -> Result<()> {
    let states = ALL.iter().map(|file| Ok((file, State::of(file, folder)?))).collect::<Result<Vec<_>>>()?;
    let mut out = std::io::stdout().lock();
    if as_json {
        let files: Vec<Value> = states.iter().map(|(file, state)| describe(file, state, folder)).collect();
        writeln!(out, "{:#}", json!({ "folder": folder, "files": files }))?;
        return Ok(());
    }
    writeln!(out, "{} (SEMREL_WEIGHTS names another folder)", folder.display())?;
    for (file, state) in states {
        let size = match (file.bytes.or(state.bytes()), file.license) {
            (Some(bytes), Some(license)) => format!(", {bytes} bytes, {license}"),
            (Some(bytes), None) => format!(", {bytes} bytes"),
            (None, _) => String::new(),
        };
        writeln!(out, "\n{:<23}{}", file.name, state.sentence())?;
        writeln!(out, "  for      {}", file.purpose)?;
        writeln!(out, "  file     {}{size}", file.file)?;
        writeln!(out, "  SHA-256  {}", file.sha256.map_or("not published".into(), begins))?;
        writeln!(out, "  from     {}", file.origin)?;
    }
    Ok(())
}

fn begins(sha256: &str) -> String {
    if sha256.len() < 64 { format!("begins with {sha256}") } else { sha256.into() }
}

fn describe(file: &WeightsFile, state: &State, folder: &Path) -> Value {
    let found = match state {
        State::Unchecked { found, .. } | State::Wrong { found, .. } => Some(found),
        State::Missing | State::Good { .. } => None,
    };
    json!({
        "name": file.name,
        "purpose": file.purpose,
        "path": folder.join(file.file),
        "origin": file.origin.to_string(),
        "sha256_begins": file.sha256,
        "bytes": file.bytes.or(state.bytes()),
        "license": file.license,
        "state": state.word(),
        "sha256_found": found,
    })
}
