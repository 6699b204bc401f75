//! Storages and the tensors that view them.

use super::error::{Fault, malformed};
use super::node::{StorageRef, TensorRef};
use std::collections::HashMap;
use tch::{Kind, Tensor};

/// A tensor may have more elements than its storage (a stride of 0 repeats them), up to this number.
const MOST_REPEATED: i64 = 1 << 24;

/// One-dimensional tensors of whole storages, by key.
#[derive(Default)]
pub(super) struct Storages(HashMap<String, Tensor>);

impl Storages {
    pub(super) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Adds a storage from its bytes, whose number has to be [`byte_length`].
    pub(super) fn insert(&mut self, storage: &StorageRef, bytes: &[u8]) -> Result<(), Fault> {
        let tensor = Tensor::f_from_data_size(bytes, &[signed(storage.numel)?], storage.kind)
            .map_err(|e| Fault::Malformed(format!("storage {}: {e}", storage.key)))?;
        self.0.insert(storage.key.to_owned(), tensor);
        Ok(())
    }

    /// The tensor that `view` cuts from `storage`. It shares memory with other views of that storage.
    pub(super) fn view(&self, storage: &StorageRef, view: &TensorRef) -> Result<Tensor, Fault> {
        let Some(whole) = self.0.get(storage.key) else {
            return malformed(format!("storage {} is missing", storage.key));
        };
        if whole.kind() != storage.kind || whole.numel() != storage.numel {
            return malformed(format!(
                "storage {} is described twice: {} elements of {:?}, and {} of {:?}",
                storage.key,
                whole.numel(),
                whole.kind(),
                storage.numel,
                storage.kind
            ));
        }
        let (first, length) = storage.window.unwrap_or((0, storage.numel));
        if first.checked_add(length).is_none_or(|end| end > storage.numel) {
            return malformed(format!("a window of {length} elements at {first} leaves storage {}", storage.key));
        }
        check_bounds(view, signed(length)?).map_err(|why| {
            Fault::Malformed(format!(
                "a tensor of size {:?}, stride {:?}, offset {} in storage {} of {length} elements: {why}",
                view.size, view.stride, view.offset, storage.key
            ))
        })?;
        if view.size.contains(&0) {
            return Ok(Tensor::zeros(view.size.as_slice(), (storage.kind, tch::Device::Cpu)));
        }
        whole
            .f_as_strided(view.size.as_slice(), view.stride.as_slice(), signed(first)? + view.offset)
            .map_err(|e| Fault::Malformed(format!("a view of storage {}: {e}", storage.key)))
    }
}

/// Bytes of a storage.
pub(super) fn byte_length(storage: &StorageRef) -> Result<usize, Fault> {
    match storage.numel.checked_mul(storage.kind.elt_size_in_bytes()) {
        Some(bytes) => Ok(bytes),
        None => malformed(format!("storage {} claims {} elements", storage.key, storage.numel)),
    }
}

/// A number of elements as torch has it.
fn signed(elements: usize) -> Result<i64, Fault> {
    i64::try_from(elements).or_else(|_| malformed(format!("{elements} elements are too many for a tensor")))
}

/// Turns big-endian elements into little-endian ones.
pub(super) fn swap_bytes(bytes: &mut [u8], kind: Kind) {
    bytes.chunks_exact_mut(kind.elt_size_in_bytes()).for_each(<[u8]>::reverse);
}

/// Whether every element of a view lies in a storage of `length` elements.
fn check_bounds(view: &TensorRef, length: i64) -> Result<(), &'static str> {
    let TensorRef { offset, size, stride, .. } = view;
    if size.len() != stride.len() {
        return Err("sizes and strides do not belong together");
    }
    if *offset < 0 || size.iter().chain(stride).any(|&v| v < 0) {
        return Err("a negative number");
    }
    let product = size.iter().try_fold(1i64, |product, &d| product.checked_mul(d.max(1)));
    let last =
        size.iter().zip(stride).try_fold(*offset, |last, (&d, &s)| last.checked_add((d - 1).max(0).checked_mul(s)?));
    let (Some(product), Some(last)) = (product, last) else { return Err("too large") };
    if size.contains(&0) {
        return Ok(());
    }
    if last >= length {
        return Err("it reaches past the end");
    }
    if product > length && product > MOST_REPEATED {
        return Err("it repeats its storage too often");
    }
    Ok(())
}
