//! The bytes of an entry of a zip, never more than it says and could hold.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

use std::cmp::Ordering;
use std::io::{Read, Seek};
use zip::ZipArchive;

/// What a byte of a deflated stream can become at most, rounded up.
const DEFLATED: u64 = 1040;

/// Inflates the entry `number` of an archive, of at most `most` bytes, checking its checksum.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn read_whole<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    number: usize,
    most: u64,
) -> Result<Vec<u8>, String> {
    // Entries lie before the central directory.
    let room = archive.central_directory_start();
    let entry = archive.by_index(number).map_err(|e| e.to_string())?;
    let (size, stored) = (entry.size(), entry.compressed_size());
    if size > most {
        return Err(format!("{size} bytes are too many; at most {most} are read"));
    }
    // Both sizes are the file's own claims.
    if stored > room {
        return Err(format!("damaged: it claims {stored} bytes of the archive, but at most {room} are possible"));
    }
    if size > stored.saturating_mul(DEFLATED) {
        return Err(format!("damaged: {stored} bytes cannot hold the {size} that it claims"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size + 1).map_err(|e| format!("{size} bytes: {e}"))?);
    // One byte more than it claims: only at the end of the stream is the checksum compared.
    entry.take(size + 1).read_to_end(&mut bytes).map_err(|e| format!("damaged ({e})"))?;
    match (bytes.len() as u64).cmp(&size) {
        Ordering::Equal => Ok(bytes),
        Ordering::Greater => Err(format!("damaged: it claims {size} bytes but holds more")),
        Ordering::Less => Err(format!("damaged: it claims {size} bytes but holds fewer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    /// Reads an entry of four bytes. `change` gets what the central directory says of it, from its two sizes on: compressed,
    /// and not.
    fn read(change: impl FnOnce(&mut [u8])) -> Result<Vec<u8>, String> {
        let mut zip = ZipWriter::new(Cursor::new(vec![]));
        let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file("entry", deflated).unwrap();
        zip.write_all(b"four").unwrap();
        let mut bytes = zip.finish().unwrap().into_inner();
        let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        change(&mut bytes[directory + 20..]);
        read_whole(&mut ZipArchive::new(Cursor::new(bytes)).unwrap(), 0, 1 << 30)
    }

    #[test]
    fn an_entry_is_as_long_as_it_claims() {
        let claims = |size: u32| read(|sizes| sizes[4..8].copy_from_slice(&size.to_le_bytes()));
        assert_eq!(claims(4).unwrap(), b"four");
        // What is longer is refused by some versions of the zip's reader already, in their words.
        assert!(claims(3).unwrap_err().starts_with("damaged"));
        assert_eq!(claims(5).unwrap_err(), "damaged: it claims 5 bytes but holds fewer");
        assert!(claims(u32::MAX - 1).unwrap_err().contains("at most 1073741824 are read"));
        assert!(claims(1 << 30).unwrap_err().contains("cannot hold the 1073741824 that it claims"));
        let both = read(|sizes| sizes[..8].copy_from_slice(&[(1u32 << 30).to_le_bytes(); 2].concat()));
        let told = both.unwrap_err();
        assert!(told.starts_with("damaged: it claims 1073741824 bytes of the archive, but at most "), "{told}");
    }
}
