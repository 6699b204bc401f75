//! Reading what `torch.save` wrote: the zip layout (PyTorch 1.6 and later), and the way into the legacy one.

use super::StateDict;
use super::error::{CheckpointError, Fault, io, malformed};
use super::legacy;
use super::node::StorageRef;
use super::pickle::Pickle;
use super::sniff::{Format, sniff};
use super::storage::{Storages, byte_length, swap_bytes};
use super::value::Value;
use semrel_run::input;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// Largest pickle that is read: the tensors' data lie outside it.
const LARGEST_PICKLE: u64 = 1 << 26;

/// Reads a `.pth`, `.ckpt` or `.tar` file of `torch.save` and flattens it (see [`Value::flatten`]).
///
/// # Errors
/// As [`read_pth`]; also [`CheckpointError::Malformed`] where two tensors would have the same key.
pub fn load_pth(path: impl AsRef<Path>) -> Result<StateDict, CheckpointError> {
    let path = path.as_ref();
    read_pth(path)?.flatten().map_err(|key| CheckpointError::Malformed {
        path: path.to_owned(),
        what: format!("two tensors are called {key}"),
    })
}

/// Reads a file of `torch.save`, zip or legacy, and runs nothing in it.
///
/// # Errors
/// [`CheckpointError::Refused`] where the file asks for a function or class beyond tensors and containers,
/// [`CheckpointError::Malformed`] where it is cut short or contradicts itself, [`CheckpointError::NotACheckpoint`] where
/// it is something else, [`CheckpointError::Io`] where it cannot be read.
pub fn read_pth(path: impl AsRef<Path>) -> Result<Value, CheckpointError> {
    let path = path.as_ref();
    let value = match sniff(path)? {
        Format::Legacy => {
            let bytes = input::read(path).map_err(io(path, "read"))?;
            legacy::read(&bytes)
        }
        Format::Zip => {
            let file = input::open(path).map_err(io(path, "open"))?;
            let length = file.metadata().map_err(io(path, "read"))?.len();
            read_zip(BufReader::new(file), length)
        }
        Format::Safetensors => malformed("this is a safetensors file, not one of torch.save"),
        Format::Other(looks_like) => {
            return Err(CheckpointError::NotACheckpoint { path: path.to_owned(), looks_like: looks_like.to_owned() });
        }
    };
    value.map_err(|fault| fault.at(path))
}

/// `<name>/data.pkl`, `<name>/data/<key>` for each storage and, since 2.1, `<name>/byteorder`.
fn read_zip(reader: impl Read + Seek, length: u64) -> Result<Value, Fault> {
    let archive = ZipArchive::new(reader)
        .map_err(|e| Fault::Malformed(format!("the zip archive is damaged or cut short ({e})")))?;
    let mut archive = Archive { prefix: prefix_of(&archive)?, archive, left: length };
    let bytes = archive.entry("data.pkl", None)?;
    let pickle = Pickle::read(&bytes)?;
    let big_endian = archive.has("byteorder") && archive.entry("byteorder", None)?.starts_with(b"big");
    let mut storages = Storages::default();
    for storage in pickle.storages() {
        if !storages.contains(storage.key) {
            let mut bytes = archive.storage(storage)?;
            if big_endian {
                swap_bytes(&mut bytes, storage.kind);
            }
            storages.insert(storage, &bytes)?;
        }
    }
    Value::build(&pickle, &storages)
}

/// The folder in the archive that holds `data.pkl`, with its slash.
fn prefix_of<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<String, Fault> {
    let names: Vec<_> = archive.file_names().filter_map(Result::ok).collect();
    if names.iter().any(|name| name.ends_with("constants.pkl")) {
        return malformed("this is a TorchScript archive, which holds code; a state dict is wanted");
    }
    let prefixes = names.iter().filter_map(|name| name.strip_suffix("data.pkl"));
    match prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('/')).min_by_key(|prefix| prefix.len()) {
        Some(prefix) => Ok(prefix.to_owned()),
        None if names.iter().any(|name| name.ends_with(".npy")) => malformed("this is a NumPy archive (.npz)"),
        None => malformed("this zip archive holds no data.pkl, so torch.save did not write it"),
    }
}

struct Archive<R> {
    archive: ZipArchive<R>,
    prefix: String,
    /// Bytes of the file that no entry has taken. Entries are stored, not compressed, so that all together have at most as many
    /// as the file, unless they overlap.
    left: u64,
}

impl<R: Read + Seek> Archive<R> {
    fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(&format!("{}{name}", self.prefix)).is_some()
    }

    fn storage(&mut self, storage: &StorageRef) -> Result<Vec<u8>, Fault> {
        let wanted = byte_length(storage)? as u64;
        self.entry(&format!("data/{}", storage.key), Some(wanted))
    }

    /// The bytes of an entry, whose length has to be `wanted` where that is known.
    fn entry(&mut self, name: &str, wanted: Option<u64>) -> Result<Vec<u8>, Fault> {
        let full = format!("{}{name}", self.prefix);
        let fault = |what: String| Fault::Malformed(format!("{full}: {what}"));
        let entry = self.archive.by_name(&full).map_err(|e| fault(format!("cannot be found in the archive ({e})")))?;
        let size = entry.size();
        if entry.compression() != CompressionMethod::Stored {
            return Err(fault("is compressed; torch.save stores its entries".into()));
        }
        if wanted.is_some_and(|wanted| wanted != size) {
            return Err(fault(format!("has {size} bytes, its tensors need {}", wanted.unwrap_or_default())));
        }
        if size > self.left {
            return Err(fault(format!("claims {size} bytes, but at most {} are possible", self.left)));
        }
        if wanted.is_none() && size > LARGEST_PICKLE {
            return Err(fault(format!("has {size} bytes; at most {LARGEST_PICKLE} are read")));
        }
        self.left -= size;
        let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(|e| fault(format!("{size} bytes: {e}")))?);
        entry.take(size).read_to_end(&mut bytes).map_err(|e| fault(format!("is damaged ({e})")))?;
        if bytes.len() as u64 != size {
            return Err(fault(format!("is cut short: {} of {size} bytes", bytes.len())));
        }
        Ok(bytes)
    }
}
