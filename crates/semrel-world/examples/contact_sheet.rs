//! Renders a contact sheet of the sample world.
//!
//! `cargo run -p semrel-world --example contact_sheet -- seasons 128 8 sheet.png`: one row a domain, the same eight
//! places in each; with a fifth argument `unpaired`, places of its own in each row.

use image::RgbImage;
use semrel_data::cityscapes::colors_of_ids;
use semrel_data::image_io::{grid, write_image};
use semrel_world::{Coat, DomainSet, render_aerial, render_animals, render_landscape, render_street};
use std::path::Path;
use std::time::Instant;

type Renderer = Box<dyn Fn(u64) -> RgbImage>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [set, size, columns, file, unpaired @ ..] = args.as_slice() else {
        return Err("expected: seasons|weather|horse2zebra|street|maps SIZE COLUMNS FILE [unpaired]".into());
    };
    let (size, columns): (u32, usize) = (size.parse()?, columns.parse()?);
    let landscapes = |set: DomainSet| -> Vec<Renderer> {
        let row = |look| -> Renderer { Box::new(move |seed| render_landscape(seed, look, size).image) };
        set.looks().into_iter().map(row).collect()
    };
    let animals = |coat| -> Renderer { Box::new(move |seed| render_animals(seed, coat, size).image) };
    let rows = match set.as_str() {
        "seasons" => landscapes(DomainSet::Seasons),
        "weather" => landscapes(DomainSet::Weather),
        "horse2zebra" => vec![animals(Coat::Plain), animals(Coat::Striped)],
        "street" => {
            let photograph: Renderer = Box::new(move |seed| render_street(seed, size).image);
            let labels: Renderer = Box::new(move |seed| colors_of_ids(&render_street(seed, size).labels));
            vec![photograph, labels]
        }
        "maps" => {
            let photograph: Renderer = Box::new(move |seed| render_aerial(seed, size).photo);
            let map: Renderer = Box::new(move |seed| render_aerial(seed, size).map);
            vec![photograph, map]
        }
        _ => return Err(format!("{set}: expected seasons, weather, horse2zebra, street or maps").into()),
    };
    let start = Instant::now();
    let mut images = vec![];
    for (row, render) in rows.into_iter().enumerate() {
        let first = if unpaired.is_empty() { 0 } else { 1000 + row * columns };
        images.extend((first..first + columns).map(|seed| render(seed as u64)));
    }
    println!("{} scenes, {:.2} ms each", images.len(), start.elapsed().as_secs_f64() * 1e3 / images.len() as f64);
    write_image(Path::new(file), &grid(&images, columns, 2))?;
    Ok(())
}
