//! Configuration: YAML files that may extend others, overrides, and errors that name the key.
//!
//! Layers are merged in order: the file that is extended, the file, the overrides. Mappings merge key by key, anything
//! else (lists too) is replaced whole. A file extends another by `extends: other.yaml`, relative to itself.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use serde_yaml::{Mapping, Value};
use std::fs;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used. `origin` is the file, or the override, that the value came from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file holds nothing, or only comments.
    #[error("{}: the configuration is empty; expected keys and values in YAML", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is not YAML, or no mapping of keys to values.
    #[error("{}: {what}", path.display())]
    NotYaml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// An override is not of the form `a.b.c=value`.
    #[error("--set {text}: {what}; expected `section.key=value`")]
    Override {
        /// The override.
        text: String,
        /// What is wrong.
        what: String,
    },
    /// Files extend each other in a circle.
    #[error("configurations extend each other in a circle: {0}")]
    Cycle(String),
    /// A key that does not exist.
    #[error("{origin}: unknown key `{key}`; {hint}")]
    UnknownKey {
        /// Where it is.
        origin: String,
        /// Its full path.
        key: String,
        /// The nearest known key, or all of them.
        hint: String,
    },
    /// A key without a default is absent.
    #[error("{origin}: missing key `{key}`")]
    MissingKey {
        /// Where it is missing.
        origin: String,
        /// Its full path.
        key: String,
    },
    /// A value of the wrong type, or none of those allowed.
    #[error("{origin}: key `{key}`: {what}")]
    Value {
        /// Where it is.
        origin: String,
        /// Its full path.
        key: String,
        /// What was found and what was expected.
        what: String,
    },
    /// The configuration cannot be written as YAML.
    #[error("cannot write the configuration as YAML: {0}")]
    ToYaml(String),
}

/// Loads a configuration from `path` and applies `overrides` of the form `a.b.c=value`, the value in YAML.
///
/// An override of a key in a missing section creates the section.
///
/// # Errors
/// Names the file (or override) and the full key, and for an unknown key the nearest known one. `T` should deny unknown
/// fields, or none is noticed.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>, overrides: &[String]) -> Result<T, ConfigError> {
    let mut layers = vec![];
    read_file(path.as_ref(), &mut vec![], &mut layers)?;
    for text in overrides {
        layers.push(parse_override(text)?);
    }
    let mut merged = Value::Mapping(Mapping::new());
    for layer in &layers {
        merge(&mut merged, &layer.value);
    }
    let main = path.as_ref().display().to_string();
    serde_path_to_error::deserialize(merged).map_err(|e| explain(&e, &layers, &main))
}

/// Where a configuration comes from, for messages about it as a whole: its file, and what was set over it.
pub fn origin(path: &Path, overrides: &[String]) -> String {
    let sets = overrides.iter().map(|text| format!(" --set {text}"));
    std::iter::once(path.display().to_string()).chain(sets).collect()
}

/// The configuration as YAML, every key with its value.
///
/// # Errors
/// [`ConfigError::ToYaml`] for types that YAML lacks.
pub fn to_yaml<T: Serialize>(config: &T) -> Result<String, ConfigError> {
    serde_yaml::to_string(config).map_err(|e| ConfigError::ToYaml(e.to_string()))
}

/// One source of values.
struct Layer {
    origin: String,
    value: Value,
}

/// Pushes what `path` extends, then `path` itself. `chain` holds the files that led here.
fn read_file(path: &Path, chain: &mut Vec<PathBuf>, layers: &mut Vec<Layer>) -> Result<(), ConfigError> {
    let owned = || path.to_owned();
    let wrong = |what: String| ConfigError::NotYaml { path: owned(), what };
    let text = fs::read_to_string(path).map_err(|reason| ConfigError::Read { path: owned(), reason })?;
    let identity = fs::canonicalize(path).map_err(|reason| ConfigError::Read { path: owned(), reason })?;
    if let Some(start) = chain.iter().position(|seen| *seen == identity) {
        let names = chain[start..].iter().chain([&identity]).map(|p| p.display().to_string());
        return Err(ConfigError::Cycle(names.collect::<Vec<_>>().join(" → ")));
    }
    // Some editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let value: Value = serde_yaml::from_str(text).map_err(|e| wrong(format!("no valid YAML: {e}")))?;
    let mut keys = match value {
        Value::Mapping(keys) => keys,
        Value::Null => return Err(ConfigError::Empty { path: owned() }),
        other => return Err(wrong(format!("expected keys and values, found {}", describe(&other)))),
    };
    match keys.remove("extends") {
        None => {}
        Some(Value::String(base)) => {
            chain.push(identity);
            read_file(&path.parent().unwrap_or(Path::new("")).join(base), chain, layers)?;
            chain.pop();
        }
        Some(other) => return Err(wrong(format!("key `extends`: found {}, expected a file name", describe(&other)))),
    }
    layers.push(Layer { origin: path.display().to_string(), value: Value::Mapping(keys) });
    Ok(())
}

