//! Which runs stand together, and what each is called among them.

use super::members::Membership;
use super::run_folders::RunFolder;
use std::collections::{HashMap, HashSet};

/// The group that a run stands in, of those that may be compared; they are in the order of their tables.
pub fn group_of(run: &RunFolder, member: Option<&Membership>) -> (usize, String) {
    let (order, mut title) = match member {
        Some(member) => (member.order, format!("{}, {} ({})", member.table, member.dataset, member.profile)),
        None => {
            let parts = [run.program(), run.data()];
            let title = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
            (usize::MAX, if title.is_empty() { "runs".to_owned() } else { title })
        }
    };
    if let Some(stage) = run.stage() {
        title += &format!(", {stage}");
    }
    (order, title)
}

/// Order of runs in a group: that of the methods in their table, then of seeds.
pub fn order_of(run: &RunFolder, member: Option<&Membership>) -> (usize, Option<u64>, String) {
    (member.map_or(usize::MAX, |m| m.rank), member.map(|m| m.seed), run.name.clone())
}

/// What tells a run from others of its label, if it has that.
type Difference<'a> = dyn Fn(&RunFolder) -> Option<String> + 'a;

/// What runs are called in their groups, by their names. Where two would be called the same, what they differ in stands
/// behind it: settings, otherwise the folder that they lie in.
pub fn labels(runs: &[RunFolder], members: &HashMap<String, Membership>) -> HashMap<String, String> {
    let member = |run: &RunFolder| members.get(&run.name);
    let settings = |run: &RunFolder| Some(format!(", settings {}", member(run)?.settings.as_ref()?));
    let folder = |run: &RunFolder| Some(format!(", in {}", run.folder()?));
    let groups: Vec<(usize, String)> = runs.iter().map(|run| group_of(run, member(run))).collect();
    let mut labels: Vec<String> = runs.iter().map(|run| label_of(run, member(run))).collect();
    for difference in [&settings as &Difference<'_>, &folder] {
        let mut alike: HashMap<(&(usize, String), String), Vec<usize>> = HashMap::new();
        for (i, (group, label)) in groups.iter().zip(&labels).enumerate() {
            alike.entry((group, label.clone())).or_default().push(i);
        }
        for places in alike.into_values() {
            let told: Vec<Option<String>> = places.iter().map(|&i| difference(&runs[i])).collect();
            // What all of them share tells nothing.
            if told.iter().collect::<HashSet<_>>().len() > 1 {
                places.iter().zip(&told).for_each(|(&i, more)| labels[i] += more.as_deref().unwrap_or_default());
            }
        }
    }
    runs.iter().map(|run| run.name.clone()).zip(labels).collect()
}

fn label_of(run: &RunFolder, member: Option<&Membership>) -> String {
    match member {
        Some(Membership { method, seed, several: true, .. }) => format!("{method} (seed {seed})"),
        Some(member) => member.method.clone(),
        None => run.row().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::members::mark_seeds;
    use super::super::members::tests::manifest;
    use super::super::metrics::Metrics;
    use super::super::run_folders::Ended;
    use super::*;
    use semrel_run::Manifest;

    /// Groups and labels of runs.
    fn told(runs: Vec<(&str, Option<Manifest>)>) -> Vec<(String, String)> {
        let run = |(name, manifest): (&str, Option<Manifest>)| RunFolder {
            name: name.into(),
            path: name.into(),
            config_text: None,
            config: None,
            manifest,
            summary: Ended::NotYet,
            eval: None,
            metrics: Metrics::default(),
            samples: vec![],
        };
        let runs: Vec<RunFolder> = runs.into_iter().map(run).collect();
        let member = |run: &RunFolder| Some((run.name.clone(), Membership::new(run.manifest.as_ref()?)?));
        let mut members: HashMap<String, Membership> = runs.iter().filter_map(member).collect();
        mark_seeds(&mut members);
        let labels = labels(&runs, &members);
        let group = |run: &RunFolder| group_of(run, members.get(&run.name)).1;
        runs.iter().map(|run| (group(run), labels[&run.name].clone())).collect()
    }

    fn pair(group: &str, label: &str) -> (String, String) {
        (group.to_owned(), label.to_owned())
    }

    #[test]
    fn profiles_stand_apart_and_settings_are_told() {
        let single = |profile, row, settings| Some(manifest("table-single", [profile, "street", row], 777, settings));
        let runs = vec![
            ("cut-single/a", single("sample", "ours", "")),
            ("cut-single/b", single("sample", "ours", "-0a1b2c3d")),
            ("cut-single/c", single("sample", "cut", "-0a1b2c3d")),
            ("cut-single/d", single("small", "ours", "")),
            ("gancomp-fast/e/distill", Some(manifest("table2", ["sample", "maps", "ours"], 777, ""))),
        ];
        let sample = "Single-modal translation, street (sample)";
        let want = [
            pair(sample, "Ours"),
            pair(sample, "Ours, settings 0a1b2c3d"),
            pair(sample, "CUT"),
            pair("Single-modal translation, street (small)", "Ours"),
            pair("Table 2, maps (sample), distill", "+ Ours"),
        ];
        assert_eq!(told(runs), want);
    }

    #[test]
    fn runs_of_one_row_are_told_by_their_folders() {
        let ours = |seed, settings| Some(manifest("table-single", ["sample", "street", "ours"], seed, settings));
        let runs = vec![
            ("a", ours(777, "")),
            ("try/a", ours(777, "")),
            ("try/b", ours(777, "-0a1b2c3d")),
            ("c", ours(778, "")),
        ];
        let labels: Vec<String> = told(runs).into_iter().map(|t| t.1).collect();
        let want = ["Ours (seed 777)", "Ours (seed 777), in try", "Ours (seed 777), settings 0a1b2c3d"];
        assert_eq!(labels[..3], want);
        assert_eq!(labels[3], "Ours (seed 778)");
        // Nothing is known of what has no manifest but its name, whatever that is.
        let name = "mine/table-single-sample-street-ours-s777";
        assert_eq!(told(vec![("mine/a", None), (name, None)]), [pair("mine", "a"), pair("mine", &name[5..])]);
    }
}
