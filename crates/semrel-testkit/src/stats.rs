//! Whether fresh weights look drawn from given distributions.

use crate::{Case, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

type State = BTreeMap<String, Tensor>;

/// Compares fresh weights with the distributions of `stats.<network>.<key>`.
pub fn check_stats(case: &Case, networks: &[(&str, State)]) -> Outcome {
    let tolerance = case.json["std_tolerance"].as_f64().unwrap_or(0.08);
    for (network, keys) in case.json["stats"].as_object().into_iter().flatten() {
        let state = &networks.iter().find(|(name, _)| name == network).ok_or(format!("no network {network}"))?.1;
        for (key, told) in keys.as_object().into_iter().flatten() {
            let tensor = state.get(key).ok_or_else(|| format!("{network} has no {key}"))?;
            let shape: Vec<i64> = told["shape"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
            if tensor.size() != shape {
                return Err(format!("{network}.{key}: shape {:?}, expected {shape:?}", tensor.size()));
            }
            let distribution = match told["distribution"].as_str().unwrap_or("normal") {
                "normal" => ("normal", told["mean"].as_f64().unwrap_or(0.0), told["std"].as_f64().unwrap_or(0.0)),
                "uniform" => {
                    let bound = told["bound"].as_f64().ok_or("no bound")?;
                    ("uniform", -bound, bound)
                }
                _ => ("constant", 0.0, 0.0),
            };
            check_distribution(&format!("{network}.{key}"), tensor, distribution, tolerance)?;
        }
    }
    Ok(())
}

/// Whether a tensor looks drawn from `(normal, mean, std)`, `(uniform, low, high)` or `(constant, value, _)`.
pub fn check_distribution(name: &str, tensor: &Tensor, told: (&str, f64, f64), tolerance: f64) -> Outcome {
    let values = tensor.to_kind(Kind::Double);
    let n = values.numel() as f64;
    let (low, high) = (values.min().double_value(&[]), values.max().double_value(&[]));
    let mean = values.mean(Kind::Double).double_value(&[]);
    let (want_mean, want_std) = match told {
        ("normal", mean, std) => (mean, std),
        ("uniform", from, to) => {
            // Bounds are rounded in some cases.
            let slack = 1e-3 * (to - from);
            if low < from - slack || high > to + slack {
                return Err(format!("{name}: {low} to {high}, expected {from} to {to}"));
            }
            (0.5 * (from + to), (to - from) / 12f64.sqrt())
        }
        (_, value, _) if low == value && high == value => return Ok(()),
        (_, value, _) => return Err(format!("{name}: {low} to {high}, expected {value} throughout")),
    };
    // Seven times the standard error: one tensor in 10¹¹ lies beyond it.
    if (mean - want_mean).abs() > 7.0 * want_std / n.sqrt() {
        return Err(format!("{name}: mean {mean}, expected {want_mean}"));
    }
    if n >= 1000.0 {
        let std = values.std(true).double_value(&[]);
        if (std / want_std - 1.0).abs() > tolerance.max(7.0 / (2.0 * n).sqrt()) {
            return Err(format!("{name}: standard deviation {std}, expected {want_std}"));
        }
    }
    Ok(())
}
