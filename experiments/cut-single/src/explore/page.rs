//! The folder: a page, and beside it one script of features for each run and picture.

use super::features::{LayerFeatures, Sample};
use super::subject::Subject;
use super::words::RunIndex;
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use semrel_pages::{Page, data_uri, write_page};
use semrel_run::input;
use serde_json::{Value, json};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use tch::Tensor;

const BODY: &str = include_str!("page/body.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 6] = [
    include_str!("page/relation.js"),
    include_str!("page/colours.js"),
    include_str!("page/samples.js"),
    include_str!("page/state.js"),
    include_str!("page/view.js"),
    include_str!("page/explorer.js"),
];

/// Name of the page.
const INDEX: &str = "index.html";
/// Folder of the features.
const DATA: &str = "data";
/// Id of the index in the page, by which an explorer is distinguished from other pages.
const INDEX_ID: &str = "explorer-index";

/// An explorer in the writing.
#[derive(Debug)]
pub struct Explorer {
    out: PathBuf,
    runs: Vec<RunIndex>,
    pictures: Vec<String>,
    positions: i64,
    back: Option<String>,
}

/// Checks that an explorer may be written to a folder: it is not there yet, empty, or holds an explorer.
///
/// # Errors
/// Names what else is there.
pub fn check_folder(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let entries = fs::read_dir(out).with_context(|| format!("{}: expected a folder", out.display()))?;
    let mut names = vec![];
    for entry in entries {
        names.push(entry.with_context(|| out.display().to_string())?.file_name());
    }
    let foreign = names.iter().find(|name| *name != INDEX && *name != DATA);
    let explorer = || input::read_to_string(&out.join(INDEX)).is_ok_and(|text| text.contains(INDEX_ID));
    match foreign {
        Some(name) => bail!(
            "{}: holds something else ({}); name a folder that is empty, new, or an explorer's",
            out.display(),
            name.display()
        ),
        None if !names.is_empty() && !explorer() => {
            bail!("{}: holds another page; name a folder that is empty, new, or an explorer's", out.display())
        }
        None => Ok(()),
    }
}

impl Explorer {
    /// Begins an explorer in a folder, in place of one that is there.
    ///
    /// # Errors
    /// As [`check_folder`].
    pub fn new(out: &Path, positions: i64) -> Result<Self> {
        check_folder(out)?;
        // Features of this explorer below the page of an earlier one would be taken for those of its runs.
        let placeholder = format!(
            "<!doctype html><title>Similarity explorer</title><p id=\"{INDEX_ID}\">This explorer was not written to its end: \
             make it again."
        );
        write_page(out.join(INDEX), placeholder.as_bytes())?;
        let data = out.join(DATA);
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
        }
        Ok(Self { out: out.to_owned(), runs: vec![], pictures: vec![], positions, back: None })
    }

    /// A page that it belongs to, by its address.
    pub fn back(&mut self, address: Option<String>) {
        self.back = address;
    }

    /// Adds the name of a picture.
    pub fn picture(&mut self, name: String) {
        self.pictures.push(name);
    }

    /// Adds a run, whose samples follow.
    pub fn run(&mut self, subject: &Subject, label: String) {
        self.runs.push(RunIndex::new(subject, label));
    }

    /// Writes what the run that was added last makes of a picture.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn sample(&self, picture: usize, input: &RgbImage, output: &RgbImage, sample: &Sample) -> Result<()> {
        let name = format!("{}-{picture}", self.runs.len() - 1);
        let value = json!({
            "size": [input.width(), input.height()],
            "input": png(input)?,
            "output": png(output)?,
            "layers": sample.layers.iter().map(layer).collect::<Result<Vec<_>>>()?,
        });
        let script = format!("semrelExplorer.add({}, {value});\n", json!(name));
        Ok(write_page(self.out.join(DATA).join(name).with_extension("js"), script.as_bytes())?)
    }

    /// Writes the page; its path.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn finish(self) -> Result<PathBuf> {
        let mut page = Page::new("Similarity explorer");
        page.description("Similarity distributions of input and translation, patch by patch.");
        if let Some(address) = self.back {
            page.link("Report", address);
        }
        page.body(BODY).style(STYLE)?.scripts_beside();
        let index = json!({ "runs": self.runs, "pictures": self.pictures, "positions": self.positions });
        page.data(INDEX_ID, &index)?;
        for script in SCRIPTS {
            page.script(script)?;
        }
        let path = self.out.join(INDEX);
        write_page(&path, page.render()?.as_bytes())?;
        Ok(path)
    }
}

fn layer(features: &LayerFeatures) -> Result<Value> {
    let LayerFeatures { layer, map, grid, input, output, mean_divergence } = features;
    Ok(json!({
        "layer": layer,
        "map": map,
        "grid": [grid.rows.len(), grid.columns.len()],
        "rows": grid.rows,
        "columns": grid.columns,
        "mean_divergence": mean_divergence,
        "width": [input.size()[1], output.size()[1]],
        "input": base64_of(input)?,
        "output": base64_of(output)?,
    }))
}

/// Little-endian f32 numbers, row by row.
fn base64_of(rows: &Tensor) -> Result<String> {
    let numbers = Vec::<f32>::try_from(rows.flatten(0, -1))?;
    Ok(STANDARD.encode(numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()))
}

fn png(picture: &RgbImage) -> Result<String> {
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(data_uri("image/png", bytes.get_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_explorers_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        check_folder(&out).unwrap();
        fs::create_dir(&out).unwrap();
        check_folder(&out).unwrap();
        fs::write(out.join(INDEX), "<title>Mine</title>").unwrap();
        assert!(check_folder(&out).unwrap_err().to_string().contains("another page"));
        fs::write(out.join(INDEX), INDEX_ID).unwrap();
        fs::create_dir(out.join(DATA)).unwrap();
        check_folder(&out).unwrap();
        fs::write(out.join("thesis.tex"), "").unwrap();
        assert!(check_folder(&out).unwrap_err().to_string().contains("thesis.tex"));
        fs::remove_file(out.join("thesis.tex")).unwrap();
        // One that is begun takes the page of the earlier one away, and can be begun again.
        fs::write(out.join(INDEX), format!("{INDEX_ID} of old runs")).unwrap();
        fs::write(out.join(DATA).join("0-0.js"), "old").unwrap();
        for _ in 0..2 {
            Explorer::new(&out, 1).unwrap();
            assert!(fs::read_to_string(out.join(INDEX)).unwrap().contains("not written to its end"));
            assert!(!out.join(DATA).exists());
        }
        assert!(format!("{:#}", check_folder(&out.join(INDEX)).unwrap_err()).contains("expected a folder"));
    }
}
