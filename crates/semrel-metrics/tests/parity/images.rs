//! Comparisons of two pictures, pixel by pixel and by layout.

use crate::text;
use ndarray::{Array3, ArrayView3};
use semrel_metrics::{ssim, structure};
use semrel_testkit::{Case, Outcome};
use tch::{Kind, Tensor};

/// An 8-bit picture [H, W, C].
fn picture(case: &Case, name: &str) -> Array3<u8> {
    let tensor = case.input(name);
    let [height, width, channels] = tensor.size()[..] else { panic!("a picture has three dimensions") };
    let pixels: Vec<u8> = Vec::try_from(tensor.to_kind(Kind::Uint8).flatten(0, -1)).expect("bytes");
    Array3::from_shape_vec((height as usize, width as usize, channels as usize), pixels).expect("all pixels")
}

pub fn psnr_ssim(case: &Case) -> Outcome {
    let (a, b) = (picture(case, "a"), picture(case, "b"));
    let both: [ArrayView3<'_, u8>; 2] = [a.view(), b.view()];
    case.check_number("mse", ssim::mse(both[0], both[1]).map_err(text)?)?;
    case.check_number("psnr", ssim::psnr(both[0], both[1]).map_err(text)?)?;
    let map = ssim::ssim_map(both[0], both[1]);
    if case.json["ssim_refused"] == true {
        return if map.is_err() { Ok(()) } else { Err("SSIM should be refused".to_owned()) };
    }
    let map = map.map_err(text)?;
    let shape = [map.dim().0, map.dim().1, map.dim().2].map(|n| n as i64);
    let map: Tensor = Tensor::from_slice(&map.iter().copied().collect::<Vec<f64>>()).view(shape);
    if case.has("out.ssim_map") {
        case.check("out.ssim_map", &map)?;
    }
    let per_channel: Vec<f64> = (0..shape[2]).map(|c| map.select(2, c).mean(Kind::Double).double_value(&[])).collect();
    case.check_numbers("ssim_per_channel", &per_channel)?;
    case.check_number("ssim", ssim::ssim(both[0], both[1]).map_err(text)?)
}

pub fn ms_ssim(case: &Case) -> Outcome {
    let (a, b) = (picture(case, "a"), picture(case, "b"));
    case.check_number("ms_ssim", ssim::ms_ssim(a.view(), b.view()).map_err(text)?)
}

pub fn self_similarity(case: &Case) -> Outcome {
    let tokens = |name: &str| structure::tokens(&case.input(name)).map_err(text);
    let (a, b) = (tokens("a")?, tokens("b")?);
    for (name, tokens) in [("out.self_sim_a", &a), ("out.self_sim_b", &b)] {
        case.check(name, &structure::self_similarity(tokens))?;
    }
    case.check_number("distance", structure::distance_of_tokens(&a, &b).map_err(text)?)
}
