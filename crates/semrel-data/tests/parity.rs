//! Resizing, transforms and sampling against the reference vectors.

#[path = "parity/validation.rs"]
mod validation;

use image::RgbImage;
use ndarray::{Array2, Array3, Array4, ArrayView2, Axis};
use semrel_data::resize::{Coordinates, Filter, nearest_floor, resize, resize_f32, torch_bilinear, torch_nearest};
use semrel_data::transform::{PairParams, PairTransform};
use semrel_data::{BalancedSampler, Side, half};
use semrel_testkit::{Case, Outcome};
use tch::{Kind, Tensor};

fn main() {
    semrel_testkit::run(
        "semrel-data",
        &[
            ("metrics/resize_pillow_u8", resize_pillow_u8),
            ("metrics/resize_pillow_float", resize_pillow_float),
            ("metrics/resize_torch_bilinear", resize_torch_bilinear),
            ("metrics/resize_nearest_conventions", resize_nearest_conventions),
            ("metrics/resize_multimodal_pipeline", resize_multimodal_pipeline),
            ("metrics/resize_cleanfid", resize_cleanfid),
            ("metrics/val_split", validation::val_split),
            ("single-modal/transform", transform),
            ("single-modal/distancegan-transform", shorter_side_transform),
            ("single-modal/drit-transform", drit_transform),
            ("single-modal/munit-transform", munit_transform),
            ("compression/aligned_transform", aligned_transform),
            ("multi-modal/balanced_sampler", balanced_sampler),
        ],
    )
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    Vec::try_from(tensor.to_kind(Kind::Uint8).contiguous().view([-1])).expect("bytes")
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.to_kind(Kind::Float).contiguous().view([-1])).expect("floats")
}

/// An image stored as [H, W, 3].
fn rgb(tensor: &Tensor) -> RgbImage {
    let size = tensor.size();
    RgbImage::from_raw(size[1] as u32, size[0] as u32, bytes(tensor)).expect("[H, W, 3]")
}

fn tensor_of(image: &RgbImage) -> Tensor {
    Tensor::from_slice(image.as_raw()).view([i64::from(image.height()), i64::from(image.width()), 3])
}

fn tensor_of_floats<D: ndarray::Dimension>(array: &ndarray::Array<f32, D>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|&d| d as i64).collect();
    Tensor::from_slice(array.as_standard_layout().as_slice().expect("contiguous")).view(shape.as_slice())
}

/// A pair of numbers of the configuration.
fn pair(value: &serde_json::Value) -> Option<(f64, f64)> {
    Some((value[0].as_f64()?, value[1].as_f64()?))
}

/// The stored outputs, as (full name, method, height, width) of names `out.<method>_<height>x<width>`.
fn outputs(case: &Case) -> Result<Vec<(String, String, usize, usize)>, String> {
    let parse = |rest: &str| {
        let (method, size) = rest.rsplit_once('_')?;
        let (h, w) = size.split_once('x')?;
        Some((format!("out.{rest}"), method.to_owned(), h.parse().ok()?, w.parse().ok()?))
    };
    let names = case.with_prefix("out.");
    if names.is_empty() {
        return Err("the case stores no output".into());
    }
    names.keys().map(|rest| parse(rest).ok_or_else(|| format!("out.{rest} is not <method>_<height>x<width>"))).collect()
}

fn filter(name: &str) -> Result<Filter, String> {
    name.parse().map_err(|e: semrel_data::DataError| e.to_string())
}

fn resize_pillow_u8(case: &Case) -> Outcome {
    let image = rgb(&case.input("image"));
    for (name, method, h, w) in outputs(case)? {
        case.check(&name, &tensor_of(&resize(&image, w as u32, h as u32, filter(&method)?)))?;
    }
    Ok(())
}

fn resize_pillow_float(case: &Case) -> Outcome {
    let input = case.input("image");
    let (h, w) = (input.size()[0] as usize, input.size()[1] as usize);
    let image = Array2::from_shape_vec((h, w), floats(&input)).map_err(|e| e.to_string())?;
    for (name, method, h, w) in outputs(case)? {
        case.check(&name, &tensor_of_floats(&resize_f32(image.view(), h, w, filter(&method)?)))?;
    }
    Ok(())
}

fn resize_torch_bilinear(case: &Case) -> Outcome {
    let input = case.input("x");
    let shape: Vec<usize> = input.size().iter().map(|&d| d as usize).collect();
    let x =
        Array4::from_shape_vec((shape[0], shape[1], shape[2], shape[3]), floats(&input)).map_err(|e| e.to_string())?;
    for (name, method, h, w) in outputs(case)? {
        let got = match method.as_str() {
            "bilinear_ac0" => torch_bilinear(x.view(), h, w, Coordinates::HalfPixel),
            "bilinear_ac1" => torch_bilinear(x.view(), h, w, Coordinates::AlignedCorners),
            "nearest" => torch_nearest(x.view(), h, w),
            other => return Err(format!("unknown method {other}")),
        };
        case.check(&name, &tensor_of_floats(&got))?;
    }
    Ok(())
}

