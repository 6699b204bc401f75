//! State dicts on disk: safetensors to write and read, and a reader of PyTorch's own files that runs nothing.
//!
//! | file | read by | written by |
//! |---|---|---|
//! | safetensors | [`load_safetensors`] | [`save`] |
//! | `torch.save` since 1.6: an uncompressed zip of one pickle and its storages | [`load_pth`] | — |
//! | `torch.save` before 1.6: five pickles, then the storages | [`load_pth`] | — |
//!
//! [`load_any`] tells them apart by content, never by file name. Keys of nested state dicts are joined with dots, so the
//! official multi-modal checkpoint, a dict of networks, has keys such as `generator.from_rgb.weight`.
//! [`copy_into`] moves what was read into the tensors of a network.
//!
//! A pickle is a program, and loading one the usual way runs it. Here its instructions only build values: tensors,
//! numbers, strings and containers. A file that asks for any other function or class is refused by that name.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

mod copy;
#[cfg(test)]
mod damaged;
mod error;
mod globals;
mod legacy;
mod machine;
mod node;
mod pickle;
mod pth;
mod safetensors;
mod sniff;
mod storage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "testing"))]
mod torch_file;
mod value;

pub use copy::{Extras, Report, copy_into};
pub use error::{CheckpointError, ShapeMismatch};
pub use pth::{load_pth, read_pth};
pub use safetensors::{load as load_safetensors, metadata, save};
#[cfg(any(test, feature = "testing"))]
pub use torch_file::torch_file;
pub use value::Value;

use sniff::{Format, sniff};
use std::collections::BTreeMap;
use std::path::Path;
use tch::Tensor;

/// Tensors under their state-dict keys.
pub type StateDict = BTreeMap<String, Tensor>;

/// Reads the tensors of a checkpoint in any known format, recognized by its content.
///
/// Nested dictionaries are flattened to dotted keys and `module.` prefixes of data-parallel training are stripped (see
/// [`Value::flatten`]). Tensors arrive on the CPU, whatever device they were saved from.
///
/// # Errors
/// [`CheckpointError::NotACheckpoint`] says what the file looks like instead; otherwise as [`load_pth`] and
/// [`load_safetensors`].
pub fn load_any(path: impl AsRef<Path>) -> Result<StateDict, CheckpointError> {
    let path = path.as_ref();
    match sniff(path)? {
        Format::Safetensors => load_safetensors(path),
        Format::Zip | Format::Legacy => load_pth(path),
        Format::Other(looks_like) => {
            Err(CheckpointError::NotACheckpoint { path: path.to_owned(), looks_like: looks_like.to_owned() })
        }
    }
}
