//! A run in the page's index: what its losses compute, and words for it.

use super::subject::Subject;
use crate::config::{Config, Contrast, LossConfig};
use semrel_loss::Formulation;
use serde::Serialize;

/// Epochs in the curriculum's list at most.
const EPOCHS: u64 = 1000;

/// How the weights of negatives are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Row maximum 1.
    Official,
    /// Row mean 1.
    Paper,
    /// All 1: the published mask of the diagonal covers everything with one patch an image.
    Ones,
}

impl Rule {
    fn of(loss: &LossConfig) -> Self {
        match loss.formulation {
            Formulation::Paper => Self::Paper,
            Formulation::Official if loss.num_patches == 1 => Self::Ones,
            Formulation::Official => Self::Official,
        }
    }
}

/// A run.
#[derive(Debug, Serialize)]
pub struct RunIndex {
    /// What it is chosen by.
    pub label: String,
    /// A sentence without its end.
    pub about: String,
    /// How weights are computed.
    pub rule: Rule,
    /// Whether the run's loss uses them.
    pub weights_note: String,
    /// What the rule means.
    pub rule_note: &'static str,
    /// Whether features went through heads.
    pub heads_note: &'static str,
    /// Patches a layer in training.
    pub num_patches: i64,
    /// γ at the start.
    pub gamma: f64,
    /// Epochs and γ in them; empty where γ does not move.
    pub curriculum: Vec<(u64, f64)>,
}

impl RunIndex {
    /// What the page must know of a run.
    pub fn new(subject: &Subject, label: String) -> Self {
        let published = LossConfig::default();
        let l = subject.config.as_ref().map_or(&published, |config| &config.loss);
        let moving = subject.config.as_ref().filter(|config| config.loss.use_curriculum);
        let rule = Rule::of(l);
        Self {
            label,
            about: about(subject),
            rule,
            weights_note: weights_note(subject),
            rule_note: rule_note(rule),
            heads_note: heads_note(subject),
            num_patches: l.num_patches,
            gamma: l.gamma_start,
            curriculum: moving.map_or_else(Vec::new, curriculum),
        }
    }
}

/// γ of all epochs, or of a thousand evenly spread ones.
fn curriculum(config: &Config) -> Vec<(u64, f64)> {
    let epochs = config.epochs();
    let shown = epochs.min(EPOCHS);
    (1..=shown).map(|i| i * epochs / shown).map(|epoch| (epoch, config.gamma(epoch))).collect()
}

fn name_of(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn about(subject: &Subject) -> String {
    let Some(config) = &subject.config else {
        return "a generator's file, compared without heads".to_owned();
    };
    let l = &config.loss;
    let mut words = vec![format!("method {}", name_of(config.method))];
    if config.has_patch_terms() {
        words.push(match l.contrast {
            Contrast::None => "without contrastive term".to_owned(),
            Contrast::InfoNce => "InfoNCE".to_owned(),
            Contrast::Dce if l.hard => "hard DCE".to_owned(),
            Contrast::Dce => "DCE".to_owned(),
        });
        words.push(match l.lambda_src > 0.0 {
            true => format!("SRC × {}", l.lambda_src),
            false => "without SRC".to_owned(),
        });
        words.push(format!("formulation {}", name_of(l.formulation)));
    }
    words.push(format!("step {}", subject.step));
    words.join(", ")
}

fn weights_note(subject: &Subject) -> String {
    let used = subject
        .config
        .as_ref()
        .is_some_and(|config| config.has_patch_terms() && config.loss.contrast != Contrast::None && config.loss.hard);
    match used {
        true => String::new(),
        false => "This method's loss does not weigh negatives; shown is what Eq. 5 would give.".to_owned(),
    }
}

fn rule_note(rule: Rule) -> &'static str {
    match rule {
        Rule::Official => {
            "This run takes the published code's form: w = exp((s − max s)/γ) with s the input's similarities, so that the \
             hardest negative of a patch weighs 1; the similarity is multiplied by it."
        }
        Rule::Paper => {
            "This run takes the paper's form: w = exp(s/γ) divided by its mean, with s the input's similarities, so that \
             negatives weigh 1 on average; the exponential of the similarity is multiplied by it."
        }
        Rule::Ones => {
            "This run compares one patch an image in the published code's form, whose mask of the diagonal then covers \
             everything: all weights are 1, whatever γ is."
        }
    }
}

fn heads_note(subject: &Subject) -> &'static str {
    match subject.heads.is_some() {
        true => "This run's own projection heads embed the features, as in its losses.",
        false => {
            "This generator was trained without projection heads over its layers: its features are compared as they are, \
             scaled to length 1."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_patch_an_image_has_no_weights_in_the_published_form() {
        let of = |formulation, num_patches| Rule::of(&LossConfig { formulation, num_patches, ..Default::default() });
        assert_eq!(of(Formulation::Official, 256), Rule::Official);
        assert_eq!(of(Formulation::Official, 1), Rule::Ones);
        assert_eq!(of(Formulation::Paper, 1), Rule::Paper);
    }

    #[test]
    fn a_long_curriculum_is_thinned_to_its_end() {
        let text = "{name: x, method: ours, data: {root: .}, train: {n_epochs: 3000, n_epochs_decay: 1000}}";
        let config: Config = serde_yaml::from_str(text).unwrap();
        let steps = curriculum(&config);
        assert_eq!((steps.len(), steps[0].0, steps[999]), (1000, 4, (4000, 10.0)));
    }
}
