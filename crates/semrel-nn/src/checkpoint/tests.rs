//! Whole files, good, cut, altered and hostile.

use super::testing::{legacy_file, simple_legacy, simple_pickle, simple_storages, zip_file};
use super::torch_file::{Pickler, RawStorage, torch_file, zip_with};
use super::*;
use proptest::prelude::*;
use std::fs;
use tch::{Device, Kind};

/// Writes `bytes` to a file and reads it back.
fn read(bytes: &[u8]) -> Result<Value, CheckpointError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights.pth");
    fs::write(&path, bytes).unwrap();
    read_pth(&path)
}

/// Both layouts of one pickle.
fn layouts(pickle: &[u8], storages: &[RawStorage]) -> [Vec<u8>; 2] {
    [zip_file(pickle, storages), legacy_file(pickle, storages)]
}

fn floats(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).reshape([-1])).unwrap()
}

#[test]
fn strides_shared_storages_and_prefixes() {
    for bytes in layouts(&simple_pickle(), &simple_storages()) {
        let value = read(&bytes).unwrap();
        assert!(matches!(value.get("epoch"), Some(Value::Int(3))));
        let tensors = value.flatten().unwrap();
        assert_eq!(tensors.keys().collect::<Vec<_>>(), ["a.w", "a.wt"]);
        assert_eq!(floats(&tensors["a.w"]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(floats(&tensors["a.wt"]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let _ = tensors["a.w"].shallow_clone().fill_(7.0);
        assert_eq!(floats(&tensors["a.wt"]), [7.0; 6]);
    }
}

#[test]
fn every_element_type_in_every_layout_and_byte_order() {
    let values = Tensor::from_slice(&[1f32, 0.0, 3.0, 120.0]);
    for (class, kind) in [
        ("FloatStorage", Kind::Float),
        ("DoubleStorage", Kind::Double),
        ("HalfStorage", Kind::Half),
        ("BFloat16Storage", Kind::BFloat16),
        ("LongStorage", Kind::Int64),
        ("IntStorage", Kind::Int),
        ("ShortStorage", Kind::Int16),
        ("CharStorage", Kind::Int8),
        ("ByteStorage", Kind::Uint8),
        ("BoolStorage", Kind::Bool),
    ] {
        let want = values.to_kind(kind);
        let mut data = vec![0; 4 * kind.elt_size_in_bytes()];
        want.copy_data_u8(&mut data, 4);
        // A view of the last three elements, and an empty one.
        let pickle = Pickler::new()
            .raw(b"](")
            .tensor((class, "7", 4), 1, &[3], &[1])
            .tensor((class, "7", 4), 0, &[2, 0], &[1, 1])
            .raw(b"e")
            .stop();
        let [zip, legacy] = layouts(&pickle, &[("7".into(), 4, data.clone())]);
        let mut swapped = data;
        storage::swap_bytes(&mut swapped, kind);
        let big = zip_with(&pickle, &[("7".into(), 4, swapped)], "big");
        for bytes in [zip, legacy, big] {
            let tensors = read(&bytes).unwrap().flatten().unwrap();
            assert_eq!(tensors["0"].kind(), kind);
            assert!(tensors["0"].equal(&want.narrow(0, 1, 3)), "{class}");
            assert_eq!(tensors["1"].size(), [2, 0]);
        }
    }
}

#[test]
fn parameters_old_globals_and_windows() {
    let storage = ("FloatStorage", "0", 6);
    let pickle = Pickler::new()
        .raw(b"}(")
        .str("parameter")
        .global("torch._utils", "_rebuild_parameter")
        .raw(b"(")
        .tensor(storage, 0, &[2], &[1])
        .raw(b"\x88")
        .ordered_dict()
        .raw(b"tR")
        .str("old")
        .global("torch._utils", "_rebuild_tensor")
        .raw(b"((")
        .str("storage")
        .global("torch.cuda", "FloatStorage")
        .str("0")
        .str("cuda:3")
        .int(6)
        .raw(b"(")
        .str("window")
        .int(2)
        .int(4)
        .raw(b"ttQ")
        .int(1)
        .ints(&[3])
        .ints(&[1])
        .raw(b"tR")
        .str("size")
        .global("torch", "Size")
        .ints(&[4, 5])
        .raw(b"\x85R")
        .str("dtype")
        .global("torch", "float16")
        .raw(b"u")
        .stop();
    for bytes in layouts(&pickle, &simple_storages()) {
        let value = read(&bytes).unwrap();
        assert!(matches!(value.get("dtype"), Some(Value::Kind(Kind::Half))));
        assert!(matches!(value.get("size"), Some(Value::List(items)) if items.len() == 2));
        let tensors = value.flatten().unwrap();
        assert_eq!(floats(&tensors["parameter"]), [0.0, 1.0]);
        assert_eq!(floats(&tensors["old"]), [3.0, 4.0, 5.0]);
    }
}

#[test]
fn legacy_files_of_later_protocols_are_known_by_their_magic_number() {
    let legacy = simple_legacy();
    let magic = &legacy[2..15];
    let framed = [b"\x80\x04\x95\x0d\0\0\0\0\0\0\0", magic, &legacy[15..]].concat();
    let third = [b"\x80\x03", &legacy[2..]].concat();
    for bytes in [framed, third] {
        assert_eq!(read(&bytes).unwrap().flatten().unwrap().len(), 2);
    }
}

#[test]
fn code_is_refused_by_its_name_and_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let command = format!("touch {}", trace.display());
    let pickle = Pickler::new().global("os", "system").str(&command).raw(b"\x85R").stop();
    for bytes in layouts(&pickle, &[]) {
        let error = read(&bytes).unwrap_err();
        assert!(matches!(&error, CheckpointError::Refused { name, .. } if name == "os.system"), "{error}");
        let text = error.to_string();
        assert!(text.contains("os.system") && text.contains("weights.pth"), "{text}");
    }
    assert!(!trace.exists());
}

#[test]
fn forged_sizes_are_errors() {
    let forged: [(i64, i64, &[i64], &[i64]); 9] = [
        (1 << 60, 0, &[1], &[1]),
        (i64::MAX, 0, &[1], &[1]),
        (-1, 0, &[1], &[1]),
        (6, 0, &[7], &[1]),
        (6, 5, &[2], &[1]),
        (6, -1, &[1], &[1]),
        (6, 0, &[2, 3], &[-3, 1]),
        (6, 0, &[i64::MAX, 2], &[1, 1]),
        (6, 0, &[1 << 40], &[0]),
    ];
    for (numel, offset, size, stride) in forged {
        let pickle = Pickler::new().tensor(("FloatStorage", "0", numel), offset, size, stride).stop();
        for bytes in layouts(&pickle, &simple_storages()) {
            assert!(matches!(read(&bytes), Err(CheckpointError::Malformed { .. })), "{numel} {offset} {size:?}");
        }
    }
    let expanded = Pickler::new().tensor(("FloatStorage", "0", 6), 1, &[4, 1000], &[1, 0]).stop();
    for bytes in layouts(&expanded, &simple_storages()) {
        assert_eq!(read(&bytes).unwrap().flatten().unwrap()[""].size(), [4, 1000]);
    }
}

#[test]
fn endless_values_are_errors() {
    // A list that holds itself; a list of thirty levels, each holding the one below ten times; ten thousand levels.
    let own = b"\x80\x02]q\x00h\x00a.".to_vec();
    let mut laughs = b"\x80\x02]q\x00".to_vec();
    for level in 1..30 {
        laughs.extend_from_slice(b"](");
        (0..10).for_each(|_| laughs.extend_from_slice(&[b'h', level - 1]));
        laughs.extend_from_slice(&[b'e', b'q', level]);
    }
    laughs.push(b'.');
    let mut deep = b"\x80\x02N".to_vec();
    deep.extend(std::iter::repeat_n(0x85, 10_000));
    deep.push(b'.');
    for pickle in [own, laughs, deep] {
        for bytes in layouts(&pickle, &[]) {
            assert!(matches!(read(&bytes), Err(CheckpointError::Malformed { .. })));
        }
    }
}

#[test]
fn equal_keys_are_an_error() {
    let storage = ("FloatStorage", "0", 6);
    let pickle = Pickler::new()
        .raw(b"}(")
        .str("a.b")
        .tensor(storage, 0, &[1], &[1])
        .str("a")
        .raw(b"}")
        .str("b")
        .tensor(storage, 0, &[1], &[1])
        .raw(b"su")
        .stop();
    assert_eq!(read(&zip_file(&pickle, &simple_storages())).unwrap().flatten().unwrap_err(), "a.b");
}

#[test]
fn every_cut_of_a_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.pth");
    for whole in layouts(&simple_pickle(), &simple_storages()) {
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = load_any(&path).expect_err("a cut file");
            assert!(error.to_string().contains("cut.pth"), "{error}");
        }
        fs::write(&path, &whole).unwrap();
        load_any(&path).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn altered_files_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for mut bytes in layouts(&simple_pickle(), &simple_storages()) {
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if let Ok(value) = read(&bytes) {
                let _ = value.flatten();
            }
        }
    }

    #[test]
    fn random_pickles_never_panic(program in prop::collection::vec(
        prop::sample::select(b"N}])(tusae01QRb\x81\x85\x86\x87\x88\x94\x93hqKX.\x00\x01\x02".to_vec()), 0..60)) {
        for bytes in layouts(&[b"\x80\x02", program.as_slice(), b"."].concat(), &[]) {
            if let Ok(value) = read(&bytes) {
                let _ = value.flatten();
            }
        }
    }
}

#[test]
fn the_format_is_told_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("misleading.pth");
    let tensors = StateDict::from([("w".to_owned(), Tensor::from_slice(&[1f32, 2.0]))]);
    save(&path, &tensors, &BTreeMap::new()).unwrap();
    assert_eq!(load_any(&path).unwrap()["w"], tensors["w"]);
    assert!(read_pth(&path).unwrap_err().to_string().contains("safetensors"));
    for bytes in [zip_file(&simple_pickle(), &simple_storages()), simple_legacy()] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(load_any(&path).unwrap().len(), 2);
    }
}

