//! Builds files as `torch.save` writes them, byte by byte.

use std::io::{Cursor, Write};
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
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
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

/// `{'a': OrderedDict(module.w = [[0, 1, 2], [3, 4, 5]], module.wt = its transpose, the same storage), 'epoch': 3}`.
pub(super) fn simple_pickle() -> Vec<u8> {
    let storage = ("FloatStorage", "0", 6);
    Pickler::new()
        .raw(b"}(")
        .str("a")
        .ordered_dict()
        .raw(b"(")
        .str("module.w")
        .tensor(storage, 0, &[2, 3], &[3, 1])
        .str("module.wt")
        .tensor(storage, 0, &[3, 2], &[1, 3])
        .raw(b"u}")
        .str("_metadata")
        .ordered_dict()
        .raw(b"sb")
        .str("epoch")
        .int(3)
        .raw(b"u")
        .stop()
}

pub(super) fn simple_storages() -> Vec<RawStorage> {
    vec![("0".into(), 6, (0..6).flat_map(|v| (v as f32).to_le_bytes()).collect())]
}

pub(super) fn simple_legacy() -> Vec<u8> {
    legacy_file(&simple_pickle(), &simple_storages())
}

pub(super) fn zip_file(pickle: &[u8], storages: &[RawStorage]) -> Vec<u8> {
    zip_with(pickle, storages, "little")
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

pub(super) fn legacy_file(pickle: &[u8], storages: &[RawStorage]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    bytes.extend_from_slice(b"\x80\x02M\xe9\x03.");
    bytes.extend(Pickler::new().raw(b"}").str("little_endian").raw(b"\x88s").stop());
    bytes.extend_from_slice(pickle);
    bytes.extend(storages.iter().fold(Pickler::new().raw(b"]("), |p, (key, ..)| p.str(key)).raw(b"e").stop());
    for (_, numel, data) in storages {
        bytes.extend_from_slice(&numel.to_le_bytes());
        bytes.extend_from_slice(data);
    }
    bytes
}
