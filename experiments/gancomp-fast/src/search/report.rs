//! The files of a search: `search.json`, `front.csv`, `front.svg`.
//!
//! They hold nothing that differs between equal searches: one that was killed and went on leaves the same bytes as one that was
//! not.

use crate::config::{Budget, Criterion};
use crate::search::cost::Cost;
use crate::search::evolution::{Best, Found};
use crate::search::front::Front;
use crate::search::member::Member;
use crate::search::plot;
use anyhow::{Context, Result, bail, ensure};
use semrel_nn::channels::Channels;
use semrel_train::atomic;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Name of the file of results.
pub const RESULTS: &str = "search.json";

/// Name of the table of the front.
pub const FRONT: &str = "front.csv";

/// Name of the drawing of the front.
pub const DRAWING: &str = "front.svg";

/// What a search was, and over what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct About {
    /// Name of the row.
    pub name: String,
    /// Digest of all settings and of the super-net's weights.
    pub settings: String,
    /// Digest of the super-net's weights ([`weights_digest`](crate::trained::weights_digest)).
    pub super_net: String,
    /// The set of configurations.
    pub set: String,
    /// Members of the set.
    pub set_size: u64,
    /// What a configuration may cost.
    pub budget: Budget,
    /// Width and height of the images.
    pub size: (u32, u32),
    /// What the quality is, such as `FD(effnet-lite0)`.
    pub quality: String,
    /// Images that are looked at.
    pub images: usize,
    /// Real images that a Fréchet distance refers to, where their number is known.
    pub reals: Option<u64>,
    /// Which these are ([`name_of_search`](crate::looked_at::name_of_search)).
    pub reference: Option<&'static str>,
    /// Step of the super-net.
    pub step: u64,
}

/// One search of a seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched {
    /// Its seed.
    pub seed: u64,
    /// What it found.
    pub found: Found,
    /// Different configurations that it evaluated.
    pub evaluated: usize,
}

/// Mean and sample standard deviation of the winners' quality over several seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, divisor n − 1.
    pub standard_deviation: f64,
}

impl Spread {
    /// Of at least two winners.
    pub fn new(qualities: &[f64]) -> Option<Self> {
        let n = qualities.len() as f64;
        let mean = qualities.iter().sum::<f64>() / n;
        let squares: f64 = qualities.iter().map(|q| (q - mean) * (q - mean)).sum();
        (qualities.len() >= 2).then(|| Self { mean, standard_deviation: (squares / (n - 1.0)).sqrt() })
    }
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What it was.
    pub about: About,
    /// Each seed's search; none of an exhaustive one.
    pub searches: Vec<Searched>,
    /// The best of the winners (the first of equal ones), with its cost.
    pub winner: Member,
    /// Its cost.
    pub cost: Cost,
    /// All that was evaluated.
    pub front: Front,
}

impl Outcome {
    /// Mean and standard deviation of several searches.
    pub fn spread(&self) -> Option<Spread> {
        let qualities: Vec<f64> = self.searches.iter().map(|s| s.found.winner().quality).collect();
        Spread::new(&qualities)
    }

    /// The winner as JSON: configuration, quality, costs.
    pub fn winner_json(&self) -> Value {
        member(&self.winner, self.front.criterion, Some(&self.cost))
    }

    fn json(&self) -> Result<Value> {
        let criterion = self.front.criterion;
        let best = |best: &Best| {
            let mut entry = member(&best.member, criterion, None);
            entry["generation"] = best.generation.into();
            entry
        };
        let search = |search: &Searched| {
            json!({
                "seed": search.seed,
                "evaluated": search.evaluated,
                "winner": member(&search.found.winner(), criterion, None),
                "bests": search.found.bests.iter().map(best).collect::<Vec<_>>(),
                "population": search.found.population.iter().map(|m| member(m, criterion, None)).collect::<Vec<_>>(),
            })
        };
        let mut json = serde_json::to_value(&self.about)?;
        json["evaluated"] = self.front.points.len().into();
        json["winner"] = self.winner_json();
        json["spread"] = serde_json::to_value(self.spread())?;
        json["searches"] = self.searches.iter().map(search).collect();
        Ok(json)
    }

