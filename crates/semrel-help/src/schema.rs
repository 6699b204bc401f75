//! Reading a JSON schema: what a key may be, in the words of a page.

use serde_json::Value;

/// A schema with its definitions.
#[derive(Clone, Copy)]
pub struct Schema<'s> {
    root: &'s Value,
    node: &'s Value,
}

/// One of several words, with its meaning.
pub struct Choice<'s> {
    /// As a file has it.
    pub word: String,
    /// What it means.
    pub meaning: &'s str,
}

impl<'s> Schema<'s> {
    pub fn new(root: &'s Value) -> Self {
        Self { root, node: root }
    }

    /// What is said about the key itself, or about its type where nothing is.
    pub fn description(self) -> &'s str {
        let own = self.node["description"].as_str();
        own.or_else(|| self.target().node["description"].as_str()).unwrap_or_default()
    }

    /// The value of a key that is absent.
    pub fn default(self) -> Option<&'s Value> {
        self.node.get("default")
    }

    /// Keys and their schemas, in the order of the struct; `None` where this is not a section.
    pub fn keys(self) -> Option<impl Iterator<Item = (&'s str, Schema<'s>)>> {
        let target = self.target();
        let properties = target.node.get("properties")?.as_object()?;
        let root = self.root;
        Some(properties.iter().map(move |(key, node)| (key.as_str(), Self { root, node })))
    }

    /// The words that may stand here, if it is for words.
    pub fn choices(self) -> Vec<Choice<'s>> {
        let target = self.target();
        let alternatives = target.node["oneOf"].as_array().into_iter().flatten();
        alternatives
            .flat_map(|node| {
                let meaning = node["description"].as_str().unwrap_or_default();
                // Undocumented words come in one list.
                let words = node["enum"].as_array().into_iter().flatten().chain(node.get("const"));
                let mut words: Vec<String> = words.filter_map(Value::as_str).map(str::to_owned).collect();
                // A word with numbers of its own: in YAML a tag.
                for (word, inner) in node["properties"].as_object().into_iter().flatten() {
                    let keys = inner["properties"].as_object().into_iter().flatten();
                    let keys: Vec<String> = keys.map(|(key, _)| format!("{key}: …")).collect();
                    words.push(format!("!{word} {{{}}}", keys.join(", ")));
                }
                words.into_iter().map(move |word| Choice { word, meaning })
            })
            .collect()
    }

    /// The kind of value, in words.
    pub fn kind(self) -> String {
        let target = self.target();
        let node = target.node;
        if !self.choices().is_empty() {
            let words: Vec<String> = self.choices().iter().map(|choice| format!("`{}`", choice.word)).collect();
            return words.join(", ");
        }
        if let Some(any) = node["anyOf"].as_array() {
            let kinds: Vec<String> =
                any.iter().filter(|node| !is_null(node)).map(|node| Self { node, ..self }.kind()).collect();
            return kinds.join(" or ");
        }
        let item = || Self { node: &node["items"], ..self }.kind();
        match simple_type(node) {
            Some("integer") if node["minimum"].as_f64() == Some(0.0) => "integer from 0".into(),
            Some("array") if node["items"].is_object() => format!("list of {}", plural(&item())),
            Some("string") => "text".into(),
            Some(name) => name.into(),
            None => "any".into(),
        }
    }

    /// Follows references, and the only alternative besides nothing.
    fn target(self) -> Self {
        let mut node = self.node;
        loop {
            let only = || {
                let mut some = node["anyOf"].as_array()?.iter().filter(|node| !is_null(node));
                some.next().filter(|_| some.next().is_none())
            };
            node = match (node["$ref"].as_str(), only()) {
                (Some(reference), _) => &self.root["$defs"][reference.rsplit('/').next().unwrap_or_default()],
                (None, Some(only)) => only,
                (None, None) => return Self { node, ..self },
            };
        }
    }
}

fn is_null(node: &Value) -> bool {
    node["type"] == "null"
}

/// The type besides nothing.
fn simple_type(node: &Value) -> Option<&str> {
    match &node["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

fn plural(kind: &str) -> String {
    match kind.split_once(' ') {
        // A list of choices names them.
        _ if kind.starts_with('`') => kind.to_owned(),
        Some((first, rest)) => format!("{first}s {rest}"),
        None => format!("{kind}s"),
    }
}
