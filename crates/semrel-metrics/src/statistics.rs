//! Mean and covariance of a set of features, and their `.npz` files.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

use crate::MetricsError;
use crate::npy::numbers;
use crate::zip_entry::read_whole;
use ndarray::{Array1, Array2, ArrayD, IxDyn};
use ndarray_npy::WriteNpyExt;
use semrel_run::{atomic, input};
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Largest array that is read: a covariance of 11 585 dimensions.
const LARGEST_ENTRY: u64 = 1 << 30;

/// Largest value of means and covariances: products of four of them stay finite, and so does every distance.
const LARGEST_VALUE: f64 = 1e72;

/// Mean and covariance (divisor n − 1) of a set of features, in double precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Mean \[d\].
    pub mean: Array1<f64>,
    /// Covariance [d, d].
    pub covariance: Array2<f64>,
    /// Number of images, where it is known. Fréchet distances depend on it.
    pub count: Option<u64>,
}

impl Statistics {
    /// Checks shapes and values.
    ///
    /// # Errors
    /// [`MetricsError::Shape`] unless the covariance is [d, d] with d > 0, [`MetricsError::NotFinite`],
    /// [`MetricsError::TooLarge`].
    pub fn new(mean: Array1<f64>, covariance: Array2<f64>, count: Option<u64>) -> Result<Self, MetricsError> {
        let d = mean.len();
        if d == 0 {
            return Err(MetricsError::Shape { what: "mean", found: vec![0], expected: "[d] with d > 0" });
        }
        if covariance.dim() != (d, d) {
            let found = vec![signed(covariance.nrows()), signed(covariance.ncols())];
            return Err(MetricsError::Shape { what: "covariance", found, expected: "[d, d] with d of the mean" });
        }
        let count_of_bad = mean.iter().chain(&covariance).filter(|v| !v.is_finite()).count();
        if count_of_bad > 0 {
            return Err(MetricsError::NotFinite { what: "mean and covariance".into(), count: signed(count_of_bad) });
        }
        let largest = mean.iter().chain(&covariance).fold(0f64, |largest, v| largest.max(v.abs()));
        if largest > LARGEST_VALUE {
            return Err(MetricsError::TooLarge { what: "mean and covariance", found: largest, limit: LARGEST_VALUE });
        }
        Ok(Self { mean, covariance, count })
    }

    /// Reads a NumPy archive with `mu` \[d\] and `sigma` [d, d], stored or deflated, as pytorch-fid and GAN Compression
    /// write it; `n` where it is there. Elements are doubles, floats or signed integers of 32 or 64 bits.
    ///
    /// # Errors
    /// [`MetricsError::Statistics`] names the file, the array and what is wrong.
    pub fn read_npz(path: impl AsRef<Path>) -> Result<Self, MetricsError> {
        let path = path.as_ref();
        let wrong = |why: String| MetricsError::Statistics { path: path.to_owned(), why };
        let bytes = input::read(path).map_err(|source| MetricsError::Io { path: path.to_owned(), source })?;
        let mut archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|e| wrong(format!("not an .npz archive of statistics ({e}); expected mu and sigma")))?;
        let mut array = |name: &str| {
            let entry = read_entry(&mut archive, name).map_err(|e| wrong(format!("{name}: {e}")))?;
            entry.map(|bytes| numbers(&bytes).map_err(|e| wrong(format!("{name}: {e}")))).transpose()
        };
        let mut required =
            |name: &str| array(name)?.ok_or_else(|| wrong(format!("no array {name}; mu and sigma needed")));
        let (mean, covariance) = (required("mu")?, required("sigma")?);
        let count = array("n")?.map(|n| count(&n).map_err(|e| wrong(format!("n: {e}")))).transpose()?;
        let shapes = format!("mu {:?} and sigma {:?}; expected [d] and [d, d]", mean.shape(), covariance.shape());
        match (mean.into_dimensionality(), covariance.into_dimensionality()) {
            (Ok(mean), Ok(covariance)) => Self::new(mean, covariance, count).map_err(|e| wrong(e.to_string())),
            _ => Err(wrong(shapes)),
        }
    }

    /// Writes a deflated NumPy archive of `mu`, `sigma` and, where known, `n`; the file is old or new, never half.
    ///
    /// # Errors
    /// [`MetricsError::Statistics`].
    pub fn write_npz(&self, path: impl AsRef<Path>) -> Result<(), MetricsError> {
        let path = path.as_ref();
        let wrong =
            |why: String| MetricsError::Statistics { path: path.to_owned(), why: format!("cannot be written: {why}") };
        let mut bytes = vec![];
        let mut zip = ZipWriter::new(Cursor::new(&mut bytes));
        let mut add = |name: &str, array: ArrayD<f64>| -> Result<(), Box<dyn std::error::Error>> {
            let mut bytes = vec![];
            array.write_npy(&mut bytes)?;
            zip.start_file(
                format!("{name}.npy"),
                SimpleFileOptions::default().compression_method(CompressionMethod::Deflated),
            )?;
            Ok(zip.write_all(&bytes)?)
        };
        add("mu", self.mean.clone().into_dyn()).map_err(|e| wrong(e.to_string()))?;
        add("sigma", self.covariance.clone().into_dyn()).map_err(|e| wrong(e.to_string()))?;
        if let Some(count) = self.count {
            add("n", ArrayD::from_elem(IxDyn(&[]), count as f64)).map_err(|e| wrong(e.to_string()))?;
        }
        zip.finish().map_err(|e| wrong(e.to_string()))?;
        atomic::write(path, &bytes).map_err(|e| wrong(e.reason.to_string()))
    }
}