fn resize_nearest_conventions(case: &Case) -> Outcome {
    let image = rgb(&case.input("image"));
    let planes = Array4::from_shape_fn((1, 3, image.height() as usize, image.width() as usize), |(_, c, y, x)| {
        f32::from(image.get_pixel(x as u32, y as u32).0[c])
    });
    for (name, method, h, w) in outputs(case)? {
        let got = match method.as_str() {
            "pil_nearest" => tensor_of(&resize(&image, w as u32, h as u32, Filter::Nearest)),
            "cv_nearest" => tensor_of(&nearest_floor(&image, w as u32, h as u32)),
            "torch_nearest" => tensor_of_floats(&torch_nearest(planes.view(), h, w)).squeeze_dim(0).permute([1, 2, 0]),
            other => return Err(format!("unknown method {other}")),
        };
        case.check(&name, &got)?;
    }
    Ok(())
}

fn resize_multimodal_pipeline(case: &Case) -> Outcome {
    let (s1, s2) = (case.i64("s1") as u32, case.i64("s2") as u32);
    let step1 = resize(&rgb(&case.input("image")), s1, s1, Filter::Bilinear);
    let step2 = resize(&step1, s2, s2, Filter::Bilinear);
    case.check("out.step1", &tensor_of(&step1))?;
    case.check("out.step2", &tensor_of(&step2))?;
    let (mean, std) = (&case.config()["mean"], &case.config()["std"]);
    let normalised = Array3::from_shape_fn((3, s2 as usize, s2 as usize), |(c, y, x)| {
        let value = f32::from(step2.get_pixel(x as u32, y as u32).0[c]) / 255.0;
        (value - mean[c].as_f64().expect("mean") as f32) / std[c].as_f64().expect("std") as f32
    });
    case.check("out.normalized", &tensor_of_floats(&normalised))
}

fn resize_cleanfid(case: &Case) -> Outcome {
    let image = rgb(&case.input("image"));
    let size = pair(&case.config()["size_hw"]).ok_or("size_hw")?;
    let planes: Vec<Array2<f32>> = (0..3)
        .map(|c| {
            let plane = Array2::from_shape_fn((image.height() as usize, image.width() as usize), |(y, x)| {
                f32::from(image.get_pixel(x as u32, y as u32).0[c])
            });
            resize_f32(plane.view(), size.0 as usize, size.1 as usize, Filter::Bicubic).mapv(|v| v.clamp(0.0, 255.0))
        })
        .collect();
    let views: Vec<ArrayView2<f32>> = planes.iter().map(|p| p.view()).collect();
    let stacked = ndarray::stack(Axis(2), &views).map_err(|e| e.to_string())?;
    case.check("out.resized", &tensor_of_floats(&stacked))
}

fn transform(case: &Case) -> Outcome {
    let config = case.config();
    let text = |key: &str| config[key].as_str().ok_or_else(|| format!("config.{key} is not text"));
    let transform = PairTransform {
        preprocess: text("preprocess")?.parse().map_err(|e: semrel_data::DataError| e.to_string())?,
        load_size: case.i64("load_size") as u32,
        crop_size: case.i64("crop_size") as u32,
        filter: filter(text("method")?)?,
        flip: !case.flag("no_flip"),
        grayscale: case.flag("grayscale"),
        multiple_of: 4,
    };
    let drawn = &config["params"];
    let corner = |value| pair(value).map(|(x, y)| (x as u32, y as u32)).unwrap_or_default();
    let params = PairParams {
        crop_pos: corner(&drawn["crop_pos"]),
        flip: transform.flip && drawn["flip"].as_bool().unwrap_or(false),
        scale_factor: pair(&drawn["scale_factor"]).unwrap_or((1.0, 1.0)),
        patch_index: drawn["patch_index"].as_u64().unwrap_or(0),
        patch_offset: corner(&config["patch_offsets_x_y"]),
    };
    let image = transform.apply(&rgb(&case.input("image")), &params).map_err(|e| e.to_string())?;
    case.check("out.image", &tensor_of_floats(&image))
}

/// The shorter side to a size, a crop, a mirror.
fn shorter_side_transform(case: &Case) -> Outcome {
    let config = case.config();
    let transform = PairTransform {
        preprocess: "shorter_side_and_crop".parse().map_err(|e: semrel_data::DataError| e.to_string())?,
        load_size: case.i64("loadSize") as u32,
        crop_size: case.i64("fineSize") as u32,
        filter: Filter::Bilinear,
        flip: true,
        grayscale: false,
        multiple_of: 1,
    };
    let (x, y) = pair(&config["crop_pos"]).ok_or("no config.crop_pos")?;
    let params = PairParams { crop_pos: (x as u32, y as u32), flip: case.flag("flip"), ..PairParams::default() };
    let image = transform.apply(&rgb(&case.input("image")), &params).map_err(|e| e.to_string())?;
    case.check("out.image", &tensor_of_floats(&image).unsqueeze(0))
}

