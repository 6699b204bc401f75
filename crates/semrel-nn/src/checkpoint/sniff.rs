//! What a file is, by its first bytes.

use super::error::{CheckpointError, io};
use semrel_run::input;
use std::io::Read;
use std::path::Path;

/// The format of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    Safetensors,
    /// A zip archive, hopefully one that `torch.save` wrote.
    Zip,
    /// The layout of `torch.save` before 1.6.
    Legacy,
    /// None of these; the text says what it looks like.
    Other(&'static str),
}

/// In the first pickle of a legacy file, the instruction that builds 0x1950a86a20f9469cfc6c, and the end.
const LEGACY_MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Number of bytes before [`LEGACY_MAGIC`]: the protocol, and a frame header since protocol 4.
const BEFORE_MAGIC: [usize; 2] = [2, 11];

/// Reads the start of `path`.
pub(super) fn sniff(path: &Path) -> Result<Format, CheckpointError> {
    let mut file = input::open(path).map_err(io(path, "open"))?;
    let length = file.metadata().map_err(io(path, "read"))?.len();
    let mut head = vec![];
    file.by_ref().take(512).read_to_end(&mut head).map_err(io(path, "read"))?;
    Ok(format_of(&head, length))
}

fn format_of(head: &[u8], length: u64) -> Format {
    if head.starts_with(b"PK\x03\x04") {
        return Format::Zip;
    }
    let magic_at = |at: usize| head.get(at..).is_some_and(|rest| rest.starts_with(LEGACY_MAGIC));
    if head.first() == Some(&0x80) && BEFORE_MAGIC.into_iter().any(magic_at) {
        return Format::Legacy;
    }
    let header = head.first_chunk::<8>().map(|n| u64::from_le_bytes(*n));
    if head.get(8) == Some(&b'{') && header.is_some_and(|n| n <= length.saturating_sub(8)) {
        return Format::Safetensors;
    }
    Format::Other(describe(head, header, length))
}

fn describe(head: &[u8], header: Option<u64>, length: u64) -> &'static str {
    let text = String::from_utf8_lossy(head).trim_start().to_lowercase();
    match head {
        [] => "the file is empty",
        _ if head.starts_with(b"\x89PNG") => "this is a PNG image",
        [0xff, 0xd8, 0xff, ..] => "this is a JPEG image",
        _ if head.starts_with(b"\x93NUMPY") => "this is a NumPy array (.npy)",
        [0x1f, 0x8b, ..] => "this is gzip-compressed; unpack it first",
        _ if head.starts_with(b"\x89HDF") => "this is an HDF5 file",
        _ if head.get(257..262) == Some(b"ustar") => "this is a tar archive; unpack it first",
        [0x80, 0..=5, ..] => "this is a bare pickle that torch.save did not write",
        _ if text.starts_with("<!doctype html") || text.starts_with("<html") => {
            "this is an HTML page, as a failed download leaves it"
        }
        _ if text.starts_with("version https://git-lfs") => "this is a git-lfs pointer, not the file it stands for",
        [_, _, _, _, _, _, _, _, b'{', ..] if header.is_some_and(|n| n > length) && length < 1 << 32 => {
            "this is a safetensors file that was cut short within its header"
        }
        _ if head.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "this is a text file",
        _ => "the content is of an unknown kind",
    }
}
