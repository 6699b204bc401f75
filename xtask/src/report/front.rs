//! Searches: every configuration that was evaluated, with its cost and quality.

use super::curves::{group_of, label_of};
use super::problems::shown;
use super::sources::Sources;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// Searches on one data set.
#[derive(Debug, Serialize)]
pub struct FrontGroup {
    /// Table and data set.
    pub title: String,
    /// Name of the cost.
    pub cost: &'static str,
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
    /// Multiply-accumulates that a configuration may have.
    pub budget: Option<f64>,
    /// What was evaluated, the cheaper first.
    pub points: Vec<Point>,
}

/// A configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Widths of its layers.
    pub channels: String,
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

/// All searches, by data set.
pub fn groups(sources: &Sources) -> Vec<FrontGroup> {
    let mut groups: BTreeMap<(usize, String, bool), FrontGroup> = BTreeMap::new();
    for run in &sources.runs {
        let file = run.path.join("front.csv");
        if !file.is_file() {
            continue;
        }
        let place = shown("runs", &sources.folders.runs, &file);
        let text = fs::read_to_string(&file).context("cannot be read");
        let parsed = text.and_then(|text| parse(&text)).map_err(|error| format!("{error:#}; the search is left out"));
        let Some((points, key)) = sources.problems.keep(&place, parsed) else { continue };
        let search = run.path.join("search.json");
        let about = sources.problems.json(shown("runs", &sources.folders.runs, &search), &search);
        let member = sources.member(run);
        let (order, title) = group_of(run, member);
        let title = title.trim_end_matches(", search").to_owned();
        let more_is_better = key == "miou";
        let group = groups.entry((order, title.clone(), more_is_better)).or_insert_with(|| FrontGroup {
            title,
            cost: "multiply-accumulates",
            quality: about["quality"].as_str().unwrap_or(if more_is_better { "mIoU" } else { "FD" }).to_owned(),
            more_is_better,
            searches: vec![],
        });
        let budget = about.pointer("/budget/macs").and_then(Value::as_f64);
        group.searches.push(Search { label: label_of(run, member), budget, points });
    }
    groups.into_values().collect()
}

/// Points, and the name of the quality's column.
fn parse(text: &str) -> Result<(Vec<Point>, String)> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| names.iter().position(|n| *n == name);
    let needed =
        |name: &str| column(name).with_context(|| format!("no table of a search: there is no column `{name}`"));
    let (channels, macs, parameters) = (needed("channels")?, needed("macs")?, needed("parameters")?);
    let (front, winner) = (needed("front")?, needed("winner")?);
    let quality = column("fd").or(column("miou")).context("no table of a search: there is no column `fd` or `miou`")?;
    let milliseconds = column("milliseconds");
    let point = |(i, line): (usize, &str)| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| {
            let value = cells[at].parse::<f64>();
            value.with_context(|| format!("line {}: `{}` in column `{}` is no number", i + 2, cells[at], names[at]))
        };
        ensure!(cells.len() == names.len(), "line {} has {} columns, not {}", i + 2, cells.len(), names.len());
        Ok(Point {
            channels: cells[channels].to_owned(),
            macs: number(macs)?,
            parameters: number(parameters)?,
            milliseconds: milliseconds.filter(|&at| !cells[at].is_empty()).map(number).transpose()?,
            quality: number(quality)?,
            front: cells[front] == "true",
            winner: cells[winner] == "true",
        })
    };
    let points = lines.filter(|line| !line.is_empty()).enumerate().map(point).collect::<Result<Vec<_>>>()?;
    ensure!(!points.is_empty(), "holds no configuration");
    Ok((points, names[quality].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_searches_are_read_with_and_without_times() {
        let (points, quality) =
            parse("channels,macs,parameters,fd,front,winner\n1_1,10,7,40.5,true,false\n2_2,20,8,41,false,true\n")
                .unwrap();
        assert_eq!((points.len(), quality.as_str()), (2, "fd"));
        assert_eq!((points[0].quality, points[0].front, points[1].winner), (40.5, true, true));
        let timed = "channels,macs,parameters,milliseconds,miou,front,winner\n1_1,10,7,1.25,40,true,false\n1_2,10,7,,4,true,false\n";
        let (points, quality) = parse(timed).unwrap();
        assert_eq!((points[0].milliseconds, points[1].milliseconds, quality.as_str()), (Some(1.25), None, "miou"));
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert!(error("a,b\n").contains("no column `channels`"));
        assert!(
            error("channels,macs,parameters,fd,front,winner\n1,x,1,1,true,true\n")
                .contains("line 2: `x` in column `macs`")
        );
        assert!(error("channels,macs,parameters,fd,front,winner\n1,1,1\n").contains("line 2 has 3 columns"));
        assert!(error("channels,macs,parameters,fd,front,winner\n").contains("no configuration"));
    }
}
