//! The fit of a head as commands have it: with bars, and ended by Ctrl-C.

use super::head::HeadConfig;
use super::head_fit::FitProgress;
use super::head_segmenter::HeadSegmenter;
use super::label_files::LabelFormat;
use super::pairs::Pair;
use crate::{EfficientNetLite0, MetricsError};
use semrel_train::progress::print_line;
use semrel_train::{Interrupt, Progress};
use std::ops::ControlFlow;
use tch::Device;

/// The head of these pictures, fitted in `steps` steps or found again ([`HeadSegmenter::cached`]), with progress unless
/// `quiet`.
///
/// # Errors
/// As [`HeadSegmenter::cached`]; [`MetricsError::Interrupted`] after Ctrl-C; weights of the extractor that are missing.
pub fn fit_or_find(
    pairs: &[Pair],
    format: LabelFormat,
    steps: u64,
    device: Device,
    quiet: bool,
) -> Result<HeadSegmenter, MetricsError> {
    let interrupt = Interrupt::watch()?;
    let bar = |label: &str, total: u64| Progress::new(label, 0, total, quiet);
    let (mut waiting, mut reading, mut fitting) = (false, None, None);
    let mut progress = |state: FitProgress| {
        match state {
            FitProgress::Waiting => {
                if !quiet && !std::mem::replace(&mut waiting, true) {
                    print_line("another process fits the segmenter; waiting for it");
                }
            }
            FitProgress::Features { done, total } => {
                reading.get_or_insert_with(|| bar("features to fit to", total as u64)).set(done as u64);
            }
            FitProgress::Steps { done, total, .. } => {
                fitting.get_or_insert_with(|| bar("fit of the segmenter", total)).set(done);
            }
        }
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let network = EfficientNetLite0::load(device)?;
    let config = HeadConfig { steps, ..HeadConfig::default() };
    let head = HeadSegmenter::cached(network, pairs, format, &config, &mut progress)?;
    // One that was found has told no progress.
    if interrupt.requested() {
        return Err(MetricsError::Interrupted);
    }
    [reading, fitting].into_iter().flatten().for_each(Progress::finish);
    Ok(head)
}
