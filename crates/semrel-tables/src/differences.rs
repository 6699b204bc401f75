//! Whether the rows of a table differ from its own method, by how much, and how sure that is: over seeds.
//!
//! One column counts, which is fixed before anything is measured: the perceptual distance to the truth where that is known, and
//! otherwise the Fréchet distance. All rows of a data set that are compared in it are one family, for which p values are corrected.

use super::collected::Collected;
use super::columns::{Column, Digits, Kind};
use super::evaluated::Evaluated;
use super::plan::Plan;
use super::results::{Measured, each};
use super::rows::Row;
use super::table::{Dataset, Heading, Line};
use semrel_statistics::{
    Difference, Interval, Lists, MOST_SPLIT, PValues, Scores, holm, mean, permutation, permutation_sampled, t_interval,
};
use serde::{Deserialize, Serialize};

/// Level of all intervals.
pub const LEVEL: f64 = 0.95;

/// Adjusted p values up to this one are called significant.
pub const SIGNIFICANT: f64 = 0.05;

/// Seeds below which no test by permutation can reach [`SIGNIFICANT`].
pub const LEAST_SEEDS: usize = 4;

/// Seeds from which on a bootstrap is taken for an interval: of fewer it is much too narrow.
const BOOTSTRAP_SEEDS: usize = 5;

/// Resamples of the bootstrap, which are drawn from fixed seeds.
const RESAMPLES: usize = 4000;

/// Random splits of a permutation test of more seeds than an exact one goes through.
const SPLITS: usize = 100_000;

/// A row's difference from the method that it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The row's method, as the table prints it.
    pub method: String,
    /// Mean over seeds, minus that of the method that it is compared with.
    pub difference: f64,
    /// Its interval of 95 %, from two seeds on.
    pub interval: Option<[f64; 2]>,
    /// p of the two-sample permutation test over seeds, two-sided.
    pub p: f64,
    /// The same after Holm's correction for all comparisons of the data set.
    pub adjusted: f64,
}

impl Comparison {
    /// Whether the two differ at 5 % after the correction.
    pub fn is_significant(&self) -> bool {
        self.adjusted <= SIGNIFICANT
    }
}

/// The comparisons of a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Differences {
    /// The data set.
    pub dataset: String,
    /// Heading of the column that counts.
    pub metric: String,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// The method that all others are compared with, as the table prints it.
    pub from: String,
    /// Seeds of each row.
    pub seeds: usize,
    /// What the intervals speak about.
    pub intervals: String,
    /// By row.
    pub comparisons: Vec<Comparison>,
}

/// The column that counts on a data set: the first of the kind [`Kind::Truth`] that all results have, otherwise the first Fréchet
/// distance.
pub fn counts<'a>(columns: &'a [Column], evals: &[&Evaluated]) -> &'a Column {
    let known = |column: &&Column| column.kind == Kind::Truth && evals.iter().all(|e| (column.eval)(e).is_some());
    let frechet = || columns.iter().find(|column| column.kind == Kind::Frechet).unwrap_or(&columns[0]);
    columns.iter().find(known).filter(|_| !evals.is_empty()).unwrap_or_else(frechet)
}

