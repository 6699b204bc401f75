//! How a configuration file names the widths of a super-net.

use serde::{Deserialize, Serialize};

/// A published set by its name, one configuration (`16_16_…`), or a list of widths for each of the 8 positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ChannelChoice {
    /// Name of a set, or a configuration.
    Named(String),
    /// Choices of each position.
    Lists(Vec<Vec<i64>>),
}
