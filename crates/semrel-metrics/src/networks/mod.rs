//! Extractors by name.

use crate::extractor::Extractor;
use crate::{EfficientNetLite0, MetricsError};
use tch::Device;

/// The extractor that needs no choice.
pub const DEFAULT: &str = "effnet-lite0";

/// Names of the extractors.
pub const NAMES: [&str; 1] = [DEFAULT];

/// An extractor by its name, with the published weights from the weights folder.
///
/// # Errors
/// [`MetricsError::UnknownExtractor`] lists the names that there are; [`MetricsError::Weights`] says what to do about the
/// weights.
pub fn load(name: &str, device: Device) -> Result<Box<dyn Extractor>, MetricsError> {
    match name {
        DEFAULT => Ok(Box::new(EfficientNetLite0::load(device)?)),
        _ => Err(MetricsError::UnknownExtractor { name: name.to_owned(), known: NAMES.join(", ") }),
    }
}
