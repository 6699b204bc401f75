//! Brings published data sets into the data folder.

use super::sets::{DataSet, Origin};
use super::unpack::unpack;
use crate::download::{Remote, download};
use anyhow::{Context, Result, bail, ensure};
use semrel_run::{FileError, atomic};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

const ELSEWHERE: &str = "--out names another folder";

/// Downloads and unpacks a data set below `data`, unless it is there.
pub fn fetch(set: &DataSet, data: &Path, pauses: &[Duration]) -> Result<PathBuf> {
    let Origin::Url(url) = set.origin else {
        bail!("{}: {} can only be fetched by hand: {}", set.name, set.origin, set.advice());
    };
    let dir = data.join(set.name);
    if is_there(set, &dir)? {
        return Ok(dir);
    }
    let _lock = lock(data)?;
    let remote =
        Remote { name: set.name, url, file: set.archive, bytes: None, has_digest: false, elsewhere: ELSEWHERE };
    let fetched = download(remote, data, pauses).and_then(|arrived| {
        let taken = take(set, &arrived.path, &dir);
        arrived.forget();
        // A whole archive that could not be taken is of no use either.
        let _ = fs::remove_file(&arrived.path);
        taken
    });
    fetched.with_context(|| {
        format!("{}: {} could not be fetched from {} ({})", set.name, set.archive, set.origin, set.advice())
    })?;
    Ok(dir)
}

/// Unpacks a copy of a data set's archive that the user has.
pub fn import(set: &DataSet, archive: &Path, data: &Path) -> Result<PathBuf> {
    if let Origin::LogIn(_) = set.origin {
        bail!("{}: comes in two archives: `cargo xtask data prepare {0} --images FILE --labels FILE`", set.name);
    }
    ensure!(archive.is_file(), "{}: no such file", archive.display());
    let dir = data.join(set.name);
    if is_there(set, &dir)? {
        return Ok(dir);
    }
    let _lock = lock(data)?;
    take(set, archive, &dir).with_context(|| format!("{}: refused as {}", archive.display(), set.name))?;
    Ok(dir)
}

/// Whether the data set is there, whole. Another folder of its name is an error.
fn is_there(set: &DataSet, dir: &Path) -> Result<bool> {
    if !dir.exists() {
        return Ok(false);
    }
    match set.fault(dir)? {
        None => eprintln!("{} is there: {}", set.name, dir.display()),
        Some(fault) => bail!("{}: {fault}; move it away to fetch it again", dir.display()),
    }
    Ok(true)
}

/// Unpacks, checks, and only then gives the folder its name.
fn take(set: &DataSet, archive: &Path, dir: &Path) -> Result<()> {
    let unpacked = dir.with_file_name(format!(".{}.unpacking", set.name));
    remove(&unpacked)?;
    let checked = unpack(archive, &unpacked).and_then(|_| match set.fault(&unpacked)? {
        None => Ok(()),
        Some(fault) => bail!("{fault}: it is another archive than the published one"),
    });
    if checked.is_err() {
        remove(&unpacked)?;
        return checked;
    }
    if set.counts.is_empty() {
        eprintln!("{}: neither digest nor counts are published, so that nothing could be compared", set.name);
    } else {
        eprintln!("{}: no digest is published; counts and sizes of images are as they should be", set.name);
    }
    put_folder(&unpacked, dir).with_context(|| format!("{}: cannot be written ({ELSEWHERE})", dir.display()))
}

/// Gives a finished folder its name, durably.
pub fn put_folder(finished: &Path, dir: &Path) -> Result<(), FileError> {
    atomic::sync_tree(finished)?;
    atomic::put(finished, dir)
}

/// Removes a folder if it is there.
pub fn remove(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("{}: cannot be removed", dir.display()))?;
    }
    Ok(())
}