/// The comparisons of the rows of a data set with the table's own method, from two seeds on; `None` where there is nothing to compare.
pub fn of_dataset(plan: &Plan, collected: &Collected, dataset: usize) -> Option<Differences> {
    if plan.seeds.len() < 2 {
        return None;
    }
    // Rows of which every seed is there; a method that was told the truth is no rival.
    let rows: Vec<Row> = plan.rows.iter().copied().filter(|row| row.dataset == dataset).collect();
    let rival = |row: &Row| plan.spec.supervised != Some(plan.method(*row).name) && collected.finished(*row);
    let rows: Vec<Row> = rows.into_iter().filter(rival).collect();
    let own = *plan.spec.first.last()?;
    let from = rows.iter().copied().find(|row| plan.method(*row).name == own)?;
    let evals_of = |row: Row| collected.chosen(plan, dataset, plan.method(row).name).unwrap_or_default();
    let all: Vec<&Evaluated> = rows.iter().flat_map(|row| evals_of(*row)).collect();
    let column = counts(plan.spec.program.columns(), &all);
    let scored = |row: Row| -> Option<Vec<Vec<f64>>> { evals_of(row).iter().map(|e| scores(column, e)).collect() };
    let reference = scored(from)?;
    let mut comparisons = vec![];
    let mut of_pictures = true;
    // A row of which a score is missing is shown above with what it has, and not compared.
    for (row, of_row) in rows.into_iter().filter(|row| *row != from).filter_map(|row| Some((row, scored(row)?))) {
        let Some(compared) = compare(&of_row, &reference) else { continue };
        of_pictures &= compared.of_pictures;
        comparisons.push(Comparison {
            method: plan.method(row).title.to_owned(),
            difference: compared.difference,
            interval: compared.interval,
            p: compared.p.two_sided,
            adjusted: compared.p.two_sided,
        });
    }
    let adjusted = holm(&comparisons.iter().map(|c| c.p).collect::<Vec<_>>());
    comparisons.iter_mut().zip(adjusted).for_each(|(comparison, adjusted)| comparison.adjusted = adjusted);
    let terms = collected.terms(dataset);
    (!comparisons.is_empty()).then(|| Differences {
        dataset: plan.datasets[dataset].name.clone(),
        metric: column.heading(&terms),
        more_is_better: column.more_is_better,
        from: plan.method(from).title.to_owned(),
        seeds: plan.seeds.len(),
        intervals: match (plan.seeds.len() >= BOOTSTRAP_SEEDS, of_pictures) {
            (false, _) => "t intervals of the seeds' differences, which they take for normal",
            (true, true) => "a bootstrap over the seeds of each row and over test pictures",
            (true, false) => "a bootstrap over the seeds of each row",
        }
        .to_owned(),
        comparisons,
    })
}

/// Scores of a result in a column: of each test picture where it tells them.
pub fn scores(column: &Column, eval: &Evaluated) -> Option<Vec<f64>> {
    let pictures = if column.kind == Kind::Truth { eval.pictures() } else { &[] };
    match pictures {
        [] => Some(vec![(column.eval)(eval)?]),
        pictures => Some(pictures.to_vec()),
    }
}

/// Two rows compared in a score.
pub struct Compared {
    /// Score of each seed of the first.
    pub of_first: Vec<f64>,
    /// Score of each seed of the second.
    pub of_second: Vec<f64>,
    /// Mean of the first minus that of the second.
    pub difference: f64,
    /// Its interval of 95 %, from two seeds on.
    pub interval: Option<[f64; 2]>,
    /// p values of the permutation test over seeds, not corrected.
    pub p: PValues,
    /// Whether the interval speaks about test pictures, too.
    pub of_pictures: bool,
}

/// Compares two rows by scores of each seed and test picture. `None` where one of them is not finite, or there are none.
pub fn compare(first: &[Vec<f64>], second: &[Vec<f64>]) -> Option<Compared> {
    let means = |of: &[Vec<f64>]| of.iter().map(|seed| mean(seed)).collect::<Vec<f64>>();
    let (of_first, of_second) = (means(first), means(second));
    let seeds = of_first.len() + of_second.len();
    let p = match seeds <= MOST_SPLIT {
        true => permutation(&of_first, &of_second),
        false => permutation_sampled(&of_first, &of_second, SPLITS, 1),
    };
    // Where results disagree on the pictures, or do not tell of each, means alone are resampled.
    let count = first.first()?.len();
    let alike = first.len() == second.len() && first.iter().chain(second).all(|seed| seed.len() == count);
    let table = |of: &[Vec<f64>], means: &[f64]| match alike {
        true => of.to_vec(),
        false => means.iter().map(|mean| vec![*mean]).collect(),
    };
    let table = Scores::new(vec![table(first, &of_first), table(second, &of_second)]).ok();
    let interval = table.and_then(|table| interval_of(&table, LEVEL)).map(|interval| [interval.low, interval.high]);
    let difference = mean(&of_first) - mean(&of_second);
    Some(Compared { of_first, of_second, difference, interval, p: p.ok()?, of_pictures: alike && count > 1 })
}

/// The interval of the difference of two methods' scores: from five seeds on over new seeds of either method, which share nothing, and
/// new pictures; with fewer the t interval of the seeds' differences.
fn interval_of(scores: &Scores, level: f64) -> Option<Interval> {
    let difference = Difference::new(scores, 0, 1);
    match scores.seeds() >= BOOTSTRAP_SEEDS {
        true => resampled(&difference, scores, level),
        false => t_interval(&difference.of_seeds(), level),
    }
}

/// The interval over new seeds of either method, which share nothing, and new pictures.
fn resampled(difference: &Difference<'_>, scores: &Scores, level: f64) -> Option<Interval> {
    let [seeds, pictures] = Lists::drawn(RESAMPLES, scores.seeds(), scores.pictures(), 1);
    let [seeds_of_b, _] = Lists::drawn(RESAMPLES, scores.seeds(), scores.pictures(), 2);
    Some(Interval::of(&difference.independent(&seeds, &seeds_of_b, &pictures), level))
}

