//! The paper's equations or the published code.

/// Which of two definitions is computed where the paper and the published code differ.
///
/// | | `official` | `paper` |
/// |---|---|---|
/// | multi-modal queries, keys | input features z, output features w (constant) | w, z (constant) |
/// | importance weight | row maximum 1, multiplies the similarity | row mean 1, multiplies its exponential (Eq. 4–5) |
/// | value of the hDCE objective | InfoNCE (its gradient is that of DCE) | DCE |
/// | the positive among the negatives | similarity replaced by −10 | left out |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(any(feature = "serde", feature = "schemars"), serde(rename_all = "lowercase"))]
pub enum Formulation {
    /// As the published code computes it.
    #[default]
    Official,
    /// As the equations of the paper read.
    Paper,
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn configuration_names() {
        assert_eq!(serde_json::to_string(&Formulation::Official).unwrap(), "\"official\"");
        assert_eq!(serde_json::from_str::<Formulation>("\"paper\"").unwrap(), Formulation::Paper);
        assert!(serde_json::from_str::<Formulation>("\"Paper\"").is_err());
    }
}
