//! The published data sets, and what is there of them.

use anyhow::{Result, bail};
use semrel_data::image_io::{dimensions, list_images};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// A data set that others publish.
#[derive(Debug, Clone, Copy)]
pub struct DataSet {
    /// Name, and that of its folder.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// File that it comes in.
    pub archive: &'static str,
    pub origin: Origin,
    /// Folders and how many images they hold; empty if they are not published.
    pub counts: &'static [(&'static str, usize)],
    /// Width and height of every image, where it is one.
    pub size: Option<(u32, u32)>,
}

/// Where a data set comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// An archive that anybody can download.
    Url(&'static str),
    /// A site behind a log-in.
    LogIn(&'static str),
}

pub const HORSE2ZEBRA: DataSet = DataSet {
    name: "horse2zebra",
    about: "horses (A) and zebras (B) from ImageNet, unaligned",
    archive: "horse2zebra.zip",
    origin: Origin::Url("http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/horse2zebra.zip"),
    counts: &[("trainA", 1067), ("trainB", 1334), ("testA", 120), ("testB", 140)],
    size: Some((256, 256)),
};

pub const MAPS: DataSet = DataSet {
    name: "maps",
    about: "aerial photographs (A) and maps (B), aligned; `prepare maps` makes two folders of them",
    archive: "maps.tar.gz",
    origin: Origin::Url("http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/maps.tar.gz"),
    counts: &[("train", 1096), ("val", 1098)],
    size: Some((1200, 600)),
};

const FACADES: DataSet = DataSet {
    name: "facades",
    about: "facades (A) and their labels (B), aligned",
    archive: "facades.tar.gz",
    origin: Origin::Url("http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/facades.tar.gz"),
    counts: &[],
    size: None,
};

pub const CITYSCAPES: DataSet = DataSet {
    name: "cityscapes",
    about: "streets (A) and their labels in colour (B), with train ids; made by `prepare cityscapes`",
    archive: "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip",
    origin: Origin::LogIn("https://www.cityscapes-dataset.com"),
    counts: &[
        ("trainA", 2975),
        ("trainB", 2975),
        ("testA", 500),
        ("testB", 500),
        ("labels/train", 2975),
        ("labels/test", 500),
    ],
    size: None,
};

pub const ALL: [DataSet; 4] = [HORSE2ZEBRA, MAPS, FACADES, CITYSCAPES];

impl DataSet {
    pub fn by_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|set| set.name == name)
    }

    /// What to do with a copy of the archive.
    pub fn advice(&self) -> String {
        match self.origin {
            Origin::Url(_) => {
                format!("with a copy of {} from elsewhere: `cargo xtask data import {} FILE`", self.archive, self.name)
            }
            Origin::LogIn(_) => format!(
                "log in there, download {}, then `cargo xtask data prepare {} --images FILE --labels FILE`",
                self.archive, self.name
            ),
        }
    }

    /// What is wrong with a folder: counts, and sizes of images as their headers tell. `None` where nothing is, or where
    /// nothing is known and there are images.
    pub fn fault(&self, dir: &Path) -> Result<Option<String>> {
        let mut faults = vec![];
        for &(folder, expected) in self.counts {
            let found = if dir.join(folder).is_dir() { list_images(&dir.join(folder))?.len() } else { 0 };
            if found != expected {
                faults.push(format!("{folder} holds {found} images instead of {expected}"));
            }
        }
        if !faults.is_empty() {
            return Ok(Some(faults.join(", ")));
        }
        let files = list_images(dir)?;
        if files.is_empty() {
            return Ok(Some("no images".into()));
        }
        let Some(size) = self.size else { return Ok(None) };
        for file in files {
            let found = dimensions(&file)?;
            if found != size {
                let name = file.strip_prefix(dir).unwrap_or(&file);
                return Ok(Some(format!(
                    "{} has {} x {} pixels instead of {} x {}",
                    name.display(),
                    found.0,
                    found.1,
                    size.0,
                    size.1
                )));
            }
        }
        Ok(None)
    }

    fn state(&self, dir: &Path) -> Result<(&'static str, String)> {
        if !dir.is_dir() {
            return Ok(("missing", "missing".into()));
        }
        Ok(match self.fault(dir)? {
            Some(fault) => ("wrong", format!("WRONG: {fault}")),
            None if self.counts.is_empty() => ("unchecked", "present; its counts are not published".into()),
            None => ("ok", "present, counts ok".into()),
        })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::LogIn(page) => write!(f, "{page} (behind a log-in)"),
        }
    }
}

/// Prints all data sets, for people or as JSON.
pub fn print(data: &Path, as_json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut sets = vec![];
    if !as_json {
        writeln!(out, "{} (--out names another folder)", data.display())?;
    }
    for set in ALL {
        let dir = data.join(set.name);
        let (state, sentence) = set.state(&dir)?;
        if as_json {
            let counts: serde_json::Map<String, Value> =
                set.counts.iter().map(|&(folder, count)| (folder.to_owned(), count.into())).collect();
            sets.push(json!({
                "name": set.name,
                "about": set.about,
                "path": dir,
                "archive": set.archive,
                "origin": set.origin.to_string(),
                "counts": counts,
                "state": state,
                "found": sentence,
            }));
            continue;
        }
        let counts: Vec<String> = set.counts.iter().map(|(folder, count)| format!("{folder} {count}")).collect();
        writeln!(out, "\n{:<13}{sentence}", set.name)?;
        writeln!(out, "  shows      {}", set.about)?;
        writeln!(out, "  from       {}", set.origin)?;
        writeln!(out, "  file       {}", set.archive)?;
        writeln!(out, "  images     {}", if counts.is_empty() { "not published".into() } else { counts.join(", ") })?;
    }
    if as_json {
        writeln!(out, "{:#}", json!({ "folder": data, "sets": sets }))?;
    }
    Ok(())
}

/// The data set of this name; the error lists all.
pub fn named(name: &str) -> Result<DataSet> {
    match DataSet::by_name(name) {
        Some(set) => Ok(set),
        None => bail!("{name}: no such data set; there are {}", ALL.map(|set| set.name).join(", ")),
    }
}
