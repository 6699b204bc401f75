//! Test pictures and what each method makes of them.

use super::CELL;
use crate::explore::spread;
use anyhow::{Context, Error, Result, ensure};
use image::RgbImage;
use semrel_data::image_io::{list_images, read_rgb};
use semrel_tables::TableError;
use semrel_tables::finished::{Finished, Group};
use semrel_tables::names::{INPUTS, OUTPUTS};
use semrel_tables::pictures::sheet::Sheet;
use semrel_tables::pictures::styles::Styles;
use std::path::{Path, PathBuf};

/// Of the styles that are drawn of each domain, how many are shown.
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
        cell: CELL,
        columns: columns(&group.rows, 1),
        rows: spread(&inputs, rows).iter().map(row).collect::<Result<_>>()?,
        caption: format!(
            "{}, {}, profile {}: test pictures and their translations.",
            group.spec.title, group.dataset, group.profile
        ),
    };
    Ok(sheet.draw()?)
}

fn columns(rows: &[Finished], each: usize) -> Vec<String> {
    let titles =
        rows.iter().flat_map(|row| (0..each).map(|i| if i == 0 { row.method.title.into() } else { String::new() }));
    ["Input".to_owned()].into_iter().chain(titles).collect()
}

/// What `table1` has drawn of several domains: test pictures, each in styles of the domain after its own.
pub fn of_styles(group: &Group, root: &Path, rows: usize) -> Result<RgbImage> {
    let read = |row: &Finished| {
        Styles::read(&row.run).map_err(|error| match error {
            error @ TableError::Data(_) => Error::new(error).context("`cargo xtask table1 --resume` draws it"),
            error => error.into(),
        })
    };
    let all: Vec<Styles> = group.rows.iter().map(read).collect::<Result<_>>()?;
    let first = all.first().context("no row")?;
    let names = first.images(root).names;
    let row = |&source: &usize| {
        let target = first.next(source);
        let mut cells = vec![first.source(source)];
        for styles in &all {
            cells.extend((0..SHOWN).map(|style| styles.styled(source, target, style)));
        }
        (format!("{} → {}", names[first.domain(source)], names[target]), cells)
    };
    let sheet = Sheet {
        cell: CELL,
        columns: columns(&group.rows, SHOWN),
        rows: spread(&(0..first.sources).collect::<Vec<_>>(), rows).iter().map(row).collect(),
        caption: format!(
            "{}, {}, profile {}: test pictures, each in {SHOWN} random styles of another domain, the same latent codes for \
             all methods.",
            group.spec.title, group.dataset, group.profile
        ),
    };
    Ok(sheet.draw()?)
}
