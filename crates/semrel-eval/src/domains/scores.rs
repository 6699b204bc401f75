//! Scores between domains, and what they refer to.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A score for each ordered pair of domains (`autumn2spring`), and their mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean over pairs.
    pub mean: f64,
    /// By pair.
    pub pairs: BTreeMap<String, f64>,
}

impl Score {
    /// Adds the score of a pair.
    pub fn insert(&mut self, pair: String, value: f64) {
        self.pairs.insert(pair, value);
        self.mean = self.pairs.values().sum::<f64>() / self.pairs.len() as f64;
    }
}

/// Scores of one guide.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Fréchet distance to the training images of the target domain.
    pub fd: Score,
    /// Mean perceptual distance between a source's outputs.
    pub pd: Score,
    /// Share of outputs that look like the target domain.
    pub target_accuracy: Score,
}

/// Images of each domain: a number where domains are equal, otherwise one for each in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Counts {
    /// As many of each.
    Equal(usize),
    /// By domain.
    ByDomain(Vec<usize>),
}

impl From<Vec<usize>> for Counts {
    fn from(counts: Vec<usize>) -> Self {
        match counts.first() {
            Some(&first) if counts.iter().all(|&n| n == first) => Self::Equal(first),
            _ => Self::ByDomain(counts),
        }
    }
}

/// What scores refer to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Name of the feature extractor.
    pub extractor: String,
    /// Name of the Fréchet distance.
    pub fd_name: String,
    /// Name of the perceptual distance.
    pub pd_name: String,
    /// Outputs per source image and target domain.
    pub num_outs: i64,
    /// Source images per domain.
    pub sources_per_domain: Counts,
    /// Training images per domain that outputs are compared with.
    pub reals_per_domain: Counts,
    /// Side of the images.
    pub img_size: i64,
    /// How many times smaller a side of an image is made before it is classified.
    pub classified_at: u32,
    /// Share of real validation images that the classifier recognises: the ceiling of the target accuracy.
    pub real_accuracy: f64,
}

/// Scores of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// `last`, `best`, or a file.
    pub checkpoint: String,
    /// Its step.
    pub step: u64,
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Latent-guided.
    pub latent: Scores,
    /// Reference-guided.
    pub reference: Scores,
    /// Seconds that the evaluation took.
    pub seconds: f64,
}

/// Scores of the sources themselves, not translated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What the scores refer to.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Fréchet distance of the sources to the training images of the target domain.
    pub fd: Score,
    /// Share of the sources that look like the target domain.
    pub target_accuracy: Score,
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn counts_are_told_by_domain_where_they_differ() {
        let text = |counts: Vec<usize>| serde_json::to_string(&Counts::from(counts)).unwrap();
        assert_eq!(text(vec![3, 3]), "3");
        assert_eq!(text(vec![3, 2, 3]), "[3,2,3]");
        assert_eq!(serde_json::from_str::<Counts>("[3,2,3]").unwrap(), Counts::ByDomain(vec![3, 2, 3]));
    }
}
