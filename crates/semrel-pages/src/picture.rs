//! Pictures inside a page.

use crate::PageError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::path::Path;

/// Bytes as an address of their own, for `src` of a picture.
pub fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

/// The media type of a picture, from its first bytes.
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    let begins = |start: &[u8]| bytes.starts_with(start);
    match () {
        () if begins(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        () if begins(b"\xff\xd8\xff") => Some("image/jpeg"),
        () if begins(b"GIF8") => Some("image/gif"),
        () if begins(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => Some("image/webp"),
        () if begins(b"<svg") || begins(b"<?xml") => Some("image/svg+xml"),
        () => None,
    }
}

/// A picture file as a data URI.
///
/// # Errors
/// A file that cannot be read or is no picture.
pub fn picture(path: impl AsRef<Path>) -> Result<String, PageError> {
    let path = path.as_ref();
    let failed = |source| PageError::File { path: path.to_owned(), doing: "read", source };
    let bytes = fs::read(path).map_err(failed)?;
    let media_type = picture_type(&bytes).ok_or_else(|| PageError::NoPicture(path.to_owned()))?;
    Ok(data_uri(media_type, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, b"GIF89a").unwrap();
        assert_eq!(picture(&path).unwrap(), "data:image/gif;base64,R0lGODlh");
        fs::write(&path, b"text").unwrap();
        assert!(picture(&path).unwrap_err().to_string().contains("a.txt: no PNG"));
        assert!(picture(dir.path().join("b")).unwrap_err().to_string().contains("b: cannot read"));
        assert_eq!(picture_type(b"RIFF\0\0\0\0WEBPVP8"), Some("image/webp"));
        assert_eq!(picture_type(b"RIFF"), None);
    }
}
