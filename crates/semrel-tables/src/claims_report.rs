//! What became of claims, as text, Markdown and JSON.

use super::claims::{Judged, Tested, Verdict};
use super::collected::Collected;
use super::columns::Digits;
use super::error::TableError;
use super::plan::Plan;
use super::table::write_number;
use semrel_statistics::mean;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Names of the files.
const FILES: [&str; 2] = ["evidence.md", "evidence.json"];

/// Prints and writes what became of claims; tells whether a row failed that one of them needs.
///
/// # Errors
/// [`TableError::Io`] where a file cannot be written.
pub fn write(out: &Path, claims: &[Judged], results: &[(&Plan, &Collected)]) -> Result<bool, TableError> {
    let markdown = markdown(claims, results);
    let json = format!("{:#}\n", file(claims, results));
    fs::create_dir_all(out).map_err(TableError::io(out))?;
    for (name, text) in FILES.iter().zip([&markdown, &json]) {
        let path = out.join(name);
        fs::write(&path, text).map_err(TableError::io(&path))?;
    }
    println!("{}", text(claims));
    eprintln!("written to {}: {}", out.display(), FILES.join(", "));
    Ok(claims.iter().any(|claim| !claim.missing.is_empty()))
}

fn number(value: f64) -> String {
    write_number(value, Digits::Fine, value)
}

/// A p value, which is never 0.
fn share(p: f64) -> String {
    if p < 0.0001 { "<0.0001".into() } else { format!("{p:.4}") }
}

/// What is to be said where no test of a claim could have been significant.
fn needed(claim: &Judged) -> Option<String> {
    let seeds = claim.needed?;
    Some(format!("With so many tests none could have been significant; {seeds} seeds would be enough."))
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// A line per claim, for a terminal.
fn text(claims: &[Judged]) -> String {
    let mut out = String::new();
    for claim in claims {
        let _ = writeln!(out, "{:<4} {:<13} {}", claim.name, claim.verdict.words(), claim.says);
        for test in &claim.tests {
            let interval = test.interval.map(|[low, high]| format!(" [{}, {}]", signed(low), signed(high)));
            let _ = writeln!(
                out,
                "     {:<13} {}: {} minus {}, {}: {}{}, p {}",
                test.verdict.words(),
                test.dataset,
                test.row,
                test.than,
                test.measure,
                signed(test.difference),
                interval.unwrap_or_default(),
                share(test.p)
            );
        }
        for missing in &claim.missing {
            let _ = writeln!(out, "     not tested    {missing}");
        }
        if let Some(needed) = needed(claim) {
            let _ = writeln!(out, "     {needed}");
        }
    }
    out
}

fn markdown(claims: &[Judged], results: &[(&Plan, &Collected)]) -> String {
    let mut out = "# Evidence\n\n".to_owned();
    let _ = writeln!(out, "{}\n", how(results));
    out.push_str("| claim | verdict | |\n|---|---|---|\n");
    for claim in claims {
        let _ = writeln!(out, "| {} | {} | {} |", claim.name, claim.verdict.words(), claim.says.replace('|', "\\|"));
    }
    for claim in claims {
        let _ = writeln!(out, "\n## {}: {}\n\n{} ({})\n", claim.name, claim.verdict.words(), claim.says, claim.source);
        if !claim.tests.is_empty() {
            out.push_str("| data set | row | minus | measure | difference | 95 % | p | against | |\n|---|---|---|---|---:|---|---:|---:|---|\n");
        }
        claim.tests.iter().for_each(|test| row(test, &mut out));
        for missing in &claim.missing {
            let _ = writeln!(out, "\nNot tested: {missing}.");
        }
        if let Some(needed) = needed(claim) {
            let _ = writeln!(out, "\n{needed}");
        }
    }
    out
}

fn row(test: &Tested, out: &mut String) {
    let interval = test.interval.map(|[low, high]| format!("{} to {}", signed(low), signed(high)));
    let cell = |name: &str, of: &[f64]| format!("{name} {}", number(mean(of)));
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        test.dataset,
        cell(&test.row, &test.of_row),
        cell(&test.than, &test.of_other),
        test.measure,
        signed(test.difference),
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
         significant in the other direction, and is undecided otherwise; each direction has 2.5 %."
    )
}

fn file(claims: &[Judged], results: &[(&Plan, &Collected)]) -> Value {
    let (seeds, profile) = results.first().map_or((vec![], ""), |(plan, _)| (plan.seeds.clone(), plan.profile.name()));
    json!({ "profile": profile, "seeds": seeds, "how": how(results), "claims": claims })
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
        assert!(write(dir.path(), std::slice::from_ref(&claim), &[]).unwrap());
        let written = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let text = written("evidence.md");
        assert!(text.contains("| C5 | undecided | All parts together are best. |"), "{text}");
        assert!(text.contains("| street | ours 1.2500 | cut 2.2500 | PD to truth ↓ | -1.0000 | -1.2500 to -0.7500 | 0.0159 | 1.0000 | holds |"), "{text}");
        assert!(text.contains("Not tested: street: ours against lsesim: lsesim, seed 778: disk full."), "{text}");
        let value: Value = serde_json::from_str(&written("evidence.json")).unwrap();
        assert_eq!(
            (&value["claims"][0]["verdict"], &value["claims"][0]["tests"][0]["verdict"]),
            (&json!("undecided"), &json!("holds"))
        );
        assert!(super::text(&[claim]).contains("C5   undecided     All parts"));
    }
}