/// A number of elements as tensors have it.
fn signed(elements: usize) -> i64 {
    i64::try_from(elements).unwrap_or(i64::MAX)
}

/// The bytes of `<name>.npy`, or `None` where the archive has no such entry.
fn read_entry(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(index) = archive.index_for_name(&format!("{name}.npy")) else { return Ok(None) };
    read_whole(archive, index, LARGEST_ENTRY).map(Some)
}

/// The number of pictures: one whole number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in the range of the guard")]
fn count(array: &ArrayD<f64>) -> Result<u64, String> {
    /// Up to here doubles hold every whole number.
    const EXACT: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;
    match array.as_slice() {
        Some(&[n]) if n.fract() == 0.0 && (1.0..=EXACT).contains(&n) => Ok(n as u64),
        Some(&[n]) => Err(format!("{n}; expected the number of pictures, a whole number of at least 1")),
        _ => Err(format!("shape {:?}; expected a single number, that of the pictures", array.shape())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn example() -> Statistics {
        let covariance = Array2::from_shape_fn((5, 5), |(i, j)| if i == j { 2.0 } else { 0.1 / 3.0 });
        Statistics::new(Array1::from_iter((0..5).map(|i| f64::from(i) / 7.0)), covariance, Some(12)).unwrap()
    }

    #[test]
    fn round_trip_is_exact() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stats.npz");
        for count in [None, Some(12)] {
            let statistics = Statistics { count, ..example() };
            statistics.write_npz(&path).unwrap();
            assert_eq!(Statistics::read_npz(&path).unwrap(), statistics);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stats.npz");
        fs::write(&path, b"no zip").unwrap();
        let text = Statistics::read_npz(&path).unwrap_err().to_string();
        assert!(text.contains("stats.npz") && text.contains("mu and sigma"), "{text}");
        let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
        zip.start_file("mu.npy", SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
        let mut bytes = vec![];
        Array1::<f32>::zeros(3).write_npy(&mut bytes).unwrap();
        zip.write_all(&bytes).unwrap();
        zip.finish().unwrap();
        assert!(Statistics::read_npz(&path).unwrap_err().to_string().contains("no array sigma"));
        assert!(matches!(
            Statistics::new(Array1::zeros(0), Array2::zeros((0, 0)), None),
            Err(MetricsError::Shape { what: "mean", .. })
        ));
        let huge = Statistics::new(Array1::from_elem(1, 1e200), Array2::zeros((1, 1)), None);
        assert!(matches!(huge, Err(MetricsError::TooLarge { found: 1e200, .. })));
        let nan = Statistics::new(Array1::from_elem(1, f64::NAN), Array2::zeros((1, 1)), None);
        assert!(matches!(nan, Err(MetricsError::NotFinite { count: 1, .. })));
        assert!(matches!(
            Statistics::new(Array1::zeros(2), Array2::zeros((3, 3)), None),
            Err(MetricsError::Shape { .. })
        ));
    }

    #[test]
    fn counts_are_whole_numbers() {
        let of = |values: &[f64]| count(&Array1::from(values.to_vec()).into_dyn());
        assert_eq!(of(&[12.0]), Ok(12));
        for bad in [-5.0, 0.0, 2.5, f64::NAN, f64::INFINITY, 1e17] {
            assert!(of(&[bad]).unwrap_err().contains(&format!("{bad}; expected")), "{bad}");
        }
        assert!(of(&[1.0, 2.0]).unwrap_err().contains("[2]"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn altered_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("stats.npz");
            example().write_npz(&path).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            let length = cut.index(bytes.len());
            fs::write(&path, &bytes[..length]).unwrap();
            prop_assert!(Statistics::read_npz(&path).is_err());
            let at = at.index(bytes.len());
            bytes[at] = byte;
            fs::write(&path, &bytes).unwrap();
            let _ = Statistics::read_npz(&path);
        }
    }
}
