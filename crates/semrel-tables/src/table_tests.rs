use super::super::entries::{Entry, PAPER, arrange, measured, of_paper, records, untranslated};
use super::super::evaluated::{Baselined, Evaluated};
use super::super::table1::TABLE_1;
use super::super::table3::TABLE_3;
use super::super::{cut_single, further, stargan2_multi, testing};
use super::*;
use crate::spec::Program;

fn entry(label: &str, source: &'static str, cells: Result<Cells, String>) -> Entry {
    Entry { label: label.into(), source, cells }
}

fn table() -> Table {
    let columns = stargan2_multi::StarGan2Multi.columns();
    let baseline = testing::domain_baseline(3.0);
    let entries = vec![
        entry("no translation", "", Ok(untranslated(columns, &baseline))),
        entry("+ Ours", "last", Ok(measured(columns, &[&testing::domains(12.0), &testing::domains(14.0)]))),
        entry("+ Ours", PAPER, Ok(of_paper(columns, &TABLE_1.methods[2], "seasons").unwrap())),
        entry("+ LSeSim", "last", Err("disk | full".into())),
    ];
    let records = records("seasons", columns, &entries);
    let dataset = arrange("seasons".into(), &stargan2_multi::StarGan2Multi, &[baseline.terms()], entries);
    Table { title: "A table", datasets: vec![dataset], differences: vec![], records, caption: vec!["a caption".into()] }
}

#[test]
fn text_is_aligned_and_narrow() {
    let text = table().text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("seasons") && lines[0].ends_with("Ref. acc. ↑"), "{text}");
    assert!(lines[2].starts_with("no translation") && lines[2].ends_with("12.5%"), "{text}");
    assert!(lines[3].contains("13.00 ± 1.41") && lines[3].contains("0.250 ± 0.000"), "{text}");
    assert!(lines[3].contains("130.0 ± 14.1") && lines[3].ends_with("50.0 ± 0.0%"), "{text}");
    // The method's name is not repeated.
    assert!(lines[4].starts_with("                paper") && lines[4].contains("54.70"), "{text}");
    assert!(lines[5].contains("failed: disk | full"), "{text}");
    let widths: Vec<usize> = lines[..5].iter().map(|l| l.chars().count()).collect();
    assert!(widths.iter().all(|&w| w == widths[0] && w <= 110), "{widths:?}\n{text}");
}

#[test]
fn metrics_stand_above_their_columns() {
    let columns = cut_single::CutSingle.columns();
    let scores = testing::single(123.4, Some("a head"));
    let entries = vec![
        entry("Ours", "last", Ok(measured(columns, &[&scores]))),
        entry("Ours", "best", Ok(measured(columns, &[&scores]))),
        entry("Ours", PAPER, Ok(of_paper(columns, &TABLE_3.methods[6], "cityscapes").unwrap())),
    ];
    let records = records("street", columns, &entries);
    let dataset = arrange("street".into(), &cut_single::CutSingle, &[scores.terms()], entries);
    let table = Table { title: "Single", datasets: vec![dataset], differences: vec![], records, caption: vec![] };
    let text = table.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("street") && lines[0].ends_with("classAcc ↑"), "{text}");
    assert!(lines[1].trim_start().starts_with("best") && lines[1].ends_with("paper"), "{text}");
    assert!(lines[3].starts_with("Ours") && lines[3].ends_with("35.6"), "{text}");
    let widths: Vec<usize> = lines[..4].iter().map(|l| l.chars().count()).collect();
    assert!(widths.iter().all(|&w| w == widths[0] && w <= 110), "{widths:?}\n{text}");
    let markdown = table.markdown(&[]);
    assert!(markdown.contains("| | FD(x) ↓ best | FD(x) ↓ last | FID ↓ paper | mAP ↑ best |"), "{markdown}");
    assert!(markdown.contains("| Ours | 123.4 | 123.4 | 46.40 | 20.0 | 20.0 | 29.0 |"), "{markdown}");
    let csv = table.csv();
    assert!(
        csv.starts_with("dataset,method,checkpoint,metric,mean,std,low,high\nstreet,Ours,last,fd,123.4,,,\n"),
        "{csv}"
    );
}

