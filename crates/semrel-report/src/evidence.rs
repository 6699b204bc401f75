//! What became of claims, as the page shows it.

use super::sources::{EvidenceFile, id};
use semrel_statistics::mean;
use semrel_tables::judged::{Judged, Tested, Verdict, number, share};
use serde::Serialize;

/// The claims of a file.
#[derive(Debug, Serialize)]
pub struct EvidenceView {
    /// Id in the page.
    pub id: String,
    /// Heading.
    pub title: String,
    /// How it was tested.
    pub how: String,
    /// Claims.
    pub claims: Vec<ClaimView>,
}

/// A claim.
#[derive(Debug, Serialize)]
pub struct ClaimView {
    /// Id in the page.
    pub id: String,
    /// Its short name.
    pub name: String,
    /// What is claimed.
    pub says: String,
    /// Where the paper says so.
    pub source: String,
    /// What it came to.
    pub verdict: VerdictView,
    /// Its tests.
    pub tests: Vec<TestView>,
    /// What could not be tested, and what is to be said of the number of seeds.
    pub notes: Vec<String>,
}

/// A verdict in words, and as a class.
#[derive(Debug, Serialize)]
pub struct VerdictView {
    /// In words.
    pub words: &'static str,
    /// The class.
    pub class: &'static str,
    /// A sign beside the words.
    pub sign: &'static str,
}

/// A test.
#[derive(Debug, Serialize)]
pub struct TestView {
    /// The data set.
    pub dataset: String,
    /// The measure.
    pub measure: String,
    /// The two that are compared.
    pub sides: [SideView; 2],
    /// Ends of the scale of the dots.
    pub scale: [String; 2],
    /// Mean of the first minus that of the second.
    pub difference: String,
    /// Its interval.
    pub interval: String,
    /// p of the claimed direction.
    pub p: String,
    /// What it came to.
    pub verdict: VerdictView,
    /// The test in words.
    pub words: String,
}

/// A row of a test.
#[derive(Debug, Serialize)]
pub struct SideView {
    /// The row.
    pub name: String,
    /// Places of the seeds' scores, in percent of the scale.
    pub dots: Vec<f64>,
    /// Place of their mean.
    pub middle: f64,
    /// The mean.
    pub mean: String,
}

/// The view of a file of claims.
pub fn view(file: &EvidenceFile) -> EvidenceView {
    let id = id("evidence", file.within.as_deref());
    EvidenceView {
        title: file.title(),
        how: file.evidence.how.clone(),
        claims: file.evidence.claims.iter().map(|claim| claim_view(&id, claim)).collect(),
        id,
    }
}

fn claim_view(id: &str, claim: &Judged) -> ClaimView {
    let missing = claim.missing.iter().map(|missing| format!("Not tested: {missing}."));
    ClaimView {
        id: format!("{id}-claim-{}", claim.name),
        name: claim.name.clone(),
        says: claim.says.clone(),
        source: claim.source.clone(),
        verdict: verdict_view(claim.verdict),
        tests: claim.tests.iter().map(test_view).collect(),
        notes: missing.chain(claim.hopeless()).collect(),
    }
}

fn verdict_view(verdict: Verdict) -> VerdictView {
    let (class, sign) = match verdict {
        Verdict::Holds => ("better", "▲"),
        Verdict::DoesNotHold => ("worse", "▽"),
        Verdict::Undecided => ("open", "?"),
    };
    VerdictView { words: verdict.words(), class, sign }
}

fn test_view(test: &Tested) -> TestView {
    let all = || test.of_row.iter().chain(&test.of_other).copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let place = |value: f64| if high > low { ((value - low) / (high - low) * 1000.0).round() / 10.0 } else { 50.0 };
    let side = |name: &str, scores: &[f64]| {
        let mean = mean(scores);
        let dots = scores.iter().map(|score| place(*score)).collect();
        SideView { name: name.to_owned(), dots, middle: place(mean), mean: number(mean) }
    };
    let names = match &test.than_measure {
        Some(other) => [format!("{}, {}", test.row, test.measure), format!("{}, {other}", test.than)],
        None => [test.row.clone(), test.than.clone()],
    };
    let sides = [side(&names[0], &test.of_row), side(&names[1], &test.of_other)];
    let (difference, p) = (test.written_difference(), share(test.p));
    let interval = test.written_interval().map(|[low, high]| format!("{low} to {high}")).unwrap_or_default();
    let (measure, verdict) = (test.measures(), verdict_view(test.verdict));
    let [a, b] = &sides;
    let words = format!(
        "{}, {measure}: {} {} against {} {}; difference {difference}, p {p}, {}.",
        test.dataset, a.name, a.mean, b.name, b.mean, verdict.words
    );
    let scale = [number(low), number(high)];
    TestView { dataset: test.dataset.clone(), measure, sides, scale, difference, interval, p, verdict, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested() -> Tested {
        Tested {
            dataset: "street".into(),
            row: "ours".into(),
            than: "dce".into(),
            measure: "PD to truth ↓".into(),
            than_measure: None,
            more_is_better: false,
            of_row: vec![1.0, 1.5],
            of_other: vec![2.0, 3.0],
            difference: -1.25,
            interval: Some([-1.5, -1.0]),
            p: 0.01,
            p_against: 1.0,
            verdict: Verdict::Holds,
        }
    }

    #[test]
    fn dots_lie_on_one_scale() {
        let view = test_view(&tested());
        assert_eq!(view.sides[0].dots, [0.0, 25.0]);
        assert_eq!((view.sides[1].middle, view.scale), (75.0, ["1.0000".to_owned(), "3.0000".to_owned()]));
        let words = "ours 1.2500 against dce 2.5000; difference -1.2500, p 0.0100, holds.";
        assert!(view.words.contains(words), "{}", view.words);
        let equal = Tested { of_row: vec![2.0], of_other: vec![2.0], ..tested() };
        assert_eq!(test_view(&equal).sides[0].dots, [50.0]);
        let own = Tested { than: "ours".into(), than_measure: Some("q_NPC ↑".into()), ..tested() };
        assert_eq!(test_view(&own).sides[1].name, "ours, q_NPC ↑");
    }
}
