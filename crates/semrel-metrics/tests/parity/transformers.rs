//! DINO and DINOv2, the structure distance over them, and the way of pictures into them.

use crate::networks::{images, listed};
use crate::text;
use image::RgbImage;
use semrel_data::resize::Filter;
use semrel_metrics::extractor::{Preparation, Resize, shorter_side};
use semrel_metrics::networks::vit::{Arch, Family, Vit};
use semrel_metrics::structure;
use semrel_testkit::{Case, Outcome};
use tch::{Device, Kind, Tensor};

const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

fn network(case: &Case) -> Result<Vit, String> {
    assert_eq!((case.i64("mlp_ratio"), case.f64("ln_eps")), (4, 1e-6), "the only ones that were published");
    let family = match case.config()["arch"].as_str() {
        Some("dino") => Family::Dino,
        _ => Family::DinoV2 { registers: case.i64("registers") },
    };
    let arch = Arch {
        family,
        patch: case.i64("patch"),
        width: case.i64("dim"),
        heads: case.i64("heads"),
        blocks: case.i64("depth") as usize,
        grid: case.i64("image_size") / case.i64("patch"),
    };
    Vit::from_state(arch, &listed(case), Device::Cpu).map_err(text)
}

fn check_if(case: &Case, name: &str, got: &Tensor) -> Outcome {
    if case.has(name) { case.check(name, got) } else { Ok(()) }
}

pub fn transformer(case: &Case) -> Outcome {
    let network = network(case)?;
    for name in case.json["inputs"].as_object().expect("inputs").keys() {
        let images = case.input(name);
        check_if(case, &format!("out.pos.{name}"), &network.position(&images).map_err(text)?)?;
        let mut outcome = Ok(());
        let tokens = network.run(&images, &mut |block, x| {
            if outcome.is_ok() {
                outcome = check_if(case, &format!("out.block{block}.{name}"), x);
            }
        });
        outcome?;
        let tokens = tokens.map_err(text)?;
        check_if(case, &format!("out.tokens.{name}"), &tokens.all)?;
        check_if(case, &format!("out.keys.{name}"), &tokens.keys)?;
        check_if(case, &format!("out.keys_mean.{name}"), &tokens.keys.mean_dim([2i64].as_slice(), false, Kind::Float))?;
        if let Some(rows) = case.config()["rows"].as_array() {
            let rows: Vec<i64> = rows.iter().filter_map(serde_json::Value::as_i64).collect();
            let rows: Vec<i64> = rows.into_iter().filter(|&row| row < tokens.all.size()[1]).collect();
            let rows = Tensor::from_slice(&rows);
            check_if(case, &format!("out.tokens_rows.{name}"), &tokens.all.index_select(1, &rows))?;
            check_if(case, &format!("out.keys_rows.{name}"), &tokens.keys.index_select(2, &rows))?;
        }
        case.check(&format!("out.cls.{name}"), &tokens.class())?;
    }
    Ok(())
}

/// A stored 8-bit picture [H, W, 3].
fn picture(case: &Case, name: &str) -> RgbImage {
    images(&case.input(name).permute([2, 0, 1]).unsqueeze(0)).remove(0)
}

fn preparation((width, height): (u32, u32), resize: Resize) -> Preparation {
    let of_bytes = |values: [f32; 3]| values.map(|v| 255.0 * v);
    Preparation { width, height, resize, mean: of_bytes(IMAGENET.0), std: of_bytes(IMAGENET.1) }
}

fn prepared(image: &RgbImage, size: (u32, u32), resize: Resize) -> Tensor {
    preparation(size, resize).prepare(std::slice::from_ref(image), Device::Cpu)
}

pub fn structure(case: &Case) -> Outcome {
    let network = network(case)?;
    let side = case.i64("resize_shorter_side") as u32;
    let keys = |name: &str| {
        let image = picture(case, name);
        check_if(case, &format!("out.pre_{name}"), &structure::dino_input(&image, side, Device::Cpu).get(0))?;
        let keys = structure::dino_keys(&network, &image, side).map_err(text)?;
        check_if(case, &format!("out.self_sim_{name}"), &structure::self_similarity(&keys))?;
        Ok::<_, String>(keys)
    };
    let (a, b) = (keys("a")?, keys("b")?);
    case.check_number("distance", structure::distance_of_tokens(&a, &b).map_err(text)?)
}

pub fn preprocess(case: &Case) -> Outcome {
    let image = picture(case, "image");
    let side = case.i64("size") as u32;
    let shorter = case.i64("resize_before_crop") as u32;
    for (name, resize) in [
        ("pillow_bicubic", Resize::Pillow(Filter::Bicubic)),
        ("pillow_bicubic_float", Resize::Clean),
        ("shorter_crop", Resize::PillowCropped { shorter, filter: Filter::Bicubic }),
        ("torch_fidelity", Resize::TensorFlow),
        ("joligen", Resize::Torch),
    ] {
        case.check(&format!("out.{name}"), &prepared(&image, (side, side), resize).get(0))?;
    }
    let resized = shorter_side(&image, side, Filter::Bilinear);
    let input = prepared(&resized, resized.dimensions(), Resize::Pillow(Filter::Bilinear));
    case.check("out.shorter_side_bilinear", &input.get(0))
}
