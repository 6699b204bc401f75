//! Claims of the paper as hypotheses about rows, and what results say of them.
//!
//! Each claim is a list of tests that are fixed before anything is trained: one row is better than another in a measure, on every
//! data set. The tests of a claim on a data set are one family, for which p values are corrected; each direction has 2.5 %. A claim *holds* where every test is significant in
//! the claimed direction, *does not hold* where one is significant in the other, and is *undecided* otherwise.

use super::collected::Collected;
use super::columns::Column;
use super::differences::{LEAST_SEEDS, SIGNIFICANT, compare, least_p, scores, seeds_for};
use super::error::TableError;
use super::evaluated::Evaluated;
use super::plan::Plan;
use super::request::check_set;
use super::study::{Configuration, Variant};
use semrel_run::input;
use semrel_statistics::holm;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// Rows and claims, as a YAML file has them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Rows to train.
    pub rows: Vec<RowEntry>,
    /// What is claimed.
    pub claims: Vec<Claim>,
}

/// A row of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowEntry {
    /// Its name.
    pub name: String,
    /// As it is printed.
    pub title: String,
    /// The method whose configuration it has.
    pub of: String,
    /// Changes to that.
    #[serde(default)]
    pub set: Vec<String>,
}

/// A claim.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its short name, such as `C1`.
    pub name: String,
    /// What is claimed.
    pub says: String,
    /// Where the paper says so.
    pub source: String,
    /// What would show it.
    pub tests: Vec<Test>,
}

/// A row is better than another in a measure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The row.
    pub row: String,
    /// The other.
    pub than: String,
    /// The score, as in result files; whether more of it is better is known.
    pub measure: String,
}

/// What a test of a claim came to on a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tested {
    /// The data set.
    pub dataset: String,
    /// The row.
    pub row: String,
    /// The other.
    pub than: String,
    /// Heading of the measure.
    pub measure: String,
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

/// A claim with its tests.
#[derive(Debug, Clone, PartialEq, Serialize)]
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

impl Claims {
    /// Reads a file; a claim about a row that is not there is refused, and so is a score that nothing measures.
    ///
    /// # Errors
    /// [`TableError::Io`], [`TableError::Claims`], which names the key.
    pub fn read(path: &Path, columns: &[Column]) -> Result<Self, TableError> {
        let text = input::read_to_string(path).map_err(TableError::io(path))?;
        let wrong = |what: String| TableError::Claims { path: path.to_owned(), what };
        let claims: Self = serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        claims.check(columns).map_err(wrong)?;
        Ok(claims)
    }

    fn check(&self, columns: &[Column]) -> Result<(), String> {
        let unique = |names: Vec<&String>| -> Option<String> {
            let mut seen = BTreeSet::new();
            names.into_iter().find(|name| !seen.insert((*name).clone())).cloned()
        };
        if let Some(name) = unique(self.rows.iter().map(|row| &row.name).collect()) {
            return Err(format!("rows: `{name}` is listed twice"));
        }
        if let Some(name) = unique(self.claims.iter().map(|claim| &claim.name).collect()) {
            return Err(format!("claims: `{name}` is listed twice"));
        }
        for row in &self.rows {
            // It becomes a part of the names of folders.
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if row.name.is_empty() || !row.name.chars().all(fits) {
                return Err(format!("rows: `{}`: a name has small letters, digits and hyphens", row.name));
            }
            for set in &row.set {
                check_set(set).map_err(|error| format!("row `{}`: {error}", row.name))?;
            }
        }
        let rows: Vec<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
        for claim in &self.claims {
            if claim.tests.is_empty() {
                return Err(format!("claim `{}` has no tests", claim.name));
            }
            for test in &claim.tests {
                for row in [&test.row, &test.than] {
                    if !rows.contains(&row.as_str()) {
                        return Err(format!("claim `{}`: no row `{row}`; there are {}", claim.name, rows.join(", ")));
                    }
                }
                if test.row == test.than {
                    return Err(format!("claim `{}`: `{}` against itself", claim.name, test.row));
                }
                if !columns.iter().any(|column| column.metric == test.measure) {
                    let known: Vec<&str> = columns.iter().map(|column| column.metric).collect();
                    let (name, measure) = (&claim.name, &test.measure);
                    return Err(format!("claim `{name}`: no measure `{measure}`; there are {}", known.join(", ")));
                }
            }
        }
        Ok(())
    }

    /// The claims of these names; all where none is named.
    ///
    /// # Errors
    /// Names one that is not there, and those that are.
    pub fn select(mut self, names: &[String]) -> Result<Self, String> {
        let known: Vec<String> = self.claims.iter().map(|claim| claim.name.clone()).collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            return Err(format!("no claim `{unknown}`; there are {}", known.join(", ")));
        }
        self.claims.retain(|claim| names.is_empty() || names.contains(&claim.name));
        let used = |row: &RowEntry| {
            let tests = self.claims.iter().flat_map(|claim| &claim.tests);
            tests.flat_map(|test| [&test.row, &test.than]).any(|name| *name == row.name)
        };
        // Rows that no claim asks for are shown with all claims, and left out with some.
        self.rows.retain(|row| names.is_empty() || used(row));
        Ok(self)
    }

    /// The rows as those of a study.
    pub fn variants(&self) -> Vec<Variant> {
        let variant = |row: &RowEntry| Variant {
            name: row.name.clone(),
            title: row.title.clone(),
            configuration: Configuration::Method(row.of.clone()),
            settings: row.set.clone(),
        };
        self.rows.iter().map(variant).collect()
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
        let seeds = tests.iter().map(|test| test.of_row.len().min(test.of_other.len())).min().unwrap_or(0);
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
        let column = plan.spec.program.columns().iter().find(|column| column.metric == self.measure);
        let column = column.ok_or_else(|| format!("no measure `{}`", self.measure))?;
        let of = |name: &str| -> Result<Vec<Vec<f64>>, String> {
            let evals = collected.chosen(plan, dataset, name)?;
            let score = |eval: &Evaluated| scores(column, eval).ok_or(format!("{name} has no {}", self.measure));
            evals.into_iter().map(score).collect()
        };
        let compared = compare(&of(&self.row)?, &of(&self.than)?).ok_or("a score is not finite")?;
        let p = compared.p;
        let (as_claimed, against) = if column.more_is_better { (p.greater, p.less) } else { (p.less, p.greater) };
        Ok(Tested {
            dataset: plan.datasets[dataset].name.clone(),
            row: self.row.clone(),
            than: self.than.clone(),
            measure: column.heading(&collected.terms(dataset)),
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

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
