//! Writes files as `torch.save` does, byte by byte, for tests of what reads them. Feature `testing`.

use super::StateDict;
use std::io::{Cursor, Write};
use tch::{Kind, Tensor};
use zip::write::{SimpleFileOptions, ZipWriter};

/// A storage of a test file: key, number of elements, bytes.
pub(super) type RawStorage = (String, u64, Vec<u8>);

/// Assembles a pickle of protocol 2.
pub(super) struct Pickler(pub(super) Vec<u8>);

impl Pickler {
    pub(super) fn new() -> Self {
        Self(b"\x80\x02".to_vec())
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn str(self, text: &str) -> Self {
        self.raw(b"X").raw(&u32::try_from(text.len()).expect("a short text").to_le_bytes()).raw(text.as_bytes())
    }

    pub(super) fn int(self, value: i64) -> Self {
        self.raw(b"\x8a\x08").raw(&value.to_le_bytes())
    }

    pub(super) fn ints(self, values: &[i64]) -> Self {
        values.iter().fold(self.raw(b"("), |p, &v| p.int(v)).raw(b"t")
    }

    pub(super) fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    pub(super) fn ordered_dict(self) -> Self {
        self.global("collections", "OrderedDict").raw(b")R")
    }

    /// A tensor of storage `key`, saved from a GPU.
    pub(super) fn tensor(self, storage: (&str, &str, i64), offset: i64, size: &[i64], stride: &[i64]) -> Self {
        let (class, key, numel) = storage;
        let id = |p: Self| p.raw(b"(").str("storage").global("torch", class).str(key).str("cuda:0").int(numel);
        id(self.global("torch._utils", "_rebuild_tensor_v2").raw(b"("))
            .raw(b"tQ")
            .int(offset)
            .ints(size)
            .ints(stride)
            .raw(b"\x89")
            .ordered_dict()
            .raw(b"tR")
    }

    pub(super) fn stop(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

pub(super) fn zip_with(pickle: &[u8], storages: &[RawStorage], byteorder: &str) -> Vec<u8> {
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("archive/{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    };
    add("data.pkl", pickle);
    add("byteorder", byteorder.as_bytes());
    storages.iter().for_each(|(key, _, bytes)| add(&format!("data/{key}"), bytes));
    add("version", b"3\n");
    zip.finish().unwrap().into_inner()
}

/// A state dict as `torch.save` (since 1.6) writes it: an ordered dictionary of float32 tensors, saved from a GPU.
pub fn torch_file(state: &StateDict) -> Vec<u8> {
    let mut pickle = Pickler::new().ordered_dict().raw(b"(");
    let mut storages = vec![];
    for (number, (key, tensor)) in state.iter().enumerate() {
        let size = tensor.size();
        let mut stride = vec![1; size.len()];
        for i in (1..size.len()).rev() {
            stride[i - 1] = stride[i] * size[i];
        }
        let values: Vec<f32> = numbers(tensor);
        let name = number.to_string();
        pickle = pickle.str(key).tensor(("FloatStorage", &name, tensor.size().iter().product()), 0, &size, &stride);
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        storages.push((name, values.len() as u64, bytes));
    }
    zip_with(&pickle.raw(b"u").stop(), &storages, "little")
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.detach().to_kind(Kind::Float).contiguous().view([-1])).expect("a flat float tensor")
}
