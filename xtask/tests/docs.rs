//! The documentation holds together: the book has every page, links lead somewhere, examples are those of the tests.

mod common;

use common::pages::{code_blocks, links, pages, root, slugs};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn the_summary_lists_every_page_once() {
    let docs = root().join("docs");
    let listed: Vec<PathBuf> = links(&read(&docs.join("SUMMARY.md"))).iter().map(|link| docs.join(link)).collect();
    let unique: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "a page is listed twice");
    let there: Vec<PathBuf> = pages(&docs).into_iter().filter(|page| !page.ends_with("SUMMARY.md")).collect();
    assert_eq!(unique, there.iter().collect());
}

/// Links to files of the checkout, and to headings in them. Pages of the book stay within it.
#[test]
fn links_lead_somewhere() {
    let mut wrong = vec![];
    let docs = root().join("docs");
    let outside = ["README.md", "CHANGELOG.md", "xtask/README.md"].map(|name| root().join(name));
    for page in pages(&docs).into_iter().chain(outside) {
        for link in links(&read(&page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(file, a)| (file, Some(a)));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let leaves = page.starts_with(&docs) && fs::canonicalize(&target).is_ok_and(|t| !t.starts_with(&docs));
            let found = target.exists() && anchor.is_none_or(|anchor| slugs(&read(&target)).contains(anchor));
            if !found || leaves {
                wrong.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links to nowhere, or out of the book:\n{}", wrong.join("\n"));
}

/// A block of Rust names the test that it is from, in a comment above.
#[test]
fn examples_are_those_of_the_tests() {
    let mut found = 0;
    for page in pages(&root().join("docs")) {
        let text = read(&page);
        for block in code_blocks(&text).into_iter().filter(|block| block.language == "rust") {
            let place =
                format!("{}: the block that begins with `{}`", page.display(), block.code.lines().next().unwrap());
            let above = text[..block.start].trim_end().lines().last().unwrap_or_default();
            let file = above.strip_prefix("<!-- from ").and_then(|rest| rest.strip_suffix(" -->"));
            let file = file.unwrap_or_else(|| panic!("{place} needs a line `<!-- from FILE -->` above"));
            let source = read(&root().join(file));
            assert!(source.contains(&block.code), "{place} is not what {file} has; copy it from there");
            found += 1;
        }
    }
    assert!(found >= 5, "{found}");
}
