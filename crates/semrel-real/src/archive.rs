//! Members of packages: gzipped tar files of npm, wheels of PyPI.

use crate::RealError;
use flate2::read::GzDecoder;
use semrel_run::input;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Largest member that is read: the list of the shaded emoji has 100 MB.
const LARGEST: u64 = 1 << 29;

/// The members of a package that were asked for.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    members: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// Reads the members whose paths within the package `wanted` accepts.
    ///
    /// # Errors
    /// [`RealError::Archive`].
    pub fn open(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self, RealError> {
        let failed = |source| RealError::Archive { path: path.to_owned(), source };
        let is_wheel = path.extension().is_some_and(|end| end == "whl" || end == "zip");
        let members = if is_wheel { of_wheel(path, &wanted) } else { of_tar(path, &wanted) }.map_err(failed)?;
        Ok(Self { path: path.to_owned(), members })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// A member's bytes.
    ///
    /// # Errors
    /// [`RealError::Missing`].
    pub fn member(&self, name: &str) -> Result<&[u8], RealError> {
        let missing = || RealError::Missing { path: self.path.clone(), member: name.to_owned() };
        self.members.get(name).map(Vec::as_slice).ok_or_else(missing)
    }

    /// The member whose name ends in this.
    ///
    /// # Errors
    /// [`RealError::Missing`].
    pub fn ending(&self, end: &str) -> Result<&[u8], RealError> {
        let missing = || RealError::Missing { path: self.path.clone(), member: end.to_owned() };
        let found = self.members.iter().find(|(name, _)| name.ends_with(end)).ok_or_else(missing)?;
        Ok(found.1)
    }

    /// A member as JSON.
    ///
    /// # Errors
    /// [`RealError::Missing`], [`RealError::List`].
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, RealError> {
        let wrong = |source| RealError::List { path: self.path.clone(), member: name.to_owned(), source };
        serde_json::from_slice(self.member(name)?).map_err(wrong)
    }
}

fn read(member: &mut dyn Read, size: u64) -> io::Result<Vec<u8>> {
    if size > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a member of {size} bytes")));
    }
    let mut bytes = vec![];
    member.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// npm puts everything into a folder `package`, which names here go without.
fn of_tar(path: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(input::open(path)?)));
    let mut members = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let whole = entry.path()?.to_string_lossy().into_owned();
        let name = whole.split_once('/').map_or(whole.as_str(), |(_, rest)| rest).to_owned();
        if entry.header().entry_type().is_file() && wanted(&name) {
            let size = entry.size();
            members.insert(name, read(&mut entry, size)?);
        }
    }
    Ok(members)
}

fn of_wheel(path: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = zip::ZipArchive::new(BufReader::new(input::open(path)?)).map_err(io::Error::other)?;
    let mut members = BTreeMap::new();
    for i in 0..archive.len() {
        let mut member = archive.by_index(i).map_err(io::Error::other)?;
        let name = member.name().map_err(io::Error::other)?.into_owned();
        if member.is_file() && wanted(&name) {
            let size = member.size();
            members.insert(name, read(&mut member, size)?);
        }
    }
    Ok(members)
}
