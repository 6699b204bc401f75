//! Generators of ONNX files, run by `tract`: no libtorch, no Python.

use crate::onnx::rewrite::rewritten;
use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::{Array3, ArrayView3};
use prost::Message;
use semrel_run::input;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// A generator of a file, ready for images of any size. Plans are made once for each size and kept.
pub struct OnnxGenerator {
    path: PathBuf,
    model: InferenceModel,
    about: BTreeMap<String, String>,
    plans: Mutex<HashMap<(usize, usize), Arc<TypedRunnableModel>>>,
}

impl OnnxGenerator {
    /// Reads a file of one input and one output.
    ///
    /// # Errors
    /// Names the file: not there, no ONNX, more inputs than one, operators that are not known.
    pub fn load(path: &Path) -> Result<Self> {
        let name = || path.display().to_string();
        let bytes = input::read(path).with_context(name)?;
        let proto = ModelProto::decode(&*bytes)
            .map_err(|error| anyhow!("not an ONNX file ({error}); expected a generator that `export` has written"))
            .with_context(name)?;
        Self::of_proto(&proto, path).with_context(name)
    }

    /// As [`OnnxGenerator::load`], of a model in memory; `path` names it in errors.
    ///
    /// # Errors
    /// As [`OnnxGenerator::load`].
    pub fn of_proto(proto: &ModelProto, path: &Path) -> Result<Self> {
        check(proto)?;
        let parse = || -> Result<InferenceModel> { Ok(onnx().parse(&rewritten(proto), None)?.model) };
        let model = guarded(parse).context("an ONNX file that this runtime cannot read")?;
        let about = proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        Ok(Self { path: path.to_owned(), model, about, plans: Mutex::default() })
    }

    /// The file's metadata.
    pub fn about(&self) -> &BTreeMap<String, String> {
        &self.about
    }

    /// What the generator makes of an image `[3, H, W]` in [−1, 1]; H and W are multiples of 4, at least 8.
    ///
    /// # Errors
    /// Names the file and the size that it does not take.
    pub fn run(&self, image: ArrayView3<f32>) -> Result<Array3<f32>> {
        let (channels, height, width) = image.dim();
        let what = || format!("{}: a picture of {width} x {height}", self.path.display());
        ensure!(
            height % 4 == 0 && width % 4 == 0 && height >= 8 && width >= 8,
            "{}: both sides must be multiples of 4 and at least 8",
            what()
        );
        let plan = self.plan(channels, height, width).with_context(what)?;
        let pixels: Vec<f32> = image.iter().copied().collect();
        let input = Tensor::from_shape(&[1, channels, height, width], &pixels).map_err(|e| anyhow!(e))?;
        let output = guarded(|| {
            let outputs = plan.run(tvec!(input.into()))?;
            let output = outputs.into_iter().next().context("it has no output")?;
            let shape = output.shape().to_vec();
            let &[1, channels, height, width] = shape.as_slice() else {
                bail!("its output has shape {shape:?}; expected [1, channels, height, width]");
            };
            let numbers = output.cast_to::<f32>()?;
            let numbers = numbers.view().as_slice::<f32>()?.to_vec();
            Ok(Array3::from_shape_vec((channels, height, width), numbers)?)
        });
        output.with_context(what)
    }

    fn plan(&self, channels: usize, height: usize, width: usize) -> Result<Arc<TypedRunnableModel>> {
        let mut plans = self.plans.lock().expect("no thread panics while it holds the plans");
        if let Some(plan) = plans.get(&(height, width)) {
            return Ok(plan.clone());
        }
        let plan = guarded(|| {
            let fact = f32::fact([1, channels, height, width]);
            self.model.clone().with_input_fact(0, fact.into())?.into_optimized()?.into_runnable()
        })?;
        plans.insert((height, width), plan.clone());
        Ok(plan)
    }
}

/// What the runtime takes for granted.
fn check(proto: &ModelProto) -> Result<()> {
    let graph = proto.graph.as_ref().context("an ONNX file without a graph")?;
    let constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let inputs: Vec<&str> = graph.input.iter().map(|i| i.name.as_str()).filter(|name| !constant(name)).collect();
    let outputs: Vec<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
    ensure!(
        inputs.len() == 1 && outputs.len() == 1,
        "an ONNX file with inputs {inputs:?} and outputs {outputs:?}; a generator has one of each"
    );
    let made = |name: &str| graph.node.iter().any(|node| node.output.iter().any(|output| output == name));
    ensure!(made(outputs[0]), "an ONNX file whose output {:?} no node makes", outputs[0]);
    Ok(())
}

/// Damaged files must not end the program.
fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| bail!("the runtime gave up on it"))
}
