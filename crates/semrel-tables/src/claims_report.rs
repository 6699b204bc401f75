//! What became of claims, as text, Markdown and JSON.

use super::collected::Collected;
use super::error::TableError;
use super::evaluated::parse;
use super::judged::{Judged, Tested, Verdict, number, share};
use super::pictures;
use super::plan::Plan;
use semrel_statistics::mean;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Name of the file that tells all.
pub const JSON: &str = "evidence.json";

/// Names of the files.
const FILES: [&str; 2] = ["evidence.md", JSON];

/// What the file of claims says, `evidence.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name of the profile.
    pub profile: String,
    /// Seeds of each row.
    pub seeds: Vec<u64>,
    /// How it was tested, in words.
    pub how: String,
    /// Claims with their tests.
    pub claims: Vec<Judged>,
    /// Titles and files (beside this one) of pictures of the rows.
    pub pictures: Vec<(String, String)>,
}

impl Evidence {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Tells what does not fit.
    pub fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let evidence: Self = parse(&value)?;
        let empty = |test: &&Tested| test.of_row.is_empty() || test.of_other.is_empty();
        match evidence.claims.iter().find_map(|claim| Some((claim, claim.tests.iter().find(empty)?))) {
            Some((claim, test)) => Err(format!("claim {}, {}: a row without scores", claim.name, test.dataset)),
            None => Ok(evidence),
        }
    }
}

/// Prints and writes what became of claims, with pictures of their rows; tells whether a row failed that one of them needs.
///
/// # Errors
/// [`TableError::Io`] where a file cannot be written.
pub fn write(out: &Path, claims: Vec<Judged>, results: &[(&Plan, &Collected)]) -> Result<bool, TableError> {
    let evidence = evidence(claims, results);
    let json = format!("{:#}\n", json!(evidence));
    fs::create_dir_all(out).map_err(TableError::io(out))?;
    for (name, text) in FILES.iter().zip([&markdown(&evidence), &json]) {
        let path = out.join(name);
        fs::write(&path, text).map_err(TableError::io(&path))?;
    }
    println!("{}", text(&evidence.claims));
    eprintln!(
        "written to {}: {}, pictures; `cargo xtask report` makes a page of them",
        out.display(),
        FILES.join(", ")
    );
    Ok(evidence.claims.iter().any(|claim| !claim.missing.is_empty()))
}

fn evidence(claims: Vec<Judged>, results: &[(&Plan, &Collected)]) -> Evidence {
    let (seeds, profile) = results.first().map_or((vec![], ""), |(plan, _)| (plan.seeds.clone(), plan.profile.name()));
    let pictures = results.iter().flat_map(|(plan, collected)| pictures::make(plan, collected)).collect();
    Evidence { profile: profile.to_owned(), seeds, how: how(results), claims, pictures }
}

/// A line per claim, for a terminal.
fn text(claims: &[Judged]) -> String {
    let mut out = String::new();
    for claim in claims {
        let _ = writeln!(out, "{:<4} {:<13} {}", claim.name, claim.verdict.words(), claim.says);
        for test in &claim.tests {
            let interval = test.written_interval().map(|[low, high]| format!(" [{low}, {high}]"));
            let _ = writeln!(
                out,
                "     {:<13} {}: {}: {}{}, p {}",
                test.verdict.words(),
                test.dataset,
                test.compared(),
                test.written_difference(),
                interval.unwrap_or_default(),
                share(test.p)
            );
        }
        for missing in &claim.missing {
            let _ = writeln!(out, "     not tested    {missing}");
        }
        if let Some(needed) = claim.hopeless() {
            let _ = writeln!(out, "     {needed}");
        }
    }
    out
}

