//! Layers of a configuration: files, what they extend, overrides.

use super::error::ConfigError;
use super::explain::explain;
use super::yaml;
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};
use std::fs;
use std::path::{Path, PathBuf};

/// Most parts of a key; no configuration has more levels.
const MOST_PARTS: usize = 32;

/// One source of values.
pub(super) struct Layer {
    origin: String,
    value: Value,
}

/// A file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

/// Files with all that they extend, in the order in which they are merged.
///
/// # Errors
/// Names the file and, where another extends it, the key.
pub fn sources<P: AsRef<Path>>(files: &[P]) -> Result<Vec<SourceFile>, ConfigError> {
    Ok(Reader::read(files)?.sources)
}

/// Where a configuration comes from, for messages about it as a whole: its files, and what was set over them.
pub fn origin<P: AsRef<Path>>(files: &[P], overrides: &[String]) -> String {
    let files: Vec<String> = files.iter().map(|file| file.as_ref().display().to_string()).collect();
    let sets = overrides.iter().map(|text| format!(" --set {text}"));
    std::iter::once(files.join(" ")).chain(sets).collect()
}

/// All sources, the later over the earlier.
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// The files that were named, for what is in no layer.
    main: String,
}

impl Layers {
    /// Reads files, each after what it extends, and overrides.
    pub(super) fn read<P: AsRef<Path>>(files: &[P], overrides: &[String]) -> Result<Self, ConfigError> {
        let mut layers = Reader::read(files)?.layers;
        for text in overrides {
            layers.push(parse_override(text)?);
        }
        Ok(Self { layers, main: origin(files, &[]) })
    }

    /// The merged values as a `T`.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let mut merged = Value::Mapping(Mapping::new());
        for layer in &self.layers {
            merge(&mut merged, &layer.value);
        }
        serde_path_to_error::deserialize(merged)
            .map_err(|e| explain(&e, &|path| self.origin_of(path).unwrap_or(&self.main)))
    }

    /// Refuses keys by their former names.
    pub(super) fn refuse(&self, renamed: &[(&str, &str)]) -> Result<(), ConfigError> {
        for &(old, new) in renamed {
            let path: Vec<String> = old.split('.').map(str::to_owned).collect();
            if let Some(origin) = self.origin_of(&path) {
                return Err(ConfigError::Renamed { origin: origin.to_owned(), old: old.into(), new: new.into() });
            }
        }
        Ok(())
    }

    /// The last layer that has a value at this path, which is the one that counts.
    pub(super) fn origin_of(&self, path: &[String]) -> Option<&str> {
        self.layers.iter().rev().find(|layer| lookup(&layer.value, path).is_some()).map(|layer| layer.origin.as_str())
    }
}

#[derive(Default)]
struct Reader {
    layers: Vec<Layer>,
    sources: Vec<SourceFile>,
    /// Files that are being read: what the last of them extends must be none of them.
    chain: Vec<PathBuf>,
    /// Files that were read.
    seen: Vec<PathBuf>,
}

impl Reader {
    fn read<P: AsRef<Path>>(files: &[P]) -> Result<Self, ConfigError> {
        let mut reader = Self::default();
        for file in files {
            let path = file.as_ref();
            reader.file(path, &|reason| ConfigError::Read { path: path.to_owned(), reason })?;
        }
        Ok(reader)
    }

    /// Pushes what `path` extends, then `path` itself. `unreadable` is the error where it cannot be read.
    fn file(&mut self, path: &Path, unreadable: &dyn Fn(std::io::Error) -> ConfigError) -> Result<(), ConfigError> {
        let text = yaml::text_of(path).map_err(unreadable)?;
        let identity = fs::canonicalize(path).map_err(unreadable)?;
        if let Some(start) = self.chain.iter().position(|file| *file == identity) {
            let names = self.chain[start..].iter().chain([&identity]).map(|p| p.display().to_string());
            return Err(ConfigError::Cycle(names.collect::<Vec<_>>().join(" → ")));
        }
        if self.seen.contains(&identity) {
            return Ok(());
        }
        self.seen.push(identity.clone());
        self.chain.push(identity);
        let mut keys = mapping(path, &text)?;
        for (key, base) in extended(path, keys.remove("extends"))? {
            let base = path.parent().unwrap_or(Path::new("")).join(base);
            let origin = || path.display().to_string();
            self.file(&base, &|reason| ConfigError::Extends {
                origin: origin(),
                key: key.clone(),
                base: base.clone(),
                reason,
            })?;
        }
        self.chain.pop();
        self.layers.push(Layer { origin: path.display().to_string(), value: Value::Mapping(keys) });
        self.sources.push(SourceFile { path: path.to_owned(), text });
        Ok(())
    }
}

/// The keys of a file.
fn mapping(path: &Path, text: &str) -> Result<Mapping, ConfigError> {
    let wrong = |what: String| ConfigError::NotYaml { path: path.to_owned(), what };
    // Some editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match yaml::parse::<Value>(text).map_err(|e| wrong(format!("not valid YAML: {e}")))? {
        Value::Mapping(keys) => Ok(keys),
        Value::Null => Err(ConfigError::Empty { path: path.to_owned() }),
        other => Err(wrong(format!("expected keys and values, found {}", describe(&other)))),
    }
}

/// The files that a file extends, with the keys that name them.
fn extended(path: &Path, value: Option<Value>) -> Result<Vec<(String, String)>, ConfigError> {
    let wrong = |key: String, what: String| ConfigError::Value { origin: path.display().to_string(), key, what };
    let name = |key: String, value: Value| match value {
        Value::String(name) if !name.trim().is_empty() => Ok((key, name)),
        other => {
            let one_or_list = if key == "extends" { " or a list of them" } else { "" };
            Err(wrong(key, format!("found {}, expected a file name{one_or_list}", describe(&other))))
        }
    };
    match value {
        None => Ok(vec![]),
        Some(Value::Sequence(names)) if names.is_empty() => {
            Err(wrong("extends".into(), "the list is empty; name a file, or omit the key".into()))
        }
        Some(Value::Sequence(names)) => {
            names.into_iter().enumerate().map(|(i, value)| name(format!("extends.{i}"), value)).collect()
        }
        Some(value) => Ok(vec![name("extends".into(), value)?]),
    }
}

pub(super) fn parse_override(text: &str) -> Result<Layer, ConfigError> {
    let wrong = |what: &str| ConfigError::Override { text: text.to_owned(), what: what.to_owned() };
    let (key, value) = text.split_once('=').ok_or_else(|| wrong("no `=`"))?;
    let parts: Vec<&str> = key.trim().split('.').collect();
    if parts.iter().any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
        return Err(wrong("a part of the key is empty or contains a space"));
    }
    // Each part is a level of values, which are merged and dropped recursively.
    if parts.len() > MOST_PARTS {
        return Err(wrong(&format!("the key has {} parts; at most {MOST_PARTS} are read", parts.len())));
    }
    let value = yaml::parse::<Value>(value).map_err(|e| wrong(&format!("the value is not valid YAML: {e}")))?;
    let value = parts
        .iter()
        .rev()
        .fold(value, |value, &part| Value::Mapping([(Value::String(part.to_owned()), value)].into_iter().collect()));
    Ok(Layer { origin: format!("--set {text}"), value })
}

pub(super) fn merge(base: &mut Value, over: &Value) {
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

fn lookup<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, part| match value {
        Value::Sequence(items) => items.get(part.parse::<usize>().ok()?),
        Value::Mapping(keys) => keys.get(part.as_str()),
        _ => None,
    })
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