#[test]
fn further_scores_stand_under_the_guide_that_they_are_of() {
    let columns = stargan2_multi::StarGan2Multi.columns();
    let Evaluated::Domains(mut scores) = testing::domains(12.0) else { panic!() };
    scores.latent.more.insert("kd".into(), testing::pairs(0.5));
    scores.reference.more.insert("kd".into(), testing::pairs(0.75));
    let Baselined::Domains(mut baseline) = testing::domain_baseline(3.0) else { panic!() };
    baseline.more.insert("kd".into(), testing::pairs(0.25));
    let (scores, baseline) = (Evaluated::Domains(scores), Baselined::Domains(baseline));
    let entries = vec![
        entry("no translation", "", Ok(untranslated(columns, &baseline))),
        entry("+ Ours", "last", Ok(measured(columns, &[&scores]))),
    ];
    let terms = [baseline.terms(), scores.terms()];
    let dataset = arrange("seasons".into(), &stargan2_multi::StarGan2Multi, &terms, entries);
    let table =
        Table { title: "A table", datasets: vec![dataset], differences: vec![], records: vec![], caption: vec![] };
    let text = table.text();
    assert!(text.contains("Latent KD ↓") && text.contains("Ref. KD ↓") && !text.contains("MMD"), "{text}");
    for number in ["0.2500", "0.5000", "0.7500"] {
        assert!(text.contains(number), "{number}: {text}");
    }
    assert!(further::caption(&[&scores]).unwrap().starts_with("Further scores: KD:"));
}

#[test]
fn scores_against_the_truth_stand_in_a_table_of_their_own() {
    let columns = stargan2_multi::StarGan2Multi.columns();
    let baseline = testing::baseline_with_truth(testing::domain_baseline(3.0), 1.5);
    let scores = testing::with_truth(testing::domains(12.0), 2.5);
    let entries = vec![
        entry("no translation", "", Ok(untranslated(columns, &baseline))),
        entry("+ Ours", "last", Ok(measured(columns, &[&scores]))),
        entry("+ Ours", PAPER, Ok(of_paper(columns, &TABLE_1.methods[2], "seasons").unwrap())),
        entry("+ LSeSim", "last", Err("disk full".into())),
    ];
    let terms = [baseline.terms(), scores.terms()];
    let dataset = arrange("seasons".into(), &stargan2_multi::StarGan2Multi, &terms, entries);
    let table =
        Table { title: "A table", datasets: vec![dataset], differences: vec![], records: vec![], caption: vec![] };
    let text = table.text();
    let (scores, truth) = text.split_once("\n\n").unwrap();
    assert!(scores.contains("Latent FD(x) ↓") && !scores.contains("truth"), "{text}");
    let lines: Vec<&str> = truth.trim_end().lines().collect();
    assert!(lines[0].starts_with("seasons, truth"), "{text}");
    for heading in ["Latent PD(y) to truth ↓", "Latent nearest PD(y) to truth ↓", "Ref. SSIM to truth ↑"] {
        assert!(lines[0].contains(heading), "{text}");
    }
    // Neither the paper nor a failure has a number to show.
    assert_eq!(lines.len(), 4, "{text}");
    let numbers = |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<f64>>();
    assert_eq!(numbers(lines[2]), [1.5, 1.5, 0.75, 1.5, 1.5, 0.75]);
    assert_eq!(numbers(lines[3]), [2.5, 1.25, 0.75, 2.5, 1.25, 0.75]);
    let markdown = table.markdown(&[]);
    assert!(markdown.contains("## seasons, truth\n\n| | | Latent PD(y) to truth ↓ |"), "{markdown}");
    assert!(markdown.contains("| + Ours | last | 2.500 | 1.250 | 0.750 |"), "{markdown}");
}

#[test]
fn markdown_keeps_its_columns() {
    let text = table().markdown(&[("seasons, ours".into(), "a.png".into())]);
    assert!(text.contains("| | | Latent FD(x) ↓ |") && text.contains("\n|---|---|---:|---:|"), "{text}");
    assert!(text.contains("| + Ours | paper | 54.70 | 0.496 | 54.23 | 0.365 | - | - |"), "{text}");
    assert!(text.contains("| + LSeSim | last | failed: disk \\| full | | | | | |"), "{text}");
    assert!(text.contains("![seasons, ours](a.png)") && text.contains("a caption"), "{text}");
}

#[test]
fn csv_has_one_number_a_line() {
    let text = table().csv();
    assert!(text.contains("seasons,+ Ours,last,latent,fd,13,1.41"), "{text}");
    assert!(text.contains("seasons,no translation,,latent,target_accuracy,0.125,,,\n"), "{text}");
    assert_eq!(text.lines().count(), 1 + 4 + 6 + 4);
    assert_eq!(quote("a,\"b\""), "\"a,\"\"b\"\"\"");
}

#[test]
fn captions_wrap() {
    assert_eq!(wrap("one two three", 7), "one two\n  three");
}
