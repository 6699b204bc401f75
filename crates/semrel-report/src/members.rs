//! Which row of which table a run folder belongs to.

use semrel_run::Manifest;
use semrel_tables::names;
use semrel_tables::spec::{Method, Spec};
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
    pub seed: u64,
    /// Whether other rows differ from this one in the seed alone.
    pub several: bool,
    /// Digest of the changed settings, where there are any.
    pub settings: Option<String>,
    /// Profile.
    pub profile: String,
    /// Processor of the machine that made the table.
    pub processor: Option<String>,
}

impl Membership {
    /// The row that a manifest tells; none where there is no such table.
    pub fn new(manifest: &Manifest) -> Option<Self> {
        let order = semrel_tables::ALL.iter().position(|spec| spec.name == manifest.table)?;
        let spec = semrel_tables::ALL[order];
        Some(Self {
            table: short_title(spec),
            order,
            dataset: manifest.data_set.clone(),
            method: title_of(spec, &manifest.row),
            rank: spec.methods.iter().position(|method| method.name == manifest.row).unwrap_or(usize::MAX),
            seed: manifest.seed,
            several: false,
            settings: names::settings(manifest).map(str::to_owned),
            profile: manifest.profile.clone(),
            processor: None,
        })
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
    let mut seeds: HashMap<_, HashSet<u64>> = HashMap::new();
    for member in members.values() {
        seeds.entry(row(member)).or_default().insert(member.seed);
    }
    for member in members.values_mut() {
        member.several = seeds[&row(member)].len() > 1;
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A manifest: `profile dataset row seed` of a table, with changed settings where there are any.
    pub fn manifest(table: &str, row: [&str; 3], seed: u64, settings: &str) -> Manifest {
        let [profile, data_set, row] = row.map(str::to_owned);
        let name = format!("{table}-{profile}-{data_set}-{row}-s{seed}{settings}");
        Manifest { format: 1, program: "x".into(), table: table.into(), profile, data_set, row, seed, name }
    }

    #[test]
    fn manifests_tell_the_row() {
        let of = |table, row, seed, settings| Membership::new(&manifest(table, row, seed, settings));
        let member = of("table3", ["sample", "street", "infonce-src-hard"], 777, "").unwrap();
        assert_eq!((member.table.as_str(), member.method.as_str()), ("Table 3", "InfoNCE + SRC + Hneg"));
        assert_eq!((member.profile.as_str(), member.dataset.as_str(), member.seed), ("sample", "street", 777));
        assert_eq!(member.settings, None);
        let member = of("table-single", ["small", "my-photos-s2", "ours"], 3, "-0a1b2c3d").unwrap();
        assert_eq!((member.settings.as_deref(), member.order), (Some("0a1b2c3d"), 1));
        // A row of another version has its own name, and comes last.
        let member = of("table2", ["paper", "maps", "new"], 1, "").unwrap();
        assert_eq!((member.method.as_str(), member.rank), ("new", usize::MAX));
        assert_eq!(of("table9", ["paper", "maps", "ours"], 1, ""), None);
    }

    #[test]
    fn seeds_are_told_where_there_are_several() {
        let rows = [("ours", 1), ("ours", 2), ("dce", 1)];
        let member = |(row, seed)| Membership::new(&manifest("table3", ["sample", "street", row], seed, "")).unwrap();
        let mut members: HashMap<String, _> = rows.map(|row| (format!("{row:?}"), member(row))).into();
        mark_seeds(&mut members);
        assert_eq!(rows.map(|row| members[&format!("{row:?}")].several), [true, true, false]);
    }
}
