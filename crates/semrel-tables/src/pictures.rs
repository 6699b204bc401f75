//! Pictures of translations: of each row, and of all rows of a data set below each other, under their names.

pub mod sheet;
pub mod styles;
pub mod text;
mod truth;

use super::collected::Collected;
use super::error::TableError;
use super::names::{INPUTS, OUTPUTS, translations};
use super::plan::Plan;
use super::rows::Row;
use image::RgbImage;
use semrel_data::image_io::{list_images, read_rgb, write_image};
use semrel_run::stored::StoredConfig;
use semrel_run::{config, in_a_line, run_dir};
use sheet::Sheet;
use std::fs;
use std::path::{Path, PathBuf};
use styles::{Images, STYLES, Styles};
use truth::Truth;

/// Test pictures that are shown.
const MOST: usize = 8;
/// Styles of a domain that a picture of several methods shows.
const SHOWN: usize = 2;
/// Least side of a picture; smaller ones are enlarged.
const CELL: u32 = 128;

/// Name of the line of what translations should be.
const TRUTH: &str = "Truth";
/// What a picture of translations shows.
const TRANSLATED: &str = "test pictures and their translations";

/// A line of pictures with its name.
type Line = (String, Vec<Option<RgbImage>>);

/// What the pictures of a data set show.
struct Drawn {
    rows: Vec<Row>,
    truth: bool,
}

/// Titles and files (in the folder of results) of the pictures that belong to the table: put together of what the last
/// checkpoint's evaluation has left, or of what the program has drawn. What an earlier table has left of rows that failed now is
/// not among them.
pub fn make(plan: &Plan, collected: &Collected) -> Vec<(String, String)> {
    let mut pictures = vec![];
    for dataset in plan.datasets_in_use() {
        let name = &plan.datasets[dataset].name;
        let rows: Vec<Row> = plan.rows.iter().copied().filter(|row| row.dataset == dataset).collect();
        let finished: Vec<Row> = rows.iter().copied().filter(|row| collected.finished(*row)).collect();
        let drawn = match plan.spec.program.drawing() {
            Some(_) => draw_styles(plan, dataset, rows.into_iter().filter(|row| collected.drawn(*row))),
            None => draw_translations(plan, dataset, &finished),
        };
        match drawn {
            Ok(Drawn { rows, truth }) => {
                let titles: Vec<&str> = rows.iter().map(|row| plan.method(*row).title).collect();
                let above = if truth { "inputs, truth" } else { "inputs" };
                let title = format!("{name}, from the top: {above}, {}", titles.join(", "));
                pictures.push((title, plan.picture_of_dataset(dataset)));
                let of_row = |row: &Row| (format!("{name}: {}", plan.method(*row).title), plan.picture(*row));
                pictures.extend(rows.iter().map(of_row));
            }
            Err(error) => eprintln!("no picture of {name}: {}", in_a_line(&error)),
        }
        pictures.extend(finished.iter().flat_map(|row| plots(plan, *row)));
    }
    pictures.retain(|(_, file)| plan.out.join(file).exists());
    pictures
}

/// What evaluations between two domains have left: inputs, what they should become, and what each row makes of them.
fn draw_translations(plan: &Plan, dataset: usize, rows: &[Row]) -> Result<Drawn, TableError> {
    let program = plan.spec.program;
    if rows.is_empty() {
        return Err(TableError::Picture("no row succeeded".into()));
    }
    let (mut above, mut outputs): (Vec<Line>, Vec<Line>) = (vec![], vec![]);
    for &row in rows {
        let run = plan.run_dir(row, plan.seeds[0]);
        let folder = translations(program, &run, program.checkpoints()[0])
            .map_err(|source| TableError::Row { row: plan.name(row), source: Box::new(source) })?;
        let sources = folder.join(INPUTS);
        let inputs: Vec<PathBuf> = list_images(&sources)?.into_iter().take(MOST).collect();
        if inputs.is_empty() {
            return Err(TableError::Picture(format!("{}: no images", sources.display())));
        }
        let names: Vec<&Path> = inputs.iter().map(|file| file.strip_prefix(&sources).unwrap_or(file)).collect();
        let read = |folder: &Path| -> Result<Vec<_>, TableError> {
            names.iter().map(|name| Ok(Some(read_rgb(&folder.join(name))?))).collect()
        };
        let mut lines = vec![("Input".to_owned(), read(&sources)?)];
        let stage = plan.stages(row).iter().find(|stage| stage.leaves.a_run()).map_or("", |stage| stage.folder);
        if let Some(truth) = truth(plan, row, &run.join(stage)) {
            lines.push((TRUTH.to_owned(), names.iter().map(|name| truth.of(name)).collect::<Result<_, _>>()?));
        }
        let output = (plan.method(row).title.to_owned(), read(&folder.join(OUTPUTS))?);
        let of_row = lines.iter().cloned().chain([output.clone()]).collect();
        draw(plan, dataset, vec![], of_row, TRANSLATED, &plan.picture(row))?;
        // Rows that were trained before anything was known of the truth show none.
        if above.len() < lines.len() {
            above = lines;
        }
        if above[0].1.len() != output.1.len() {
            return Err(TableError::Picture(format!("{}: another number of images", plan.name(row))));
        }
        outputs.push(output);
    }
    let truth = above.len() > 1;
    let lines = above.into_iter().chain(outputs).collect();
    draw(plan, dataset, vec![], lines, TRANSLATED, &plan.picture_of_dataset(dataset))?;
    Ok(Drawn { rows: rows.to_vec(), truth })
}

