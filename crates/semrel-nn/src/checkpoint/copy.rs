//! Putting the tensors of a checkpoint into a network.

use super::StateDict;
use super::error::{CheckpointError, ShapeMismatch};

/// What to do with keys of a checkpoint that the network lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extras {
    /// They are an error.
    Refuse,
    /// They are left out and listed in the [`Report`]: heads that the network does not use.
    Ignore,
}

/// What [`copy_into`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Number of tensors copied.
    pub copied: usize,
    /// Keys of the checkpoint that were left out.
    pub ignored: Vec<String>,
    /// Keys of the network that keep their values: batch counters that files before 2018 lack.
    pub kept: Vec<String>,
}

/// Copies the tensors of `source` into those of the same key in `target`, without recording gradients.
///
/// Values are converted to the target's float type and device. `num_batches_tracked`, which inference never reads, may
/// be missing or extra. Everything is checked before anything is copied.
///
/// # Errors
/// [`CheckpointError::Mismatch`] lists every missing key, every unexpected key (with [`Extras::Refuse`]) and every
/// differing shape, with both shapes.
pub fn copy_into(target: &StateDict, source: &StateDict, extras: Extras) -> Result<Report, CheckpointError> {
    let counter = |key: &str| key.rsplit('.').next() == Some("num_batches_tracked");
    let (kept, missing): (Vec<String>, Vec<String>) =
        target.keys().filter(|key| !source.contains_key(*key)).cloned().partition(|key| counter(key));
    let (ignored, unexpected): (Vec<String>, Vec<String>) = source
        .keys()
        .filter(|key| !target.contains_key(*key))
        .cloned()
        .partition(|key| extras == Extras::Ignore || counter(key));
    let pairs: Vec<_> = target.iter().filter_map(|(key, to)| source.get(key).map(|from| (key, to, from))).collect();
    let mismatched: Vec<ShapeMismatch> = pairs
        .iter()
        .filter_map(|(key, to, from)| {
            let same_class = to.is_floating_point() == from.is_floating_point();
            (to.size() != from.size() || !same_class).then(|| ShapeMismatch {
                key: (*key).clone(),
                target: to.size(),
                source: from.size(),
                kinds: (!same_class).then(|| (to.kind(), from.kind())),
            })
        })
        .collect();
    if !(missing.is_empty() && unexpected.is_empty() && mismatched.is_empty()) {
        return Err(CheckpointError::Mismatch { missing, unexpected, mismatched });
    }
    tch::no_grad(|| {
        for (_, to, from) in &pairs {
            to.shallow_clone().copy_(from);
        }
    });
    Ok(Report { copied: pairs.len(), ignored, kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    fn dict(entries: &[(&str, &[i64])]) -> StateDict {
        entries
            .iter()
            .map(|(key, size)| ((*key).to_owned(), Tensor::zeros(*size, (Kind::Float, Device::Cpu))))
            .collect()
    }

    #[test]
    fn values_arrive_in_leaves_that_require_gradients() {
        let target = dict(&[("a.weight", &[2, 3]), ("a.num_batches_tracked", &[])]);
        let weight = target["a.weight"].shallow_clone().set_requires_grad(true);
        let mut source = dict(&[("a.weight", &[2, 3]), ("b.num_batches_tracked", &[])]);
        source.insert("a.weight".into(), Tensor::ones([2, 3], (Kind::Double, Device::Cpu)));
        let report = copy_into(&target, &source, Extras::Refuse).unwrap();
        assert_eq!(report.copied, 1);
        assert_eq!(report.ignored, ["b.num_batches_tracked"]);
        assert_eq!(report.kept, ["a.num_batches_tracked"]);
        assert_eq!(weight.sum(Kind::Float).double_value(&[]), 6.0);
        assert!(weight.is_leaf() && weight.requires_grad());
    }

    #[test]
    fn every_difference_is_named_and_nothing_is_copied() {
        let target = dict(&[("fits", &[1]), ("shape", &[2, 3]), ("missing", &[1])]);
        let mut source = dict(&[("shape", &[3, 2]), ("head", &[1])]);
        source.insert("fits".into(), Tensor::ones([1], (Kind::Float, Device::Cpu)));
        let text = copy_into(&target, &source, Extras::Refuse).unwrap_err().to_string();
        for words in ["missing keys: missing", "unexpected keys: head", "shape: the network has [2, 3]", "[3, 2]"] {
            assert!(text.contains(words), "{text}");
        }
        assert_eq!(target["fits"].double_value(&[0]), 0.0);
        let text = copy_into(&target, &source, Extras::Ignore).unwrap_err().to_string();
        assert!(!text.contains("head"), "{text}");
        let report = copy_into(&dict(&[("fits", &[1])]), &source, Extras::Ignore).unwrap();
        assert_eq!(report.ignored, ["head", "shape"]);
    }

    #[test]
    fn counters_do_not_become_weights() {
        let target = dict(&[("a", &[1])]);
        let source = StateDict::from([("a".to_owned(), Tensor::zeros([1], (Kind::Int64, Device::Cpu)))]);
        let text = copy_into(&target, &source, Extras::Refuse).unwrap_err().to_string();
        assert!(text.contains("Float and Int64"), "{text}");
    }
}
