//! Searches: every configuration that was evaluated, with its cost and quality.

use super::labels::group_of;
use super::problems::shown;
use super::run_folders::reason;
use super::sources::Sources;
use semrel_run::front::{self, FrontRow, FrontTable};
use semrel_run::input;
use semrel_run::search::{self, Axis, Measure};
use serde::Serialize;
use std::collections::BTreeMap;

/// Searches on one data set, of one cost and one quality.
#[derive(Debug, Serialize)]
pub struct FrontGroup {
    /// Table, data set and profile.
    pub title: String,
    /// The cost: `macs`, `parameters` or `milliseconds`.
    pub axis: &'static str,
    /// The same in words.
    pub over: &'static str,
    /// Name of the quality.
    pub quality: String,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// Searches.
    pub searches: Vec<Search>,
}

/// A search.
#[derive(Debug, Serialize)]
pub struct Search {
    /// Method.
    pub label: String,
    /// What a configuration may cost.
    pub budget: Option<f64>,
    /// What was evaluated, the cheaper first.
    pub points: Vec<Point>,
}

/// A configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Widths of its layers.
    pub channels: String,
    /// Its cost on the axis of its group.
    pub cost: f64,
    /// Multiply-accumulates.
    pub macs: f64,
    /// Parameters.
    pub parameters: f64,
    /// Milliseconds, where they were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
    /// How good it is.
    pub quality: f64,
    /// Whether none is as cheap and better.
    pub front: bool,
    /// Whether the search has chosen it.
    pub winner: bool,
}

/// All searches, by data set, cost and quality.
pub fn groups(sources: &Sources) -> Vec<FrontGroup> {
    let mut groups: BTreeMap<(usize, String, String, Axis), FrontGroup> = BTreeMap::new();
    for run in &sources.runs {
        let file = run.path.join(front::FILE);
        if !file.is_file() {
            continue;
        }
        let place = |name: &str| shown("runs", &sources.folders.runs, &run.path.join(name));
        let results = sources.problems.keep(place(search::RESULTS), search::read(&run.path).map_err(reason)).flatten();
        let budget = results.as_ref().map(|results| results.budget).unwrap_or_default();
        let axis = Axis::of(&budget);
        let text = input::read_to_string(&file).map_err(|error| format!("cannot be read: {error}"));
        let parsed = text.and_then(|text| parse(&text, axis));
        let parsed = parsed.map_err(|error| format!("{error}; the search is left out"));
        let Some((points, measure)) = sources.problems.keep(place(front::FILE), parsed) else { continue };
        let (order, title) = group_of(run, sources.member(run));
        let title = title.trim_end_matches(", search").to_owned();
        let more_is_better = measure.more_is_better();
        let usual = if more_is_better { "mIoU" } else { "FD" };
        let quality = results.map_or_else(|| usual.to_owned(), |results| results.quality);
        let group = groups.entry((order, title.clone(), quality.clone(), axis)).or_insert_with(|| FrontGroup {
            title,
            axis: axis.key(),
            over: axis.words(),
            quality,
            more_is_better,
            searches: vec![],
        });
        let label = sources.label(run).to_owned();
        group.searches.push(Search { label, budget: axis.limit(&budget), points });
    }
    groups.into_values().collect()
}

/// Points, the cheaper first, and what their quality is.
fn parse(text: &str, axis: Axis) -> Result<(Vec<Point>, Measure), String> {
    let FrontTable { measure, rows } = FrontTable::from_csv(text)?;
    let point = |FrontRow { channels, cost, quality, front, winner }: FrontRow| {
        let on_axis = axis.value(&cost).ok_or_else(|| {
            format!("no cost of {channels} in column `{}`, which the budget of the search limits", axis.key())
        })?;
        let (macs, parameters) = (cost.macs as f64, cost.parameters as f64);
        let milliseconds = cost.milliseconds;
        Ok(Point { channels, cost: on_axis, macs, parameters, milliseconds, quality, front, winner })
    };
    let mut points = rows.into_iter().map(point).collect::<Result<Vec<_>, String>>()?;
    points.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    Ok((points, measure))
}