/// What the program has drawn of several domains: test pictures, of each row in styles of every domain, and of all rows in styles
/// of the domain after their own. Rows whose drawing cannot be read are told, and left out.
fn draw_styles(plan: &Plan, dataset: usize, rows: impl Iterator<Item = Row>) -> Result<Drawn, TableError> {
    let read = |row: Row| match Styles::read(&plan.run_dir(row, plan.seeds[0])) {
        Ok(styles) => Some((row, styles)),
        Err(error) => {
            eprintln!("no picture of {}: {}", plan.name(row), in_a_line(&error));
            None
        }
    };
    let all: Vec<(Row, Styles)> = rows.filter_map(read).collect();
    let Some((first, styles)) = all.first() else {
        return Err(TableError::Picture("no row succeeded".into()));
    };
    if let Some((other, _)) = all.iter().find(|(_, other)| !other.fits(styles)) {
        return Err(TableError::Picture(format!("{}: another number of images", plan.name(*other))));
    }
    let Images { names, files } = styles.images(&plan.root);
    let of_each = |cell: &dyn Fn(usize) -> Option<RgbImage>| (0..styles.sources).map(cell).collect::<Vec<_>>();
    let input = ("Input".to_owned(), of_each(&|source| styles.source(source)));

    for (row, styles) in &all {
        let mut lines = vec![input.clone()];
        for (domain, name) in names.iter().enumerate() {
            for style in 0..STYLES {
                let name = if style == 0 { format!("→ {name}") } else { String::new() };
                lines.push((name, of_each(&|source| styles.styled(source, domain, style))));
            }
        }
        let columns = (0..styles.sources).map(|source| names[styles.domain(source)].clone()).collect();
        let what = "test pictures, and each in three random styles of every domain";
        draw(plan, dataset, columns, lines, what, &plan.picture(*row))?;
    }

    let mut lines = vec![input];
    let truth = if files.is_empty() { None } else { truth(plan, *first, &plan.run_dir(*first, plan.seeds[0])) };
    if let Some(truth) = &truth {
        let file = |(source, file)| {
            Path::new(&names[styles.next(source)]).join(&names[styles.domain(source)]).join::<&PathBuf>(file)
        };
        let cells = files.iter().enumerate().map(|of| truth.of(&file(of)));
        lines.push((TRUTH.to_owned(), cells.collect::<Result<_, _>>()?));
    }
    for (row, styles) in &all {
        for style in 0..SHOWN {
            let name = if style == 0 { plan.method(*row).title } else { "" };
            lines.push((name.to_owned(), of_each(&|source| styles.styled(source, styles.next(source), style))));
        }
    }
    let way = |source| format!("{} → {}", names[styles.domain(source)], names[styles.next(source)]);
    let columns = (0..styles.sources).map(way).collect();
    let what = "test pictures, each in two random styles of another domain, the same latent codes for all methods";
    draw(plan, dataset, columns, lines, what, &plan.picture_of_dataset(dataset))?;
    Ok(Drawn { rows: all.into_iter().map(|(row, _)| row).collect(), truth: truth.is_some() })
}

/// Draws lines of pictures into a file of the folder of results.
fn draw(
    plan: &Plan,
    dataset: usize,
    columns: Vec<String>,
    rows: Vec<Line>,
    what: &str,
    file: &str,
) -> Result<(), TableError> {
    let (title, name, profile) = (plan.spec.title, &plan.datasets[dataset].name, plan.profile.name());
    let caption = format!("{title}, {name}, profile {profile}, seed {}: {what}.", plan.seeds[0]);
    let sheet = Sheet { cell: CELL, columns, rows, caption };
    Ok(write_image(&plan.out.join(file), &sheet.draw()?)?)
}

/// The pictures of the truth, where the configuration of a row's run names them. What cannot be read is told.
fn truth(plan: &Plan, row: Row, run: &Path) -> Option<Truth> {
    stored(run).and_then(|config| Truth::open(&plan.root, &config)).unwrap_or_else(|error| {
        eprintln!("no truth in the picture of {}: {}", plan.name(row), in_a_line(&error));
        None
    })
}

/// The configuration of a run.
fn stored(run: &Path) -> Result<StoredConfig, TableError> {
    let file = run.join(run_dir::CONFIG);
    let text = config::text_of(&file).map_err(TableError::io(&file))?;
    StoredConfig::from_yaml(&text).map_err(|what| TableError::Picture(format!("{}: {what}", file.display())))
}

/// Copies the plots that a row's first run has left.
fn plots(plan: &Plan, row: Row) -> Vec<(String, String)> {
    let plot = |(what, file): &(&str, &str)| {
        let from = plan.run_dir(row, plan.seeds[0]).join(file);
        let to = plan.plot(row, from.file_name()?.to_str()?);
        if from.exists()
            && let Err(error) = fs::copy(&from, plan.out.join(&to))
        {
            eprintln!("no picture of {}: {}: {error}", plan.name(row), from.display());
        }
        Some((format!("{}: {what}", plan.name(row)), to))
    };
    plan.spec.program.plots().iter().filter_map(plot).collect()
}

#[cfg(test)]
#[path = "pictures_tests.rs"]
mod tests;
