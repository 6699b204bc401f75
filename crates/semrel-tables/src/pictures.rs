//! Pictures of translations: of each row, and of all rows of a data set below each other.

use super::collected::Collected;
use super::error::TableError;
use super::names::{DRAWING, INPUTS, OUTPUTS, translations};
use super::plan::Plan;
use super::rows::Row;
use semrel_data::image_io::{grid, list_images, read_rgb, write_image};
use semrel_run::in_a_line;
use std::fs;
use std::path::{Path, PathBuf};

/// Images shown.
const COLUMNS: usize = 8;
/// Pixels between them.
const GAP: u32 = 2;

/// Titles and files (in the folder of results) of the pictures that belong to the table. Those that no call of the program
/// draws are put together first, of the translations that the last checkpoint's evaluation has left. What an earlier table
/// has left of rows that failed now is not among them.
pub fn make(plan: &Plan, collected: &Collected) -> Vec<(String, String)> {
    let mut pictures = vec![];
    for dataset in plan.datasets_in_use() {
        let name = &plan.datasets[dataset].name;
        let rows: Vec<Row> = plan.rows.iter().copied().filter(|row| row.dataset == dataset).collect();
        let finished: Vec<Row> = rows.iter().copied().filter(|row| collected.finished(*row)).collect();
        let drawn: Vec<Row> = match plan.spec.program.drawing() {
            Some(_) => rows.into_iter().filter(|row| collected.drawn(*row) && drawing(plan, *row)).collect(),
            None => match draw(plan, dataset, &finished) {
                Ok(()) => {
                    let titles: Vec<&str> = finished.iter().map(|row| plan.method(*row).title).collect();
                    let title = format!("{name}, from the top: inputs, {}", titles.join(", "));
                    pictures.push((title, plan.picture_of_dataset(dataset)));
                    finished.clone()
                }
                Err(error) => {
                    eprintln!("no picture of {name}: {}", in_a_line(&error));
                    vec![]
                }
            },
        };
        pictures.extend(drawn.iter().map(|row| (format!("{name}: {}", plan.method(*row).title), plan.picture(*row))));
        pictures.extend(finished.iter().flat_map(|row| plots(plan, *row)));
    }
    pictures.retain(|(_, file)| plan.out.join(file).exists());
    pictures
}

fn draw(plan: &Plan, dataset: usize, rows: &[Row]) -> Result<(), TableError> {
    if rows.is_empty() {
        return Err(TableError::Picture("no row succeeded".into()));
    }
    let program = plan.spec.program;
    let mut all = vec![];
    for &row in rows {
        let folder = translations(program, &plan.run_dir(row, plan.seeds[0]), program.checkpoints()[0])
            .map_err(|source| TableError::Row { row: plan.name(row), source: Box::new(source) })?;
        let (sources, outputs) = (folder.join(INPUTS), folder.join(OUTPUTS));
        let inputs: Vec<PathBuf> = list_images(&sources)?.into_iter().take(COLUMNS).collect();
        if inputs.is_empty() {
            return Err(TableError::Picture(format!("{}: no images", sources.display())));
        }
        let mut images = inputs.iter().map(|file| read_rgb(file)).collect::<Result<Vec<_>, _>>()?;
        for file in &inputs {
            images.push(read_rgb(&outputs.join(file.strip_prefix(&sources).unwrap_or(file)))?);
        }
        write_image(&plan.out.join(plan.picture(row)), &grid(&images, inputs.len(), GAP))?;
        let outputs = images.split_off(inputs.len());
        if all.is_empty() {
            all = images;
        }
        if !all.len().is_multiple_of(outputs.len()) {
            return Err(TableError::Picture(format!("{}: another number of images", plan.name(row))));
        }
        all.extend(outputs);
    }
    let columns = all.len() / (rows.len() + 1);
    Ok(write_image(&plan.out.join(plan.picture_of_dataset(dataset)), &grid(&all, columns, GAP))?)
}

/// Copies what the program has drawn of a row's first run; whether that went well.
fn drawing(plan: &Plan, row: Row) -> bool {
    copy(plan, row, &plan.run_dir(row, plan.seeds[0]).join(DRAWING), &plan.picture(row))
}

/// Copies a picture into the folder of results; whether that went well, which is told otherwise.
fn copy(plan: &Plan, row: Row, from: &Path, to: &str) -> bool {
    let copied = fs::copy(from, plan.out.join(to));
    if let Err(error) = &copied {
        eprintln!("no picture of {}: {}: {error}", plan.name(row), from.display());
    }
    copied.is_ok()
}

/// Copies the plots that a row's first run has left.
fn plots(plan: &Plan, row: Row) -> Vec<(String, String)> {
    let plot = |(what, file): &(&str, &str)| {
        let from = plan.run_dir(row, plan.seeds[0]).join(file);
        let to = plan.plot(row, from.file_name()?.to_str()?);
        if from.exists() {
            copy(plan, row, &from, &to);
        }
        Some((format!("{}: {what}", plan.name(row)), to))
    };
    plan.spec.program.plots().iter().filter_map(plot).collect()
}
