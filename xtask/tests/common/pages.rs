//! Pages of Markdown: which there are, their links, headings and blocks of code.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The checkout.
pub fn root() -> &'static Path {
    // `xtask` lies in it.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All pages below a folder, sorted.
pub fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn events(text: &str) -> impl Iterator<Item = (Event<'_>, std::ops::Range<usize>)> {
    Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter()
}

/// Where links and pictures lead.
pub fn links(text: &str) -> Vec<String> {
    let link = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    };
    events(text).filter_map(|(event, _)| link(event)).collect()
}

/// Anchors of the headings, as forges and mdbook make them.
pub fn slugs(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut heading: Option<String> = None;
    for (event, _) in events(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let kept = |c: char| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || "-_".contains(c) => Some(c),
                    _ => None,
                };
                let heading = heading.take().unwrap_or_default();
                found.insert(heading.to_lowercase().chars().filter_map(kept).collect());
            }
            _ => {}
        }
    }
    found
}

/// A fenced block of code.
pub struct Block {
    /// Its language; empty where none is told.
    pub language: String,
    /// Its lines.
    pub code: String,
    /// Where its fence begins.
    pub start: usize,
}

/// All fenced blocks.
pub fn code_blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = vec![];
    let mut within = false;
    for (event, range) in events(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                within = true;
                found.push(Block { language: language.to_string(), code: String::new(), start: range.start });
            }
            Event::Text(text) if within => found.last_mut().unwrap().code.push_str(&text),
            Event::End(TagEnd::CodeBlock) => within = false,
            _ => {}
        }
    }
    found
}
