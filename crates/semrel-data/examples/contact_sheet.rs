//! Renders a contact sheet of the sample world.
//!
//! `cargo run -p semrel-data --example contact_sheet -- seasons 128 8 sheet.png`: one row a domain, the same eight
//! places in each; with a fifth argument `unpaired`, places of its own in each row.

use semrel_data::image_io::{grid, write_image};
use semrel_data::sample_world::{DomainSet, render_landscape};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [set, size, columns, file, unpaired @ ..] = args.as_slice() else {
        return Err("expected: seasons|weather SIZE COLUMNS FILE [unpaired]".into());
    };
    let set = if set == "weather" { DomainSet::Weather } else { DomainSet::Seasons };
    let (size, columns): (u32, usize) = (size.parse()?, columns.parse()?);
    let start = Instant::now();
    let mut images = vec![];
    for (row, look) in set.looks().into_iter().enumerate() {
        let first = if unpaired.is_empty() { 0 } else { 1000 + row * columns };
        images.extend((first..first + columns).map(|seed| render_landscape(seed as u64, look, size).image));
    }
    println!("{} scenes, {:.2} ms each", images.len(), start.elapsed().as_secs_f64() * 1e3 / images.len() as f64);
    write_image(Path::new(file), &grid(&images, columns, 2))?;
    Ok(())
}
