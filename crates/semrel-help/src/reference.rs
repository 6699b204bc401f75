//! The reference of a configuration: a page of Markdown from its JSON schema, whose words are those of the code's
//! documentation.

use crate::schema::Schema;
use serde_json::Value;
use std::fmt::Write;

/// The page for the configuration files of `program`.
///
/// Keys come in the order of the code, sections below the keys that stand by themselves. Words that a key may be are
/// explained below the table of its section.
pub fn reference(program: &str, schema: &Value) -> String {
    let mut page = format!(
        "<!-- Written by `cargo xtask docs` from the documentation of the code. Change it there. -->\n\n\
         # YAML of {program}\n\n\
         Every key of a file in `configs/{program}`. `extends: other.yaml` takes another file's keys first, and\n\
         `extends: [base.yaml, methods/ours.yaml]` those of several, from left to right; `--set section.key=value` changes one on the\n\
         command line. A key without default must be there, a dash means: none unless it is given.\n"
    );
    section(&mut page, "", Schema::new(schema), None);
    page
}

/// A table of the keys of a section; then its sections. `given` is what the section is where the file leaves it out.
fn section(page: &mut String, path: &str, schema: Schema, given: Option<&Value>) {
    let mut sections = vec![];
    let mut choices = String::new();
    let mut rows = String::new();
    for (key, of) in schema.keys().into_iter().flatten() {
        let full = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        if of.keys().is_some() {
            sections.push((full, of));
            continue;
        }
        let default = match of.default() {
            None => "required".to_owned(),
            Some(own) => {
                let own = shown(Some(own));
                let given = given.map(|section| shown(section.get(key)));
                // A section's default may differ from those of its keys, which count as soon as the section is there.
                match given.filter(|given| *given != own) {
                    Some(given) => format!("{given}; {own} where the file has a section `{path}`"),
                    None => own,
                }
            }
        };
        let _ = writeln!(rows, "| `{full}` | {} | {default} | {} |", cell(&of.kind()), cell(of.description()));
        let explained: Vec<_> = of.choices().into_iter().filter(|choice| !choice.meaning.is_empty()).collect();
        if !explained.is_empty() {
            let _ = writeln!(choices, "\n`{full}`:\n");
            for choice in explained {
                let _ = writeln!(choices, "- `{}`: {}", choice.word, sentence(choice.meaning));
            }
        }
    }
    if !rows.is_empty() {
        let _ = write!(page, "\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}{choices}");
    }
    for (full, of) in sections {
        let level = "#".repeat(2 + full.matches('.').count());
        let _ = write!(page, "\n{level} {full}\n\n{}\n", sentence(of.description()));
        if of.default().is_some_and(Value::is_null) {
            let _ = writeln!(page, "\nThe section may be left out as a whole.");
        }
        section(page, &full, of, of.default().filter(|value| value.is_object()));
    }
}

/// A default as a file would have it.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".into(),
        Some(Value::String(text)) => format!("`{text}`"),
        // A word with numbers of its own is a tag in YAML.
        Some(Value::Object(map)) if map.len() == 1 && map.values().all(Value::is_object) => {
            let (word, keys) = map.iter().next().expect("one");
            let keys: Vec<String> =
                keys.as_object().into_iter().flatten().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("`!{word} {{{}}}`", keys.join(", "))
        }
        Some(other) => format!("`{}`", other.to_string().replace(',', ", ")),
    }
}

/// Text within a table.
fn cell(text: &str) -> String {
    sentence(text).replace('|', "\\|")
}

/// Lines of source code as one line.
fn sentence(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_sections_choices_and_defaults() {
        let train = json!({
            "type": "object", "description": "A stage.",
            "properties": { "epochs": { "type": "integer", "default": 200, "description": "How\nlong." } },
        });
        let schema = json!({
            "properties": {
                "name": { "type": "string", "description": "A|B." },
                "extends": { "type": "string", "default": null },
                "seed": { "type": "integer", "minimum": 0, "default": 7 },
                "init": { "$ref": "#/$defs/Init", "default": { "xavier": { "gain": 0.02 } } },
                "size": { "type": ["integer", "null"], "default": null },
                "layers": { "type": "array", "items": { "type": "integer" }, "default": [0, 4] },
                "train": { "$ref": "#/$defs/Train", "default": { "epochs": 100 } },
                "tune": { "anyOf": [{ "$ref": "#/$defs/Train" }, { "type": "null" }], "default": null },
            },
            "$defs": {
                "Train": train,
                "Init": { "oneOf": [
                    { "const": "kaiming", "description": "He's." },
                    { "type": "object", "description": "Glorot's.",
                      "properties": { "xavier": { "type": "object", "properties": { "gain": { "type": "number" } } } } },
                ] },
            },
        });
        let page = reference("painter", &schema);
        for line in [
            "| `name` | text | required | A\\|B. |",
            "| `seed` | integer from 0 | `7` |  |",
            "| `init` | `kaiming`, `!xavier {gain: …}` | `!xavier {gain: 0.02}` |  |",
            "| `size` | integer | – |  |",
            "| `layers` | list of integers | `[0, 4]` |  |",
            "`init`:",
            "- `!xavier {gain: …}`: Glorot's.",
            "## train",
            "| `train.epochs` | integer | `100`; `200` where the file has a section `train` | How long. |",
            "The section may be left out as a whole.",
            "| `tune.epochs` | integer | `200` | How long. |",
        ] {
            assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        }
    }
}
