//! One case: its configuration, tensors and tolerances.

use crate::compare::{Tolerance, compare, misses};
use crate::fill::{FillRule, lcg1};
use crate::packed;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// What a check returns: an error is the text of the failure.
pub type Outcome = Result<(), String>;

/// A case folder, read.
pub struct Case {
    /// `<area>/<case>`.
    pub name: String,
    /// What is computed, `<area>/<kind>`.
    pub kind: String,
    /// The folder, for files beside `case.json`.
    pub dir: PathBuf,
    /// The whole of `case.json`.
    pub json: Value,
    tensors: BTreeMap<String, Tensor>,
    /// Of tensors of which only every n-th element is stored: n.
    strides: BTreeMap<String, i64>,
    /// Factor on all limits.
    slack: f64,
    /// Whether the limits are those of double precision, where the case has them.
    double: Cell<bool>,
    skipped: RefCell<Option<String>>,
}

/// Factor on the limits in single precision, see [`Case::in_both_kinds`].
const SINGLE_SLACK: f64 = 30.0;

impl Case {
    /// Reads `dir/case.json` and, if they are there, `dir/tensors.safetensors` or `dir/tensors.planes.gz` (see [`packed`]).
    pub fn load(dir: &Path) -> Result<Self, String> {
        let json_path = dir.join("case.json");
        let text = std::fs::read_to_string(&json_path).map_err(|e| format!("{}: {e}", json_path.display()))?;
        let json: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", json_path.display()))?;
        let kind = json["kind"].as_str().ok_or_else(|| format!("{}: no `kind`", json_path.display()))?.to_owned();
        let last = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let name = format!("{}/{}", dir.parent().map(last).unwrap_or_default(), last(dir));
        let [whole, small] = ["tensors.safetensors", packed::FILE].map(|name| dir.join(name));
        let mut tensors = match (whole.exists(), small.exists()) {
            (true, _) => {
                read_safetensors(&whole, &std::fs::read(&whole).map_err(|e| format!("{}: {e}", whole.display()))?)?
            }
            (false, true) => read_safetensors(&small, &packed::unpack(&small)?)?,
            (false, false) => BTreeMap::new(),
        };
        let strides = spread(&json["sampled"], &mut tensors).map_err(|e| format!("{}: {e}", json_path.display()))?;
        let (double, skipped) = (Cell::new(false), RefCell::default());
        Ok(Self { name, kind, dir: dir.to_owned(), json, tensors, strides, slack: 1.0, double, skipped })
    }

    /// Counts this case as skipped, whatever its handler returns: it needs something that is absent.
    pub fn skip(&self, why: impl ToString) {
        *self.skipped.borrow_mut() = Some(why.to_string());
    }

    /// Why this case is skipped, if it is.
    pub fn skipped(&self) -> Option<String> {
        self.skipped.borrow().clone()
    }

    /// Compares a network in double precision, where every limit holds, and in single precision, where thirty times the limits
    /// hold and gradients are left out.
    ///
    /// The reference is of one processor's single precision. Another's kernels add in another order (a first step's loss was up to 14
    /// times its limit away on one without AVX-512), and what differs by
    /// rounding decides on which side of 0 a rectifier's input falls: a gradient then differs by whole patches of an image.
    /// Double precision is the same everywhere.
    ///
    /// # Errors
    /// Those of `compare`, and which precision they are of.
    pub fn in_both_kinds(&self, compare: impl Fn(&Self, Kind) -> Outcome) -> Outcome {
        self.double.set(true);
        compare(self, Kind::Double).map_err(|error| format!("in double precision: {error}"))?;
        self.double.set(false);
        compare(&self.of_single_precision(), Kind::Float).map_err(|error| format!("in single precision: {error}"))
    }

    /// The same with thirty times the limits and without gradients.
    fn of_single_precision(&self) -> Self {
        let kept = self.tensors.iter().filter(|(name, _)| !name.starts_with("grad."));
        Self {
            name: self.name.clone(),
            kind: self.kind.clone(),
            dir: self.dir.clone(),
            json: self.json.clone(),
            tensors: kept.map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect(),
            strides: self.strides.clone(),
            slack: SINGLE_SLACK,
            double: Cell::new(false),
            skipped: RefCell::default(),
        }
    }

