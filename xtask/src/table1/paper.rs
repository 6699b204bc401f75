//! Table 1 of the paper.

use super::rows::Method;

/// One line of the table.
pub struct PaperRow {
    /// Data set, which is also the name of our half.
    pub half: &'static str,
    /// Method.
    pub method: Method,
    /// FID and LPIPS of translation with random styles.
    pub latent: [f64; 2],
    /// FID and LPIPS of translation with the styles of reference images.
    pub reference: [f64; 2],
}

const fn row(half: &'static str, method: Method, latent: [f64; 2], reference: [f64; 2]) -> PaperRow {
    PaperRow { half, method, latent, reference }
}

/// "Quantitative comparison of multi-modal image translation".
pub const TABLE_1: [PaperRow; 6] = [
    row("seasons", Method::StarganV2, [63.06, 0.413], [61.19, 0.346]),
    row("seasons", Method::Lsesim, [61.50, 0.378], [60.40, 0.302]),
    row("seasons", Method::Ours, [54.70, 0.496], [54.23, 0.365]),
    row("weather", Method::StarganV2, [62.45, 0.415], [64.20, 0.342]),
    row("weather", Method::Lsesim, [60.07, 0.335], [62.17, 0.286]),
    row("weather", Method::Ours, [54.02, 0.470], [56.91, 0.362]),
];
