//! Searches: every configuration that was evaluated, with its cost and quality.

use super::labels::group_of;
use super::problems::shown;
use super::sources::Sources;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// The cost that configurations are drawn over: what the budget of their search limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Axis {
    /// Multiply-accumulates; also where there is no limit.
    Macs,
    /// Parameters, where they alone are limited.
    Parameters,
    /// Milliseconds, where they are limited.
    Milliseconds,
}

impl Axis {
    /// The axis of a budget, as the search itself has it.
    fn of(budget: &Value) -> Self {
        match ["milliseconds", "macs", "parameters"].map(|key| budget[key].is_number()) {
            [true, _, _] => Self::Milliseconds,
            [false, false, true] => Self::Parameters,
            _ => Self::Macs,
        }
    }

    /// Its name in files.
    fn key(self) -> &'static str {
        match self {
            Self::Macs => "macs",
            Self::Parameters => "parameters",
            Self::Milliseconds => "milliseconds",
        }
    }

    /// What it counts.
    fn words(self) -> &'static str {
        match self {
            Self::Macs => "multiply-accumulates of one image",
            Self::Parameters => "parameters",
            Self::Milliseconds => "milliseconds of one image",
        }
    }
}

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
        let file = run.path.join("front.csv");
        if !file.is_file() {
            continue;
        }
        let search = run.path.join("search.json");
        let about = sources.problems.json(shown("runs", &sources.folders.runs, &search), &search);
        let axis = Axis::of(&about["budget"]);
        let place = shown("runs", &sources.folders.runs, &file);
        let text = fs::read_to_string(&file).map_err(|error| format!("cannot be read: {error}"));
        let parsed = text.and_then(|text| parse(&text, axis));
        let parsed = parsed.map_err(|error| format!("{error}; the search is left out"));
        let Some((points, key)) = sources.problems.keep(&place, parsed) else { continue };
        let (order, title) = group_of(run, sources.member(run));
        let title = title.trim_end_matches(", search").to_owned();
        let more_is_better = key == "miou";
        let quality = about["quality"].as_str().unwrap_or(if more_is_better { "mIoU" } else { "FD" }).to_owned();
        let group = groups.entry((order, title.clone(), quality.clone(), axis)).or_insert_with(|| FrontGroup {
            title,
            axis: axis.key(),
            over: axis.words(),
            quality,
            more_is_better,
            searches: vec![],
        });
        let budget = about["budget"][axis.key()].as_f64();
        group.searches.push(Search { label: sources.label(run).to_owned(), budget, points });
    }
    groups.into_values().collect()
}

