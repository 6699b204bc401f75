//! The files of the core set: whole cases made small enough to lie in the repository.
//!
//! `tensors.planes.gz` is a safetensors file, gzipped, in which the bytes of each tensor are ordered by significance: the first
//! bytes of all elements, then the second bytes, and so on, which is how floating-point numbers compress best. Of a large
//! expected tensor it holds every n-th element; `case.json` then tells `n` and the full shape under `sampled`.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

/// Name of the packed file in the folder of a case.
pub(crate) const FILE: &str = "tensors.planes.gz";

/// Elements up to which an expected tensor is kept whole.
const WHOLE: usize = 128;

/// The safetensors file that `path` packs, its sampled tensors still flat.
pub(crate) fn unpack(path: &Path) -> Result<Vec<u8>, String> {
    let told = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut bytes = vec![];
    GzDecoder::new(fs::File::open(path).map_err(|e| told(&e))?).read_to_end(&mut bytes).map_err(|e| told(&e))?;
    reordered(&bytes, |data, width| {
        let count = data.len() / width;
        (0..data.len()).map(|i| data[i % width * count + i / width]).collect()
    })
    .map_err(|e| told(&e))
}

/// Writes the packed case of `from` to `to`, an existing folder.
///
/// # Errors
/// Where a file cannot be read, understood or written.
pub fn pack(from: &Path, to: &Path) -> Result<(), String> {
    for entry in fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))? {
        let path = entry.map_err(|e| format!("{}: {e}", from.display()))?.path();
        let told = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let name = path.file_name().unwrap_or_default();
        if name == "case.json" {
            // Written last, with what was sampled.
        } else if name == "tensors.safetensors" {
            let bytes = fs::read(&path).map_err(|e| told(&e))?;
            let (small, sampled) = sample(&bytes).map_err(|e| told(&e))?;
            let planes = reordered(&small, |data, width| {
                (0..width).flat_map(|byte| data.iter().skip(byte).step_by(width).copied()).collect()
            });
            let mut file = GzEncoder::new(fs::File::create(to.join(FILE)).map_err(|e| told(&e))?, Compression::best());
            file.write_all(&planes.map_err(|e| told(&e))?).and_then(|()| file.finish()).map_err(|e| told(&e))?;
            let text = fs::read_to_string(from.join("case.json")).map_err(|e| told(&e))?;
            fs::write(to.join("case.json"), with_sampled(&text, sampled).map_err(|e| told(&e))?)
                .map_err(|e| told(&e))?;
        } else {
            let bytes = fs::read(&path).map_err(|e| told(&e))?;
            fs::write(to.join(name), bytes).map_err(|e| told(&e))?;
        }
    }
    if !to.join("case.json").exists() {
        let text = fs::read(from.join("case.json")).map_err(|e| format!("{}: {e}", from.display()))?;
        fs::write(to.join("case.json"), text).map_err(|e| format!("{}: {e}", to.display()))?;
    }
    Ok(())
}

/// The text of `case.json` with what was sampled. The numbers in it stay as they are written.
fn with_sampled(text: &str, sampled: Map<String, Value>) -> Result<String, String> {
    if sampled.is_empty() {
        return Ok(text.to_owned());
    }
    let (head, _) = text.rsplit_once('}').ok_or("case.json is not an object")?;
    Ok(format!("{},\n \"sampled\": {}\n}}\n", head.trim_end(), Value::Object(sampled)))
}

/// A safetensors file with every n-th element of its large expected tensors, and what `case.json` tells of them.
fn sample(bytes: &[u8]) -> Result<(Vec<u8>, Map<String, Value>), String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let mut sampled = Map::new();
    let mut kept = vec![];
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, view) in tensors {
        let expected = name.starts_with("out.") || name.starts_with("grad.");
        let count: usize = view.shape().iter().product();
        if !(expected && count > WHOLE && matches!(view.dtype(), Dtype::F32 | Dtype::F64)) {
            kept.push((name, view.dtype(), view.shape().to_vec(), view.data().to_vec()));
            continue;
        }
        let stride = prime_from(count.div_ceil(WHOLE));
        let width = view.data().len() / count;
        let data: Vec<u8> = view.data().chunks_exact(width).step_by(stride).flatten().copied().collect();
        sampled.insert(name.clone(), json!({"shape": view.shape(), "stride": stride}));
        kept.push((name, view.dtype(), vec![data.len() / width], data));
    }
    Ok((written(&kept)?, sampled))
}

