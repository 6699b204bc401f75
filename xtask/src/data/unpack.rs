//! Archives of images.

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use semrel_run::input;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use zip::ZipArchive;

/// Unpacks a `.zip` or `.tar.gz` (recognized from its content) into the new folder `dir`, without a folder that all
/// members share. Members that would land outside, and links, are refused.
pub fn unpack(archive: &Path, dir: &Path) -> Result<usize> {
    let mut start = [0; 4];
    let length = input::open(archive)
        .and_then(|file| file.take(4).read(&mut start))
        .with_context(|| format!("{}: cannot be read", archive.display()))?;
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be written", dir.display()))?;
    let failed = || format!("{}: cannot be unpacked", archive.display());
    let count = match &start[..length] {
        b"PK\x03\x04" => unzip(archive, dir).with_context(failed)?,
        [0x1f, 0x8b, ..] => untar(archive, dir).with_context(failed)?,
        other => bail!(
            "{}: neither a zip nor a tar.gz archive: it begins with {:?}",
            archive.display(),
            String::from_utf8_lossy(other)
        ),
    };
    ensure!(count > 0, "{}: an empty archive", archive.display());
    lift(dir).with_context(|| format!("{}: cannot be written", dir.display()))?;
    Ok(count)
}

fn unzip(archive: &Path, dir: &Path) -> Result<usize> {
    let mut zip = ZipArchive::new(BufReader::new(File::open(archive)?))?;
    let mut count = 0;
    for i in 0..zip.len() {
        let mut member = zip.by_index(i)?;
        let name = member.name()?.into_owned();
        ensure!(!member.is_symlink(), "{name}: a link, which is refused");
        if member.is_file() {
            write(&place(dir, Path::new(&name))?, &mut member)?;
            count += 1;
        }
    }
    Ok(count)
}

fn untar(archive: &Path, dir: &Path) -> Result<usize> {
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(File::open(archive)?)));
    let mut count = 0;
    for entry in tar.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        let kind = entry.header().entry_type();
        ensure!(!kind.is_symlink() && !kind.is_hard_link(), "{}: a link, which is refused", name.display());
        if kind.is_file() {
            write(&place(dir, &name)?, &mut entry)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Where a member goes: always below `dir`.
fn place(dir: &Path, name: &Path) -> Result<PathBuf> {
    let mut place = dir.to_owned();
    for part in name.components() {
        match part {
            Component::Normal(part) => place.push(part),
            Component::CurDir => {}
            _ => bail!("{}: a member that would land outside of the folder, which is refused", name.display()),
        }
    }
    Ok(place)
}

fn write(path: &Path, content: &mut impl Read) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    io::copy(content, &mut File::create(path)?)?;
    Ok(())
}

/// Where `dir` holds a single folder and nothing else, moves what that holds up.
fn lift(dir: &Path) -> io::Result<()> {
    let entries: Vec<PathBuf> = fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    // Left by some archivers.
    let [only] = entries.iter().filter(|path| !path.ends_with("__MACOSX")).collect::<Vec<_>>()[..] else {
        return Ok(());
    };
    if !only.is_dir() {
        return Ok(());
    }
    // The inner folder may hold one of its own name.
    let aside = dir.join(".lifted");
    fs::rename(only, &aside)?;
    for entry in fs::read_dir(&aside)? {
        let entry = entry?;
        fs::rename(entry.path(), dir.join(entry.file_name()))?;
    }
    fs::remove_dir(aside)
}

#[cfg(test)]
mod tests {
    use super::super::packed::{tar_of, zip_of};
    use super::*;

    type Pack = fn(&Path, &[(&str, &[u8])]);

    #[test]
    fn members_land_in_the_folder_without_the_one_they_share() {
        for pack in [zip_of as Pack, tar_of] {
            let dir = tempfile::tempdir().unwrap();
            let archive = dir.path().join("a");
            pack(&archive, &[("maps/train/1.jpg", b"1"), ("maps/maps/2.jpg", b"2")]);
            let out = dir.path().join("out");
            assert_eq!(unpack(&archive, &out).unwrap(), 2);
            assert_eq!(fs::read(out.join("train/1.jpg")).unwrap(), b"1");
            assert_eq!(fs::read(out.join("maps/2.jpg")).unwrap(), b"2");
            assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
        }
    }

    #[test]
    fn what_would_land_elsewhere_is_refused() {
        for pack in [zip_of as Pack, tar_of] {
            for name in ["../evil.jpg", "/tmp/evil.jpg", "a/../../evil.jpg"] {
                let dir = tempfile::tempdir().unwrap();
                let archive = dir.path().join("a");
                pack(&archive, &[(name, b"1")]);
                let text = format!("{:#}", unpack(&archive, &dir.path().join("in/out")).unwrap_err());
                assert!(text.contains("refused"), "{name}: {text}");
                assert!(!dir.path().join("evil.jpg").exists() && !dir.path().join("in/evil.jpg").exists());
            }
        }
    }

    #[test]
    fn links_and_other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a");
        let gz = flate2::write::GzEncoder::new(File::create(&archive).unwrap(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "a", "/etc").unwrap();
        builder.into_inner().unwrap().finish().unwrap();
        assert!(format!("{:#}", unpack(&archive, &dir.path().join("b")).unwrap_err()).contains("a link"));
        fs::write(&archive, "<html>").unwrap();
        assert!(unpack(&archive, &dir.path().join("c")).unwrap_err().to_string().contains("<htm"));
        fs::write(&archive, b"PK\x03\x04").unwrap();
        assert!(unpack(&archive, &dir.path().join("d")).unwrap_err().to_string().contains("cannot be unpacked"));
    }
}
