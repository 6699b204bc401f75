//! The networks of the published evaluations, with weights by rule.

use super::text;
use image::RgbImage;
use ndarray::Array3;
use semrel_data::image_io::Quantise;
use semrel_data::resize::Filter;
use semrel_data::transform::eval_into;
use semrel_metrics::extractor::{Preparation, Resize, to_images};
use semrel_metrics::networks::drn::{Arch, Drn};
use semrel_metrics::networks::inception::{Dims, Inception, Variant};
use semrel_metrics::networks::lpips::{Lpips, Range, pair_distances};
use semrel_metrics::{Extractor, MetricsError, weights};
use semrel_nn::checkpoint::{StateDict, load_any};
use semrel_testkit::{Case, FillRule, Outcome};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

fn zeros(key: &str, shape: &[i64]) -> Tensor {
    let kind = if key.ends_with("num_batches_tracked") { Kind::Int64 } else { Kind::Float };
    Tensor::zeros(shape, (kind, Device::Cpu))
}

fn empty(shapes: impl IntoIterator<Item = (String, Vec<i64>)>) -> StateDict {
    shapes.into_iter().map(|(key, shape)| (zeros(&key, &shape), key)).map(|(tensor, key)| (key, tensor)).collect()
}

/// Keys and shapes with the counters of batch norms, which count in the numbering.
fn with_counters(mut shapes: BTreeMap<String, Vec<i64>>) -> BTreeMap<String, Vec<i64>> {
    let counter = |key: &String| Some((format!("{}.num_batches_tracked", key.strip_suffix(".running_mean")?), vec![]));
    let counters: Vec<_> = shapes.keys().filter_map(counter).collect();
    shapes.extend(counters);
    shapes
}

/// Fills by the case's rule, multiplies convolutions by its gain, and puts in the stored weights.
fn fill(case: &Case, mut state: StateDict) -> StateDict {
    FillRule::from_json(&case.json["fill"]).with_factors(&case.json["fill_multiply"]).apply(&state, &[]);
    if let Some(gain) = case.config()["gain"].as_f64() {
        state.values_mut().filter(|tensor| tensor.dim() > 1).for_each(|tensor| *tensor = &*tensor * gain);
    }
    state.extend(case.with_prefix("w."));
    state
}

/// The state dict whose keys and shapes the case lists.
pub fn listed(case: &Case) -> StateDict {
    let keys = case.json["fill_keys"].as_array().expect("a list of keys");
    let entry = |entry: &serde_json::Value| {
        let shape = entry[1].as_array().expect("a shape").iter().map(|d| d.as_i64().expect("a dimension")).collect();
        (entry[0].as_str().expect("a key").to_owned(), shape)
    };
    fill(case, empty(keys.iter().map(entry)))
}

/// 8-bit images of a tensor [N, 3, H, W].
pub fn images(bytes: &Tensor) -> Vec<RgbImage> {
    let size = bytes.size();
    let bytes = bytes.permute([0, 2, 3, 1]).contiguous().to_kind(Kind::Uint8);
    let image = |i| {
        let mut pixels = vec![0u8; (size[1] * size[2] * size[3]) as usize];
        let count = pixels.len();
        bytes.get(i).copy_data(&mut pixels, count);
        RgbImage::from_raw(size[3] as u32, size[2] as u32, pixels).expect("three bytes a pixel")
    };
    (0..size[0]).map(image).collect()
}

fn spatial_mean(x: &Tensor) -> Tensor {
    x.mean_dim([2i64, 3].as_slice(), false, Kind::Float)
}

/// Rows 140 to 156 and columns 120 to 140.
fn patch(x: &Tensor) -> Tensor {
    x.narrow(2, 140, 16).narrow(3, 120, 20)
}

/// Features at every depth that the case has, from the whole network and from one cut there.
fn check_features(case: &Case, variant: Variant, state: &StateDict, batch: &Tensor) -> Outcome {
    for dims in [Dims::D64, Dims::D192, Dims::D768, Dims::D2048] {
        let name = format!("out.features_{}", dims.count());
        if case.has(&name) {
            let network = Inception::from_state(variant, state, Device::Cpu).map_err(text)?.with_dims(dims);
            case.check(&name, &network.features(batch))?;
        }
    }
    Ok(())
}

