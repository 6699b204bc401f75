//! Renders a contact sheet of the sample world.
//!
//! `cargo run -p semrel-data --example contact_sheet -- seasons 128 8 sheet.png`: one row a domain, the same eight
//! layouts in each; with a fifth argument `unpaired`, layouts of its own in each row.

use image::{RgbImage, imageops};
use semrel_data::sample_world::{DomainSet, render_landscape};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [set, size, columns, path] =
        args.get(..4).and_then(|a| a.as_array()).ok_or("SET SIZE COLUMNS FILE [unpaired]")?;
    let set = if set == "weather" { DomainSet::Weather } else { DomainSet::Seasons };
    let (size, columns): (u32, u32) = (size.parse()?, columns.parse()?);
    let looks = set.looks();
    let mut sheet = RgbImage::from_pixel(columns * (size + 2), looks.len() as u32 * (size + 2), image::Rgb([255; 3]));
    let start = Instant::now();
    for (row, look) in looks.iter().enumerate() {
        for column in 0..columns {
            let seed = if args.len() > 4 { (row as u32 * columns + column) as u64 + 1000 } else { column as u64 };
            let scene = render_landscape(seed, *look, size);
            imageops::replace(&mut sheet, &scene.image, (column * (size + 2)) as i64, (row as u32 * (size + 2)) as i64);
        }
    }
    let count = looks.len() as u32 * columns;
    println!("{count} scenes, {:.2} ms each", start.elapsed().as_secs_f64() * 1e3 / count as f64);
    sheet.save(path)?;
    Ok(())
}
