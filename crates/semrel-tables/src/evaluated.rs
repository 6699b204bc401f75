//! What programs have measured, a variant per program: scores, and what they refer to.

use semrel_run::scores::{
    Baseline, CompressionEvaluation, Counts, DomainBaseline, DomainEvaluation, DomainProtocol, Evaluation,
    GuidedScores, GuidedTruth, PairScores, PairTruth, Protocol, SegmentationScores, TruthScores,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;

/// The scores of a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "there are a few dozen of them")]
pub enum Evaluated {
    /// Of `cut-single`.
    Single(Evaluation),
    /// Of `gancomp-fast`.
    Compression(CompressionEvaluation),
    /// Of `stargan2-multi`.
    Domains(DomainEvaluation),
}

/// The scores of images that no method has made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Baselined {
    /// Of `cut-single` and `gancomp-fast`.
    Pair(Baseline),
    /// Of `stargan2-multi`.
    Domains(DomainBaseline),
}

/// Which styles translations have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guide {
    /// Random ones.
    Latent,
    /// Those of reference images.
    Reference,
}

/// What scores refer to, in one form for all programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Name of the Fréchet distance.
    pub frechet: String,
    /// Name of the perceptual distance, where there is one.
    pub perceptual: Option<String>,
    /// Name of the segmenter, where one looked.
    pub segmenter: Option<String>,
    /// Name of the perceptual distance to the truth, where that is known.
    pub truth: Option<String>,
    /// Side of the images; 0 for pictures of their own size.
    pub size: u32,
    /// Images that are translated, by domain.
    pub sources: Vec<u64>,
    /// Real images that they are compared with, by domain, where their numbers are known.
    pub reals: Option<Vec<u64>>,
    /// Which these are: `test`, `train` or `all`, or `statistics` of an archive.
    pub reference: String,
    /// Outputs per source and target domain.
    pub outputs: u64,
    /// What chose the best checkpoint of the run; empty for a result that does not tell, `None` where there is nothing to choose.
    pub select: Option<String>,
}

/// Reads a value; the error names the key.
///
/// # Errors
/// What does not fit.
pub fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let what = error.inner();
        if error.path().iter().next().is_some() { format!("key `{}`: {what}", error.path()) } else { what.to_string() }
    })
}

/// A mean that is finite, and of something.
fn mean(scores: &PairScores) -> Option<f64> {
    finite(scores.mean).filter(|_| !scores.pairs.is_empty())
}

fn finite(score: f64) -> Option<f64> {
    score.is_finite().then_some(score)
}

impl Evaluated {
    /// Fréchet distance of translations from one domain to another.
    pub fn fd(&self) -> Option<f64> {
        match self {
            Self::Single(evaluation) => finite(evaluation.fd),
            Self::Compression(evaluation) => finite(evaluation.fd),
            Self::Domains(_) => None,
        }
    }

    /// A score of a segmenter.
    pub fn seen(&self, pick: fn(&SegmentationScores) -> f64) -> Option<f64> {
        match self {
            Self::Single(evaluation) => finite(pick(evaluation.segmentation.as_ref()?)),
            Self::Compression(evaluation) => finite(pick(evaluation.segmentation.as_ref()?)),
            Self::Domains(_) => None,
        }
    }

    /// A cost of a generator.
    pub fn cost(&self, pick: fn(&CompressionEvaluation) -> u64) -> Option<f64> {
        match self {
            Self::Compression(evaluation) => Some(pick(evaluation) as f64),
            Self::Single(_) | Self::Domains(_) => None,
        }
    }

    /// The scores of one guide, of translations between many domains.
    fn of_guide(&self, guide: Guide) -> Option<&GuidedScores> {
        let Self::Domains(evaluation) = self else { return None };
        Some(match guide {
            Guide::Latent => &evaluation.latent,
            Guide::Reference => &evaluation.reference,
        })
    }

    /// A score over pairs of domains.
    pub fn guided(&self, guide: Guide, pick: fn(&GuidedScores) -> &PairScores) -> Option<f64> {
        mean(pick(self.of_guide(guide)?))
    }

