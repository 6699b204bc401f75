//! What results say of claims.
//!
//! The tests of a claim on a data set are one family, for which p values are corrected; each direction has 2.5 %. A claim *holds*
//! where every test is significant in the claimed direction, *does not hold* where one is significant in the other, and is
//! *undecided* otherwise.

use super::claims::{Claim, Test};
use super::collected::Collected;
use super::columns::{Column, Digits};
use super::differences::{LEAST_SEEDS, SIGNIFICANT, compare, least_p, scores, seeds_for};
use super::evaluated::Evaluated;
use super::plan::Plan;
use super::table::write_number;
use semrel_statistics::holm;
use serde::{Deserialize, Serialize};

/// What a test of a claim came to on a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Significant, as claimed.
    Holds,
    /// Significant, the other way.
    DoesNotHold,
    /// Neither.
    Undecided,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::Undecided => "undecided",
        }
    }

    /// That of a claim, from those of its tests.
    pub fn of_all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let all: Vec<Self> = verdicts.into_iter().collect();
        match all.contains(&Self::DoesNotHold) {
            true => Self::DoesNotHold,
            false if !all.is_empty() && all.iter().all(|v| *v == Self::Holds) => Self::Holds,
            false => Self::Undecided,
        }
    }
}

/// A test with its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// The data set.
    pub dataset: String,
    /// The row.
    pub row: String,
    /// The other.
    pub than: String,
    /// Heading of the measure.
    pub measure: String,
    /// That of the other row, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub than_measure: Option<String>,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// Score of each seed of the row.
    pub of_row: Vec<f64>,
    /// Score of each seed of the other.
    pub of_other: Vec<f64>,
    /// Mean of the row minus that of the other.
    pub difference: f64,
    /// Its interval of 95 %, from two seeds on.
    pub interval: Option<[f64; 2]>,
    /// One-sided p of the claimed direction after Holm's correction.
    pub p: f64,
    /// That of the other direction.
    pub p_against: f64,
    /// What it came to.
    pub verdict: Verdict,
}

impl Tested {
    /// The difference as it is written.
    pub fn written_difference(&self) -> String {
        signed(self.difference)
    }

    /// The ends of its interval as they are written.
    pub fn written_interval(&self) -> Option<[String; 2]> {
        Some(self.interval?.map(signed))
    }

    /// Heading of the measure; of both, where they differ.
    pub fn measures(&self) -> String {
        match &self.than_measure {
            Some(other) => format!("{} minus {other}", self.measure),
            None => self.measure.clone(),
        }
    }

    /// What is compared, in words: rows and measure.
    pub fn compared(&self) -> String {
        match &self.than_measure {
            Some(_) if self.row == self.than => format!("{}, {}", self.row, self.measures()),
            Some(other) => format!("{}, {}, minus {}, {other}", self.row, self.measure, self.than),
            None => format!("{} minus {}, {}", self.row, self.than, self.measure),
        }
    }
}

/// A claim with its tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Its short name.
    pub name: String,
    /// What is claimed.
    pub says: String,
    /// Where the paper says so.
    pub source: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Its tests on each data set.
    pub tests: Vec<Tested>,
    /// Tests that could not be made, and why.
    pub missing: Vec<String>,
    /// How many seeds so many tests need, where with these none could have been significant.
    pub needed: Option<usize>,
}

impl Judged {
    /// What is to be said where no test could have been significant.
    pub fn hopeless(&self) -> Option<String> {
        let seeds = self.needed?;
        Some(format!("With these seeds no test of this claim could have been significant; {seeds} would be enough."))
    }
}