/// A mirror, the shorter side to a size, a crop of any shape. MUNIT mirrors before it resizes, which is as well as afterwards where the
/// crop is drawn at random.
fn munit_transform(case: &Case) -> Outcome {
    let config = case.config();
    let transform = PairTransform {
        preprocess: "shorter_side".parse().map_err(|e: semrel_data::DataError| e.to_string())?,
        load_size: case.i64("new_size") as u32,
        crop_size: 1,
        filter: Filter::Bilinear,
        flip: true,
        grayscale: false,
        multiple_of: 1,
    };
    let params = PairParams { flip: case.flag("flip"), ..PairParams::default() };
    let image = transform.apply(&rgb(&case.input("image")), &params).map_err(|e| e.to_string())?;
    let (x, y) = pair(&config["crop_pos"]).ok_or("no config.crop_pos")?;
    let crop = tensor_of_floats(&image).narrow(1, y as i64, case.i64("crop_height")).narrow(
        2,
        x as i64,
        case.i64("crop_width"),
    );
    case.check("out.image", &crop)
}

/// To a square, a crop, in tests from the middle, a mirror; grey as a sum of normalised channels.
fn drit_transform(case: &Case) -> Outcome {
    let config = case.config();
    let (load_size, crop_size) = (case.i64("resize_size") as u32, case.i64("crop_size") as u32);
    let transform = PairTransform {
        preprocess: "resize_and_crop".parse().map_err(|e: semrel_data::DataError| e.to_string())?,
        load_size,
        crop_size,
        filter: Filter::Bicubic,
        flip: true,
        grayscale: false,
        multiple_of: 1,
    };
    let middle = (f64::from(load_size - crop_size) / 2.0).round_ties_even();
    let (x, y) = pair(&config["crop_pos"]).unwrap_or((middle, middle));
    let params = PairParams { crop_pos: (x as u32, y as u32), flip: case.flag("flip"), ..PairParams::default() };
    let image = transform.apply(&rgb(&case.input("image")), &params).map_err(|e| e.to_string())?;
    let mut image = tensor_of_floats(&image);
    if config["input_dim"] == 1 {
        // Training has three channels; this is how the published program makes one of them.
        let weights = Tensor::from_slice(&[0.299f32, 0.587, 0.114]).view([3, 1, 1]);
        image = (image * weights).sum_dim_intlist([0i64].as_slice(), true, None::<Kind>);
    }
    case.check("out.image", &image)
}

/// Both halves of a picture, with the same random numbers.
fn aligned_transform(case: &Case) -> Outcome {
    let transform = PairTransform {
        preprocess: "resize_and_crop".parse().map_err(|e: semrel_data::DataError| e.to_string())?,
        load_size: case.i64("load_size") as u32,
        crop_size: case.i64("crop_size") as u32,
        filter: Filter::Bicubic,
        flip: true,
        grayscale: false,
        multiple_of: 4,
    };
    let picture = rgb(&case.input("AB"));
    let drawn = case.config()["params"].as_array().ok_or("no config.params")?;
    for (i, drawn) in drawn.iter().enumerate() {
        let number = |key: &str| drawn[key].as_u64().map(|v| v as u32).ok_or_else(|| format!("no number {key}"));
        let params = PairParams {
            crop_pos: (number("crop_x")?, number("crop_y")?),
            flip: drawn["flip"].as_bool().ok_or("flip")?,
            ..PairParams::default()
        };
        for (side, name) in [(Side::A, "A"), (Side::B, "B")] {
            let image = transform.apply(&half(&picture, side), &params).map_err(|e| e.to_string())?;
            case.check(&format!("out.{i}.{name}"), &tensor_of_floats(&image))?;
        }
    }
    Ok(())
}

fn balanced_sampler(case: &Case) -> Outcome {
    let labels = Vec::<i64>::try_from(case.input("labels")).map_err(|e| e.to_string())?;
    let domains = case.tensor("out.domain_probability").size()[0];
    let sizes: Vec<usize> = (0..domains).map(|d| labels.iter().filter(|&&l| l == d).count()).collect();
    let sampler = BalancedSampler::new(&sizes);
    let weights: Vec<f64> = labels.iter().map(|&l| sampler.weight(l as usize)).collect();
    case.check("out.weights", &Tensor::from_slice(&weights))?;
    case.check_value("out.num_samples", sampler.draws_per_epoch() as f64)?;
    case.check_value("out.replacement", 1.0)?;
    let probability: Vec<f64> = (0..sizes.len()).map(|d| sampler.probability(d)).collect();
    case.check("out.domain_probability", &Tensor::from_slice(&probability))
}
