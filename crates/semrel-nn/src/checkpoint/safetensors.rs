//! Safetensors files, written so that a crash at any moment leaves the old file or the new one.

use super::StateDict;
use super::error::{CheckpointError, io};
use safetensors::{Dtype, SafeTensors};
use semrel_run::{atomic, input};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use tch::{Kind, Tensor};

/// Writes `tensors` and string `metadata` to `path`.
///
/// Equal arguments give equal bytes: tensors lie by descending element size (so that each is aligned) and then by key,
/// metadata by key. The bytes go to a temporary file beside `path`, which is synced and renamed over it: on any failure
/// an older file at `path` stays as it was. Tensors may lie on any device and need not be contiguous.
///
/// # Errors
/// [`CheckpointError::Io`] where the file system refuses; [`CheckpointError::Malformed`] for an element type that
/// safetensors lacks.
pub fn save(
    path: impl AsRef<Path>,
    tensors: &StateDict,
    metadata: &BTreeMap<String, String>,
) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    atomic::write_with(path, |out| write(path, out, tensors, metadata))
}

/// Reads the tensors of a safetensors file.
///
/// # Errors
/// [`CheckpointError::Io`], or [`CheckpointError::Malformed`] where the file breaks the format or is cut short.
pub fn load(path: impl AsRef<Path>) -> Result<StateDict, CheckpointError> {
    let path = path.as_ref();
    let bytes = input::read(path).map_err(io(path, "read"))?;
    let wrong = |what: String| CheckpointError::Malformed { path: path.to_owned(), what };
    let file = SafeTensors::deserialize(&bytes).map_err(|e| wrong(format!("not a valid safetensors file: {e}")))?;
    let mut tensors = BTreeMap::new();
    for (key, view) in file.iter() {
        let kind = kind_of(view.dtype())
            .ok_or_else(|| wrong(format!("{key} has elements of type {:?}, which is not supported", view.dtype())))?;
        let shape: Vec<i64> =
            view.shape().iter().map(|&d| i64::try_from(d)).collect::<Result<_, _>>().map_err(|_| {
                wrong(format!("{key} has the shape {:?}, which is too large for a tensor", view.shape()))
            })?;
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|e| wrong(format!("{key}: {e}")))?;
        tensors.insert(key.to_owned(), tensor);
    }
    Ok(tensors)
}

/// Reads the string metadata of a safetensors file, and nothing of its tensors.
///
/// # Errors
/// As [`load`].
pub fn metadata(path: impl AsRef<Path>) -> Result<BTreeMap<String, String>, CheckpointError> {
    let path = path.as_ref();
    let wrong = |what: String| CheckpointError::Malformed { path: path.to_owned(), what };
    let file = input::open(path).map_err(io(path, "open"))?;
    let length = file.metadata().map_err(io(path, "read"))?.len();
    let mut bytes = vec![];
    (&file).take(8).read_to_end(&mut bytes).map_err(io(path, "read"))?;
    let header = bytes.first_chunk::<8>().map(|n| u64::from_le_bytes(*n));
    let header =
        header.filter(|&n| n <= length.saturating_sub(8)).ok_or_else(|| wrong("cut short within its header".into()))?;
    file.take(header).read_to_end(&mut bytes).map_err(io(path, "read"))?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes[8..]).map_err(|e| wrong(format!("the header is not JSON: {e}")))?;
    let entries = value.get("__metadata__").and_then(|m| m.as_object()).into_iter().flatten();
    Ok(entries.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
}