#[test]
fn what_is_no_checkpoint_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights.pth");
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\x89PNG\r\n\x1a\n0000", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"\x01\x02\x03\x04\x05", "unknown"),
        (b"PK\x03\x04 and then nothing", "zip"),
    ] {
        fs::write(&path, bytes).unwrap();
        let text = load_any(&path).unwrap_err().to_string();
        assert!(text.contains(words) && text.contains("weights.pth"), "{text}");
    }
    let text = load_any(dir.path().join("absent")).unwrap_err().to_string();
    assert!(text.contains("absent"), "{text}");
}

#[test]
fn the_official_multi_modal_checkpoint_loads() {
    let case = semrel_testkit::core_dir().join("multi-modal/checkpoint");
    let tensors = load_any(case.join("000007_nets_ema.ckpt")).unwrap();
    let case = semrel_testkit::Case::load(&case).unwrap();
    let known = case.with_prefix("w.");
    assert!(!known.is_empty());
    for (key, want) in known {
        assert!(tensors[&key].equal(&want), "{key}");
    }
}

#[test]
fn what_torch_file_writes_is_read_back() {
    let state = StateDict::from([
        ("a.bias".to_owned(), Tensor::from_slice(&[1.5f32, -2.0])),
        ("b.weight".to_owned(), Tensor::arange(24, (Kind::Float, Device::Cpu)).view([2, 3, 4])),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latest_net_G.pth");
    fs::write(&path, torch_file(&state)).unwrap();
    let read = load_any(&path).unwrap();
    assert_eq!(read.keys().collect::<Vec<_>>(), state.keys().collect::<Vec<_>>());
    assert!(state.iter().all(|(key, tensor)| read[key].equal(tensor)));
}
