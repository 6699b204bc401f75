//! The stages of a row that train.

/// A stage that trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The teacher learns from all training images.
    Teacher,
    /// The super-net learns from those that the search does not look at.
    Distill,
    /// The configuration that was found learns from all training images.
    Finetune,
}

impl Stage {
    /// Its name: that of its command, its section of the configuration and its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Distill => "distill",
            Self::Finetune => "finetune",
        }
    }
}