    /// Writes the three files. `search.json` comes last: where it is, all are.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let title =
            format!("{}: {} of {} configurations", self.about.name, self.front.points.len(), self.about.set_size);
        atomic::write(folder.join(FRONT), self.front.csv(&self.winner.channels).as_bytes())?;
        let drawing = plot::svg(&self.front, &self.winner, &title, &self.about.quality)?;
        atomic::write(folder.join(DRAWING), drawing.as_bytes())?;
        let mut text = serde_json::to_vec_pretty(&self.json()?)?;
        text.push(b'\n');
        Ok(atomic::write(folder.join(RESULTS), &text)?)
    }

    /// A few lines for people.
    pub fn lines(&self) -> Vec<String> {
        let quality = &self.about.quality;
        let each = |s: &Searched| {
            let winner = s.found.winner();
            format!("seed {}: {} {quality} {:.3}, {} evaluated", s.seed, winner.channels, winner.quality, s.evaluated)
        };
        let mut lines: Vec<String> = self.searches.iter().map(each).collect();
        if let Some(Spread { mean, standard_deviation }) = self.spread() {
            let count = self.searches.len();
            lines.push(format!("{count} searches: {quality} {mean:.3} ± {standard_deviation:.3} (standard deviation)"));
        }
        let Cost { macs, parameters, milliseconds } = self.cost;
        let time = milliseconds.map(|ms| format!(", {ms:.2} ms")).unwrap_or_default();
        lines.push(format!(
            "winner {}: {quality} {:.3}, {:.3} G multiply-accumulates, {:.3} M parameters{time}",
            self.winner.channels,
            self.winner.quality,
            macs as f64 / 1e9,
            parameters as f64 / 1e6
        ));
        lines
    }
}

fn member(member: &Member, criterion: Criterion, cost: Option<&Cost>) -> Value {
    let mut entry = Map::new();
    entry.insert("channels".into(), json!(member.channels));
    entry.insert(criterion.key().into(), json!(member.quality));
    if let Some(cost) = cost {
        entry.insert("macs".into(), cost.macs.into());
        entry.insert("parameters".into(), cost.parameters.into());
        if let Some(milliseconds) = cost.milliseconds {
            entry.insert("milliseconds".into(), milliseconds.into());
        }
    }
    Value::Object(entry)
}

/// What is read back of `search.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Finished {
    /// Digest of its settings.
    pub settings: String,
    /// Digest of the super-net's weights, where the file tells.
    pub super_net: Option<String>,
    /// Its answer.
    pub winner: FinishedWinner,
}

/// The answer of a finished search.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FinishedWinner {
    /// The configuration.
    pub channels: Channels,
}

/// The finished search of a folder, if there is one.
///
/// # Errors
/// A file that is no search's result.
pub fn finished(folder: &Path) -> Result<Option<Finished>> {
    let file = folder.join(RESULTS);
    let bytes = match std::fs::read(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| file.display().to_string())?,
    };
    let read = serde_json::from_slice(&bytes);
    Ok(Some(read.with_context(|| format!("{}: no result of a search", file.display()))?))
}

