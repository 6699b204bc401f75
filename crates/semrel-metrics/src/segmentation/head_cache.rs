//! Where fitted heads are kept, by the contents that they were fitted to.

use super::head::HeadConfig;
use super::head_fit::FitProgress;
use super::label_files::LabelFormat;
use super::pairs::Pair;
use crate::{MetricsError, weights};
use semrel_nn::checkpoint::{StateDict, save};
use semrel_run::input;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Changes whenever the head or its fit does, so that older files are not taken for new ones.
const VERSION: &str = "effnet-lite0-head 1";

/// Digest of all that a fit goes by: extractor, settings, and the contents of pictures and labels.
pub(super) fn digest(pairs: &[Pair], format: LabelFormat, config: &HeadConfig) -> Result<String, MetricsError> {
    let settings = format!("{VERSION}\n{:?}\n{config:?}\n{format:?}\n", weights::EFFICIENTNET_LITE0.sha256);
    let mut hash = Sha256::new().chain_update(settings);
    for path in pairs.iter().flat_map(|pair| [&pair.photo, &pair.label]) {
        let bytes = input::read(path).map_err(|source| MetricsError::Io { path: path.clone(), source })?;
        hash.update(Sha256::digest(bytes));
    }
    Ok(hex::encode(hash.finalize()))
}

/// The file of a head, named after what it was fitted to ([`digest`]). `None` where there is no cache folder.
pub(super) fn place(fitted_to: &str) -> Option<PathBuf> {
    weights::folder().parent().map(|cache| cache.join("segmenters").join(format!("{fitted_to}.safetensors")))
}

/// How often a waiting process looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits while another process fits the head of `place`. Held while the file lives, and released with the process; `None` where
/// nothing can be locked, which only costs a fit.
///
/// # Errors
/// [`MetricsError::Interrupted`] where `progress` breaks off.
pub(super) fn turn(
    place: &Path,
    progress: &mut dyn FnMut(FitProgress) -> ControlFlow<()>,
) -> Result<Option<File>, MetricsError> {
    let lock = place.with_extension("lock");
    let open = || -> std::io::Result<File> {
        std::fs::create_dir_all(lock.parent().unwrap_or(Path::new(".")))?;
        OpenOptions::new().write(true).create(true).truncate(false).open(&lock)
    };
    let Ok(file) = open() else { return Ok(None) };
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if progress(FitProgress::Waiting).is_break() => {
                return Err(MetricsError::Interrupted);
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
}

/// Writes a head; the file appears whole or not at all.
pub(super) fn keep(place: &Path, state: &StateDict, config: &HeadConfig) {
    let about = BTreeMap::from([("head".to_owned(), VERSION.to_owned()), ("config".to_owned(), format!("{config:?}"))]);
    let folder = place.parent().map_or(Ok(()), std::fs::create_dir_all);
    if folder.is_ok() {
        // A head that cannot be kept is fitted again the next time.
        let _ = save(place, state, &about);
    }
}
