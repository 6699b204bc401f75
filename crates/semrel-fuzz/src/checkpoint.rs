//! Checkpoints.

use super::{Verdict, as_file};
use semrel_nn::checkpoint::{CheckpointError, StateDict, load_pth, load_safetensors, metadata};
use tch::Kind;

/// A file of `torch.save`.
pub fn pth(bytes: &[u8]) -> Verdict {
    as_file(bytes, |path| load_pth(path).map(|tensors| read_all(&tensors)))
}

/// A safetensors file: its tensors and its metadata.
pub fn safetensors(bytes: &[u8]) -> Verdict {
    as_file::<CheckpointError>(bytes, |path| {
        let described = metadata(path);
        let tensors = load_safetensors(path)?;
        described.expect("a file whose tensors are read has metadata that are read");
        read_all(&tensors);
        Ok(())
    })
}

/// Touches every number: a tensor that leaves its storage would be noticed.
fn read_all(tensors: &StateDict) {
    for tensor in tensors.values().filter(|tensor| tensor.numel() <= 1 << 16) {
        let _ = tensor.to_kind(Kind::Double).sum(Kind::Double);
    }
}
