//! Nodes and tensors of an ONNX graph, one after the other.

use anyhow::{Context, Result, ensure};
use semrel_nn::Doubling;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::layers::NormType;
use semrel_nn::mobile_resnet::Variant;
use std::collections::BTreeSet;
use tch::{Device, Kind, Tensor, no_grad};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto};

/// Epsilon of instance norm.
const EPSILON: f32 = 1e-5;

/// Epsilon of pixel norm.
const PIXEL_EPSILON: f32 = 1e-6;

/// A value of the graph, by its name.
pub type Value = String;

/// A graph in the making. Weights come from a state dict and keep their keys as names.
pub struct Nodes<'a> {
    state: &'a StateDict,
    /// Nodes so far.
    pub nodes: Vec<NodeProto>,
    /// Constants so far.
    pub initializers: Vec<TensorProto>,
    constants: BTreeSet<String>,
    norm: NormType,
}

impl<'a> Nodes<'a> {
    /// An empty graph over these weights.
    pub fn new(state: &'a StateDict) -> Self {
        let norm = Variant::of_state(state).norm;
        Self { state, nodes: vec![], initializers: vec![], constants: BTreeSet::new(), norm }
    }

    /// The weights.
    pub fn state(&self) -> &'a StateDict {
        self.state
    }

    /// Keys of the weights.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.state.keys().map(String::as_str)
    }

    /// Whether there is a weight of this key.
    pub fn has(&self, key: &str) -> bool {
        self.state.contains_key(key)
    }

    /// A weight of the state dict.
    ///
    /// # Errors
    /// Names the key that is not there.
    pub fn weight(&self, key: &str) -> Result<&'a Tensor> {
        self.state.get(key).with_context(|| format!("there is no `{key}` among the weights"))
    }

    /// A tensor as a value of the graph, under the key of the weight that it is, or is made of.
    fn value(&mut self, key: &str, tensor: &Tensor) -> Result<Value> {
        let flat = tensor.to_device(Device::Cpu).to_kind(Kind::Float).reshape([-1]);
        let numbers: Vec<f32> = Vec::try_from(&flat)?;
        self.floats(key, &tensor.size(), &numbers);
        Ok(key.to_owned())
    }

    fn floats(&mut self, name: &str, dims: &[i64], numbers: &[f32]) {
        let raw_data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(name, dims, DataType::Float, raw_data);
    }

    fn constant(&mut self, name: &str, dims: &[i64], kind: DataType, raw_data: Vec<u8>) {
        if self.constants.insert(name.to_owned()) {
            let (name, dims, data_type) = (name.to_owned(), dims.to_vec(), kind as i32);
            self.initializers.push(TensorProto { name, dims, data_type, raw_data, ..Default::default() });
        }
    }

    fn node(&mut self, op: &str, name: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> Value {
        self.nodes.push(NodeProto {
            name: name.to_owned(),
            op_type: op.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.to_owned()],
            attribute,
            ..Default::default()
        });
        name.to_owned()
    }

    /// Values cut off at −1 and 1.
    pub fn clamp(&mut self, name: &str, x: &str) -> Value {
        self.floats("minus_one", &[], &[-1.0]);
        self.floats("one", &[], &[1.0]);
        self.node("Clip", name, &[x, "minus_one", "one"], vec![])
    }

    /// A mirrored border of `width`.
    pub fn mirror(&mut self, name: &str, x: &str, width: i64) -> Value {
        let pads = format!("pads_{width}");
        let numbers = [0, 0, width, width, 0, 0, width, width].iter().flat_map(|n: &i64| n.to_le_bytes()).collect();
        self.constant(&pads, &[8], DataType::Int64, numbers);
        self.node("Pad", name, &[x, &pads], vec![text("mode", "reflect")])
    }

    /// The convolution of weights `<key>.weight` `[out, in/groups, k, k]` and, where it is there, `<key>.bias`.
    ///
    /// # Errors
    /// A weight that is missing, or not of four dimensions.
    pub fn conv(&mut self, key: &str, x: &str, stride: i64, padding: i64, groups: i64) -> Result<Value> {
        let weight = self.kernel(key)?;
        self.convolve("Conv", (key, weight), x, attributes(weight, stride, padding, groups))
    }

    /// The transposed convolution of stride 2 that doubles the sides; weights `[in, out, 3, 3]`, of which the file has the kernel
    /// that `doubling` makes of them.
    ///
    /// # Errors
    /// As [`Nodes::conv`].
    pub fn conv_double(&mut self, key: &str, x: &str, doubling: Doubling) -> Result<Value> {
        let weight = self.kernel(key)?;
        let weight = no_grad(|| doubling.kernel(weight));
        let mut attributes = attributes(&weight, 2, 1, 1);
        attributes.push(integers("output_padding", &[doubling.output_padding(); 2]));
        self.convolve("ConvTranspose", (key, &weight), x, attributes)
    }

    /// The weight of a convolution.
    fn kernel(&self, key: &str) -> Result<&'a Tensor> {
        let weight = self.weight(&format!("{key}.weight"))?;
        let size = weight.size();
        ensure!(size.len() == 4, "`{key}.weight` has shape {size:?}; expected a kernel of four dimensions");
        Ok(weight)
    }

    fn convolve(
        &mut self,
        op: &str,
        (key, weight): (&str, &Tensor),
        x: &str,
        attributes: Vec<AttributeProto>,
    ) -> Result<Value> {
        let weight = self.value(&format!("{key}.weight"), weight)?;
        let bias = format!("{key}.bias");
        let bias = self.state.get(&bias).map(|tensor| self.value(&bias, tensor)).transpose()?;
        let inputs: Vec<&str> = [x, &weight].into_iter().chain(bias.as_deref()).collect();
        Ok(self.node(op, key, &inputs, attributes))
    }

    /// The norm of the weights' network, without parameters, of `channels` channels.
    pub fn norm(&mut self, name: &str, x: &str, channels: i64) -> Value {
        match self.norm {
            NormType::PixelPlain => self.pixel_norm(name, x),
            _ => self.instance_norm(name, x, channels),
        }
    }

    /// Pixel norm without parameters: `x / sqrt(mean_c x² + 1e-6)`.
    fn pixel_norm(&mut self, name: &str, x: &str) -> Value {
        self.floats("pixel_epsilon", &[], &[PIXEL_EPSILON]);
        let part = |part: &str| format!("{name}.{part}");
        let square = self.node("Mul", &part("square"), &[x, x], vec![]);
        let over_channels = vec![integers("axes", &[1]), integer("keepdims", 1)];
        let mean = self.node("ReduceMean", &part("mean"), &[&square], over_channels);
        let sum = self.node("Add", &part("sum"), &[&mean, "pixel_epsilon"], vec![]);
        let root = self.node("Sqrt", &part("root"), &[&sum], vec![]);
        self.node("Div", name, &[x, &root], vec![])
    }

    /// Instance norm without parameters of `channels` channels.
    fn instance_norm(&mut self, name: &str, x: &str, channels: i64) -> Value {
        let (scale, bias) = (format!("ones_{channels}"), format!("zeros_{channels}"));
        let count = usize::try_from(channels).expect("a network has no negative number of channels");
        self.floats(&scale, &[channels], &vec![1.0; count]);
        self.floats(&bias, &[channels], &vec![0.0; count]);
        self.node("InstanceNormalization", name, &[x, &scale, &bias], vec![float("epsilon", EPSILON)])
    }

    /// max(x, 0).
    pub fn relu(&mut self, name: &str, x: &str) -> Value {
        self.node("Relu", name, &[x], vec![])
    }

    /// x + y.
    pub fn add(&mut self, name: &str, x: &str, y: &str) -> Value {
        self.node("Add", name, &[x, y], vec![])
    }

    /// tanh x.
    pub fn tanh(&mut self, name: &str, x: &str) -> Value {
        self.node("Tanh", name, &[x], vec![])
    }
}

/// An input or output `[batch, channels, height, width]` of which only the channels are fixed.
pub fn images(name: &str, channels: i64) -> ValueInfoProto {
    let symbol = |name: &str| dimension::Value::DimParam(name.to_owned());
    let dims = [symbol("batch"), dimension::Value::DimValue(channels), symbol("height"), symbol("width")];
    let dim = dims.map(|value| Dimension { value: Some(value), ..Default::default() }).to_vec();
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..Default::default() }
}

/// Attributes of a convolution by `weight` `[., ., k, k]`.
fn attributes(weight: &Tensor, stride: i64, padding: i64, groups: i64) -> Vec<AttributeProto> {
    vec![
        integers("kernel_shape", &weight.size()[2..]),
        integers("strides", &[stride, stride]),
        integers("pads", &[padding; 4]),
        integers("dilations", &[1, 1]),
        integer("group", groups),
    ]
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: kind as i32, ..Default::default() }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: value, ..attribute(name, AttributeType::Int) }
}

fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, AttributeType::Ints) }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: value, ..attribute(name, AttributeType::Float) }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: value.as_bytes().to_vec(), ..attribute(name, AttributeType::String) }
}