impl Differences {
    /// As a part of the table: a line per row.
    pub fn lines(&self) -> Dataset {
        let heading = |metric: &str| Heading { metric: metric.into(), source: "", digits: Digits::Fine, truth: false };
        let number = |mean: f64| Some(Measured { mean, std: None, interval: None });
        let line = |c: &Comparison| {
            let end = |which: usize| c.interval.and_then(|ends| number(ends[which]));
            let cells = vec![number(c.difference), end(0), end(1), number(c.p), number(c.adjusted)];
            Line { label: c.method.clone(), source: "", cells: Ok(cells) }
        };
        Dataset {
            name: format!("{}, minus {}", self.dataset, self.from),
            headings: [self.metric.as_str(), "95 % from", "to", "p", "p (Holm)"].map(heading).into(),
            lines: self.comparisons.iter().map(line).collect(),
        }
    }

    /// What can be concluded, in a sentence or two.
    pub fn verdict(&self) -> String {
        let Self { dataset, metric, from, seeds, comparisons, .. } = self;
        let name = metric.trim_end_matches([' ', '↑', '↓']);
        if *seeds < LEAST_SEEDS {
            return format!(
                "{dataset}: with {seeds} seeds nothing can be concluded from the differences between rows: no test over so few \
                 can reach 5 %. At least {LEAST_SEEDS} are needed, and more for many rows."
            );
        }
        let named = |significant: bool, larger: bool| -> Vec<&str> {
            let fits =
                |c: &&Comparison| c.is_significant() == significant && (!significant || (c.difference > 0.0) == larger);
            comparisons.iter().filter(fits).map(|c| c.method.as_str()).collect()
        };
        let (better, worse) = (named(true, self.more_is_better), named(true, !self.more_is_better));
        let mut parts = vec![];
        for (which, names) in [("worse", worse), ("better", better)] {
            if !names.is_empty() {
                parts.push(format!("significantly {which} than {from}: {}", names.join(", ")));
            }
        }
        let open = named(false, false);
        if !open.is_empty() {
            parts.push(format!("not told apart from {from}: {}", open.join(", ")));
        }
        let mut text = format!("{dataset}, {name}, {seeds} seeds: {}.", parts.join("; "));
        let least = least_p(*seeds, 2.0) * comparisons.len() as f64;
        if least > SIGNIFICANT {
            text += &format!(
                " No row could have been significant: the least p of {} comparisons is {least:.3}. {} seeds would be enough.",
                comparisons.len(),
                seeds_for(comparisons.len(), 2.0)
            );
        }
        text
    }
}

/// The least p of two groups of so many seeds: `sides` of all splits.
pub fn least_p(seeds: usize, sides: f64) -> f64 {
    let splits: f64 = (1..=seeds).map(|i| (seeds + i) as f64 / i as f64).product();
    sides / splits
}

/// The least number of seeds with which one of so many comparisons can be significant.
pub fn seeds_for(comparisons: usize, sides: f64) -> usize {
    (LEAST_SEEDS..).find(|seeds| least_p(*seeds, sides) * comparisons as f64 <= SIGNIFICANT).unwrap_or(LEAST_SEEDS)
}

