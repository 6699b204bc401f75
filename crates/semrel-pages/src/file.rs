//! Files that are whole or not there.

use crate::PageError;
use semrel_run::atomic;
use std::fs;
use std::io;
use std::path::Path;

/// Writes a file under a temporary name and renames it, so that an open page is never half written. Makes its folder.
///
/// # Errors
/// Names the file.
pub fn write_page(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), PageError> {
    let path = path.as_ref();
    let failed = |doing| move |source: io::Error| PageError::File { path: path.to_owned(), doing, source };
    let folder = atomic::parent(path);
    fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
    atomic::write(path, bytes).map_err(|error| failed("write")(error.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_former_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/index.html");
        write_page(&path, b"one").unwrap();
        write_page(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn an_error_names_the_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.html");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
        let text = write_page(&path, b"one").unwrap_err().to_string();
        assert!(text.contains("index.html: cannot write"), "{text}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
