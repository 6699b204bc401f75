//! Claims of the paper as hypotheses about rows.
//!
//! Each claim is a list of tests that are fixed before anything is trained: one row is better than another in a measure, on every
//! data set. [`judged`](super::judged) has what becomes of them.

use super::columns::Column;
use super::error::TableError;
use super::request::check_set;
use super::spec::Spec;
use super::study::{Configuration, Variant};
use super::{ALL, of_program};
use semrel_run::input;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Claims, as a YAML file has them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// What programs train and what is claimed of it, a study per program.
    pub studies: Vec<Study>,
}

/// Rows of a program, and claims about them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// The program.
    pub program: String,
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

/// A row is better than another in a measure; or the same row in one than in another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The row.
    pub row: String,
    /// The other.
    pub than: String,
    /// The score, as [`Column::key`] calls it; whether more of it is better is known.
    pub measure: String,
    /// The score of the other row; `measure` if omitted.
    #[serde(default)]
    pub than_measure: Option<String>,
}

impl Claims {
    /// Reads a file; a claim about a row that is not there is refused, and so is a score that nothing measures.
    ///
    /// # Errors
    /// [`TableError::Io`], [`TableError::Claims`], which names the key.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let text = input::read_to_string(path).map_err(TableError::io(path))?;
        let wrong = |what: String| TableError::Claims { path: path.to_owned(), what };
        let claims: Self = serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        claims.check().map_err(wrong)?;
        Ok(claims)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(name) = listed_twice(self.studies.iter().map(|study| &study.program)) {
            return Err(format!("studies: `{name}` is listed twice"));
        }
        if let Some(name) = listed_twice(self.names()) {
            return Err(format!("claims: `{name}` is listed twice"));
        }
        self.studies.iter().try_for_each(Study::check)
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.studies.iter().flat_map(|study| &study.claims).map(|claim| &claim.name)
    }

    /// The claims of these names, and the studies that have some; all where none is named.
    ///
    /// # Errors
    /// Names one that is not there, and those that are.
    pub fn select(mut self, names: &[String]) -> Result<Self, String> {
        let known: Vec<&String> = self.names().collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
            return Err(format!("no claim `{unknown}`; there are {}", known.join(", ")));
        }
        if !names.is_empty() {
            self.studies.iter_mut().for_each(|study| study.select(names));
            self.studies.retain(|study| !study.claims.is_empty());
        }
        Ok(self)
    }
}

/// The first name that occurs for the second time.
fn listed_twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

impl Study {
    /// The table on whose data sets its rows are trained.
    ///
    /// # Errors
    /// Names a program that has none, and those that have.
    pub fn table(&self) -> Result<&'static Spec, String> {
        of_program(&self.program).ok_or_else(|| {
            let known: BTreeSet<&str> = ALL.iter().map(|spec| spec.program.name()).collect();
            let known: Vec<&str> = known.into_iter().collect();
            format!("studies: no program `{}`; there are {}", self.program, known.join(", "))
        })
    }

    fn check(&self) -> Result<(), String> {
        let program = self.table()?.program;
        if let Some(name) = listed_twice(self.rows.iter().map(|row| &row.name)) {
            return Err(format!("rows of {}: `{name}` is listed twice", self.program));
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
        for row in &rows {
            if let Some(needed) = program.needs(row).filter(|needed| !rows.contains(needed)) {
                return Err(format!("rows of {}: `{row}` needs a row `{needed}`", self.program));
            }
        }
        for claim in &self.claims {
            // It is an id in the page, and one of several with commas between on the command line.
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if claim.name.is_empty() || !claim.name.chars().all(fits) {
                let name = &claim.name;
                return Err(format!("claims: `{name}`: a name has letters, digits and hyphens, such as C5-others"));
            }
            if claim.tests.is_empty() {
                return Err(format!("claim `{}` has no tests", claim.name));
            }
            claim.tests.iter().try_for_each(|test| test.check(&claim.name, &rows, program.columns()))?;
        }
        Ok(())
    }

    /// Keeps the claims of these names, and the rows that they, or those rows, ask for.
    fn select(&mut self, names: &[String]) {
        self.claims.retain(|claim| names.contains(&claim.name));
        let tests = self.claims.iter().flat_map(|claim| &claim.tests);
        let mut used: BTreeSet<String> = tests.flat_map(|test| [test.row.clone(), test.than.clone()]).collect();
        if let Ok(table) = self.table() {
            let needed: Vec<&str> = used.iter().filter_map(|row| table.program.needs(row)).collect();
            used.extend(needed.into_iter().map(str::to_owned));
        }
        self.rows.retain(|row| used.contains(&row.name));
    }

    /// The rows as those of a table.
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

impl Test {
    /// The score of the other row.
    fn than_measure(&self) -> &str {
        self.than_measure.as_deref().unwrap_or(&self.measure)
    }

    /// The columns of the two scores.
    ///
    /// # Errors
    /// Names a score that is in no column, and those that are.
    pub(crate) fn measures<'a>(&self, columns: &'a [Column]) -> Result<[&'a Column; 2], String> {
        let named = |measure: &str| {
            columns.iter().find(|column| column.key() == measure).ok_or_else(|| {
                let known: Vec<String> = columns.iter().map(Column::key).collect();
                format!("no measure `{measure}`; there are {}", known.join(", "))
            })
        };
        Ok([named(&self.measure)?, named(self.than_measure())?])
    }

    fn check(&self, claim: &str, rows: &[&str], columns: &[Column]) -> Result<(), String> {
        for row in [&self.row, &self.than] {
            if !rows.contains(&row.as_str()) {
                return Err(format!("claim `{claim}`: no row `{row}`; there are {}", rows.join(", ")));
            }
        }
        if self.row == self.than && self.measure == self.than_measure() {
            return Err(format!("claim `{claim}`: `{}` against itself", self.row));
        }
        let [measure, other] = self.measures(columns).map_err(|error| format!("claim `{claim}`: {error}"))?;
        if measure.more_is_better != other.more_is_better {
            let (measure, other) = (&self.measure, self.than_measure());
            return Err(format!(
                "claim `{claim}`: more is better in only one of `{measure}` and `{other}`; compare measures of one direction"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
