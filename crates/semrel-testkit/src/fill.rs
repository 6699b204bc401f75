//! The fill rule "lcg1": weights and inputs that both sides compute instead of storing them.

use serde_json::Value;
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// `u(i, n) = 2·((7919·i + 104729·n) mod 10007)/10007 − 1`, in −1..1: element `i` of tensor number `n`.
pub fn lcg1(i: u64, n: u64) -> f64 {
    2.0 * ((i.wrapping_mul(7919).wrapping_add(n.wrapping_mul(104_729))) % 10_007) as f64 / 10_007.0 - 1.0
}

/// 32-bit hash of (element, tensor) in −1..1, for the style-based networks, where `lcg1` nearly cancels.
fn hash1(i: u64, n: u64) -> f64 {
    let mut a = (i as u32).wrapping_mul(2_654_435_761).wrapping_add((n as u32).wrapping_mul(40_503));
    a = (a ^ (a >> 15)).wrapping_mul(2_246_822_519);
    a = (a ^ (a >> 13)).wrapping_mul(3_266_489_917);
    a ^= a >> 16;
    2.0 * f64::from(a) / 4_294_967_296.0 - 1.0
}

/// The rule's options, read from a case's `fill` (and `gain`).
#[derive(Debug, Clone, Default)]
pub struct FillRule {
    /// Keys with these endings keep their built-in values, but count in the numbering.
    pub keep_suffix: Vec<String>,
    /// Keys of two or more dimensions with this ending get `hash1·√3`.
    pub unit_suffix: Option<String>,
    /// Factor on tensors of two or more dimensions.
    pub gain: Option<f64>,
    /// Factors on tensors whose keys have these endings.
    pub factors: Vec<(String, f64)>,
}

impl FillRule {
    /// Reads `"lcg1"`, `"lcg1 (per network)"` or `{"rule": "lcg1", "keep_suffix": [...], "unit_suffix": "..."}`.
    pub fn from_json(value: &Value) -> Self {
        let strings = |v: &Value| -> Vec<String> {
            match v {
                Value::String(s) => vec![s.clone()],
                Value::Array(a) => a.iter().filter_map(|s| s.as_str().map(str::to_owned)).collect(),
                _ => vec![],
            }
        };
        Self {
            keep_suffix: value.get("keep_suffix").map(strings).unwrap_or_default(),
            unit_suffix: value.get("unit_suffix").and_then(Value::as_str).map(str::to_owned),
            gain: value.get("gain").and_then(Value::as_f64),
            factors: vec![],
        }
    }

    /// The rule with the factors of a case's `fill_multiply`: a list of `[ending, factor]`.
    #[must_use]
    pub fn with_factors(self, list: &Value) -> Self {
        let pair = |entry: &Value| Some((entry[0].as_str()?.to_owned(), entry[1].as_f64()?));
        Self { factors: list.as_array().into_iter().flatten().filter_map(pair).collect(), ..self }
    }

    /// What the values of a tensor are multiplied by.
    fn factor(&self, key: &str, shape: &[i64]) -> f64 {
        let gain = self.gain.filter(|_| shape.len() >= 2).unwrap_or(1.0);
        self.factors.iter().filter(|(ending, _)| key.ends_with(ending)).fold(gain, |all, (_, factor)| all * factor)
    }

    /// Values of tensor number `n` named `key`, or `None` where the built-in value stays.
    fn values(&self, key: &str, shape: &[i64], n: u64) -> Option<Vec<f64>> {
        if self.keep_suffix.iter().any(|s| key.rsplit('.').next() == Some(s) || key.ends_with(s.as_str())) {
            return None;
        }
        let numel = shape.iter().product::<i64>() as u64;
        let scale: Box<dyn Fn(f64) -> f64> = if shape.len() >= 2 {
            if self.unit_suffix.as_deref().is_some_and(|s| key.ends_with(s)) {
                return Some((0..numel).map(|i| hash1(i, n) * 3f64.sqrt()).collect());
            }
            let fan_in = numel as f64 / shape[0] as f64;
            Box::new(move |u| u * (3.0 / fan_in).sqrt())
        } else if key.ends_with("running_var") {
            Box::new(|u| 1.0 + 0.1 * u.abs())
        } else if key.ends_with("weight") {
            Box::new(|u| 1.0 + 0.1 * u)
        } else {
            Box::new(|u| 0.1 * u)
        };
        Some((0..numel).map(|i| scale(lcg1(i, n))).collect())
    }

    /// Fills the tensors of a state dict in place. `numbering` lists further keys that count although the network at
    /// hand does not hold them (unused heads, counters); an empty slice where there are none.
    pub fn apply(&self, state: &BTreeMap<String, Tensor>, numbering: &[String]) {
        let mut keys: Vec<&str> =
            state.keys().map(String::as_str).chain(numbering.iter().map(String::as_str)).collect();
        keys.sort_unstable();
        keys.dedup();
        tch::no_grad(|| {
            for (n, key) in keys.into_iter().enumerate() {
                let Some(tensor) = state.get(key) else { continue };
                if !tensor.is_floating_point() {
                    continue;
                }
                if let Some(values) = self.values(key, &tensor.size(), n as u64) {
                    let factor = self.factor(key, &tensor.size());
                    let values: Vec<f64> = values.into_iter().map(|value| value * factor).collect();
                    let filled = Tensor::from_slice(&values).to_kind(Kind::Float).view(tensor.size().as_slice());
                    tensor.shallow_clone().copy_(&filled);
                }
            }
        });
    }
}
