//! Input files. Pipes and devices are refused, because opening a pipe would wait for whoever writes to it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Opens a file.
///
/// # Errors
/// The file system's; pipes, sockets and devices are refused. A folder is opened, and refused when it is read.
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
    text(read(path)?)
}

/// Reads a file of text of at most `most` bytes; `what` is what such a file is called.
///
/// # Errors
/// As [`read_to_string`]; a longer file, of which no more is read.
pub fn read_to_string_within(path: &Path, most: u64, what: &str) -> io::Result<String> {
    let mut bytes = vec![];
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("longer than {most} bytes; no {what} is that long")));
    }
    text(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not text in UTF-8"))
}

/// How deep brackets of these `kinds` (opening, closing) are nested in a text, those in quotes and comments counted alike.
/// Parsers read what is in them recursively.
pub fn depth_of_brackets(text: &[u8], kinds: &[&[u8; 2]]) -> usize {
    let (mut now, mut deepest) = (0usize, 0);
    for byte in text {
        if kinds.iter().any(|kind| kind[0] == *byte) {
            now += 1;
        } else if kinds.iter().any(|kind| kind[1] == *byte) {
            now = now.saturating_sub(1);
        }
        deepest = deepest.max(now);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn pipes_and_devices_are_refused_and_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for path in [at("pipe"), "/dev/null".into()] {
            let within = read_to_string_within(&path, 9, "list");
            let errors = [open(&path).err(), read(&path).err(), read_to_string(&path).err(), within.err()];
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

    #[test]
    fn texts_are_utf_8_and_no_longer_than_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "text").unwrap();
        assert_eq!(read_to_string_within(&path, 4, "list").unwrap(), "text");
        let error = read_to_string_within(&path, 3, "list").unwrap_err().to_string();
        assert_eq!(error, "longer than 3 bytes; no list is that long");
        fs::write(&path, b"te\xfft").unwrap();
        for error in [read_to_string(&path), read_to_string_within(&path, 4, "list")].map(Result::unwrap_err) {
            assert_eq!(error.to_string(), "not text in UTF-8");
        }
    }

    #[test]
    fn brackets_of_all_kinds_are_nested_in_each_other() {
        let depth = |text: &str| depth_of_brackets(text.as_bytes(), &[b"[]", b"{}"]);
        assert_eq!(["", "[{}]", "[][]", "]]][", "(([", "[{["].map(depth), [0, 2, 1, 1, 1, 3]);
    }
}