/// Points, the cheaper first, and the name of the quality's column.
fn parse(text: &str, axis: Axis) -> Result<(Vec<Point>, String), String> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| names.iter().position(|n| *n == name);
    let needed = |name: &str| column(name).ok_or_else(|| format!("no table of a search: there is no column `{name}`"));
    let (channels, macs, parameters) = (needed("channels")?, needed("macs")?, needed("parameters")?);
    let cost = needed(axis.key())?;
    let (front, winner) = (needed("front")?, needed("winner")?);
    let quality = column("fd").or(column("miou")).ok_or("no table of a search: there is no column `fd` or `miou`")?;
    let milliseconds = column("milliseconds");
    let point = |(i, line): (usize, &str)| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| {
            let value = cells[at].parse::<f64>();
            value.map_err(|error| {
                format!("line {}: `{}` in column `{}` is no number: {error}", i + 2, cells[at], names[at])
            })
        };
        if cells.len() != names.len() {
            return Err(format!("line {} has {} columns, not {}", i + 2, cells.len(), names.len()));
        }
        Ok(Point {
            channels: cells[channels].to_owned(),
            cost: number(cost)?,
            macs: number(macs)?,
            parameters: number(parameters)?,
            milliseconds: milliseconds.filter(|&at| !cells[at].is_empty()).map(number).transpose()?,
            quality: number(quality)?,
            front: cells[front] == "true",
            winner: cells[winner] == "true",
        })
    };
    let mut points =
        lines.filter(|line| !line.is_empty()).enumerate().map(point).collect::<Result<Vec<_>, String>>()?;
    if points.is_empty() {
        return Err("holds no configuration".into());
    }
    points.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    Ok((points, names[quality].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::members::tests::manifest;
    use super::super::sources::Folders;
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_of_searches_are_read_with_and_without_times() {
        let counted = "channels,macs,parameters,fd,front,winner\n1_1,10,7,40.5,true,false\n2_2,20,8,41,false,true\n";
        let (points, quality) = parse(counted, Axis::Macs).unwrap();
        assert_eq!((points.len(), quality.as_str()), (2, "fd"));
        assert_eq!((points[0].quality, points[0].front, points[1].winner), (40.5, true, true));
        let timed = "channels,macs,parameters,milliseconds,miou,front,winner\n1_1,10,7,1.25,40,true,false\n1_2,10,7,,4,true,false\n";
        let (points, quality) = parse(timed, Axis::Macs).unwrap();
        assert_eq!((points[0].milliseconds, points[1].milliseconds, quality.as_str()), (Some(1.25), None, "miou"));
        let error = |text: &str| parse(text, Axis::Macs).unwrap_err().to_string();
        assert!(error("a,b\n").contains("no column `channels`"));
        assert!(
            error("channels,macs,parameters,fd,front,winner\n1,x,1,1,true,true\n")
                .contains("line 2: `x` in column `macs`")
        );
        assert!(error("channels,macs,parameters,fd,front,winner\n1,1,1\n").contains("line 2 has 3 columns"));
        assert!(error("channels,macs,parameters,fd,front,winner\n").contains("no configuration"));
        // What the budget limits must be there.
        let error = |text: &str| parse(text, Axis::Milliseconds).unwrap_err().to_string();
        assert!(error(timed).contains("line 3: `` in column `milliseconds`"));
        assert!(error("channels,macs,parameters,fd,front,winner\n1,1,1,1,true,true\n").contains("`milliseconds`"));
    }

    #[test]
    fn the_axis_is_what_the_budget_limits() {
        assert_eq!(Axis::of(&Value::Null), Axis::Macs);
        assert_eq!(Axis::of(&json!({"macs": 1.0, "parameters": 1.0, "milliseconds": null})), Axis::Macs);
        assert_eq!(Axis::of(&json!({"macs": null, "parameters": 1.0})), Axis::Parameters);
        assert_eq!(Axis::of(&json!({"macs": 1.0, "milliseconds": 2.5})), Axis::Milliseconds);
    }

    #[test]
    fn searches_of_another_cost_or_quality_stand_apart() {
        let dir = tempfile::tempdir().unwrap();
        let write = |method: &str, csv: &str, about: Value| {
            let folder = dir.path().join(format!("runs/gancomp-fast/table2-sample-maps-{method}-s777/search"));
            fs::create_dir_all(&folder).unwrap();
            let work = json!({"seconds": 1.0, "threads": 1, "device": "Cpu", "evaluations": 2});
            fs::write(folder.join("summary.json"), work.to_string()).unwrap();
            let of_row = manifest("table2", ["sample", "maps", method], 777, "");
            fs::write(folder.join("manifest.json"), of_row.to_string()).unwrap();
            fs::write(folder.join("front.csv"), csv).unwrap();
            fs::write(folder.join("search.json"), about.to_string()).unwrap();
        };
        let timed = "channels,macs,parameters,milliseconds,fd,front,winner\n1,10,7,2.5,40,true,true\n2,20,6,1.5,41,true,false\n";
        write("ours", timed, json!({"quality": "FD(x)", "budget": {"macs": 30, "milliseconds": 3.5}}));
        write("fast", timed, json!({"quality": "FD(x)", "budget": {"macs": 30, "milliseconds": null}}));
        write("teacher", timed, json!({"quality": "FD(y)", "budget": {"parameters": 9}}));
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
