//! What a stage of a row leaves behind.

/// What a stage leaves in its `summary.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// The summary of a training run that is counted in epochs.
    Epochs,
    /// The summary of a training run that is counted in iterations.
    Iterations,
    /// That of a search.
    Search,
    /// That of an export.
    Export,
}

impl Leaves {
    /// Whether the stage trains: its folder is that of a run.
    pub fn a_run(self) -> bool {
        matches!(self, Self::Epochs | Self::Iterations)
    }
}