    /// A score of translations from one domain to another against the truth.
    pub fn true_to(&self, pick: fn(&TruthScores) -> f64) -> Option<f64> {
        match self {
            Self::Single(evaluation) => finite(pick(evaluation.truth.as_ref()?)),
            Self::Compression(evaluation) => finite(pick(evaluation.truth.as_ref()?)),
            Self::Domains(_) => None,
        }
    }

    /// Perceptual distance of each test picture to the truth, where it is known of one domain and the result tells it.
    pub fn pictures(&self) -> &[f64] {
        match self {
            Self::Single(Evaluation { truth: Some(truth), .. })
            | Self::Compression(CompressionEvaluation { truth: Some(truth), .. }) => &truth.pd_of_pictures,
            _ => &[],
        }
    }

    /// A score against the truth over pairs of domains.
    pub fn guided_true_to(&self, guide: Guide, pick: fn(&GuidedTruth) -> &PairScores) -> Option<f64> {
        mean(pick(self.of_guide(guide)?.truth.as_ref()?))
    }

    /// A further score over pairs of domains that the configuration asked for.
    pub fn guided_further(&self, guide: Guide, name: &str) -> Option<f64> {
        mean(self.of_guide(guide)?.more.get(name)?)
    }

    /// Whether it has a further score that the configuration asked for.
    pub fn has_further(&self, name: &str) -> bool {
        self.further(name).or_else(|| self.guided_further(Guide::Latent, name)).is_some()
    }

    /// A further score of translations from one domain to another that the configuration asked for.
    pub fn further(&self, name: &str) -> Option<f64> {
        match self {
            Self::Single(evaluation) => finite(*evaluation.more.get(name)?),
            Self::Compression(evaluation) => finite(*evaluation.more.get(name)?),
            Self::Domains(_) => None,
        }
    }

    /// Configuration of a sub-network.
    pub fn channels(&self) -> Option<&str> {
        match self {
            Self::Compression(evaluation) => evaluation.channels.as_deref(),
            Self::Single(_) | Self::Domains(_) => None,
        }
    }

    /// Folder of the translations, relative to that of the run.
    pub fn images(&self) -> PathBuf {
        let of_step = |step: u64| PathBuf::from(format!("results/test_{step}/images"));
        match self {
            Self::Compression(evaluation) => evaluation.images.clone(),
            Self::Single(evaluation) => of_step(evaluation.step),
            Self::Domains(evaluation) => of_step(evaluation.step),
        }
    }

    /// What the scores refer to.
    pub fn terms(&self) -> Terms {
        match self {
            Self::Single(Evaluation { protocol, select, truth, .. }) => {
                Terms { select: Some(select.clone().unwrap_or_default()), ..of_pair(protocol, truth.as_ref()) }
            }
            Self::Compression(evaluation) => of_pair(&evaluation.protocol, evaluation.truth.as_ref()),
            Self::Domains(DomainEvaluation { protocol, select, latent, .. }) => {
                let select = Some(select.clone().unwrap_or_default());
                Terms { select, ..of_domains(protocol, latent.truth.is_some()) }
            }
        }
    }
}

impl Baselined {
    /// Fréchet distance of the sources as they are.
    pub fn fd(&self) -> Option<f64> {
        match self {
            Self::Pair(baseline) => finite(baseline.fd),
            Self::Domains(baseline) => mean(&baseline.fd),
        }
    }

    /// Share of the sources that look like the target domain.
    pub fn target_accuracy(&self) -> Option<f64> {
        match self {
            Self::Pair(_) => None,
            Self::Domains(baseline) => mean(&baseline.target_accuracy),
        }
    }

    /// A score that a segmenter gives to real photographs.
    pub fn ceiling(&self, pick: fn(&SegmentationScores) -> f64) -> Option<f64> {
        match self {
            Self::Pair(baseline) => finite(pick(baseline.ceiling.as_ref()?)),
            Self::Domains(_) => None,
        }
    }

    /// A score of the sources of one domain against the truth.
    pub fn true_to(&self, pick: fn(&TruthScores) -> f64) -> Option<f64> {
        match self {
            Self::Pair(baseline) => finite(pick(baseline.truth.as_ref()?)),
            Self::Domains(_) => None,
        }
    }