    /// `case.json`'s `config`.
    pub fn config(&self) -> &Value {
        &self.json["config"]
    }

    /// A number of the configuration. Panics (failing the test) where it is missing.
    pub fn f64(&self, key: &str) -> f64 {
        self.config()[key].as_f64().unwrap_or_else(|| panic!("config.{key} is not a number: {}", self.config()[key]))
    }

    /// An integer of the configuration.
    pub fn i64(&self, key: &str) -> i64 {
        self.config()[key].as_i64().unwrap_or_else(|| panic!("config.{key} is not an integer: {}", self.config()[key]))
    }

    /// A switch of the configuration; false where it is missing.
    pub fn flag(&self, key: &str) -> bool {
        self.config()[key].as_bool().unwrap_or(false)
    }

    /// Whether a tensor of this full name (`out.y`) is stored.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A stored tensor by its full name. Where `case.json` calls it `sampled`, it has its full shape, and elements that are not
    /// stored are NaN.
    pub fn tensor(&self, name: &str) -> Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("{} stores no tensor {name}", self.name)).copy()
    }

    /// All stored tensors whose name starts with `prefix`, under the rest of their name.
    pub fn with_prefix(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        self.tensors.iter().filter_map(|(k, t)| k.strip_prefix(prefix).map(|r| (r.to_owned(), t.copy()))).collect()
    }

    /// Input `name`: stored as `in.<name>`, or given by rule under `inputs`.
    pub fn input(&self, name: &str) -> Tensor {
        let stored = format!("in.{name}");
        if self.has(&stored) {
            return self.tensor(&stored);
        }
        let rule = &self.json["inputs"][name];
        let shape: Vec<i64> = rule["shape"]
            .as_array()
            .unwrap_or_else(|| panic!("{} has no input {name}", self.name))
            .iter()
            .map(|d| d.as_i64().expect("a dimension"))
            .collect();
        let n = rule["n"].as_u64().expect("the rule's n");
        let scale = rule["scale"].as_f64().unwrap_or(1.0);
        let values: Vec<f64> = (0..shape.iter().product::<i64>() as u64).map(|i| lcg1(i, n) * scale).collect();
        Tensor::from_slice(&values).to_kind(Kind::Float).view(shape.as_slice())
    }

    /// Whether input `name` is stored or given by rule.
    pub fn has_input(&self, name: &str) -> bool {
        self.has(&format!("in.{name}")) || self.json["inputs"].get(name).is_some()
    }

    /// An input that gradients are asked for.
    pub fn input_with_grad(&self, name: &str) -> Tensor {
        self.input(name).set_requires_grad(true)
    }

    /// Fills a network's state dict by the case's rule, then puts in the stored weights `w.<prefix><key>`.
    /// Keys of `fill_keys` count in the numbering. A stored weight that the network does not have is an error.
    pub fn fill(&self, state: &BTreeMap<String, Tensor>, prefix: &str) -> Outcome {
        if !self.json["fill"].is_null() {
            let numbering: Vec<String> = self.json["fill_keys"]
                .as_array()
                .map(|a| a.iter().filter_map(|k| k[0].as_str().or(k.as_str()).map(str::to_owned)).collect())
                .unwrap_or_default();
            self.rule(&self.json["fill"]).apply(state, &numbering);
        }
        self.put_stored(state, prefix)
    }

    /// Puts in the stored weights `w.<prefix><key>`.
    fn put_stored(&self, state: &BTreeMap<String, Tensor>, prefix: &str) -> Outcome {
        for (key, value) in self.with_prefix(&format!("w.{prefix}")) {
            let target = state.get(&key).ok_or_else(|| format!("the network has no key {prefix}{key}"))?;
            if target.size() != value.size() {
                return Err(format!("{key}: shape {:?}, the case has {:?}", target.size(), value.size()));
            }
            tch::no_grad(|| target.shallow_clone().copy_(&value));
        }
        Ok(())
    }

    /// Fills networks by the case's rule: with `fill.joint` by one numbering of all their keys as `<network>.<key>`, otherwise, or
    /// where `fill.separate` names the network, each by its own. Then puts in the stored weights `w.<network>.<key>`.
    pub fn fill_networks(&self, networks: &[(&str, BTreeMap<String, Tensor>)]) -> Outcome {
        let rule = &self.json["fill"];
        let listed = |name: &str| rule["joint"].as_array().is_some_and(|all| all.iter().any(|n| n == name));
        let mut joint = BTreeMap::new();
        for (name, state) in networks {
            let separate = &rule["separate"][name];
            match (listed(name), separate.is_null()) {
                (true, true) => joint.extend(state.iter().map(|(k, t)| (format!("{name}.{k}"), t.shallow_clone()))),
                (_, false) => self.rule(separate).apply(state, &[]),
                _ => self.rule(rule).apply(state, &[]),
            }
        }
        self.rule(rule).apply(&joint, &[]);
        for (name, state) in networks {
            self.put_stored(state, &format!("{name}."))?;
        }
        Ok(())
    }

    /// The fill rule that a part of `case.json` describes.
    fn rule(&self, described: &Value) -> FillRule {
        FillRule::from_json(described).with_factors(&self.json["fill_multiply"])
    }

    /// The tolerance of one tensor (`tolerance_float64` in double precision, `tolerance`, `atol_by_tensor`, `mean_tolerance`, `outliers_allowed` over `rtol`, `atol`).
    pub fn tolerance(&self, name: &str) -> Tolerance {
        let sharp = Some(&self.json["tolerance_float64"][name]).filter(|own| self.double.get() && !own.is_null());
        let own = sharp.unwrap_or(&self.json["tolerance"][name]);
        let atol = own[1].as_f64().or(self.json["atol_by_tensor"][name].as_f64()).or(self.json["atol"].as_f64());
        Tolerance {
            rtol: own[0].as_f64().or(self.json["rtol"].as_f64()).unwrap_or(0.0) * self.slack,
            atol: atol.unwrap_or(0.0) * self.slack,
            outliers: self.json["outliers_allowed"].as_f64().unwrap_or(0.0),
            mean: self.json["mean_tolerance"][name].as_f64().map(|mean| mean * self.slack),
        }
    }

    /// Compares `got` with the stored tensor `name` (`out.y`, `grad.in.x`) unless it is `not_compared`; where it is `sampled`,
    /// the full shape and the elements that are stored.
    pub fn check(&self, name: &str, got: &Tensor) -> Outcome {
        if self.json["not_compared"].as_array().is_some_and(|a| a.iter().any(|n| n == name)) {
            return Ok(());
        }
        let want = self.tensor(name);
        match self.strides.get(name) {
            Some(&stride) if got.size() == want.size() => {
                let said = format!("{name} (every {})", ordinal(stride));
                compare(&said, &every(got, stride), &every(&want, stride), self.tolerance(name))
            }
            _ => compare(name, got, &want, self.tolerance(name)),
        }
    }

    /// Whether `got` equals the stored tensor `name` bit for bit; where it is `sampled`, the full shape and the elements that are
    /// stored.
    pub fn equals(&self, name: &str, got: &Tensor) -> bool {
        let (stride, want) = (self.strides.get(name).copied().unwrap_or(1), self.tensor(name));
        got.size() == want.size() && every(got, stride).equal(&every(&want, stride))
    }

    /// As [`Case::check`], for a number.
    pub fn check_value(&self, name: &str, got: f64) -> Outcome {
        self.check(name, &Tensor::from(got).reshape(self.tensor(name).size()))
    }

    /// Compares `got` with the number `values.<name>` of `case.json` (`"inf"` is plus infinity), within the limits of `name`.
    pub fn check_number(&self, name: &str, got: f64) -> Outcome {
        self.check_number_against(name, &self.json["values"][name], got)
    }

    /// Compares `got` with every number of the list `values.<name>`.
    pub fn check_numbers(&self, name: &str, got: &[f64]) -> Outcome {
        let want = self.json["values"][name].as_array().ok_or_else(|| format!("values.{name} is not a list"))?;
        if want.len() != got.len() {
            return Err(format!("{name}: {} numbers, expected {}", got.len(), want.len()));
        }
        want.iter().zip(got).try_for_each(|(want, got)| self.check_number_against(name, want, *got))
    }

    /// Compares `got` with a stored number that lies elsewhere than in `values`, within the tolerance of `name`.
    pub fn check_number_against(&self, name: &str, want: &Value, got: f64) -> Outcome {
        let limit = self.tolerance(name);
        let want = match want.as_str() {
            Some("inf") => f64::INFINITY,
            _ => want.as_f64().ok_or_else(|| format!("values.{name} is {want}, expected a number"))?,
        };
        match got == want || (got - want).abs() <= limit.atol + limit.rtol * want.abs() {
            true => Ok(()),
            false => Err(format!("{name}: {got}, expected {want}")),
        }
    }

    /// (missed, all) elements of `got` against the stored tensor `name`, for tolerances pooled over tensors.
    pub fn misses(&self, name: &str, got: &Tensor) -> (i64, i64) {
        let stride = self.strides.get(name).copied().unwrap_or(1);
        misses(&every(got, stride), &every(&self.tensor(name), stride), self.tolerance(name))
    }

    /// Compares gradients: for each stored `grad.<name>`, the gradient of `loss` with respect to `of(name)`
    /// (`in.x`, `s`, or a state-dict key); a gradient that does not exist counts as zero.
    pub fn check_grads(&self, loss: &Tensor, of: &dyn Fn(&str) -> Option<Tensor>) -> Outcome {
        let wanted: Vec<String> =
            self.tensors.keys().filter_map(|k| k.strip_prefix("grad.")).map(str::to_owned).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut inputs = vec![];
        for name in &wanted {
            inputs.push(of(name).ok_or_else(|| format!("nothing here is called {name}, whose gradient is stored"))?);
        }
        let grads = Tensor::run_backward(&[loss], &inputs, true, false);
        for ((name, input), grad) in wanted.iter().zip(&inputs).zip(grads) {
            let grad = if grad.defined() { grad } else { input.zeros_like() };
            self.check(&format!("grad.{name}"), &grad)?;
        }
        Ok(())
    }
}

