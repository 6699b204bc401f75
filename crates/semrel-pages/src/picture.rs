//! Pictures inside a page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes as an address of their own, for `src` of a picture.
pub fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_encoded() {
        assert_eq!(data_uri("image/gif", b"GIF89a"), "data:image/gif;base64,R0lGODlh");
    }
}
