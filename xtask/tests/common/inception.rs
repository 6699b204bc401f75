//! Weights of the FID Inception that are filled by a rule, in a file that passes for the published one.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Name of the published file.
pub const FILE: &str = "pt_inception-2015-12-05-6726825d.pth";

/// With these last bytes the digest of the file begins with 6726825d, by which the published file is known: it is published to
/// eight digits, and this number was found by trying.
const LAST: u64 = 1_829_269_699;

/// A convolution with its batch norm: name, inputs, outputs, height and width of its kernel.
type Unit = (String, usize, usize, usize, usize);

/// The units of the network, block by block.
fn units() -> Vec<Unit> {
    let mut units: Vec<Unit> = vec![];
    let mut add = |block: &str, name: &str, inputs, outputs, (height, width): (usize, usize)| {
        let name = if block.is_empty() { name.to_owned() } else { format!("{block}.{name}") };
        units.push((name, inputs, outputs, height, width));
    };
    for (name, inputs, outputs, side) in [
        ("Conv2d_1a_3x3", 3, 32, 3),
        ("Conv2d_2a_3x3", 32, 32, 3),
        ("Conv2d_2b_3x3", 32, 64, 3),
        ("Conv2d_3b_1x1", 64, 80, 1),
        ("Conv2d_4a_3x3", 80, 192, 3),
    ] {
        add("", name, inputs, outputs, (side, side));
    }
    for (block, inputs, pool) in [("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)] {
        add(block, "branch1x1", inputs, 64, (1, 1));
        add(block, "branch5x5_1", inputs, 48, (1, 1));
        add(block, "branch5x5_2", 48, 64, (5, 5));
        add(block, "branch3x3dbl_1", inputs, 64, (1, 1));
        add(block, "branch3x3dbl_2", 64, 96, (3, 3));
        add(block, "branch3x3dbl_3", 96, 96, (3, 3));
        add(block, "branch_pool", inputs, pool, (1, 1));
    }
    add("Mixed_6a", "branch3x3", 288, 384, (3, 3));
    add("Mixed_6a", "branch3x3dbl_1", 288, 64, (1, 1));
    add("Mixed_6a", "branch3x3dbl_2", 64, 96, (3, 3));
    add("Mixed_6a", "branch3x3dbl_3", 96, 96, (3, 3));
    for (block, c) in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)] {
        add(block, "branch1x1", 768, 192, (1, 1));
        add(block, "branch7x7_1", 768, c, (1, 1));
        add(block, "branch7x7_2", c, c, (1, 7));
        add(block, "branch7x7_3", c, 192, (7, 1));
        add(block, "branch7x7dbl_1", 768, c, (1, 1));
        add(block, "branch7x7dbl_2", c, c, (7, 1));
        add(block, "branch7x7dbl_3", c, c, (1, 7));
        add(block, "branch7x7dbl_4", c, c, (7, 1));
        add(block, "branch7x7dbl_5", c, 192, (1, 7));
        add(block, "branch_pool", 768, 192, (1, 1));
    }
    add("Mixed_7a", "branch3x3_1", 768, 192, (1, 1));
    add("Mixed_7a", "branch3x3_2", 192, 320, (3, 3));
    add("Mixed_7a", "branch7x7x3_1", 768, 192, (1, 1));
    add("Mixed_7a", "branch7x7x3_2", 192, 192, (1, 7));
    add("Mixed_7a", "branch7x7x3_3", 192, 192, (7, 1));
    add("Mixed_7a", "branch7x7x3_4", 192, 192, (3, 3));
    for (block, inputs) in [("Mixed_7b", 1280), ("Mixed_7c", 2048)] {
        add(block, "branch1x1", inputs, 320, (1, 1));
        add(block, "branch3x3_1", inputs, 384, (1, 1));
        add(block, "branch3x3_2a", 384, 384, (1, 3));
        add(block, "branch3x3_2b", 384, 384, (3, 1));
        add(block, "branch3x3dbl_1", inputs, 448, (1, 1));
        add(block, "branch3x3dbl_2", 448, 384, (3, 3));
        add(block, "branch3x3dbl_3a", 384, 384, (1, 3));
        add(block, "branch3x3dbl_3b", 384, 384, (3, 1));
        add(block, "branch_pool", inputs, 192, (1, 1));
    }
    units
}

/// A number in [−1, 1) that depends on `n` alone, the same on every machine.
fn rule(n: u64) -> f32 {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 40) as f32 / (1u32 << 23) as f32 - 1.0
}

/// Tensors of the network: key, shape and factor of the rule, or the value of all numbers.
fn tensors() -> Vec<(String, Vec<usize>, Result<f32, f32>)> {
    let mut tensors = vec![];
    for (name, inputs, outputs, height, width) in units() {
        let fan_in = (inputs * height * width) as f32;
        tensors.push((format!("{name}.conv.weight"), vec![outputs, inputs, height, width], Ok((6.0 / fan_in).sqrt())));
        for (part, value) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            tensors.push((format!("{name}.bn.{part}"), vec![outputs], Err(value)));
        }
    }
    tensors.push(("fc.weight".into(), vec![1008, 2048], Err(0.0)));
    tensors.push(("fc.bias".into(), vec![1008], Err(0.0)));
    tensors
}

/// Writes the file (safetensors).
pub fn write(path: &Path) {
    let (tensors, mut header, mut at) = (tensors(), String::from("{"), 0usize);
    for (key, shape, _) in &tensors {
        let end = at + 4 * shape.iter().product::<usize>();
        write!(header, "\"{key}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{at},{end}]}},").unwrap();
        at = end;
    }
    write!(header, "\"last\":{{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[{at},{}]}}}}", at + 8).unwrap();
    let header = format!("{header:<width$}", width = header.len().next_multiple_of(8));
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    out.write_all(header.as_bytes()).unwrap();
    let mut n = 0;
    for (_, shape, fill) in &tensors {
        for _ in 0..shape.iter().product::<usize>() {
            n += 1;
            let value = fill.map_or_else(|value| value, |factor| factor * rule(n));
            out.write_all(&value.to_le_bytes()).unwrap();
        }
    }
    out.write_all(&LAST.to_le_bytes()).unwrap();
    out.flush().unwrap();
}
