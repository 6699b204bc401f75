//! Input files, read where they are files: opening a pipe would wait for whoever writes to it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Opens a file.
///
/// # Errors
/// The file system's; pipes, sockets and devices are refused. As elsewhere, it is reading that refuses a folder.
pub fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?;
    if !kind.is_file() && !kind.is_dir() {
        return Err(io::Error::other("a pipe or a device; expected a file"));
    }
    File::open(path)
}

/// Reads a file.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file of text.
///
/// # Errors
/// As [`open`]; bytes that are not UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn pipes_and_devices_are_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for path in [at("pipe"), "/dev/null".into()] {
            let errors = [open(&path).err(), read(&path).err(), read_to_string(&path).err()];
            for error in errors {
                assert_eq!(error.unwrap().to_string(), "a pipe or a device; expected a file");
            }
        }
        fs::write(at("file"), "text").unwrap();
        assert_eq!(
            (read(&at("file")).unwrap().as_slice(), read_to_string(&at("file")).unwrap()),
            (&b"text"[..], "text".into())
        );
        assert_eq!(read(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(read_to_string(dir.path()).is_err());
    }
}