pub fn inception_fid(case: &Case) -> Outcome {
    let state = listed(case);
    let network = Inception::from_state(Variant::Fid, &state, Device::Cpu).map_err(text)?;
    let side = case.i64("resize") as u32;
    let preparation = Preparation { width: side, height: side, ..network.preparation() };
    let batch = preparation.prepare(&images(&case.input("image")), Device::Cpu);
    if case.has("out.resized_patch") {
        case.check("out.resized_patch", &patch(&((&batch + 1.0) / 2.0)))?;
    }
    let mut outcome = Ok(());
    let _ = network.run(&batch, &mut |layer, x| {
        let name = format!("out.mean_{layer}");
        if outcome.is_ok() && case.has(&name) {
            outcome = case.check(&name, &spatial_mean(x));
        }
    });
    outcome?;
    check_features(case, Variant::Fid, &state, &batch)
}

pub fn inception_torchvision(case: &Case) -> Outcome {
    let state = listed(case);
    let side = case.i64("size") as u32;
    let of_bytes = |key: &str| std::array::from_fn(|c| 255.0 * case.config()[key][c].as_f64().expect("numbers") as f32);
    let preparation = Preparation {
        width: side,
        height: side,
        resize: Resize::Pillow(Filter::Bilinear),
        mean: of_bytes("mean"),
        std: of_bytes("std"),
    };
    let batch = preparation.prepare(&images(&case.input("image")), Device::Cpu);
    if case.has("out.normalized_patch") {
        case.check("out.normalized_patch", &patch(&batch))?;
    }
    check_features(case, Variant::Torchvision, &state, &batch)
}

/// Filled over the whole of torchvision's state dict, so that counters and unused heads count; then the variances are
/// multiplied as `after_fill` says.
pub fn inception_multi_modal(case: &Case) -> Outcome {
    let mut shapes = Inception::shapes(Variant::Torchvision);
    for (unit, weight) in [("conv0", vec![128, 768, 1, 1]), ("conv1", vec![768, 128, 5, 5])] {
        for name in ["weight", "bias", "running_mean", "running_var"] {
            shapes.insert(format!("AuxLogits.{unit}.bn.{name}"), weight[..1].to_vec());
        }
        shapes.insert(format!("AuxLogits.{unit}.conv.weight"), weight);
    }
    for (head, width) in [("AuxLogits.fc", 768), ("fc", 2048)] {
        shapes.insert(format!("{head}.weight"), vec![1000, width]);
        shapes.insert(format!("{head}.bias"), vec![1000]);
    }
    let mut state = fill(case, empty(with_counters(shapes)));
    if let Some(after) = case.config()["after_fill"].as_str() {
        let factor = after.rsplit(' ').next().and_then(|f| f.parse::<f64>().ok());
        let factor = factor.ok_or_else(|| format!("after_fill names no factor: {after}"))?;
        let variances = state.iter_mut().filter(|(key, _)| key.ends_with("running_var"));
        variances.for_each(|(_, variance)| *variance = &*variance * factor);
    }
    let network = Inception::from_state(Variant::Torchvision, &state, Device::Cpu).map_err(text)?;
    for name in case.with_prefix("out.act_").keys() {
        case.check(&format!("out.act_{name}"), &network.features(&case.input(name)))?;
    }
    Ok(())
}

pub fn eval_preprocess(case: &Case) -> Outcome {
    let side = case.i64("img_size") as usize;
    let image = &images(&case.input("image_u8").permute([2, 0, 1]).unsqueeze(0))[0];
    let mut input = Array3::zeros((3, side, side));
    eval_into(image, input.view_mut());
    let input = Tensor::from_slice(input.as_slice().expect("contiguous")).view([3, side as i64, side as i64]);
    case.check("out.gen", &input)?;
    let preparation = Variant::Torchvision.preparation(side as u32);
    let batch = preparation.prepare(std::slice::from_ref(image), Device::Cpu);
    case.check("out.fid", &batch.get(0).slice(1, None, None, 4).slice(2, None, None, 4))?;
    let saved = &to_images(&case.input("to_save").unsqueeze(0), Quantise::Round).map_err(text)?[0];
    let shape = [i64::from(saved.height()), i64::from(saved.width()), 3];
    case.check("out.saved_u8", &Tensor::from_slice(saved).view(shape))
}