fn markdown(Evidence { how, claims, pictures, .. }: &Evidence) -> String {
    let mut out = "# Evidence\n\n".to_owned();
    let _ = writeln!(out, "{how}\n");
    out.push_str("| claim | verdict | |\n|---|---|---|\n");
    for claim in claims {
        let _ = writeln!(out, "| {} | {} | {} |", claim.name, claim.verdict.words(), claim.says.replace('|', "\\|"));
    }
    for claim in claims {
        let source = if claim.source.is_empty() { String::new() } else { format!(" ({})", claim.source) };
        let _ = writeln!(out, "\n## {}: {}\n\n{}{source}\n", claim.name, claim.verdict.words(), claim.says);
        if !claim.tests.is_empty() {
            out.push_str("| data set | row | minus | measure | difference | 95 % | p | against | |\n|---|---|---|---|---:|---|---:|---:|---|\n");
        }
        claim.tests.iter().for_each(|test| row(test, &mut out));
        for missing in &claim.missing {
            let _ = writeln!(out, "\nNot tested: {missing}.");
        }
        if let Some(needed) = claim.hopeless() {
            let _ = writeln!(out, "\n{needed}");
        }
    }
    for (title, file) in pictures {
        let _ = writeln!(out, "\n![{title}]({file})");
    }
    out
}

fn row(test: &Tested, out: &mut String) {
    let interval = test.written_interval().map(|[low, high]| format!("{low} to {high}"));
    let cell = |name: &str, of: &[f64]| format!("{name} {}", number(mean(of)));
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        test.dataset,
        cell(&test.row, &test.of_row),
        cell(&test.than, &test.of_other),
        test.measures(),
        test.written_difference(),
        interval.unwrap_or_default(),
        share(test.p),
        share(test.p_against),
        if test.verdict == Verdict::Undecided { "" } else { test.verdict.words() }
    );
}

/// How it was tested.
fn how(results: &[(&Plan, &Collected)]) -> String {
    let seeds = results.first().map_or(0, |(plan, _)| plan.seeds.len());
    let runs: usize = results.iter().map(|(_, collected)| collected.runs.len()).sum();
    let hours: f64 = results
        .iter()
        .flat_map(|(_, collected)| &collected.runs)
        .filter_map(|run| Some(run.result.as_ref().ok()?.summary.seconds() / 3600.0))
        .sum();
    format!(
        "{seeds} seeds for each row, {runs} runs, {hours:.1} hours of training. Scores are of the checkpoint that validation chose, on test \
         images that were read in the end. `difference`: mean over seeds of the row minus that of the other; its interval is by a \
         bootstrap over the seeds of both and over test pictures where each has a score (a t interval below five seeds). `p`: exact \
         two-sample permutation over seeds, in the claimed direction, after Holm's correction for all tests of the claim on a data set; \
         `against`: the same in the other direction. A claim holds where every test is significant, does not hold where one is \
         significant in the other direction, and is undecided otherwise; each direction has 2.5 %. Where one row is compared in two \
         measures, both are of the same runs, which test and interval take for independent."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_told_with_their_numbers() {
        let test = Tested {
            dataset: "street".into(),
            row: "ours".into(),
            than: "cut".into(),
            measure: "PD to truth ↓".into(),
            than_measure: None,
            more_is_better: false,
            of_row: vec![1.0, 1.5],
            of_other: vec![2.0, 2.5],
            difference: -1.0,
            interval: Some([-1.25, -0.75]),
            p: 0.0159,
            p_against: 1.0,
            verdict: Verdict::Holds,
        };
        let claim = Judged {
            name: "C5".into(),
            says: "All parts together are best.".into(),
            source: "Table 3".into(),
            verdict: Verdict::Undecided,
            tests: vec![test],
            needed: Some(6),
            missing: vec!["street: ours against lsesim: lsesim, seed 778: disk full".into()],
        };
        let dir = tempfile::tempdir().unwrap();
        assert!(write(dir.path(), vec![claim.clone()], &[]).unwrap());
        let written = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let text = written("evidence.md");
        assert!(text.contains("| C5 | undecided | All parts together are best. |"), "{text}");
        assert!(text.contains("| street | ours 1.2500 | cut 2.2500 | PD to truth ↓ | -1.0000 | -1.2500 to -0.7500 | 0.0159 | 1.0000 | holds |"), "{text}");
        assert!(text.contains("Not tested: street: ours against lsesim: lsesim, seed 778: disk full."), "{text}");
        let evidence = Evidence::read(&written("evidence.json")).unwrap();
        assert_eq!(evidence.claims, std::slice::from_ref(&claim));
        assert!(Evidence::read("{").unwrap_err().starts_with("not JSON"));
        assert!(Evidence::read("{}").unwrap_err().contains("missing field `profile`"));
        assert!(super::text(&[claim]).contains("C5   undecided     All parts"));
    }
}
