//! Members of a zip.

use super::kind::is_hidden;
use crate::MetricsError;
use crate::zip_entry::read_whole;
use semrel_data::image_io::is_image;
use semrel_run::input;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zip::ZipArchive;

/// Largest member of a zip that is read: a picture of 9 000 × 9 000 without compression.
const LARGEST_MEMBER: u64 = 1 << 28;

/// The first name of a picture that the central directory has twice.
pub(super) fn repeated_picture(
    path: &Path,
    archive: &ZipArchive<BufReader<File>>,
) -> Result<Option<PathBuf>, MetricsError> {
    const HEADER: usize = 46;
    let io = |source| MetricsError::Io { path: path.to_owned(), source };
    let mut file = input::open(path).map_err(io)?;
    file.seek(SeekFrom::Start(archive.central_directory_start())).map_err(io)?;
    let mut bytes = vec![];
    file.read_to_end(&mut bytes).map_err(io)?;
    let (mut rest, mut seen) = (&bytes[..], BTreeSet::new());
    while let Some(header) = rest.first_chunk::<HEADER>().filter(|header| header.starts_with(b"PK\x01\x02")) {
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (name, extra, comment) = (length(28), length(30), length(32));
        let Some(text) = rest.get(HEADER..HEADER + name) else { break };
        let text = PathBuf::from(String::from_utf8_lossy(text).into_owned());
        if is_image(&text) && !is_hidden(&text) && !seen.insert(text.clone()) {
            return Ok(Some(text));
        }
        rest = rest.get(HEADER + name + extra + comment..).unwrap_or_default();
    }
    Ok(None)
}

/// Inflates a member, checking its checksum.
pub(super) fn read_member(archive: &Mutex<ZipArchive<BufReader<File>>>, number: usize) -> Result<Vec<u8>, String> {
    // A thread that panicked while it read leaves nothing half done here: each reading begins with a seek.
    let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
    read_whole(&mut archive, number, LARGEST_MEMBER)
}
