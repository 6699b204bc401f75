//! The bytes of an entry of a zip, never more than it says and could hold.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

use std::io::Read;
use zip::read::ZipFile;

/// What a byte of a deflated stream can become at most, rounded up.
const DEFLATED: u64 = 1040;

/// Inflates an entry of at most `most` bytes, checking its checksum.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn read_whole<R: Read>(entry: ZipFile<'_, R>, most: u64) -> Result<Vec<u8>, String> {
    let (size, stored) = (entry.size(), entry.compressed_size());
    if size > most {
        return Err(format!("{size} bytes are too many; at most {most} are read"));
    }
    if size > stored.saturating_mul(DEFLATED) {
        return Err(format!("damaged: {stored} bytes cannot hold the {size} that it claims"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size + 1).map_err(|e| format!("{size} bytes: {e}"))?);
    // One byte more than it claims: only at the end of the stream is the checksum compared.
    entry.take(size + 1).read_to_end(&mut bytes).map_err(|e| format!("damaged ({e})"))?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(format!("damaged: it claims {size} bytes and does not have as many")),
    }
}