/// Every n-th element, row-major.
fn every(tensor: &Tensor, stride: i64) -> Tensor {
    tensor.reshape([-1]).slice(0, 0, i64::MAX, stride)
}

/// `1st`, `2nd`, `3rd`, `4th` …
fn ordinal(n: i64) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending} element")
}

/// Gives `sampled` tensors their full shape, NaN between the elements that are stored; their strides.
fn spread(sampled: &Value, tensors: &mut BTreeMap<String, Tensor>) -> Result<BTreeMap<String, i64>, String> {
    let mut strides = BTreeMap::new();
    for (name, told) in sampled.as_object().into_iter().flatten() {
        let shape: Option<Vec<i64>> = told["shape"].as_array().and_then(|a| a.iter().map(Value::as_i64).collect());
        let (Some(shape), Some(stride @ 1..)) = (shape, told["stride"].as_i64()) else {
            return Err(format!("sampled.{name} has no `shape` or no `stride` above 0"));
        };
        let stored = tensors.get(name).ok_or_else(|| format!("sampled.{name}: no such tensor is stored"))?;
        let full = Tensor::full(&shape, f64::NAN, (stored.kind(), stored.device()));
        let mut places = every(&full, stride);
        if places.size() != stored.size() {
            return Err(format!("sampled.{name}: {:?} elements, stored are {:?}", places.size(), stored.size()));
        }
        places.copy_(stored);
        strides.insert(name.clone(), stride);
        tensors.insert(name.clone(), full);
    }
    Ok(strides)
}

fn read_safetensors(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            Dtype::F16 => Kind::Half,
            Dtype::I64 => Kind::Int64,
            Dtype::I32 => Kind::Int,
            Dtype::I16 => Kind::Int16,
            Dtype::U8 => Kind::Uint8,
            Dtype::I8 => Kind::Int8,
            Dtype::BOOL => Kind::Bool,
            other => return Err(format!("{}: {name} has element type {other:?}", path.display())),
        };
        let shape: Vec<i64> = view.shape().iter().map(|&d| d as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|e| format!("{name}: {e}"))?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}
