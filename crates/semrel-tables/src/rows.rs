//! The rows of a table: data sets times methods.

use super::error::TableError;
use super::spec::Method;

/// A row: a data set and a method by their indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Index of the data set.
    pub dataset: usize,
    /// Index of the method.
    pub method: usize,
}

/// The rows that `only` names (all, if it names none), in the table's order. A name is a data set, a method, or both as
/// `dataset/method`. What they need is among them: see [`super::spec::Program::needs`].
///
/// # Errors
/// [`TableError::UnknownRow`].
pub fn select(
    datasets: &[String],
    methods: &[Method],
    needs: impl Fn(&str) -> Option<&'static str>,
    only: &[String],
) -> Result<Vec<Row>, TableError> {
    let all = (0..datasets.len()).flat_map(|dataset| (0..methods.len()).map(move |method| Row { dataset, method }));
    let all: Vec<Row> = all.collect();
    let method = |row: &Row| methods[row.method].name;
    let full = |row: &Row| format!("{}/{}", datasets[row.dataset], method(row));
    let fits = |row: &Row, name: &str| name == full(row) || name == datasets[row.dataset] || name == method(row);
    for name in only {
        if !all.iter().any(|row| fits(row, name)) {
            let rows: Vec<String> = all.iter().map(full).collect();
            let methods: Vec<&str> = methods.iter().map(|m| m.name).collect();
            return Err(TableError::UnknownRow {
                name: name.clone(),
                rows: rows.join(", "),
                datasets: datasets.join(", "),
                methods: methods.join(", "),
            });
        }
    }
    let named = |row: &Row| only.is_empty() || only.iter().any(|name| fits(row, name));
    let needed = |row: &Row| {
        all.iter()
            .any(|other| other.dataset == row.dataset && named(other) && needs(method(other)) == Some(method(row)))
    };
    Ok(all.iter().copied().filter(|row| named(row) || needed(row)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::table1::TABLE_1;
    use super::*;

    fn names(only: &[&str]) -> Vec<String> {
        let datasets = ["seasons".to_owned(), "weather".to_owned()];
        let only: Vec<String> = only.iter().map(|&n| n.to_owned()).collect();
        let rows = select(&datasets, TABLE_1.methods, |_| None, &only).unwrap();
        rows.iter().map(|r| format!("{}/{}", datasets[r.dataset], TABLE_1.methods[r.method].name)).collect()
    }

    #[test]
    fn rows_are_named_by_half_method_or_both() {
        assert_eq!(names(&[]).len(), 6);
        assert_eq!(names(&["ours"]), ["seasons/ours", "weather/ours"]);
        assert_eq!(names(&["weather"]), ["weather/stargan-v2", "weather/lsesim", "weather/ours"]);
        assert_eq!(names(&["weather/ours", "seasons/lsesim"]), ["seasons/lsesim", "weather/ours"]);
    }

    #[test]
    fn rows_bring_the_row_that_they_need() {
        let needs = |method: &str| (method == "ours").then_some("stargan-v2");
        let datasets = ["a".to_owned(), "b".to_owned()];
        let rows = select(&datasets, TABLE_1.methods, needs, &["b/ours".into()]).unwrap();
        assert_eq!(rows, [Row { dataset: 1, method: 0 }, Row { dataset: 1, method: 2 }]);
    }

    #[test]
    fn an_unknown_row_is_an_error_with_the_list() {
        let text = select(&["mine".into()], TABLE_1.methods, |_| None, &["our".into()]).unwrap_err().to_string();
        assert!(text.contains("`our`") && text.contains("mine/ours") && text.contains("stargan-v2"), "{text}");
    }
}