#[cfg(test)]
mod tests {
    use super::super::members::tests::manifest;
    use super::super::sources::Folders;
    use super::*;
    use semrel_run::search::{Budget, SearchResults};
    use semrel_run::summary;
    use semrel_run::work::{SearchSummary, Work};
    use semrel_suite::made_up;
    use std::fs;

    #[test]
    fn tables_of_searches_are_read_with_and_without_times() {
        let counted = "channels,macs,parameters,fd,front,winner\n1_1,10,7,40.5,true,false\n2_2,20,8,41,false,true\n";
        let (points, quality) = parse(counted, Axis::Macs).unwrap();
        assert_eq!((points.len(), quality), (2, Measure::Fd));
        assert_eq!((points[0].quality, points[0].front, points[1].winner), (40.5, true, true));
        let timed = "channels,macs,parameters,milliseconds,miou,front,winner\n1_1,10,7,1.25,40,true,false\n1_2,10,7,,4,true,false\n";
        let (points, quality) = parse(timed, Axis::Macs).unwrap();
        assert_eq!((points[0].milliseconds, points[1].milliseconds, quality), (Some(1.25), None, Measure::Miou));
        // What the budget limits must be there.
        let error = |text: &str| parse(text, Axis::Milliseconds).unwrap_err().to_string();
        assert!(error(timed).starts_with("no cost of 1_2 in column `milliseconds`"));
        assert!(error("channels,macs,parameters,fd,front,winner\n1,1,1,1,true,true\n").contains("`milliseconds`"));
        assert!(parse("a,b\n", Axis::Macs).unwrap_err().contains("no column `channels`"));
    }

    #[test]
    fn searches_of_another_cost_or_quality_stand_apart() {
        let dir = tempfile::tempdir().unwrap();
        let write = |method: &str, csv: &str, quality: &str, budget: Budget| {
            let folder = dir.path().join(format!("runs/gancomp-fast/table2-sample-maps-{method}-s777/search"));
            fs::create_dir_all(&folder).unwrap();
            let work = Work { seconds: 1.0, threads: 1, device: "Cpu".to_owned() };
            let (name, stage) = ("x".to_owned(), "search".to_owned());
            let summary = SearchSummary { name, stage, winner: None, evaluations: 2, computed: 2, work };
            summary::write(&folder, &summary).unwrap();
            let of_row = manifest("table2", ["sample", "maps", method], 777, "");
            fs::write(folder.join("manifest.json"), of_row.to_string()).unwrap();
            fs::write(folder.join("front.csv"), csv).unwrap();
            let results = SearchResults { quality: quality.to_owned(), budget, ..made_up::search("1") };
            search::write(&folder, &results).unwrap();
        };
        let timed = "channels,macs,parameters,milliseconds,fd,front,winner\n1,10,7,2.5,40,true,true\n2,20,6,1.5,41,true,false\n";
        write("ours", timed, "FD(x)", Budget { macs: Some(30.0), milliseconds: Some(3.5), ..Budget::default() });
        write("fast", timed, "FD(x)", Budget { macs: Some(30.0), ..Budget::default() });
        write("teacher", timed, "FD(y)", Budget { parameters: Some(9.0), ..Budget::default() });
        let at = |name: &str| dir.path().join(name);
        let folders = Folders::new(at("results"), at("runs"), at("out"), (false, false)).unwrap();
        let groups = groups(&Sources::read(&folders).unwrap());
        let told = |group: &FrontGroup| {
            let search = &group.searches[0];
            (group.axis, search.budget, search.points.iter().map(|p| p.cost).collect::<Vec<_>>())
        };
        let told: Vec<_> = groups.iter().map(told).collect();
        let want = [
            ("macs", Some(30.0), vec![10.0, 20.0]),
            ("milliseconds", Some(3.5), vec![1.5, 2.5]),
            ("parameters", Some(9.0), vec![6.0, 7.0]),
        ];
        assert_eq!(told, want);
        assert!(groups.iter().all(|group| group.title == "Table 2, maps (sample)" && group.searches.len() == 1));
        assert_eq!((groups[1].searches[0].points[0].macs, groups[1].over), (20.0, "milliseconds of one image"));
    }
}
