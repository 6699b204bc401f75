//! Test files of the checkpoint reader.

use super::torch_file::{Pickler, RawStorage, zip_with};

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
