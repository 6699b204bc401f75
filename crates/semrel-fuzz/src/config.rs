//! Configurations.

use super::{FOLDER, Verdict, verdict};
use semrel_run::config::{Checked, InvalidValue, Validate, to_yaml};
use serde::{Deserialize, Serialize};
use std::fs;

/// A configuration with one key of every kind.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    name: String,
    method: Method,
    loss: Loss,
    layers: Vec<u32>,
    size: Option<i64>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    #[default]
    Ours,
    DceSrc,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Loss {
    lambda_src: f64,
    hard: bool,
}

impl Validate for Config {
    const RENAMED: &'static [(&'static str, &'static str)] = &[("loss.lambda", "loss.lambda_src"), ("taps", "layers")];

    fn validate(&self) -> Result<(), InvalidValue> {
        match self.loss.lambda_src >= 0.0 && self.loss.lambda_src.is_finite() {
            true => Ok(()),
            false => Err(InvalidValue::new("loss.lambda_src", self.loss.lambda_src, "it must be at least 0")),
        }
    }
}

/// What separates the parts of an input.
const SEPARATOR: &[u8] = b"\n===\n";

/// Files that extend each other, and overrides. The first three parts are `a.yaml`, which is loaded, `b.yaml` and `c.yaml`; the
/// lines of the fourth are what `--set` is given.
pub fn config(bytes: &[u8]) -> Verdict {
    FOLDER.with(|folder| {
        let mut rest = bytes;
        for name in ["a.yaml", "b.yaml", "c.yaml"] {
            let part = next_part(&mut rest);
            fs::write(folder.path().join(name), part).expect("a temporary file");
        }
        let overrides = String::from_utf8_lossy(rest);
        let overrides: Vec<String> = overrides.lines().map(str::to_owned).collect();
        let loaded = Checked::<Config>::load(&[folder.path().join("a.yaml")], &overrides);
        let checked = loaded.map(|config| {
            let again = folder.path().join("again.yaml");
            fs::write(&again, to_yaml(&config).expect("types that YAML has")).expect("a temporary file");
            let read = Checked::<Config>::load(&[again], &[]).expect("a configuration that was accepted");
            assert_eq!(read, config);
        });
        // An error names the file, or else the override.
        let place = if checked.as_ref().is_err_and(|error| error.to_string().starts_with("--set ")) {
            "--set "
        } else {
            ".yaml"
        };
        verdict(checked, place)
    })
}

/// What stands before the next separator, or all that is left.
fn next_part<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    let (part, after) = match end {
        Some(end) => (&rest[..end], &rest[end + SEPARATOR.len()..]),
        None => (*rest, &[][..]),
    };
    *rest = after;
    part
}