fn parse_override(text: &str) -> Result<Layer, ConfigError> {
    let wrong = |what: &str| ConfigError::Override { text: text.to_owned(), what: what.to_owned() };
    let (key, value) = text.split_once('=').ok_or_else(|| wrong("no `=`"))?;
    let parts: Vec<&str> = key.trim().split('.').collect();
    if parts.iter().any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
        return Err(wrong("a part of the key is empty or contains a space"));
    }
    let value: Value = serde_yaml::from_str(value).map_err(|e| wrong(&format!("the value is no valid YAML: {e}")))?;
    let value = parts
        .iter()
        .rev()
        .fold(value, |value, &part| Value::Mapping([(Value::String(part.to_owned()), value)].into_iter().collect()));
    Ok(Layer { origin: format!("--set {text}"), value })
}

fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Mapping(base), Value::Mapping(over)) => {
            for (key, value) in over {
                match base.get_mut(key) {
                    Some(known) => merge(known, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Turns serde's message into one that names origin, key, what was found and what was expected.
fn explain(error: &serde_path_to_error::Error<serde_yaml::Error>, layers: &[Layer], main: &str) -> ConfigError {
    let (mut path, message) = (segments(error.path()), error.inner().to_string());
    let origin = |path: &[String]| {
        let layer = layers.iter().rev().find(|layer| lookup(&layer.value, path).is_some());
        layer.map_or_else(|| main.to_owned(), |layer| layer.origin.clone())
    };
    let named = quoted(&message);
    if message.starts_with("unknown field `") {
        // The path leads to the key itself in some versions of serde's adapters, to its section in others.
        if path.last() != Some(&named[0]) {
            path.push(named[0].clone());
        }
        let section = &path[..path.len() - 1];
        let full = |key: &String| [section, std::slice::from_ref(key)].concat().join(".");
        let known: Vec<String> = named[1..].iter().map(full).collect();
        let hint = match nearest(&named[0], &named[1..]) {
            Some(near) => format!("did you mean `{}`?", full(near)),
            None => format!("known here: {}", known.join(", ")),
        };
        return ConfigError::UnknownKey { origin: origin(&path), key: path.join("."), hint };
    }
    if message.starts_with("missing field `") {
        let section = origin(&path);
        path.push(named[0].clone());
        return ConfigError::MissingKey { origin: section, key: path.join(".") };
    }
    let what = if message.starts_with("unknown variant `") {
        let hint = nearest(&named[0], &named[1..]).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("found `{}`, expected {}{hint}", named[0], alternatives(&named[1..]))
    } else {
        let plain = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
        plain.map_or_else(|| message.clone(), |m| in_plain_words(&format!("found {m}")))
    };
    let key = if path.is_empty() { "(the whole file)".to_owned() } else { path.join(".") };
    ConfigError::Value { origin: origin(&path), key, what }
}

/// Serde speaks of Rust's types.
fn in_plain_words(message: &str) -> String {
    let message = message.replace("found unit value", "found nothing");
    match message.split_once("expected struct ") {
        Some((found, _)) => format!("{found}expected keys and values"),
        None => message,
    }
}

fn segments(path: &serde_path_to_error::Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn lookup<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, part| match value {
        Value::Sequence(items) => items.get(part.parse::<usize>().ok()?),
        Value::Mapping(keys) => keys.get(part.as_str()),
        _ => None,
    })
}

/// The words between backticks.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The most similar name, unless none is similar at all.
fn nearest<'n>(name: &str, known: &'n [String]) -> Option<&'n String> {
    let scored = known.iter().map(|k| (strsim::damerau_levenshtein(name, k), k));
    let (distance, near) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.chars().count().max(near.chars().count()) / 2).max(1)).then_some(near)
}

fn alternatives(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.as_slice() {
        [only] => only.clone(),
        many => format!("one of {}", many.join(", ")),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(b) => format!("`{b}`"),
        Value::Number(n) => format!("the number {n}"),
        Value::String(s) => format!("the text {s:?}"),
        Value::Sequence(_) => "a list".into(),
        Value::Mapping(_) => "keys and values".into(),
        Value::Tagged(t) => format!("a value tagged {}", t.tag),
    }
}

/// Full path of the first key at which two configurations differ, keys for which `ignore` is true left out.
pub(crate) fn first_difference(
    a: &Value,
    b: &Value,
    ignore: &dyn Fn(&str) -> bool,
) -> Option<(String, String, String)> {
    fn walk(
        key: &str,
        a: Option<&Value>,
        b: Option<&Value>,
        ignore: &dyn Fn(&str) -> bool,
    ) -> Option<(String, String, String)> {
        if a == b || ignore(key) {
            return None;
        }
        if let (Some(Value::Mapping(x)), Some(Value::Mapping(y))) = (a, b) {
            let keys = x.keys().chain(y.keys().filter(|k| !x.contains_key(*k)));
            return keys.into_iter().find_map(|k| {
                let name = k.as_str().map_or_else(|| format!("{k:?}"), str::to_owned);
                let full = if key.is_empty() { name } else { format!("{key}.{name}") };
                walk(&full, x.get(k), y.get(k), ignore)
            });
        }
        let show = |v: Option<&Value>| match v {
            None => "absent".to_owned(),
            Some(v) => serde_yaml::to_string(v).map_or_else(|_| "?".into(), |text| text.trim_end().to_owned()),
        };
        Some((key.to_owned(), show(a), show(b)))
    }
    walk("", Some(a), Some(b), ignore)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
