//! The book in a browser.

mod common;

use common::pages::{pages, root};
use semrel_browser::browser;
use semrel_suite::{Skipped, suite};
use std::path::{Path, PathBuf};
use std::process::Command;

/// mdbook where it is installed; `cargo xtask docs` compiles it, which takes minutes that a test should not.
fn mdbook() -> Result<PathBuf, Skipped> {
    let installed = semrel_weights::cache().join("tools/bin/mdbook");
    let works =
        |program: &PathBuf| Command::new(program).arg("--version").output().is_ok_and(|told| told.status.success());
    [PathBuf::from("mdbook"), installed]
        .into_iter()
        .find(works)
        .ok_or_else(|| Skipped::because("no mdbook; `cargo xtask docs` installs it"))
}

fn every_page_opens_offline() -> Result<(), Skipped> {
    let browser = browser()?;
    let mdbook = mdbook()?;
    let out = tempfile::tempdir().unwrap();
    let built = Command::new(mdbook).arg("build").arg(root().join("docs")).arg("--dest-dir").arg(out.path()).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let docs = root().join("docs");
    for page in pages(&docs).into_iter().filter(|page| !page.ends_with("SUMMARY.md")) {
        let name = page.strip_prefix(&docs).unwrap();
        let html = match name == Path::new("README.md") {
            true => out.path().join("index.html"),
            false => out.path().join(name).with_extension("html"),
        };
        let tab = browser.open_file(&html).unwrap();
        let title = tab.evaluate("document.querySelector('main h1').textContent.trim()").unwrap();
        assert!(title.as_str().is_some_and(|title| !title.is_empty()), "{}", html.display());
        tab.viewport(390, 844).unwrap();
        let wide = tab.evaluate("document.documentElement.scrollWidth").unwrap().as_u64().unwrap();
        assert!(wide <= 390, "{}: {wide} wide on a phone", name.display());
        if let Some(folder) = std::env::var_os("SEMREL_SCREENSHOTS") {
            let file = format!("book-{}.png", name.with_extension("").display().to_string().replace('/', "-"));
            tab.screenshot(Path::new(&folder).join(file)).unwrap();
        }
        assert_eq!(tab.troubles(), Vec::<String>::new(), "{}", name.display());
    }
    Ok(())
}

suite![every_page_opens_offline,];
