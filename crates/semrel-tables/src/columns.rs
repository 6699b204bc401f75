//! The columns of a table: where a score is found, what it is called, and whether the paper's is the same metric.

use super::evaluated::{Baselined, Evaluated, Terms};

/// A score.
pub struct Column {
    /// What it is, as the table prints it where results do not agree on a name.
    pub title: &'static str,
    /// Way of translating that it is of, as in files; empty where there is one.
    pub mode: &'static str,
    /// The same as the table prints it.
    pub mode_title: &'static str,
    /// As in files.
    pub metric: &'static str,
    /// The paper's counterpart, as in files.
    pub paper: &'static str,
    /// What kind of score it is.
    pub kind: Kind,
    /// Whether more is better.
    pub more_is_better: bool,
    /// Its place in the result of an evaluation.
    pub eval: fn(&Evaluated) -> Option<f64>,
    /// That in the result of a baseline, of images that are not translated.
    pub untranslated: Option<fn(&Baselined) -> Option<f64>>,
    /// The same of real images.
    pub ceiling: Option<fn(&Baselined) -> Option<f64>>,
    /// How it is written.
    pub digits: Digits,
}

/// What kind of score a column has: what makes it the same metric as the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Fréchet distance, which has the name of its network.
    Frechet,
    /// A perceptual distance, which has the name of its network.
    Perceptual,
    /// What a segmenter sees.
    Segmentation,
    /// What a segmenter sees, counted by rule. The published script exchanges red and blue of labels and photographs, and divides
    /// by the pixels of 500 images: the paper's is another metric.
    Recounted,
    /// A share that a classifier gives; the paper has none.
    Accuracy,
    /// A perceptual distance to the truth, which has the name of its network; the paper has none.
    Truth,
    /// The same of the nearest output of each source.
    NearestTruth,
    /// A likeness of pixels to the truth; the paper has none.
    Likeness,
    /// A further score of the images or their distribution that a configuration asks for; the paper has none.
    Further,
    /// A count, which is the same everywhere.
    Count,
}

/// How a column writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// Four significant ones.
    Four,
    /// Three decimals.
    Decimals,
    /// Four decimals.
    Fine,
    /// A share in percent.
    Percent,
    /// A number of percent.
    OfHundred,
    /// Millions.
    Millions,
    /// Thousands of millions.
    Billions,
}

/// What the paper's scores of a program were measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Name of the Fréchet distance.
    pub frechet: &'static str,
    /// Name of the perceptual distance, where there is one.
    pub perceptual: Option<&'static str>,
    /// Name of the segmenter, where one looked.
    pub segmenter: Option<&'static str>,
    /// Side of the images.
    pub size: u32,
    /// Outputs per source and target domain.
    pub outputs: u64,
    /// Which checkpoint they are of and how often was trained, as far as the paper tells.
    pub runs: &'static str,
}

impl Column {
    /// Whether a score of the paper's is this column's: `fid`, or `latent fid` where there are several ways of translating.
    pub fn is_called(&self, name: &str) -> bool {
        let (mode, metric) = name.split_once(' ').unwrap_or(("", name));
        mode == self.mode && metric == self.paper
    }

    /// The score's name where it is asked for: `fd`, or `latent fd` where there are several ways of translating.
    pub fn key(&self) -> String {
        if self.mode.is_empty() { self.metric.to_owned() } else { format!("{} {}", self.mode, self.metric) }
    }

    /// Whether it is a score against the truth.
    pub fn of_truth(&self) -> bool {
        matches!(self.kind, Kind::Truth | Kind::NearestTruth | Kind::Likeness)
    }

    /// Whether it is left out where no result has it.
    pub fn is_optional(&self) -> bool {
        self.of_truth() || self.kind == Kind::Further
    }

    /// The heading over these results: by the name of what was computed, if all have the same.
    pub fn heading(&self, terms: &[Terms]) -> String {
        self.titled(&self.name(terms).unwrap_or_else(|| self.title.to_owned()))
    }

    /// The heading over the paper's numbers: by the name of what the paper computed.
    pub fn paper_heading(&self, published: &Published) -> String {
        match self.kind {
            Kind::Frechet => self.titled(published.frechet),
            Kind::Perceptual => self.titled(published.perceptual.unwrap_or(self.title)),
            Kind::Segmentation | Kind::Recounted | Kind::Accuracy | Kind::Count => self.titled(self.title),
            Kind::Truth | Kind::NearestTruth | Kind::Likeness | Kind::Further => self.titled(self.title),
        }
    }

