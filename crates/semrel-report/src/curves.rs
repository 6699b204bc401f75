//! Training curves, grouped as they are compared.

use super::labels::group_of;
use super::metrics::Curve;
use super::run_folders::RunFolder;
use super::sources::Sources;
use serde::Serialize;
use std::collections::BTreeMap;

/// Numbers in all curves together, at most: a few megabytes.
const MOST_NUMBERS: usize = 400_000;

/// Runs that are compared with each other.
#[derive(Debug, Serialize)]
pub struct Group {
    /// Table, data set, profile and stage.
    pub title: String,
    /// Metrics, in the order in which runs log them.
    pub metrics: Vec<String>,
    /// The one that is shown at first: the one that was logged most often.
    pub first: usize,
    /// Runs.
    pub runs: Vec<RunCurves>,
}

/// The curves of a run.
#[derive(Debug, Serialize)]
pub struct RunCurves {
    /// Its folder, which no other run has.
    pub run: String,
    /// What it is called among the runs of its group.
    pub label: String,
    /// By place of the metric; null where it has none.
    pub curves: Vec<Option<Curve>>,
}

/// All curves.
pub fn groups(sources: &Sources) -> Vec<Group> {
    let mut groups: BTreeMap<(usize, String), Vec<&RunFolder>> = BTreeMap::new();
    for run in sources.runs.iter().filter(|run| !run.metrics.curves.is_empty()) {
        groups.entry(group_of(run, sources.member(run))).or_default().push(run);
    }
    let points = sources.runs.iter().flat_map(|run| &run.metrics.curves).map(|(_, points)| points.len());
    let most = most_points(&points.collect::<Vec<_>>());
    groups.into_iter().map(|((_, title), runs)| group(title, &runs, sources, most)).collect()
}

/// Points a curve such that all fit; short curves leave more to the long ones.
fn most_points(lengths: &[usize]) -> usize {
    // A point of a shortened curve has four numbers, one of a whole curve two.
    let numbers = |most: usize| lengths.iter().map(|&n| if n > most { most * 4 } else { n * 2 }).sum::<usize>();
    [1000, 700, 500, 350, 250, 180, 120, 80].into_iter().find(|&most| numbers(most) <= MOST_NUMBERS).unwrap_or(50)
}

fn group(title: String, runs: &[&RunFolder], sources: &Sources, most: usize) -> Group {
    let mut metrics: Vec<String> = vec![];
    for (name, _) in runs.iter().flat_map(|run| &run.metrics.curves) {
        if !metrics.contains(name) {
            metrics.push(name.clone());
        }
    }
    let curves = |run: &&RunFolder| {
        let of_metric = |name: &String| {
            let (_, points) = run.metrics.curves.iter().find(|(known, _)| known == name)?;
            Some(Curve::new(points, most))
        };
        RunCurves {
            run: run.name.clone(),
            label: sources.label(run).to_owned(),
            curves: metrics.iter().map(of_metric).collect(),
        }
    };
    // A warm-up has metrics of its own, which are logged first, and evaluations have theirs, which are few.
    let often = |name: &String| {
        let of_run =
            |run: &&RunFolder| run.metrics.curves.iter().find(|(known, _)| known == name).map_or(0, |c| c.1.len());
        runs.iter().map(of_run).sum::<usize>()
    };
    let first = (0..metrics.len()).rev().max_by_key(|&i| often(&metrics[i])).unwrap_or(0);
    let runs = runs.iter().map(curves).collect();
    Group { title, metrics, first, runs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_curves_fit() {
        assert_eq!(most_points(&[100; 1000]), 1000);
        assert_eq!(most_points(&[5000; 900]), 80);
        assert_eq!(most_points(&[100_000; 10_000]), 50);
        assert_eq!(most_points(&[]), 1000);
    }
}
