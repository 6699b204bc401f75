//! Which row of which table a run folder belongs to.

use semrel_tables::names::{RunName, run_name};
use semrel_tables::spec::{Method, Spec};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The row of a table that a run folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Title of the table, up to its colon.
    pub table: String,
    /// Its place among the tables.
    pub order: usize,
    /// Data set.
    pub dataset: String,
    /// Title of the method.
    pub method: String,
    /// Its place among the methods.
    pub rank: usize,
    /// Seed.
    pub seed: Option<u64>,
    /// Whether other rows differ from this one in the seed alone.
    pub several: bool,
    /// Digest of the changed settings, where there are any.
    pub settings: Option<String>,
    /// Profile; empty where it is not known.
    pub profile: String,
    /// Processor of the machine that made the table.
    pub processor: Option<String>,
}

impl Membership {
    /// A row of this method, of which nothing else is known.
    fn new(spec: &Spec, method: &str) -> Self {
        let place = |found: Option<usize>| found.unwrap_or(usize::MAX);
        Self {
            table: short_title(spec),
            order: place(semrel_tables::ALL.iter().position(|other| other.name == spec.name)),
            dataset: String::new(),
            method: title_of(spec, method),
            rank: place(spec.methods.iter().position(|other| other.name == method)),
            seed: None,
            several: false,
            settings: None,
            profile: String::new(),
            processor: None,
        }
    }
}

/// Title of the method of this name; of one that the table does not have, the name itself.
pub fn title_of(spec: &Spec, name: &str) -> String {
    let method: Option<&Method> = spec.methods.iter().find(|method| method.name == name);
    method.map_or(name, |method| method.title).to_owned()
}

/// `Table 2` of `Table 2: compression`.
pub fn short_title(spec: &Spec) -> String {
    spec.title.split(':').next().unwrap_or(spec.title).to_owned()
}

/// Marks rows that differ from others in the seed alone.
pub fn mark_seeds(members: &mut HashMap<String, Membership>) {
    let row = |m: &Membership| (m.order, m.profile.clone(), m.dataset.clone(), m.method.clone());
    let mut seeds: HashMap<_, HashSet<Option<u64>>> = HashMap::new();
    for member in members.values() {
        seeds.entry(row(member)).or_default().insert(member.seed);
    }
    for member in members.values_mut() {
        member.several = seeds[&row(member)].len() > 1;
    }
}

/// The rows of a written table, by the names of their folders.
pub fn of_table(spec: &Spec, json: &Value) -> Vec<(String, Membership)> {
    let mut members = vec![];
    for dataset in json["datasets"].as_array().into_iter().flatten() {
        for run in dataset["runs"].as_array().into_iter().flatten() {
            let Some(folder) = run["run"].as_str().and_then(|path| path.rsplit('/').next()) else { continue };
            let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
            let member = Membership {
                dataset: text(&dataset["dataset"]),
                seed: run["seed"].as_u64(),
                settings: run_name(spec, folder).and_then(|name| name.settings().map(str::to_owned)),
                profile: json["profile"].as_str().unwrap_or_default().to_owned(),
                processor: json["processor"].as_str().map(str::to_owned),
                ..Membership::new(spec, &text(&run["method"]))
            };
            members.push((folder.to_owned(), member));
        }
    }
    members
}

/// The row of a table that is still to be written, from the name of its folder.
pub fn of_name(name: &str) -> Option<Membership> {
    semrel_tables::ALL.into_iter().find_map(|spec| {
        let name = run_name(spec, name)?;
        let settings = name.settings().map(str::to_owned);
        let RunName { profile, dataset, method, seed, .. } = name;
        let member = Membership::new(spec, spec.methods[method].name);
        Some(Membership { dataset, seed: Some(seed), settings, profile: profile.name().to_owned(), ..member })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_tell_the_row() {
        let told = |name: &str| of_name(name).map(|m| (m.table, m.profile, m.dataset, m.method, m.seed));
        let row = |table: &str, profile: &str, dataset: &str, method: &str, seed| {
            Some((table.to_owned(), profile.to_owned(), dataset.to_owned(), method.to_owned(), Some(seed)))
        };
        assert_eq!(
            told("table3-sample-street-infonce-src-hard-s777"),
            row("Table 3", "sample", "street", "InfoNCE + SRC + Hneg", 777)
        );
        assert_eq!(told("table-single-small-my-photos-s2-ours-s3-0a1b2c3d").unwrap().2, "my-photos-s2");
        let settings = |name: &str| of_name(name).unwrap().settings;
        assert_eq!(settings("table-single-small-my-photos-s2-ours-s3-0a1b2c3d").as_deref(), Some("0a1b2c3d"));
        assert_eq!(settings("table2-paper-maps-fast-s1"), None);
        assert_eq!(told("table2-paper-maps-fast-s1"), row("Table 2", "paper", "maps", "Baseline", 1));
        for other in ["mine", "table3-sample-street-ours", "table3-huge-street-ours-s1", "table3-sample-ours-s1", ""] {
            assert_eq!(told(other), None, "{other}");
        }
    }

    #[test]
    fn tables_tell_their_rows() {
        let run = json!({"method": "ours", "seed": 5, "run": "/a/runs/cut-single/x"});
        let changed = json!({"method": "ours", "run": "/a/table-single-small-street-ours-s5-0a1b2c3d"});
        let json = json!({"profile": "small", "processor": "P", "datasets": [{"dataset": "street", "runs": [run, {"method": "cut"}, changed]}]});
        let members = of_table(semrel_tables::ALL[1], &json);
        assert_eq!((members.len(), members[0].0.as_str()), (2, "x"));
        assert_eq!((&members[0].1.settings, members[1].1.settings.as_deref()), (&None, Some("0a1b2c3d")));
        assert_eq!((members[0].1.method.as_str(), members[0].1.processor.as_deref()), ("Ours", Some("P")));
        let names = ["table3-sample-street-ours-s1", "table3-sample-street-ours-s2", "table3-sample-street-dce-s1"];
        let mut members: HashMap<_, _> = names.map(|name| (name.to_owned(), of_name(name).unwrap())).into();
        mark_seeds(&mut members);
        assert_eq!(names.map(|name| members[name].several), [true, true, false]);
    }
}
