//! Test pictures and what each method makes of them.

use super::sheet::Sheet;
use crate::explore::spread;
use anyhow::{Context, Result, anyhow, ensure};
use image::{RgbImage, imageops};
use semrel_data::image_io::{list_images, read_rgb};
use semrel_run::stored::StoredConfig;
use semrel_run::{config, run_dir};
use semrel_tables::finished::{Finished, Group};
use semrel_tables::folders::open_domains;
use semrel_tables::names::{DRAWING, INPUTS, OUTPUTS};
use std::path::{Path, PathBuf};

/// Styles drawn for each domain by `stargan2-multi sample`.
const STYLES: usize = 3;
/// Of these, how many are shown.
const SHOWN: usize = 2;

/// What the evaluations of two domains have left: inputs, and one column per method.
pub fn of_translations(group: &Group, rows: usize) -> Result<RgbImage> {
    let folders: Vec<PathBuf> = group
        .rows
        .iter()
        .map(|row| row.translations(group.spec).with_context(|| row.run.display().to_string()))
        .collect::<Result<_>>()?;
    let inputs = list_images(&folders[0].join(INPUTS))?;
    ensure!(!inputs.is_empty(), "{}: no pictures", folders[0].join(INPUTS).display());
    let row = |input: &PathBuf| -> Result<_> {
        let name = input.strip_prefix(folders[0].join(INPUTS))?;
        let mut cells = vec![Some(read_rgb(input)?)];
        for folder in &folders {
            let file = folder.join(OUTPUTS).join(name);
            cells.push(if file.exists() { Some(read_rgb(&file)?) } else { None });
        }
        Ok((String::new(), cells))
    };
    let sheet = Sheet {
        columns: columns(&group.rows, 1),
        rows: spread(&inputs, rows).iter().map(row).collect::<Result<_>>()?,
        caption: format!(
            "{}, {}, profile {}: test pictures and their translations.",
            group.spec.title, group.dataset, group.profile
        ),
    };
    sheet.draw()
}

fn columns(rows: &[Finished], each: usize) -> Vec<String> {
    let titles =
        rows.iter().flat_map(|row| (0..each).map(|i| if i == 0 { row.method.title.into() } else { String::new() }));
    ["Input".to_owned()].into_iter().chain(titles).collect()
}

/// What `table1` has drawn of several domains: test pictures, each in styles of the domain after its own.
pub fn of_styles(group: &Group, rows: usize) -> Result<RgbImage> {
    let first = group.rows.first().context("no row")?;
    let file = first.run.join(run_dir::CONFIG);
    let text = config::text_of(&file).with_context(|| file.display().to_string())?;
    let config = StoredConfig::from_yaml(&text).map_err(|what| anyhow!("{}: {what}", file.display()))?;
    let side = config.data.image_size;
    let side = side.with_context(|| format!("{}: missing key `data.image_size`", file.display()))?;
    let grids = group
        .rows
        .iter()
        .map(|row| {
            let file = row.run.join(DRAWING);
            let grid = read_rgb(&file).context("`cargo xtask table1 --resume` draws it")?;
            ensure!(
                grid.width() % side == 0 && grid.height() % side == 0 && grid.height() / side > STYLES as u32,
                "{}: {} x {} pixels, which are not cells of {side}",
                file.display(),
                grid.width(),
                grid.height()
            );
            Ok(grid)
        })
        .collect::<Result<Vec<_>>>()?;
    let domains = (grids[0].height() / side - 1) as usize / STYLES;
    let sources = (grids[0].width() / side) as usize;
    let names = names(&config, domains);
    let cell = |grid: &RgbImage, column: usize, row: usize| {
        let inside = (column + 1) * side as usize <= grid.width() as usize
            && (row + 1) * side as usize <= grid.height() as usize;
        inside.then(|| imageops::crop_imm(grid, column as u32 * side, row as u32 * side, side, side).to_image())
    };
    let row = |&source: &usize| {
        // Sources come in the order of their domains, as many of each.
        let domain = source * domains / sources.max(1);
        let target = (domain + 1) % domains.max(1);
        let mut cells = vec![cell(&grids[0], source, 0)];
        for grid in &grids {
            cells.extend((0..SHOWN).map(|style| cell(grid, source, 1 + target * STYLES + style)));
        }
        (format!("{} → {}", names[domain], names[target]), cells)
    };
    let sheet = Sheet {
        columns: columns(&group.rows, SHOWN),
        rows: spread(&(0..sources).collect::<Vec<_>>(), rows).iter().map(row).collect(),
        caption: format!(
            "{}, {}, profile {}: test pictures, each in {SHOWN} random styles of another domain, the same latent codes for \
             all methods.",
            group.spec.title, group.dataset, group.profile
        ),
    };
    sheet.draw()
}

/// Names of the domains, or their numbers where the images are gone.
fn names(config: &StoredConfig, domains: usize) -> Vec<String> {
    let numbers = || (1..=domains).map(|d| d.to_string()).collect();
    let Some(root) = &config.data.root else { return numbers() };
    match open_domains(Path::new(root)) {
        Ok(splits) if splits.train.len() == domains => splits.train.names().iter().map(|&n| n.to_owned()).collect(),
        _ => numbers(),
    }
}
