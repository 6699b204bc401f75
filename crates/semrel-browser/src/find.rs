//! Where programs are.

use crate::BrowserError;
use std::env;
use std::path::{Path, PathBuf};

const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// The browser's program.
pub fn chromium() -> Result<PathBuf, BrowserError> {
    if let Some(path) = env::var_os("CHROME").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return match path.is_file() {
            true => Ok(path),
            false => Err(BrowserError::NoBrowser(format!("CHROME is {}, which is not a file", path.display()))),
        };
    }
    let found = NAMES.iter().find_map(|name| on_path(name));
    found
        .ok_or_else(|| BrowserError::NoBrowser(format!("CHROME is not set, and PATH has none of {}", NAMES.join(", "))))
}

/// A program on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A path as a `file:` address.
pub fn file_address(path: &Path) -> Result<String, BrowserError> {
    let whole = path.canonicalize().map_err(|source| BrowserError::File { path: path.to_owned(), source })?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let encode = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    Ok(format!("file://{}", whole.as_os_str().as_encoded_bytes().iter().map(|&b| encode(b)).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_encoded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a b#ü.html");
        std::fs::write(&path, "").unwrap();
        let address = file_address(&path).unwrap();
        assert!(address.starts_with("file:///") && address.ends_with("/a%20b%23%C3%BC.html"), "{address}");
        assert!(file_address(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