pub fn lpips_alex(case: &Case) -> Outcome {
    let state = listed(case);
    let lpips = Lpips::from_state(&state, &state, Device::Cpu).map_err(text)?;
    let (x, y) = (case.input("x"), case.input("y"));
    let check = |name: &str, got: Result<Tensor, MetricsError>| {
        let got = got.map_err(text)?;
        case.check(name, &got.view(case.tensor(name).size().as_slice()))
    };
    check("out.distance", lpips.distance(&x, &y, Range::Signed))?;
    check("out.distance_same", lpips.distance(&x, &x, Range::Signed))?;
    let unit = |t: &Tensor| (t + 1.0) / 2.0;
    check("out.distance_from_01", lpips.distance(&unit(&x), &unit(&y), Range::Unit))?;
    check("out.per_layer", lpips.layer_distances(&x, &y, Range::Signed))?;
    check("out.spatial_map", lpips.spatial(&x, &y, Range::Signed))?;
    for (layer, map) in lpips.maps(&x, Range::Signed).iter().enumerate() {
        case.check(&format!("out.tap{layer}_mean"), &spatial_mean(map))?;
    }
    Ok(())
}

fn check_pairs(case: &Case, pairs_name: &str, pairs: &Tensor) -> Outcome {
    case.check(pairs_name, pairs)?;
    case.check_value("out.lpips", pairs.mean(Kind::Double).double_value(&[]))
}

pub fn lpips_multimodal_group(case: &Case) -> Outcome {
    let state = listed(case);
    let lpips = Lpips::from_state(&state, &state, Device::Cpu).map_err(text)?;
    let pairs = lpips.pair_distances(&case.input("group").unbind(0)).map_err(text)?;
    check_pairs(case, "out.pair_values", &pairs)
}

/// Everything by rule under the keys of the official multi-modal code, linear weights without their sign.
fn lpips_of_rule(case: &Case) -> Result<(Lpips, StateDict), String> {
    let widths = [64i64, 192, 384, 256, 256];
    let kernels = [[64, 3, 11, 11], [192, 64, 5, 5], [384, 192, 3, 3], [256, 384, 3, 3], [256, 256, 3, 3]];
    let mut shapes = vec![];
    for ((layer, kernel), (head, width)) in [0, 3, 6, 8, 10].into_iter().zip(kernels).zip(widths.iter().enumerate()) {
        shapes.push((format!("alexnet.layers.{layer}.weight"), kernel.to_vec()));
        shapes.push((format!("alexnet.layers.{layer}.bias"), vec![*width]));
        shapes.push((format!("lpips_weights.{head}.main.1.weight"), vec![1, *width, 1, 1]));
    }
    let mut state = fill(case, empty(shapes));
    let heads = state.iter_mut().filter(|(key, _)| key.starts_with("lpips_weights."));
    heads.for_each(|(_, head)| *head = head.abs());
    Ok((Lpips::from_state(&state, &state, Device::Cpu).map_err(text)?, state))
}

pub fn lpips_multi_modal(case: &Case) -> Outcome {
    let (mut lpips, state) = lpips_of_rule(case)?;
    if case.json["description"].as_str().is_some_and(|text| text.contains("published LPIPS v0.1")) {
        let heads = match weights::LPIPS_ALEX.locate() {
            Err(missing @ weights::WeightsError::Missing { .. }) => {
                case.skip(missing);
                return Ok(());
            }
            path => load_any(path.map_err(text)?).map_err(text)?,
        };
        lpips = Lpips::from_state(&state, &heads, Device::Cpu).map_err(text)?;
    }
    let (x, y) = (case.input("x"), case.input("y"));
    let distance = |pair: [&Tensor; 2]| -> Result<f64, String> {
        let pairs = lpips.pair_distances(&pair.map(Tensor::shallow_clone)).map_err(text)?;
        Ok(pairs.double_value(&[0]))
    };
    case.check_value("out.lpips", distance([&x, &y])?)?;
    case.check_value("out.self", distance([&x, &x])?)?;
    for (layer, map) in lpips.maps(&x, Range::Signed).iter().enumerate() {
        let means = map.mean_dim([0i64, 2, 3].as_slice(), false, Kind::Float);
        case.check(&format!("out.fmap{layer}_mean"), &means.narrow(0, 0, 64))?;
    }
    Ok(())
}

