//! Serde's messages, with file and key and in plain words.

use super::error::ConfigError;
use serde_path_to_error::Segment;

/// Turns serde's message into one that names origin, key, what was found and what was expected. `origin_of` gives
/// the origin of the value at a path.
pub(super) fn explain<'o>(
    error: &serde_path_to_error::Error<serde_yaml::Error>,
    origin_of: &dyn Fn(&[String]) -> &'o str,
) -> ConfigError {
    let (mut path, message) = (segments(error.path()), error.inner().to_string());
    let origin = |path: &[String]| origin_of(path).to_owned();
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

/// The words between backticks: first the one that was found, which may have backticks of its own, then those that are known.
fn quoted(message: &str) -> Vec<String> {
    let (first, known) = match message.rsplit_once("`, expected ").or_else(|| message.rsplit_once("`, there are no ")) {
        Some((found, known)) => (found.split_once('`').map(|(_, name)| name), known),
        None => (message.split('`').nth(1), ""),
    };
    first.into_iter().chain(known.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
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
