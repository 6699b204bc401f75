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
use anyhow::{Context, Result, anyhow, bail, ensure};
use semrel_nn::channels::Channels;
use semrel_run::JsonFileError;
pub use semrel_run::front::FILE as FRONT;
pub use semrel_run::search::RESULTS;
use semrel_run::search::{self, SearchResults, SeedResults, Spread, Winner};
use semrel_train::atomic;
use std::path::Path;

/// Name of the drawing of the front.
pub const DRAWING: &str = "front.svg";

/// What a search was, and over what.
#[derive(Debug, Clone, PartialEq)]
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

    /// The winner with its cost, as files have it.
    pub fn winner(&self) -> Winner {
        Winner { member: member(&self.winner, self.front.criterion), cost: self.cost }
    }

    /// As the file of results.
    fn results(&self) -> SearchResults {
        let criterion = self.front.criterion;
        let best = |best: &Best| search::Best { member: member(&best.member, criterion), generation: best.generation };
        let of_seed = |Searched { seed, found, evaluated }: &Searched| SeedResults {
            seed: *seed,
            evaluated: *evaluated,
            winner: member(&found.winner(), criterion),
            bests: found.bests.iter().map(best).collect(),
            population: found.population.iter().map(|m| member(m, criterion)).collect(),
        };
        let About { name, settings, super_net, set, set_size, budget, size, quality, images, reals, reference, step } =
            self.about.clone();
        SearchResults {
            name,
            settings,
            super_net: Some(super_net),
            set,
            set_size,
            budget: budget.into(),
            size,
            quality,
            images,
            reals,
            reference: reference.map(str::to_owned),
            step,
            evaluated: self.front.points.len(),
            winner: self.winner(),
            spread: self.spread(),
            searches: self.searches.iter().map(of_seed).collect(),
        }
    }

    /// Writes the three files. `search.json` comes last: where it is, all are.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let title =
            format!("{}: {} of {} configurations", self.about.name, self.front.points.len(), self.about.set_size);
        atomic::write(folder.join(FRONT), self.front.table(&self.winner.channels).to_csv().as_bytes())?;
        let drawing = plot::svg(&self.front, &self.winner, &title, &self.about.quality)?;
        atomic::write(folder.join(DRAWING), drawing.as_bytes())?;
        Ok(search::write(folder, &self.results())?)
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

/// A configuration as files have it.
pub(crate) fn member(Member { channels, quality }: &Member, criterion: Criterion) -> search::Member {
    search::Member { channels: channels.to_string(), quality: criterion.measure().of(*quality) }
}

/// The finished search of a folder, if there is one.
///
/// # Errors
/// Names the file, which cannot be read or is not a search's result.
pub fn finished(folder: &Path) -> Result<Option<SearchResults>> {
    search::read(folder).map_err(|error| match error {
        JsonFileError::Malformed { path, what } => anyhow!("{}: not a result of a search: {what}", path.display()),
        other => other.into(),
    })
}

/// The answer of a finished search.
///
/// # Errors
/// Names the file and the key.
pub fn answer(folder: &Path, results: &SearchResults) -> Result<Channels> {
    let channels = &results.winner.member.channels;
    channels.parse().with_context(|| format!("{}: key `winner.channels`", folder.join(RESULTS).display()))
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
    answer(folder, &finished)
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
        let read: SearchResults = serde_json::from_str(&text).unwrap();
        assert_eq!((read.winner.member.quality.value, read.reference.as_deref()), (9.0, Some("search")));
        assert_eq!(read.searches[0].bests[0].generation, 2);
        let spread = outcome.spread().unwrap();
        assert!((spread.mean - 28.0 / 3.0).abs() < 1e-12);
        assert!((spread.standard_deviation - (1f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(read.spread, Some(spread));
        let lines = outcome.lines();
        assert_eq!(lines.len(), 5);
        assert!(lines[3].contains("3 searches: FD(effnet-lite0) 9.333 ± 0.577"), "{lines:?}");
        assert!(lines[4].starts_with("winner 4_4_4_4_4_4_4_4: FD(effnet-lite0) 9.000"), "{lines:?}");
        // A file that does not tell its super-net.
        let mut old = SearchResults { super_net: None, ..outcome.results() };
        old.winner.member.channels = Channels::full(5).to_string();
        search::write(dir.path(), &old).unwrap();
        assert_eq!(winner(dir.path(), Some("others")).unwrap(), Channels::full(5));
        let file = dir.path().join(RESULTS);
        std::fs::write(&file, "{}").unwrap();
        let text = format!("{:#}", winner(dir.path(), None).unwrap_err());
        assert!(text.starts_with(&format!("{}: not a result of a search: ", file.display())), "{text}");
        // What cannot be read may well be one.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        let text = format!("{:#}", winner(dir.path(), None).unwrap_err());
        assert!(text.starts_with(&file.display().to_string()) && !text.contains("not a result"), "{text}");
    }

    #[test]
    fn one_search_has_no_spread() {
        let outcome = outcome(&[(1, 8, 10.0)]);
        assert_eq!((outcome.spread(), outcome.results().spread), (None, None));
    }
}
