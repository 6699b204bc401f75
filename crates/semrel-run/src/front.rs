//! `front.csv`: every configuration that a search has evaluated, with its cost and quality.

use crate::search::{Cost, Measure};
use std::fmt::Write;

/// Name of the file within a search's folder.
pub const FILE: &str = "front.csv";

const CHANNELS: &str = "channels";
const MACS: &str = "macs";
const PARAMETERS: &str = "parameters";
const MILLISECONDS: &str = "milliseconds";
const FRONT: &str = "front";
const WINNER: &str = "winner";

/// The table.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontTable {
    /// What decides between configurations.
    pub measure: Measure,
    /// A row per configuration.
    pub rows: Vec<FrontRow>,
}

/// A configuration that was evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontRow {
    /// Widths of its layers.
    pub channels: String,
    /// What it costs.
    pub cost: Cost,
    /// How good it is.
    pub quality: f64,
    /// Whether no other is as cheap and better, or as good and cheaper.
    pub front: bool,
    /// Whether it is the search's answer.
    pub winner: bool,
}

impl FrontTable {
    /// Comma-separated values: `channels,macs,parameters[,milliseconds],fd|miou,front,winner`. Milliseconds have a column where
    /// some were measured. Equal tables make equal text.
    pub fn to_csv(&self) -> String {
        let timed = self.rows.iter().any(|row| row.cost.milliseconds.is_some());
        let cell = |text: String| if timed { format!(",{text}") } else { String::new() };
        let (time, quality) = (cell(MILLISECONDS.into()), self.measure.key());
        let mut text = format!("{CHANNELS},{MACS},{PARAMETERS}{time},{quality},{FRONT},{WINNER}\n");
        for FrontRow { channels, cost: Cost { macs, parameters, milliseconds }, quality, front, winner } in &self.rows {
            let time = cell(milliseconds.map(|time| time.to_string()).unwrap_or_default());
            // Writing to a string does not fail.
            let _ = writeln!(text, "{channels},{macs},{parameters}{time},{quality},{front},{winner}");
        }
        text
    }

    /// Reads what [`to_csv`](Self::to_csv) writes.
    ///
    /// # Errors
    /// Names the line and the column: one that is missing or unknown, a cell that does not fit; a table without rows.
    pub fn from_csv(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let columns = Columns::new(&names)?;
        let numbered = (2..).zip(lines).filter(|(_, line)| !line.is_empty());
        let rows = numbered.map(|(number, line)| columns.row(&names, line).map_err(|e| format!("line {number}{e}")));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        if rows.is_empty() {
            return Err("holds no configuration".into());
        }
        Ok(Self { measure: columns.quality.measure, rows })
    }
}

/// Places of the columns.
struct Columns {
    channels: usize,
    macs: usize,
    parameters: usize,
    milliseconds: Option<usize>,
    quality: OfQuality,
    front: usize,
    winner: usize,
}

struct OfQuality {
    measure: Measure,
    at: usize,
}

impl Columns {
    fn new(names: &[&str]) -> Result<Self, String> {
        let column = |name: &str| names.iter().position(|found| *found == name);
        let none = |name: &str| format!("no table of a search: there is no column {name}");
        let needed = |name: &str| column(name).ok_or_else(|| none(&format!("`{name}`")));
        let of = |measure: Measure| Some(OfQuality { measure, at: column(measure.key())? });
        let columns = Self {
            channels: needed(CHANNELS)?,
            macs: needed(MACS)?,
            parameters: needed(PARAMETERS)?,
            milliseconds: column(MILLISECONDS),
            front: needed(FRONT)?,
            winner: needed(WINNER)?,
            quality: of(Measure::Fd).or_else(|| of(Measure::Miou)).ok_or_else(|| none("`fd` or `miou`"))?,
        };
        let known = [CHANNELS, MACS, PARAMETERS, MILLISECONDS, columns.quality.measure.key(), FRONT, WINNER];
        match names.iter().find(|name| !known.contains(name)) {
            Some(name) => Err(format!("there is an unknown column `{name}`")),
            None => Ok(columns),
        }
    }

    /// The errors begin where the number of the line ends.
    fn row(&self, names: &[&str], line: &str) -> Result<FrontRow, String> {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.len() != names.len() {
            return Err(format!(" has {} columns, not {}", cells.len(), names.len()));
        }
        let unfit = |at: usize, what: &str| format!(": `{}` in column `{}` is not {what}", cells[at], names[at]);
        let count = |at: usize| cells[at].parse::<u64>().map_err(|_| unfit(at, "a count"));
        let number = |at: usize| cells[at].parse::<f64>().map_err(|_| unfit(at, "a number"));
        let truth = |at: usize| cells[at].parse::<bool>().map_err(|_| unfit(at, "`true` or `false`"));
        let milliseconds = self.milliseconds.filter(|&at| !cells[at].is_empty()).map(number).transpose()?;
        Ok(FrontRow {
            channels: cells[self.channels].to_owned(),
            cost: Cost { macs: count(self.macs)?, parameters: count(self.parameters)?, milliseconds },
            quality: number(self.quality.at)?,
            front: truth(self.front)?,
            winner: truth(self.winner)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(channels: &str, macs: u64, quality: f64, winner: bool) -> FrontRow {
        let cost = Cost { macs, parameters: 7, milliseconds: None };
        FrontRow { channels: channels.to_owned(), cost, quality, front: true, winner }
    }

    #[test]
    fn what_is_written_is_read_with_and_without_times() {
        let mut table =
            FrontTable { measure: Measure::Miou, rows: vec![row("1_1", 10, 40.0, false), row("2_2", 20, 41.5, true)] };
        let text = "channels,macs,parameters,miou,front,winner\n1_1,10,7,40,true,false\n2_2,20,7,41.5,true,true\n";
        assert_eq!(table.to_csv(), text);
        assert_eq!(FrontTable::from_csv(text), Ok(table.clone()));
        table.measure = Measure::Fd;
        table.rows[0].cost.milliseconds = Some(1.25);
        let text = table.to_csv();
        let head =
            "channels,macs,parameters,milliseconds,fd,front,winner\n1_1,10,7,1.25,40,true,false\n2_2,20,7,,41.5,";
        assert!(text.starts_with(head), "{text}");
        assert_eq!(FrontTable::from_csv(&text), Ok(table));
    }

    #[test]
    fn errors_name_line_and_column() {
        let error = |text: &str| FrontTable::from_csv(text).unwrap_err();
        assert!(error("a,b\n").contains("no column `channels`"));
        assert!(error("channels,macs,parameters,front,winner\n").contains("no column `fd` or `miou`"));
        assert!(error("channels,macs,parameters,fd,front,winner,colour\n").contains("unknown column `colour`"));
        let head = "channels,macs,parameters,fd,front,winner\n";
        assert!(error(&format!("{head}1,x,1,1,true,true\n")).contains("line 2: `x` in column `macs` is not a count"));
        assert!(error(&format!("{head}\n1,1,1,1,yes,true\n")).contains("line 3: `yes` in column `front`"));
        assert!(error(&format!("{head}1,1,1\n")).contains("line 2 has 3 columns"));
        assert!(error(head).contains("no configuration"));
    }
}
