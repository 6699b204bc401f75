//! Writes the page and what lies beside it into a folder.

use super::asset::{Asset, MARK};
use super::error::ReportError;
use super::problems::slashes;
use super::report::Report;
use semrel_pages::write_page;
use semrel_run::input;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Folders beside the page that hold nothing but what reports have written.
pub const OWN: [&str; 2] = ["pictures", "runs"];

/// Folders that other commands put beside the page.
const OTHERS: [&str; 1] = ["explorer"];

/// A page that says that there is none yet, by which the folder is known for a report's if the writing is cut short.
fn placeholder() -> String {
    format!("<!doctype html><title>Results</title><p {MARK}>This report was not written to its end: write it again.")
}

/// Writes the page and what lies beside it; returns their bytes. The page comes last: what it shows is there.
///
/// # Errors
/// [`ReportError::NoReport`] where the folder holds something else, and those of reading and writing.
pub fn write(report: &Report, out: &Path) -> Result<u64, ReportError> {
    check_folder(out)?;
    if !out.join("index.html").exists() {
        write_page(out.join("index.html"), placeholder().as_bytes())?;
    }
    let mut bytes = report.html.len() as u64;
    for (address, asset) in &report.assets {
        let content = asset.source.read()?;
        bytes += content.len() as u64;
        write_page(out.join(address), &content)?;
    }
    write_page(out.join("index.html"), report.html.as_bytes())?;
    for folder in OWN {
        remove_others(out, &out.join(folder), &report.assets)?;
    }
    Ok(bytes)
}

/// Checks that a folder is empty or holds an earlier report: what is in `pictures` and `runs` is removed.
fn check_folder(out: &Path) -> Result<(), ReportError> {
    let is_report = || input::read_to_string(&out.join("index.html")).is_ok_and(|html| html.contains(MARK));
    let Ok(entries) = fs::read_dir(out) else { return Ok(()) };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    // What begins with a dot may be what a killed process has left.
    let other = names.filter(|name| !OTHERS.contains(&name.as_str()) && !name.starts_with('.')).min();
    match other {
        Some(other) if !is_report() => Err(ReportError::NoReport { path: out.to_owned(), other }),
        _ => Ok(()),
    }
}

/// Removes what an earlier report has written and this one does not have.
fn remove_others(out: &Path, folder: &Path, assets: &BTreeMap<String, Asset>) -> Result<(), ReportError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(ReportError::io(folder))?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_others(out, &path, assets)?;
            // Fails where something is left in it.
            let _ = fs::remove_dir(&path);
        } else if !assets.contains_key(&slashes(path.strip_prefix(out).unwrap_or(&path))) {
            fs::remove_file(&path).map_err(|source| ReportError::Remove { path, source })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::Source;

    #[test]
    fn what_is_no_longer_shown_is_removed_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let report = |names: &[&str]| {
            let asset = |text: &str| Asset { source: Source::Text(text.into()), media_type: "text/plain" };
            let assets = names.iter().map(|name| ((*name).to_owned(), asset(name))).collect();
            Report { html: format!("<p {MARK}>"), assets, summary: String::new(), problems: vec![] }
        };
        fs::create_dir(dir.path().join("explorer")).unwrap();
        fs::write(dir.path().join("explorer/index.html"), "").unwrap();
        assert_eq!(
            write(&report(&["runs/a/b.yaml", "pictures/1.png"]), dir.path()).unwrap(),
            4 + MARK.len() as u64 + 13 + 14
        );
        write(&report(&["runs/c.yaml"]), dir.path()).unwrap();
        let has = |name: &str| dir.path().join(name).exists();
        assert!(has("runs/c.yaml") && has("index.html") && has("explorer/index.html"));
        assert!(!has("runs/a") && !has("pictures/1.png"));
        fs::write(dir.path().join("index.html"), "mine").unwrap();
        let text = write(&report(&[]), dir.path()).unwrap_err().to_string();
        assert!(text.contains("not a report (it holds `index.html`)"), "{text}");
        fs::write(dir.path().join("index.html"), MARK).unwrap();
        let gone = Asset { source: Source::File(dir.path().join("none")), media_type: "image/png" };
        let mut broken = report(&[]);
        broken.assets.insert("pictures/x.png".into(), gone);
        assert!(write(&broken, dir.path()).unwrap_err().to_string().contains("none"));

        // A first report that is cut short leaves a folder that the next may use.
        let first = dir.path().join("first");
        broken.assets.insert("pictures/a.png".into(), Asset { source: Source::Text(String::new()), media_type: "" });
        write(&broken, &first).unwrap_err();
        assert!(first.join("pictures/a.png").exists());
        assert!(fs::read_to_string(first.join("index.html")).unwrap().contains("not written to its end"));
        write(&report(&[]), &first).unwrap();
    }
}