    /// A further score of the sources of one domain.
    pub fn further(&self, name: &str) -> Option<f64> {
        match self {
            Self::Pair(baseline) => finite(*baseline.more.get(name)?),
            Self::Domains(_) => None,
        }
    }

    /// A further score of the sources of many domains.
    pub fn pairs_further(&self, name: &str) -> Option<f64> {
        match self {
            Self::Pair(_) => None,
            Self::Domains(baseline) => mean(baseline.more.get(name)?),
        }
    }

    /// A score of the sources of many domains against the truth.
    pub fn pairs_true_to(&self, pick: fn(&PairTruth) -> &PairScores) -> Option<f64> {
        match self {
            Self::Pair(_) => None,
            Self::Domains(baseline) => mean(pick(baseline.truth.as_ref()?)),
        }
    }

    /// What scores of many domains refer to.
    pub fn domains(&self) -> Option<&DomainProtocol> {
        match self {
            Self::Pair(_) => None,
            Self::Domains(baseline) => Some(&baseline.protocol),
        }
    }

    /// What the scores refer to.
    pub fn terms(&self) -> Terms {
        match self {
            Self::Pair(baseline) => of_pair(&baseline.protocol, baseline.truth.as_ref()),
            Self::Domains(baseline) => of_domains(&baseline.protocol, baseline.truth.is_some()),
        }
    }
}

fn of_pair(protocol: &Protocol, truth: Option<&TruthScores>) -> Terms {
    Terms {
        frechet: protocol.fd_name.clone(),
        perceptual: None,
        segmenter: protocol.segmenter.clone(),
        truth: truth.map(|truth| truth.pd_name.clone()),
        size: protocol.size,
        sources: vec![protocol.sources as u64],
        reals: protocol.reals.map(|reals| vec![reals]),
        reference: protocol.reference.clone(),
        outputs: 1,
        select: None,
    }
}

fn of_domains(protocol: &DomainProtocol, truth: bool) -> Terms {
    let each = |counts: &Counts| match counts {
        Counts::Equal(count) => vec![*count as u64],
        Counts::ByDomain(counts) => counts.iter().map(|&count| count as u64).collect(),
    };
    Terms {
        frechet: protocol.fd_name.clone(),
        perceptual: Some(protocol.pd_name.clone()),
        segmenter: None,
        truth: truth.then(|| protocol.pd_name.clone()),
        size: u32::try_from(protocol.img_size).unwrap_or(0),
        sources: each(&protocol.sources_per_domain),
        reals: Some(each(&protocol.reals_per_domain)),
        reference: "train".into(),
        outputs: u64::try_from(protocol.num_outs).unwrap_or(0),
        select: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn a_score_is_a_finite_number_or_the_mean_of_something() {
        let Evaluated::Domains(mut evaluation) = testing::domains(3.5) else { panic!() };
        evaluation.latent.fd.mean = f64::NAN;
        evaluation.reference.pd = PairScores::default();
        let evaluated = Evaluated::Domains(evaluation);
        assert_eq!(evaluated.guided(Guide::Latent, |scores| &scores.fd), None);
        assert_eq!(evaluated.guided(Guide::Reference, |scores| &scores.fd), Some(35.0));
        assert_eq!(evaluated.guided(Guide::Reference, |scores| &scores.pd), None);
        assert_eq!(evaluated.fd(), None);
        assert_eq!(testing::single(f64::INFINITY, None).fd(), None);
        assert_eq!(testing::single(2.5, None).seen(|seen| seen.mean_iou), None);
        assert_eq!(testing::single(2.5, Some("a head")).seen(|seen| seen.mean_iou), Some(20.0));
    }

    #[test]
    fn errors_name_the_key() {
        let mut value = serde_json::to_value(testing::single(1.5, None)).unwrap();
        assert_eq!(parse::<Evaluation>(&value).map(Evaluated::Single), Ok(testing::single(1.5, None)));
        value["fd"] = "few".into();
        assert!(parse::<Evaluation>(&value).unwrap_err().starts_with("key `fd`: invalid type"));
        value.as_object_mut().unwrap().remove("fd_name");
        value["fd"] = 1.5.into();
        assert!(parse::<Evaluation>(&value).unwrap_err().contains("missing field `fd_name`"));
    }
}