pub fn lpips_ten_outputs(case: &Case) -> Outcome {
    let (lpips, _) = lpips_of_rule(case)?;
    let outputs: Vec<Tensor> = (0..case.i64("num_outs_per_domain")).map(|i| case.input(&format!("img{i}"))).collect();
    check_pairs(case, "out.pairs", &lpips.pair_distances(&outputs).map_err(text)?)
}

pub fn lpips_pairwise(case: &Case) -> Outcome {
    let heads: Vec<Tensor> = (0..)
        .map(|i| format!("w.lpips_weights.{i}.main.1.weight"))
        .take_while(|key| case.has(key))
        .map(|key| case.tensor(&key))
        .collect();
    let feature = |output: usize, layer: usize| format!("feat_out{output}_layer{layer}");
    let maps: Vec<Vec<Tensor>> = (0..)
        .take_while(|&output| case.has_input(&feature(output, 0)))
        .map(|output| (0..heads.len()).map(|layer| case.input(&feature(output, layer))).collect())
        .collect();
    check_pairs(case, "out.pairs", &pair_distances(&maps, &heads))
}

pub fn drn(case: &Case) -> Outcome {
    let arch = match case.config()["arch"].as_str() {
        Some("drn_d_22") => Arch::D22,
        Some("drn_d_105") => Arch::D105,
        other => return Err(format!("no architecture {other:?}")),
    };
    let network = Drn::from_state(arch, &listed(case), Device::Cpu).map_err(text)?;
    let mut outcome = Ok(());
    let scores = network.scores(&case.input("x"), &mut |stage, x| {
        let name = format!("out.mean_layer{stage}");
        if outcome.is_ok() && case.has(&name) {
            outcome = case.check(&name, &spatial_mean(x));
        }
    });
    outcome?;
    case.check("out.seg", &scores)?;
    case.check("out.log_softmax", &network.enlarge(&scores))
}

/// DRN-D-105 as the compression experiment scores by it, every weight by the rule.
pub fn drn_d_105(case: &Case) -> Outcome {
    let mut shapes = with_counters(Drn::shapes(Arch::D105));
    shapes.insert("up.weight".to_owned(), vec![case.i64("classes"), 1, 16, 16]);
    let state = fill(case, empty(shapes));
    let network = Drn::from_state(Arch::D105, &state, Device::Cpu).map_err(text)?;
    let scores = network.scores(&case.input("x"), &mut |_, _| ());
    case.check("out.seg", &scores)?;
    case.check("out.log_prob", &network.enlarge(&scores))
}

/// A generator's output as the 8-bit images that both scores start from, and what each network's input is then.
pub fn image_quantise(case: &Case) -> Outcome {
    let made = to_images(&case.input("fake"), Quantise::Truncate).map_err(text)?;
    let bytes = semrel_metrics::extractor::stack(&made, Device::Cpu).map_err(text)?;
    case.check("out.uint8", &bytes.permute([0, 2, 3, 1]).to_kind(Kind::Uint8))?;
    // The network's own 2x − 1 belongs to its preparation here; the case is before it, and before the resize.
    let (width, height) = made[0].dimensions();
    let own_size = Preparation { width, height, ..Variant::Fid.preparation(256) };
    case.check("out.inception_input", &((own_size.prepare(&made, Device::Cpu) + 1.0) / 2.0))?;
    let image = case.input("image").permute([2, 0, 1]).unsqueeze(0);
    let drn = Drn::from_state(Arch::D22, &empty(Drn::shapes(Arch::D22)), Device::Cpu).map_err(text)?;
    case.check("out.drn_input", &drn.prepare(&images(&image)).map_err(text)?.squeeze_dim(0))
}
