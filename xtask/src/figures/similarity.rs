//! Similarity maps of one patch, method by method, as in the paper's figure of them.

use super::CELL;
use super::heat;
use crate::explore::spread;
use anyhow::{Context, Result, anyhow};
use image::RgbImage;
use semrel_data::image_io::{list_images, read_rgb};
use semrel_run::similarity;
use semrel_tables::finished::{Finished, Group};
use semrel_tables::jobs::last_error;
use semrel_tables::names::{INPUTS, OUTPUTS};
use semrel_tables::pictures::sheet::{Sheet, enlarged};
use std::path::Path;
use std::process::Command;

/// Maps, in the precision that they are drawn with.
type Maps = similarity::SimilarityMaps<f64>;
type LayerMap = similarity::LayerMaps<f64>;

/// Reads `--at`.
pub fn place(text: &str) -> Result<[f64; 2], String> {
    let share = |t: &str| t.trim().parse::<f64>().ok().filter(|v| (0.0..1.0).contains(v));
    let at = text.split_once(',').and_then(|(x, y)| Some([share(x)?, share(y)?]));
    at.ok_or_else(|| "expected x,y, each at least 0 and below 1, such as 0.4,0.6".into())
}

/// Draws the maps of a group's rows for a test picture.
pub fn draw(
    group: &Group,
    root: &Path,
    program: &dyn Fn() -> Command,
    at: [f64; 2],
    layer: Option<i64>,
) -> Result<RgbImage> {
    let first = group.rows.first().context("no row")?;
    let inputs = list_images(&first.translations(group.spec)?.join(INPUTS))?;
    let input = spread(&inputs, 1).pop().context("no test picture")?;
    let picture = read_rgb(&input)?;
    let pixel = |share: f64, side: u32| ((share * f64::from(side)) as u32).min(side - 1);
    let query = [pixel(at[0], picture.width()), pixel(at[1], picture.height())];

    let mut rows = [("", vec![]), ("A", vec![None]), ("B", vec![None])];
    let (mut shown, mut divergences) = (0, vec![]);
    for row in &group.rows {
        let (maps, output) = of_row(row, group, root, program, &input, query)?;
        let wanted = |l: &&LayerMap| layer.is_none_or(|layer| l.layer == layer);
        let fitting: Vec<&LayerMap> = maps.layers.iter().filter(wanted).collect();
        let map = fitting.get(fitting.len() / 2).with_context(|| {
            let layers: Vec<String> = maps.layers.iter().map(|l| l.layer.to_string()).collect();
            format!("{}: it compares no such layer, but {}", row.run.display(), layers.join(", "))
        })?;
        shown = map.layer;
        divergences.push(format!("{} {:.1e}", row.method.title, map.divergence));
        if rows[0].1.is_empty() {
            rows[0].1.push(Some(dotted(picture.clone(), &maps)));
        }
        rows[0].1.push(Some(dotted(output, &maps)));
        let scale = scale(map);
        let size = (maps.size[0], maps.size[1]);
        rows[1].1.push(Some(dotted(heat::map(&map.input, map.size, scale, size), &maps)));
        rows[2].1.push(Some(dotted(heat::map(&map.output, map.size, scale, size), &maps)));
    }
    let titles = group.rows.iter().map(|row| row.method.title.to_owned());
    let sheet = Sheet {
        cell: CELL,
        columns: ["Input".to_owned()].into_iter().chain(titles).collect(),
        rows: rows.into_iter().map(|(name, cells)| (name.to_owned(), cells)).collect(),
        caption: format!(
            "{}, {}, profile {}, layer {shown}: similarity to the patch at the red dot, in the input (A) and in the translation \
             (B), dark low, light high, one scale for the two maps of a method. Jensen–Shannon divergence of the two, in \
             nats: {}.",
            group.spec.title,
            group.dataset,
            group.profile,
            divergences.join(", ")
        ),
    };
    Ok(sheet.draw()?)
}

/// Maps of a row, and its translation of the picture.
fn of_row(
    row: &Finished,
    group: &Group,
    root: &Path,
    program: &dyn Fn() -> Command,
    input: &Path,
    [x, y]: [u32; 2],
) -> Result<(Maps, RgbImage)> {
    let temporary = tempfile::tempdir_in(root.join("target")).or_else(|_| tempfile::tempdir())?;
    let mut command = program();
    command.arg("similarity").arg(&row.run).arg(input).args(["--at", &format!("{x},{y}")]);
    let output = command.arg("--out").arg(temporary.path()).output().context("cut-single cannot be started")?;
    if !output.status.success() {
        let said = last_error(&String::from_utf8_lossy(&output.stderr));
        return Err(anyhow!(said.unwrap_or_else(|| format!("cut-single similarity ended with {}", output.status))));
    }
    let stem = input.file_stem().context("a picture without a name")?.to_string_lossy().into_owned();
    let file = temporary.path().join(format!("{stem}-{x}-{y}.json"));
    let maps = similarity::read(&file)?.with_context(|| format!("{}: cut-single wrote no maps", file.display()))?;
    let name = Path::new(&stem).with_extension("png");
    let translated = row.translations(group.spec)?.join(OUTPUTS).join(name);
    Ok((maps, read_rgb(&translated)?))
}

/// The picture with a dot on the query; enlarged first, so that the dot is round.
fn dotted(picture: RgbImage, maps: &Maps) -> RgbImage {
    let mut picture = enlarged(&picture, CELL);
    let middle = |at: u32, of: u32, side: u32| (f64::from(at) + 0.5) * f64::from(side) / f64::from(of);
    let place = (middle(maps.at[0], maps.size[0], picture.width()), middle(maps.at[1], maps.size[1], picture.height()));
    heat::mark(&mut picture, place);
    picture
}

/// From the least to the largest similarity of both maps; the query, which is most like itself, is left out.
fn scale(map: &LayerMap) -> [f64; 2] {
    let query = map.query[0] * map.size[1] + map.query[1];
    let others = |values: &'_ [f64]| {
        values.iter().enumerate().filter(move |(i, _)| *i != query).map(|(_, v)| *v).collect::<Vec<_>>()
    };
    let all = [others(&map.input), others(&map.output)].concat();
    [all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shares() {
        assert_eq!(place("0.25, 0.5").unwrap(), [0.25, 0.5]);
        for wrong in ["1,0.5", "0.5", "-0.1,0", "a,b"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_query_is_left_out_of_the_scale() {
        let map = LayerMap {
            layer: 4,
            size: [1, 3],
            query: [0, 1],
            input: vec![0.2, 1.0, 0.4],
            output: vec![0.1, 1.0, 0.3],
            divergence: 0.0,
        };
        assert_eq!(scale(&map), [0.1, 0.4]);
    }
}