/// What is said below a table of its seeds.
pub fn caption(seeds: usize, differences: &[Differences]) -> Vec<String> {
    if seeds == 1 {
        return vec![
            "One seed per row: nothing can be concluded from differences between rows; `--seeds 6` trains six.".into(),
        ];
    }
    let Some(first) = differences.first() else { return vec![] };
    let intervals: Vec<&str> = differences.iter().map(|of| of.intervals.as_str()).collect();
    let how = format!(
        "Differences: mean over seeds of each row minus that of {}; intervals: {}; p: two-sample permutation over seeds, two-sided; \
         p (Holm): corrected for the rows of the data set.",
        first.from,
        each(intervals.into_iter().map(str::to_owned))
    );
    std::iter::once(how).chain(differences.iter().map(Differences::verdict)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::collected::{Finished, Run};
    use super::super::summaries::RowSummary;
    use super::super::table_single::TABLE_SINGLE;
    use super::super::testing::{self, with_truth};
    use super::*;
    use std::path::Path;

    /// Results of `cut`, `lsesim` and `ours` with these distances to the truth, by seed.
    fn collected(distances: [&[f64]; 3]) -> (Plan, Collected) {
        let mut plan = testing::plan(Path::new("."), &TABLE_SINGLE, 1);
        plan.seeds = (0..distances[0].len() as u64).collect();
        plan.rows.retain(|row| ["cut", "lsesim", "ours"].contains(&TABLE_SINGLE.methods[row.method].name));
        let run = |(row, seed): (Row, u64)| {
            let place = plan.rows.iter().position(|r| *r == row).unwrap();
            let eval = with_truth(testing::single(1.0, None), distances[place][seed as usize]);
            Run { row, seed, result: Ok(Finished { summary: RowSummary(vec![]), evals: vec![eval.clone(), eval] }) }
        };
        let runs = plan.trainings().into_iter().map(run).collect();
        let collected = Collected { baselines: vec![], runs };
        (plan, collected)
    }

    fn of(distances: [&[f64]; 3]) -> Option<Differences> {
        let (plan, collected) = collected(distances);
        of_dataset(&plan, &collected, 0)
    }

    #[test]
    fn a_planted_difference_is_found_and_the_correction_counts_the_rows() {
        let ours = [1.0, 1.1, 1.2, 1.05, 1.15];
        let found = of([&[2.0, 2.1, 2.2, 2.05, 2.15], &[1.02, 1.08, 1.21, 1.06, 1.14], &ours]).unwrap();
        assert_eq!((found.from.as_str(), found.seeds, found.comparisons.len()), ("Ours", 5, 2));
        let [cut, lsesim] = &found.comparisons[..] else { panic!() };
        assert!((cut.difference - 1.0).abs() < 1e-9 && (cut.p - 2.0 / 252.0).abs() < 1e-12);
        assert!((cut.adjusted - 4.0 / 252.0).abs() < 1e-12 && cut.is_significant() && !lsesim.is_significant());
        let [low, high] = cut.interval.unwrap();
        assert!(low > 0.8 && high < 1.2, "{low} {high}");
        let verdict = found.verdict();
        assert!(verdict.contains("significantly worse than Ours: CUT; not told apart from Ours: LSeSim"), "{verdict}");
        let lines = found.lines();
        assert_eq!((lines.name.as_str(), lines.headings[0].metric.as_str()), ("set0, minus Ours", "PD(y) to truth ↓"));
        assert_eq!(lines.lines[0].cells.as_ref().unwrap().len(), 5);
    }

    #[test]
    fn few_seeds_conclude_nothing() {
        assert_eq!(of([&[2.0], &[3.0], &[1.0]]), None);
        let three = of([&[12.0, 12.1, 12.2], &[3.0, 3.1, 3.2], &[1.0, 1.1, 1.2]]).unwrap();
        assert!(three.comparisons.iter().all(|c| !c.is_significant() && c.interval.is_some()));
        assert!(three.verdict().contains("with 3 seeds nothing can be concluded"), "{}", three.verdict());
        let four = of([&[12.0, 12.1, 12.2, 12.3], &[3.0, 3.1, 3.2, 3.3], &[1.0, 1.1, 1.2, 1.3]]).unwrap();
        // 2 of 70, twice.
        assert!(four.verdict().contains("No row could have been significant: the least p of 2 comparisons is 0.057"));
        assert!(caption(1, &[])[0].contains("nothing can be concluded") && caption(3, &[]).is_empty());
        assert_eq!(caption(4, &[four]).len(), 2);
    }

    #[test]
    fn rows_that_failed_and_rows_that_knew_the_truth_are_no_rivals() {
        let scores: [&[f64]; 3] = [&[2.0, 2.1], &[3.0, 3.1], &[1.0, 1.1]];
        let (plan, mut collected) = collected(scores);
        collected.runs[0].result = Err("disk full".into());
        let found = of_dataset(&plan, &collected, 0).unwrap();
        assert_eq!(found.comparisons.iter().map(|c| c.method.as_str()).collect::<Vec<_>>(), ["LSeSim"]);
        for run in collected.runs.iter_mut().filter(|run| plan.method(run.row).name == "ours") {
            run.result = Err("diverged".into());
        }
        assert_eq!(of_dataset(&plan, &collected, 0), None);
    }

    #[test]
    fn least_p_values() {
        assert!((least_p(3, 2.0) - 0.1).abs() < 1e-12 && (least_p(5, 1.0) - 1.0 / 252.0).abs() < 1e-12);
        assert_eq!([seeds_for(1, 2.0), seeds_for(6, 2.0), seeds_for(9, 2.0), seeds_for(12, 1.0)], [4, 5, 6, 5]);
    }
}