    fn titled(&self, name: &str) -> String {
        let parts = [self.mode_title, name, if self.more_is_better { "↑" } else { "↓" }];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The own name of the metric, if all results have the same.
    fn name(&self, terms: &[Terms]) -> Option<String> {
        let name = |terms: &Terms| match self.kind {
            Kind::Frechet => Some(terms.frechet.clone()),
            Kind::Perceptual => terms.perceptual.clone(),
            Kind::Truth => terms.truth.as_ref().map(|name| format!("{name} to truth")),
            Kind::NearestTruth => terms.truth.as_ref().map(|name| format!("nearest {name} to truth")),
            Kind::Segmentation | Kind::Recounted | Kind::Accuracy | Kind::Count | Kind::Likeness | Kind::Further => {
                None
            }
        };
        let first = name(terms.first()?)?;
        terms.iter().all(|other| name(other).as_ref() == Some(&first)).then_some(first)
    }

    /// Whether a result was measured by the paper's metric.
    pub fn same_metric(&self, published: &Published, terms: &Terms) -> bool {
        match self.kind {
            Kind::Frechet => terms.frechet == published.frechet,
            Kind::Perceptual => published.perceptual.is_some() && terms.perceptual.as_deref() == published.perceptual,
            Kind::Segmentation => published.segmenter.is_some() && terms.segmenter.as_deref() == published.segmenter,
            Kind::Accuracy | Kind::Recounted | Kind::Truth | Kind::NearestTruth | Kind::Likeness | Kind::Further => {
                false
            }
            Kind::Count => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use crate::ALL;

    #[test]
    fn headings_name_what_was_computed() {
        let (multi, single) = (ALL[0].program.columns(), ALL[1].program.columns());
        let mut terms = [testing::domains(1.0).terms(), testing::domains(2.0).terms()];
        terms.iter_mut().for_each(|terms| terms.truth = Some("PD(y)".into()));
        let headings = |terms: &[_]| multi.iter().map(|column| column.heading(terms)).collect::<Vec<_>>();
        let own = ["Latent FD(x) ↓", "Latent PD(y) ↑", "Ref. FD(x) ↓", "Ref. PD(y) ↑", "Lat. acc. ↑", "Ref. acc. ↑"];
        assert_eq!(headings(&terms)[..6], own);
        let truth = ["Latent PD(y) to truth ↓", "Latent nearest PD(y) to truth ↓", "Latent SSIM to truth ↑"];
        assert_eq!(headings(&terms)[6..9], truth);
        assert_eq!(headings(&[])[9..11], ["Ref. PD to truth ↓", "Ref. nearest PD to truth ↓"]);
        terms[1].frechet = "FID".into();
        assert_eq!(headings(&terms)[..2], ["Latent FD ↓", "Latent PD(y) ↑"]);
        assert_eq!(headings(&[])[3], "Ref. PD ↑");
        assert_eq!(single[1].heading(&[testing::single(1.0, Some("a head")).terms()]), "mAP ↑");
    }

    #[test]
    fn a_metric_is_the_papers_by_its_name() {
        for spec in ALL {
            let published = spec.program.published();
            let mut terms = testing::single(1.0, Some("a head")).terms();
            let same = |terms: &_| {
                let of_column = |column: &super::Column| column.same_metric(published, terms);
                spec.program.columns().iter().filter(|column| of_column(column)).map(|c| c.metric).collect::<Vec<_>>()
            };
            let counts = if spec.name == "table2" { vec!["parameters", "macs"] } else { vec![] };
            assert_eq!(same(&terms), counts, "{}", spec.name);
            terms.frechet = published.frechet.into();
            terms.perceptual = published.perceptual.map(str::to_owned);
            terms.segmenter = published.segmenter.map(str::to_owned);
            let of_paper = |column: &&super::Column| !column.paper.is_empty() && column.kind != super::Kind::Recounted;
            let all = spec.program.columns().iter().filter(of_paper).count();
            assert_eq!(same(&terms).len(), all, "{}", spec.name);
            terms.frechet = format!("{}, mine.pth", published.frechet);
            assert!(!same(&terms).contains(&"fd"), "{}", spec.name);
        }
    }
}
