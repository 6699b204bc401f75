//! A damaged checkpoint is read or refused: no panic, whatever is wrong with it.

use super::{load_any, torch_file};
use semrel_testkit::{core_dir, mutations};
use std::fs;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Reads `count` damaged versions of a checkpoint; the number of those that are still read.
fn read(file: &Path, valid: &[u8], count: u64) -> usize {
    let damaged = mutations(valid, count).filter(|bytes| {
        fs::write(file, bytes).unwrap();
        match load_any(file) {
            Ok(_) => true,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("candidate"), "the file is not named: {text}");
                false
            }
        }
    });
    damaged.count()
}

#[test]
fn zip_files_and_safetensors() {
    let dir = tempfile::tempdir().unwrap();
    let tensor = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([2, 3, 4]);
    let state = [("a.weight".to_owned(), tensor.shallow_clone())].into();
    let safetensors = dir.path().join("valid.safetensors");
    Tensor::write_safetensors(&[("a.weight", &tensor)], &safetensors).unwrap();
    let official = fs::read(core_dir().join("multi-modal/checkpoint/000007_nets_ema.ckpt")).unwrap();
    let file = dir.path().join("candidate");
    for (valid, count) in [(torch_file(&state), 4000), (fs::read(safetensors).unwrap(), 2000), (official, 300)] {
        let count_read = read(&file, &valid, count);
        // Damage to a tensor's numbers goes unnoticed, that to lengths and names does not.
        assert!(count_read < count as usize, "{count_read} of {count}");
        for length in (0..valid.len()).step_by(valid.len().div_ceil(200)) {
            fs::write(&file, &valid[..length]).unwrap();
            assert!(load_any(&file).is_err(), "cut to {length} bytes");
        }
    }
}
