//! The numbers of `.npy` files, which are the entries of `.npz` archives.

// Numbers that files state must not change when they are converted. Tests choose theirs.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss))]

use ndarray::{ArrayD, ArrayViewD};
use ndarray_npy::{ViewElement, ViewNpyError, ViewNpyExt};
use semrel_run::input::depth_of_brackets;

/// What the file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header, which is NumPy's own limit; an array of numbers has some hundred bytes.
const LONGEST_HEADER: usize = 10_000;

/// Deepest brackets of a header: a dictionary, a list of fields, a field, its shape.
const DEEPEST_HEADER: usize = 4;

/// The numbers of an `.npy` file, as doubles.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn numbers(bytes: &[u8]) -> Result<ArrayD<f64>, String> {
    check_header(bytes)?;
    // A reader of other elements looks at the header alone.
    for read in [
        view(bytes, |v: f64| v),
        view(bytes, |v: f32| f64::from(v)),
        view(bytes, |v: i64| v as f64),
        view(bytes, |v: i32| f64::from(v)),
    ] {
        if let Some(array) = read? {
            return Ok(array);
        }
    }
    Err("elements of a type that is not read; expected float64, float32, int64 or int32 in this machine's byte order \
         (with NumPy: a.astype('float64'))"
        .into())
}

/// The numbers of an `.npy` file of elements `T`; `None` for other elements.
fn view<T: ViewElement + Copy>(bytes: &[u8], number: impl Fn(T) -> f64) -> Result<Option<ArrayD<f64>>, String> {
    // A view checks the header's shape against the bytes that are there before anything is allocated.
    match ArrayViewD::<T>::view_npy(bytes) {
        Ok(view) => Ok(Some(view.mapv(number))),
        Err(ViewNpyError::WrongDescriptor(_) | ViewNpyError::NonNativeEndian) => Ok(None),
        Err(other) => Err(other.to_string()),
    }
}

/// Refuses headers that would take the reader's memory, stack or time: it allocates whatever length they claim, and looks at
/// what is in brackets recursively, at each level more than once.
fn check_header(bytes: &[u8]) -> Result<(), String> {
    if !bytes.starts_with(MAGIC) {
        return Err("not an .npy file, which begins with \\x93NUMPY".into());
    }
    let version = bytes.get(6).copied();
    let (length, text) = match (version, bytes.get(8..)) {
        (Some(1), Some([a, b, text @ ..])) => (usize::from(u16::from_le_bytes([*a, *b])), text),
        (Some(_), Some([a, b, c, d, text @ ..])) => {
            (usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX), text)
        }
        _ => return Err("cut short within its header".into()),
    };
    if length > LONGEST_HEADER {
        return Err(format!("a header of {length} bytes; at most {LONGEST_HEADER} are read"));
    }
    let header = text.get(..length).ok_or("cut short within its header")?;
    match depth_of_brackets(header, &[b"()", b"[]", b"{}"]) > DEEPEST_HEADER {
        true => Err(format!("a header with brackets nested more than {DEEPEST_HEADER} deep")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;
    use ndarray_npy::{WritableElement, WriteNpyExt};

    fn npy<T: WritableElement>(values: Vec<T>) -> Vec<u8> {
        let mut bytes = vec![];
        Array1::from(values).write_npy(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn other_elements_are_converted_or_told() {
        for bytes in [npy(vec![1f64, -2.0]), npy(vec![1f32, -2.0]), npy(vec![1i64, -2]), npy(vec![1i32, -2])] {
            assert_eq!(numbers(&bytes).unwrap().as_slice(), Some(&[1.0, -2.0][..]));
        }
        let swapped = |from: &str, to: &str| {
            let mut bytes = npy(vec![1f64]);
            let at = bytes.windows(3).position(|w| w == from.as_bytes()).unwrap();
            bytes[at..at + 3].copy_from_slice(to.as_bytes());
            numbers(&bytes).unwrap_err()
        };
        for to in [">f8", "<f2", "<c8"] {
            assert!(swapped("<f8", to).contains("float64, float32, int64 or int32"), "{}", swapped("<f8", to));
        }
    }

    #[test]
    fn a_header_is_as_long_as_it_says_and_not_nested_deep() {
        let header = |length: u32, text: &str| {
            let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
            numbers(&bytes).unwrap_err()
        };
        assert!(header(u32::MAX, "{}").contains("at most 10000"), "{}", header(u32::MAX, "{}"));
        assert!(header(9, "{}").contains("cut short"), "{}", header(9, "{}"));
        assert!(header(5, "{((((").contains("more than 4 deep"), "{}", header(5, "{(((("));
        assert!(numbers(b"\x93NUMPY\x01").unwrap_err().contains("cut short"));
        // The last would claim a header of 4 GB.
        for bytes in [&b""[..], b"\x93NUMP", b"PK\x03\x04\0\0\x02\0\xff\xff\xff\xff{}"] {
            assert!(numbers(bytes).unwrap_err().contains("not an .npy file"));
        }
    }
}