fn write(
    path: &Path,
    out: &mut impl Write,
    tensors: &StateDict,
    metadata: &BTreeMap<String, String>,
) -> Result<(), CheckpointError> {
    let mut entries = vec![];
    for (key, tensor) in tensors {
        let dtype = dtype_of(tensor.kind()).ok_or_else(|| CheckpointError::Malformed {
            path: path.to_owned(),
            what: format!("{key} has elements of type {:?}, which safetensors lacks", tensor.kind()),
        })?;
        entries.push((key, tensor, dtype));
    }
    // A stable sort: keys stay in order within one size.
    entries.sort_by_key(|(_, tensor, _)| std::cmp::Reverse(tensor.kind().elt_size_in_bytes()));

    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".into(), serde_json::json!(metadata));
    }
    let mut begin = 0;
    for (key, tensor, dtype) in &entries {
        let end = begin + bytes_of(tensor);
        let entry = serde_json::json!({ "dtype": dtype, "shape": tensor.size(), "data_offsets": [begin, end] });
        header.insert((*key).clone(), entry);
        begin = end;
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');

    out.write_all(&(header.len() as u64).to_le_bytes()).map_err(io(path, "write"))?;
    out.write_all(&header).map_err(io(path, "write"))?;
    let mut buffer = vec![];
    for (key, tensor, _) in entries {
        buffer.resize(bytes_of(tensor), 0);
        if !buffer.is_empty() {
            tensor.f_copy_data_u8(&mut buffer, tensor.numel()).map_err(|e| CheckpointError::Malformed {
                path: path.to_owned(),
                what: format!("{key} cannot be written: {e}"),
            })?;
        }
        out.write_all(&buffer).map_err(io(path, "write"))?;
    }
    Ok(())
}

fn bytes_of(tensor: &Tensor) -> usize {
    tensor.numel() * tensor.kind().elt_size_in_bytes()
}

const KINDS: [(Kind, Dtype); 10] = [
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Int64, Dtype::I64),
    (Kind::Int, Dtype::I32),
    (Kind::Int16, Dtype::I16),
    (Kind::Int8, Dtype::I8),
    (Kind::Uint8, Dtype::U8),
    (Kind::Bool, Dtype::BOOL),
];

fn dtype_of(kind: Kind) -> Option<Dtype> {
    KINDS.iter().find(|(k, _)| *k == kind).map(|(_, dtype)| *dtype)
}

fn kind_of(dtype: Dtype) -> Option<Kind> {
    KINDS.iter().find(|(_, d)| *d == dtype).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn mixed() -> StateDict {
        let base = Tensor::arange(24, (Kind::Float, tch::Device::Cpu)).view([2, 3, 4]);
        KINDS
            .iter()
            .map(|(kind, _)| (format!("k.{kind:?}"), base.to_kind(*kind)))
            .chain([
                ("scalar".to_owned(), Tensor::from(3i64)),
                ("empty".to_owned(), Tensor::zeros([0, 5], (Kind::Float, tch::Device::Cpu))),
                ("strided".to_owned(), base.transpose(0, 2)),
            ])
            .collect()
    }

    #[test]
    fn every_kind_comes_back_and_bytes_are_deterministic() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.safetensors"), dir.path().join("b.safetensors"));
        let notes: BTreeMap<String, String> = (0..20).map(|i| (format!("note{i}"), i.to_string())).collect();
        save(&a, &mixed(), &notes).unwrap();
        save(&b, &mixed(), &notes).unwrap();
        assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
        assert_eq!(metadata(&a).unwrap(), notes);
        let back = load(&a).unwrap();
        assert_eq!(back.len(), mixed().len());
        for (key, tensor) in mixed() {
            assert_eq!((back[&key].size(), back[&key].kind()), (tensor.size(), tensor.kind()), "{key}");
            assert!(back[&key].equal(&tensor), "{key}");
        }
    }

    #[test]
    fn a_failed_save_keeps_the_old_file_and_leaves_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        save(&path, &mixed(), &BTreeMap::new()).unwrap();
        let before = fs::read(&path).unwrap();
        let complex = BTreeMap::from([("c".to_owned(), Tensor::zeros([1], (Kind::ComplexFloat, tch::Device::Cpu)))]);
        assert!(save(&path, &complex, &BTreeMap::new()).unwrap_err().to_string().contains("ComplexFloat"));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        // A folder in the place of the file cannot be replaced either.
        fs::create_dir_all(dir.path().join("folder/inside")).unwrap();
        assert!(save(dir.path().join("folder"), &mixed(), &BTreeMap::new()).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn a_cut_or_altered_file_never_panics(cut in 0.0..1.0f64, at in 0usize..2000, byte: u8) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("w.safetensors");
            save(&path, &mixed(), &BTreeMap::from([("a".to_owned(), "b".to_owned())])).unwrap();
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..(whole.len() as f64 * cut) as usize]).unwrap();
            prop_assert!(load(&path).is_err());
            let _ = metadata(&path);
            let mut altered = whole.clone();
            let at = at % altered.len();
            altered[at] = byte;
            fs::write(&path, altered).unwrap();
            let _ = (load(&path), metadata(&path), super::super::load_any(&path));
        }
    }
}
