//! Columns of scores that not every evaluation has: those that `eval.more` of a configuration asks for.

use super::columns::{Column, Digits, Kind};
use super::cut_single::FRECHET;
use super::evaluated::Evaluated;

/// A further score that a configuration asks for, by its name in results.
macro_rules! further {
    ($title:literal, $metric:literal, $more_is_better:literal) => {
        Column {
            title: $title,
            metric: $metric,
            paper: "",
            kind: Kind::Further,
            more_is_better: $more_is_better,
            eval: |evaluated| evaluated.further($metric),
            untranslated: Some(|baseline| baseline.further($metric)),
            digits: Digits::Fine,
            ..FRECHET
        }
    };
}

/// Kernel distance, KID where the features are FID's.
pub const KERNEL: Column = further!("KD", "kd", false);
/// Share of translations among the real images.
pub const PRECISION: Column = further!("precision", "precision", true);
/// Share of real images among the translations.
pub const RECALL: Column = further!("recall", "recall", true);
/// How many balls of real images a translation lies in.
pub const DENSITY: Column = further!("density", "density", true);
/// Share of real images that have a translation near.
pub const COVERAGE: Column = further!("coverage", "coverage", true);
/// Maximum mean discrepancy.
pub const MMD: Column = further!("MMD", "mmd", false);
/// How much of the input's layout changes.
pub const STRUCTURE: Column = further!("structure", "structure", false);
/// How much of the input's relations between patches changes: what SRC minimises.
pub const RELATIONS: Column = further!("relations", "relations", false);
/// Factor of InfoNCE's gradient (Eq. 8–9), in training.
pub const COUPLING: Column = further!("q_NPC", "q_npc", true);
/// The same of patches whose negatives are least related to them.
pub const COUPLING_UNRELATED: Column = further!("q_NPC, unrelated", "q_npc_unrelated", true);
/// The same of patches whose negatives are most related to them.
pub const COUPLING_RELATED: Column = further!("q_NPC, related", "q_npc_related", true);

/// What they are, where results have some.
pub fn caption(evaluations: &[&Evaluated]) -> Option<String> {
    let has = |name: &str| evaluations.iter().any(|evaluated| evaluated.has_further(name));
    let told = [
        ("kd", "KD: unbiased kernel distance to the real images over the features of FD"),
        (
            "precision",
            "precision and recall, density and coverage: how many translations lie among the real images, and of how many real images some translation is near",
        ),
        ("mmd", "MMD: squared maximum mean discrepancy from the real images under a Gaussian kernel"),
        (
            "structure",
            "structure: distance of a translation's self-similarities from its input's over EfficientNet-Lite0, whatever the colours",
        ),
        (
            "relations",
            "relations: mean Jensen-Shannon divergence of the patches' similarity distributions in a translation from those in its input, over the same fixed features: what SRC minimises over the generator's own",
        ),
        (
            "q_npc",
            "q_NPC: mean over training of the share of InfoNCE's gradient that negative-positive coupling leaves (Eq. 9), over all patches, and over the quarters with the least and the most related negatives",
        ),
    ];
    let told: Vec<&str> = told.iter().filter(|(name, _)| has(name)).map(|(_, text)| *text).collect();
    (!told.is_empty()).then(|| format!("Further scores: {}.", told.join("; ")))
}
