//! The graph of a residual generator, from its state dict: of a sub-network with separable blocks, or of the teacher.
//!
//! Opset 17. The input `image` and the output `translated` are `[batch, 3, height, width]` in [−1, 1], heights and widths any
//! multiples of 4 from 8 on. The graph is the network operation by operation: `Clip`, `Pad` (reflect), `Conv`,
//! `ConvTranspose`, `InstanceNormalization`, `Relu`, `Add`, `Tanh`; with a residual output `Add` and `Clip` in place of `Tanh`; with
//! pixel norm `Mul`, `ReduceMean`, `Add`, `Sqrt` and `Div` in place of `InstanceNormalization`.

use crate::onnx::nodes::{Nodes, Value, images};
use anyhow::{Context, Result, ensure};
use semrel_nn::Output;
use semrel_nn::checkpoint::StateDict;
use semrel_nn::mobile_resnet::Variant;
use std::collections::{BTreeMap, BTreeSet};
use tract_onnx::pb::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto};

/// Operator set of the files.
pub const OPSET: i64 = 17;

/// Version of the file format that belongs to it.
const IR_VERSION: i64 = 8;

/// Name of the input.
pub const INPUT: &str = "image";

/// Name of the output.
pub const OUTPUT: &str = "translated";

/// Index of the first residual block.
const FIRST_BLOCK: usize = 10;

/// The generator of a state dict with the published keys `model.<i>.…`; its input is clamped. `about` becomes the file's
/// metadata.
///
/// # Errors
/// Names a key that is missing or of another shape; batch norm, which these graphs do not have.
pub fn model(state: &StateDict, about: &BTreeMap<String, String>) -> Result<ModelProto> {
    let mut nodes = Nodes::new(state);
    let channels = generator(&mut nodes).context("these are not weights of a residual generator")?;
    let entry = |(key, value): (&String, &String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
    Ok(ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(GraphProto {
            name: "generator".to_owned(),
            node: nodes.nodes,
            initializer: nodes.initializers,
            input: vec![images(INPUT, channels.0)],
            output: vec![images(OUTPUT, channels.1)],
            ..Default::default()
        }),
        metadata_props: about.iter().map(entry).collect(),
        ..Default::default()
    })
}

/// All 28 modules (with 9 blocks); channels of input and output.
fn generator(nodes: &mut Nodes) -> Result<(i64, i64)> {
    let Variant { output, doubling, .. } = Variant::of_state(nodes.state());
    let blocks = blocks(nodes)?;
    let in_channels = nodes.weight("model.1.weight")?.size()[1];
    let clamped = nodes.clamp("clamped", INPUT);
    let x = nodes.mirror("model.0", &clamped, 3);
    let mut x = conv_norm_relu(nodes, 1, &x, 1, 0)?;
    for at in [4, 7] {
        x = conv_norm_relu(nodes, at, &x, 2, 1)?;
    }
    for block in FIRST_BLOCK..FIRST_BLOCK + blocks {
        x = residual(nodes, block, &x)?;
    }
    let up = FIRST_BLOCK + blocks;
    for at in [up, up + 3] {
        let key = format!("model.{at}");
        let made = nodes.conv_double(&key, &x, doubling)?;
        let channels = nodes.weight(&format!("{key}.weight"))?.size()[1];
        x = norm_relu(nodes, at + 1, &made, channels);
    }
    let x = nodes.mirror(&format!("model.{}", up + 6), &x, 3);
    let last = format!("model.{}", up + 7);
    let made = nodes.conv(&last, &x, 1, 0, 1)?;
    match output {
        Output::Tanh => {
            nodes.tanh(OUTPUT, &made);
        }
        Output::Residual => {
            let sum = nodes.add("sum", &clamped, &made);
            nodes.clamp(OUTPUT, &sum);
        }
        Output::Gated | Output::Affine => {
            anyhow::bail!("`{last}.weight` makes four channels: a gated or affine output is not exported")
        }
    }
    Ok((in_channels, out_channels(nodes, &last)?))
}

/// Number of residual blocks, by the keys.
fn blocks(nodes: &Nodes) -> Result<usize> {
    let named: BTreeSet<usize> =
        nodes.keys().filter_map(|key| key.strip_prefix("model.")?.split_once(".conv_block.")?.0.parse().ok()).collect();
    ensure!(
        named.iter().copied().eq(FIRST_BLOCK..FIRST_BLOCK + named.len()),
        "residual blocks are modules {named:?}; expected consecutive ones from {FIRST_BLOCK} on"
    );
    if let Some(key) = nodes.keys().find(|key| key.contains("running_mean")) {
        anyhow::bail!("`{key}`: batch norm; only generators with instance norm are exported");
    }
    Ok(named.len())
}

fn out_channels(nodes: &Nodes, key: &str) -> Result<i64> {
    Ok(nodes.weight(&format!("{key}.weight"))?.size()[0])
}

fn conv_norm_relu(nodes: &mut Nodes, at: usize, x: &str, stride: i64, padding: i64) -> Result<Value> {
    let key = format!("model.{at}");
    let x = nodes.conv(&key, x, stride, padding, 1)?;
    let channels = out_channels(nodes, &key)?;
    Ok(norm_relu(nodes, at + 1, &x, channels))
}

fn norm_relu(nodes: &mut Nodes, at: usize, x: &str, channels: i64) -> Value {
    let x = nodes.norm(&format!("model.{at}"), x, channels);
    nodes.relu(&format!("model.{}", at + 1), &x)
}

/// `x + f(x)`: border, convolution, norm, rectifier, border, convolution, norm.
fn residual(nodes: &mut Nodes, at: usize, x: &str) -> Result<Value> {
    let key = |module: usize| format!("model.{at}.conv_block.{module}");
    let first = nodes.mirror(&key(0), x, 1);
    let (first, inner) = block_conv(nodes, &key(1), &first)?;
    let first = nodes.norm(&key(2), &first, inner);
    let first = nodes.relu(&key(3), &first);
    let second = nodes.mirror(&key(5), &first, 1);
    let (second, outer) = block_conv(nodes, &key(6), &second)?;
    let second = nodes.norm(&key(7), &second, outer);
    Ok(nodes.add(&format!("model.{at}"), x, &second))
}

/// A 3 × 3 convolution, or a depth-wise one, a norm and a point-wise one; with the channels of its output.
fn block_conv(nodes: &mut Nodes, key: &str, x: &str) -> Result<(Value, i64)> {
    let depth_wise = format!("{key}.conv.0");
    if !nodes.has(&format!("{depth_wise}.weight")) {
        return Ok((nodes.conv(key, x, 1, 0, 1)?, out_channels(nodes, key)?));
    }
    let channels = out_channels(nodes, &depth_wise)?;
    let x = nodes.conv(&depth_wise, x, 1, 0, channels)?;
    let x = nodes.norm(&format!("{key}.conv.1"), &x, channels);
    let point_wise = format!("{key}.conv.2");
    Ok((nodes.conv(&point_wise, &x, 1, 0, 1)?, out_channels(nodes, &point_wise)?))
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