type Parts = (String, Dtype, Vec<usize>, Vec<u8>);

fn written(parts: &[Parts]) -> Result<Vec<u8>, String> {
    let views = parts.iter().map(|(name, dtype, shape, data)| {
        TensorView::new(*dtype, shape.clone(), data).map(|view| (name.as_str(), view)).map_err(|e| e.to_string())
    });
    safetensors::serialize(views.collect::<Result<Vec<_>, _>>()?, None).map_err(|e| e.to_string())
}

/// A safetensors file with the bytes of each tensor in another order, given them and the width of an element.
fn reordered(bytes: &[u8], order: impl Fn(&[u8], usize) -> Vec<u8>) -> Result<Vec<u8>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let parts = file.tensors().into_iter().map(|(name, view)| {
        let count: usize = view.shape().iter().product();
        let width = view.data().len().checked_div(count).unwrap_or(1).max(1);
        (name, view.dtype(), view.shape().to_vec(), order(view.data(), width))
    });
    written(&parts.collect::<Vec<_>>())
}

/// The first prime from `n` on: a stride that shares no factor with the sides of a tensor visits every row and column.
fn prime_from(n: usize) -> usize {
    let prime = |n: usize| n >= 2 && (2..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    (n..).find(|&n| prime(n)).unwrap_or(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Case;
    use tch::{Kind, Tensor};

    fn case(folder: &Path) -> Tensor {
        let value = Tensor::arange(60 * 41, (Kind::Float, tch::Device::Cpu)).view([60, 41]) / 7.0;
        let input = Tensor::from_slice(&[1i64, -2, 3]);
        Tensor::write_safetensors(&[("out.y", &value), ("in.x", &input)], folder.join("tensors.safetensors")).unwrap();
        let text = "{\n \"kind\": \"area/kind\",\n \"atol\": 0.001\n}\n";
        fs::write(folder.join("case.json"), text).unwrap();
        fs::write(folder.join("more.npz"), b"as it is").unwrap();
        value
    }

    #[test]
    fn a_packed_case_compares_the_full_shape_and_every_nth_element() {
        let dir = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| dir.path().join(name));
        for folder in [&from, &to] {
            fs::create_dir(folder).unwrap();
        }
        let value = case(&from);
        pack(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("more.npz")).unwrap(), b"as it is");
        let packed = Case::load(&to).unwrap();
        assert_eq!(packed.json["sampled"]["out.y"], json!({"shape": [60, 41], "stride": 23}));
        assert!(packed.input("x").equal(&Tensor::from_slice(&[1i64, -2, 3])));
        assert_eq!(packed.tensor("out.y").size(), [60, 41]);
        packed.check("out.y", &value).unwrap();
        assert!(packed.check("out.y", &value.reshape([41, 60])).unwrap_err().contains("shape"));
        let wrong = value.copy();
        let _ = wrong.view([-1]).get(23 * 5).fill_(1e3);
        let error = packed.check("out.y", &wrong).unwrap_err();
        assert!(error.contains("1 of 107 elements") && error.contains("every 23rd"), "{error}");
        assert_eq!(packed.misses("out.y", &wrong), (1, 107));
        assert!(packed.equals("out.y", &value) && !packed.equals("out.y", &wrong));
        // What compares by itself cannot pass by accident.
        assert!(!packed.tensor("out.y").allclose(&value, 1e-3, 1e-3, false));
    }

    #[test]
    fn strides_are_primes() {
        assert_eq!([0, 1, 2, 3, 4, 9, 24, 26].map(prime_from), [2, 2, 2, 3, 5, 11, 29, 29]);
    }
}