impl Claim {
    /// Tests it on the results of several plans, each of data sets of its own.
    pub fn judge(&self, results: &[(&Plan, &Collected)]) -> Judged {
        let (mut tests, mut missing) = (vec![], vec![]);
        for (plan, collected) in results {
            for dataset in plan.datasets_in_use() {
                let (tested, untested) = self.tested_on(plan, collected, dataset);
                tests.extend(tested);
                missing.extend(untested);
            }
        }
        // What is missing cannot have held.
        let unknown = missing.iter().map(|_| Verdict::Undecided);
        let verdict = Verdict::of_all(tests.iter().map(|test| test.verdict).chain(unknown));
        let seeds = results.iter().map(|(plan, _)| plan.seeds.len()).min().unwrap_or(0);
        let (planned, sides) = (self.tests.len(), 2.0);
        let hopeless = least_p(seeds, sides) * planned as f64 > SIGNIFICANT;
        let needed = hopeless.then(|| seeds_for(planned, sides));
        let (name, says, source) = (self.name.clone(), self.says.clone(), self.source.clone());
        Judged { name, says, source, verdict, tests, missing, needed }
    }

    /// Its tests on a data set, which are one family, and those that cannot be made.
    fn tested_on(&self, plan: &Plan, collected: &Collected, dataset: usize) -> (Vec<Tested>, Vec<String>) {
        let (mut tests, mut missing) = (vec![], vec![]);
        for test in &self.tests {
            match test.measured(plan, collected, dataset) {
                Ok(tested) => tests.push(tested),
                Err(why) => {
                    let name = &plan.datasets[dataset].name;
                    missing.push(format!("{name}: {} against {}: {why}", test.row, test.than));
                }
            }
        }
        // Tests that could not be made count: how many there would be was decided before.
        let corrected = |p: fn(&Tested) -> f64| {
            let all: Vec<f64> = tests.iter().map(p).chain(missing.iter().map(|_| 1.0)).collect();
            holm(&all)
        };
        let (p, against) = (corrected(|t| t.p), corrected(|t| t.p_against));
        for ((test, p), against) in tests.iter_mut().zip(p).zip(against) {
            (test.p, test.p_against) = (p, against);
            let enough = test.of_row.len().min(test.of_other.len()) >= LEAST_SEEDS;
            test.verdict = match enough {
                true if p <= SIGNIFICANT / 2.0 => Verdict::Holds,
                true if against <= SIGNIFICANT / 2.0 => Verdict::DoesNotHold,
                _ => Verdict::Undecided,
            };
        }
        (tests, missing)
    }
}

impl Test {
    /// Its numbers on a data set, p values not yet corrected.
    fn measured(&self, plan: &Plan, collected: &Collected, dataset: usize) -> Result<Tested, String> {
        let [column, other] = self.measures(plan.spec.program.columns())?;
        let of = |name: &str, column: &Column| -> Result<Vec<Vec<f64>>, String> {
            let evals = collected.chosen(plan, dataset, name)?;
            let score = |eval: &Evaluated| scores(column, eval).ok_or(format!("{name} has no {}", column.key()));
            evals.into_iter().map(score).collect()
        };
        let compared = compare(&of(&self.row, column)?, &of(&self.than, other)?)
            .ok_or_else(|| format!("a score of {} or {} is not finite", self.row, self.than))?;
        let p = compared.p;
        let (as_claimed, against) = if column.more_is_better { (p.greater, p.less) } else { (p.less, p.greater) };
        Ok(Tested {
            dataset: plan.datasets[dataset].name.clone(),
            row: self.row.clone(),
            than: self.than.clone(),
            measure: column.heading(&collected.terms(dataset)),
            than_measure: self.than_measure.as_ref().map(|_| other.heading(&collected.terms(dataset))),
            more_is_better: column.more_is_better,
            difference: compared.difference,
            interval: compared.interval,
            of_row: compared.of_first,
            of_other: compared.of_second,
            p: as_claimed,
            p_against: against,
            verdict: Verdict::Undecided,
        })
    }
}

/// A score as it is written.
pub fn number(value: f64) -> String {
    write_number(value, Digits::Fine, value)
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// A p value as it is written: it is never 0.
pub fn share(p: f64) -> String {
    if p < 0.0001 { "<0.0001".into() } else { format!("{p:.4}") }
}
