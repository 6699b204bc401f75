//! What a run reads besides its configuration.

use super::Config;
use std::path::Path;

impl Config {
    /// The folders and files that a run reads, with the keys that name them.
    pub fn inputs(&self) -> [(&'static str, Option<&Path>); 7] {
        [
            ("data.root", Some(&*self.data.root)),
            ("data.pairs", self.data.pairs.as_deref()),
            ("eval.truth", self.eval.truth().folder()),
            ("eval.masks", self.eval.masks.as_deref()),
            ("eval.extractor_weights", self.eval.extractor_weights.as_deref()),
            ("eval.segmenter_weights", self.eval.segmenter_weights.as_deref()),
            ("loss.vgg_weights", self.loss.vgg_weights.as_deref()),
        ]
    }
}