/// The configuration that the search in `folder` has found, in the super-net of this digest where that is known.
///
/// # Errors
/// Where there is none or it is another super-net's, the command that finds it; a file that is no search's result.
pub fn winner(folder: &Path, super_net: Option<&str>) -> Result<Channels> {
    const HOW: &str = "gancomp-fast search with the same configuration (or name a configuration: `finetune.channels` \
                       for fine-tuning, --channels elsewhere)";
    let Some(finished) = finished(folder)? else {
        bail!("{}: there is no finished search yet; run it first: {HOW}", folder.display());
    };
    if let (Some(then), Some(now)) = (&finished.super_net, super_net) {
        ensure!(
            then == now,
            "{}: its winner was found in another super-net than the row has now; search again: {HOW}",
            folder.join(RESULTS).display()
        );
    }
    Ok(finished.winner.channels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::cost::Axis;
    use crate::search::front::Point;

    fn outcome(winners: &[(u64, i64, f64)]) -> Outcome {
        let searched = |&(seed, width, quality): &(u64, i64, f64)| {
            let member = Member { channels: Channels::full(width), quality };
            let found = Found { bests: vec![Best { generation: 2, member }], population: vec![member] };
            Searched { seed, found, evaluated: 7 }
        };
        let searches: Vec<Searched> = winners.iter().map(searched).collect();
        let winner = Criterion::Frechet.best(searches.iter().map(|s| s.found.winner())).unwrap();
        let cost = |c: Channels| Cost { macs: c.macs(64, 64), parameters: c.parameters(), milliseconds: None };
        let point = |s: &Searched| {
            let Member { channels, quality } = s.found.winner();
            Point { channels, cost: cost(channels), quality }
        };
        let front = Front::new(searches.iter().map(point).collect(), Axis::Macs, Criterion::Frechet);
        let about = About {
            name: "row".into(),
            settings: "abc".into(),
            super_net: "weights".into(),
            set: "test".into(),
            set_size: 4,
            budget: Budget { macs: Some(3e9), ..Default::default() },
            size: (64, 64),
            quality: "FD(effnet-lite0)".into(),
            images: 5,
            reals: Some(9),
            reference: Some("search"),
            step: 12,
        };
        Outcome { about, searches, winner, cost: cost(winner.channels), front }
    }

    #[test]
    fn files_say_who_won_and_how_searches_spread() {
        let dir = tempfile::tempdir().unwrap();
        assert!(winner(dir.path(), None).unwrap_err().to_string().contains("gancomp-fast search"));
        let outcome = outcome(&[(1, 8, 10.0), (2, 4, 9.0), (3, 5, 9.0)]);
        outcome.write(dir.path()).unwrap();
        assert_eq!(winner(dir.path(), Some("weights")).unwrap(), Channels::full(4));
        let text = winner(dir.path(), Some("others")).unwrap_err().to_string();
        assert!(text.contains("search.json: its winner was found in another super-net"), "{text}");
        assert_eq!(finished(dir.path()).unwrap().unwrap().settings, "abc");
        let text = std::fs::read_to_string(dir.path().join(RESULTS)).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&json["winner"]["fd"], &json["reference"]), (&json!(9.0), &json!("search")));
        assert_eq!(json["searches"][0]["bests"][0]["generation"], 2);
        let spread = outcome.spread().unwrap();
        assert!((spread.mean - 28.0 / 3.0).abs() < 1e-12);
        assert!((spread.standard_deviation - (1f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(json["spread"]["mean"], spread.mean);
        let lines = outcome.lines();
        assert_eq!(lines.len(), 5);
        assert!(lines[3].contains("3 searches: FD(effnet-lite0) 9.333 ± 0.577"), "{lines:?}");
        assert!(lines[4].starts_with("winner 4_4_4_4_4_4_4_4: FD(effnet-lite0) 9.000"), "{lines:?}");
        // A file that does not tell its super-net.
        let old = r#"{ "settings": "abc", "winner": { "channels": "5_5_5_5_5_5_5_5" } }"#;
        std::fs::write(dir.path().join(RESULTS), old).unwrap();
        assert_eq!(winner(dir.path(), Some("others")).unwrap(), Channels::full(5));
        std::fs::write(dir.path().join(RESULTS), "{}").unwrap();
        assert!(format!("{:#}", winner(dir.path(), None).unwrap_err()).contains("no result of a search"));
    }

    #[test]
    fn one_search_has_no_spread() {
        let outcome = outcome(&[(1, 8, 10.0)]);
        assert_eq!((outcome.spread(), outcome.json().unwrap()["spread"].is_null()), (None, true));
    }
}