/// One writer at a time in the folder; the lock goes with the process.
pub fn lock(data: &Path) -> Result<File> {
    let failed = || format!("{}: cannot be written ({ELSEWHERE})", data.display());
    fs::create_dir_all(data).with_context(failed)?;
    let file = File::create(data.join(".lock")).with_context(failed)?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another process that fetches data");
        file.lock()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::super::packed::{tar_of, zip_of};
    use super::super::sets::{CITYSCAPES, HORSE2ZEBRA};
    use super::*;
    use crate::download_server::{Server, rest, whole};

    /// A whole image of two pixels.
    const PIXELS: &[u8] = b"P6 2 1 255\n012345";
    const MEMBERS: [(&str, &[u8]); 3] =
        [("tiny/trainA/1.ppm", PIXELS), ("tiny/trainB/1.ppm", PIXELS), ("tiny/trainB/2.ppm", PIXELS)];

    fn tiny(url: &'static str) -> DataSet {
        DataSet {
            name: "tiny",
            archive: "tiny.zip",
            origin: Origin::Url(url),
            counts: &[("trainA", 1), ("trainB", 2)],
            size: Some((2, 1)),
            ..HORSE2ZEBRA
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_interrupted_download_goes_on_and_is_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("packed");
        zip_of(&archive, &MEMBERS);
        let body = fs::read(&archive).unwrap();
        let length = body.len();
        let server = Server::start(move |_, request| match request.from {
            None => {
                let mut answer = whole("ETag: \"a\"\r\n", &body);
                answer.truncate(answer.len() - 100);
                answer
            }
            Some(from) => rest("ETag: \"a\"\r\n", &body, from),
        });
        let data = dir.path().join("data");
        let set = tiny(server.url);
        let text = format!("{:#}", fetch(&set, &data, &[]).unwrap_err());
        assert!(text.contains("the same command goes on") && text.contains("data import tiny FILE"), "{text}");
        assert_eq!(fetch(&set, &data, &[]).unwrap(), data.join("tiny"));
        assert_eq!(server.requests()[1].from, Some(length - 100));
        assert_eq!(names(&data), [".lock", "tiny"]);
        assert_eq!(names(&data.join("tiny/trainB")), ["1.ppm", "2.ppm"]);
        // A third call finds it.
        fetch(&set, &data, &[]).unwrap();
        assert_eq!(server.requests().len(), 2);
        fs::remove_file(data.join("tiny/trainA/1.ppm")).unwrap();
        let text = fetch(&set, &data, &[]).unwrap_err().to_string();
        assert!(text.contains("trainA holds 0 images instead of 1"), "{text}");
    }

    #[test]
    fn another_archive_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("copy.tgz");
        let data = dir.path().join("data");
        let refused = |members: &[(&str, &[u8])], words: &str| {
            tar_of(&archive, members);
            let text = format!("{:#}", import(&tiny(""), &archive, &data).unwrap_err());
            assert!(text.contains("copy.tgz: refused as tiny") && text.contains(words), "{text}");
            assert_eq!(names(&data), [".lock"]);
        };
        refused(&MEMBERS[..2], "trainB holds 1 images instead of 2");
        let wide: &[u8] = b"P6 1 1 255\n012";
        refused(&[MEMBERS[0], MEMBERS[1], ("tiny/trainB/2.ppm", wide)], "1 x 1 pixels instead of 2 x 1");
        refused(&[("../x.ppm", PIXELS)], "outside");
        tar_of(&archive, &MEMBERS);
        assert_eq!(import(&tiny(""), &archive, &data).unwrap(), data.join("tiny"));
        assert!(archive.exists());
    }

    #[test]
    fn without_network_file_origin_and_command_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let said = |set: &DataSet| format!("{:#}", fetch(set, dir.path(), &[]).unwrap_err());
        // Port 1 of this machine has no server.
        let nowhere = said(&tiny("http://127.0.0.1:1/tiny.zip"));
        for words in ["tiny.zip", "http://127.0.0.1:1/tiny.zip", "cargo xtask data import tiny FILE"] {
            assert!(nowhere.contains(words), "{nowhere}");
        }
        let log_in = said(&CITYSCAPES);
        for words in ["gtFine_trainvaltest.zip", "cityscapes-dataset.com", "data prepare cityscapes --images"] {
            assert!(log_in.contains(words), "{log_in}");
        }
        assert!(import(&CITYSCAPES, dir.path(), dir.path()).unwrap_err().to_string().contains("two archives"));
    }
}
