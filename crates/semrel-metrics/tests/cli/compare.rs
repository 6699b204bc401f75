//! Pairs of pictures, pixel by pixel and by layout.

use crate::common::{Place, json, metrics, picture};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;

#[test]
fn pairs_are_compared_by_pixels_and_by_layout() {
    let place = Place::new();
    for i in 0..6 {
        place.save(&format!("copy/{i}.bmp"), &picture(i, [190, 20, 20]));
    }
    let (red, blue, copy) = (place.text("red"), place.text("blue"), place.text("copy"));
    let same = json(&["compare", &red, &copy]);
    assert_eq!((&same["psnr"], &same["equal"], &same["structure"]["mean"]), (&"inf".into(), &6.into(), &0.0.into()));
    assert!((same["ssim"].as_f64().unwrap() - 1.0).abs() < 1e-12, "{same}");
    let report = json(&["compare", &red, &blue]);
    let pairs = report["pairs"].as_array().unwrap();
    assert_eq!((pairs.len(), &pairs[2]["name"], &report["ms_ssim"]), (6, &"2.png".into(), &serde_json::Value::Null));
    let mean = |key: &str| pairs.iter().map(|pair| pair[key].as_f64().unwrap()).sum::<f64>() / 6.0;
    assert!((mean("psnr") - report["psnr"].as_f64().unwrap()).abs() < 1e-9, "{report}");
    assert!(mean("psnr") < 20.0 && mean("ssim") < 0.99 && mean("structure") > 0.0, "{report}");
    metrics(&["compare", &red, &copy]).assert().success().stdout(contains("PSNR").and(contains("6 pairs are equal")));
    metrics(&["compare", &red]).assert().code(2);
    place.save("copy/3.bmp", &image::RgbImage::new(50, 40));
    let refused = contains("3.png").and(contains("3.bmp")).and(contains("50 × 40"));
    metrics(&["compare", &red, &copy]).assert().code(1).stdout("").stderr(refused);
    fs::remove_file(place.path("copy/3.bmp")).unwrap();
    metrics(&["compare", &red, &copy]).assert().code(1).stderr(contains("--common"));
    assert_eq!(json(&["compare", &red, &copy, "--common"])["left_out"], 1);
}
